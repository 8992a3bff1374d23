import NetworkModel
import Southbound

/// What the core wants done, in this order.
public enum Effect: Sendable {
    /// Append these commits to the log that ends at a revision, all or none, and say ``Event/durable(_:hashes:)`` or
    /// ``Event/storageFailed(_:)``. There is never a second one before that.
    case append([Commit], after: UInt64)
    /// Show this network to readers.
    case publish(Network)
    /// Answer a request.
    case answer(Ticket, Answer)
    /// Carry this out on another thread, and say ``Event/planned(_:)`` with what came of it. There is never a second one
    /// before that.
    case plan(Plan)
    /// Say ``Event/timer`` at this time, in place of any time set before; never where `nil`.
    case setTimer(at: Duration?)
    /// Say ``Event/goOn`` soon, behind what is waiting already: there is more to do than one step should take.
    case goOn
    /// Tell the operator.
    case log(LogEntry)
}

/// What the operator is told.
public struct LogEntry: Equatable, Sendable {
    /// How much it matters.
    public enum Level: Sendable {
        /// The ordinary course of things.
        case info
        /// Something that a person may have to look at.
        case warning
    }

    /// How much it matters.
    public var level: Level
    /// One sentence.
    public var message: String

    /// A sentence for the log.
    public init(_ level: Level, _ message: String) {
        self.level = level
        self.message = message
    }
}

/// The answer to a request.
public enum Answer: Sendable {
    /// A write is durable at this revision, whose hash is told where it is known; one result for each operation.
    case written(revision: UInt64, hash: CommitHash? = nil, [OperationResult])
    /// The request was carried out before; what was answered then.
    case replayed(revision: UInt64, [OperationResult])
    /// A topology is durable, or planned: the revision of the commit, or of the network where nothing changed, and that
    /// of the topology.
    case applied(revision: UInt64, hash: CommitHash? = nil, topologyRevision: UInt64, TopologyPlan)
    /// The request was refused and changed nothing; the index is that of the operation of a transaction at fault.
    case refused(Refusal, operationIndex: Int?)
    /// Changes of a feed.
    case feed(FeedAnswer)
    /// Changes of users' objects and hosts.
    case watched(ChangeFeed)
    /// How far a revision has got.
    case realization(Realization)
}

extension Answer {
    /// The same, with the hash of its commit if that is kept.
    func proven(by past: Past) -> Answer {
        func hash(_ revision: UInt64) -> CommitHash? { past.network(at: revision)?.hash }
        return switch self {
        case .written(let revision, _, let results): .written(revision: revision, hash: hash(revision), results)
        case .applied(let revision, _, let topologyRevision, let plan):
            .applied(revision: revision, hash: hash(revision), topologyRevision: topologyRevision, plan)
        case .replayed, .refused, .feed, .watched, .realization: self
        }
    }
}
