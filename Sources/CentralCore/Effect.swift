import NetworkModel

/// What the core wants done, in this order.
public enum Effect: Sendable {
    /// Append these commits to the log that ends at a revision, all or none, and say ``Event/durable(_:hashes:)`` or
    /// ``Event/storageFailed(_:)``. There is never a second one before that.
    case append([Commit], after: UInt64)
    /// Show this network to readers.
    case publish(Network)
    /// Answer a request.
    case answer(Ticket, Answer)
    /// Answer a request from the log on disk, by ``Answer/audited(_:hasMore:after:)``.
    case audit(Ticket, AuditRequest)
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
