import NetworkModel
import Southbound

/// Names a request that waits for its answer; the edge makes it.
public typealias Ticket = UInt64

/// A request of a client or a chassis that the published network cannot answer. Each gets one ``Answer``.
public enum Request: Sendable {
    /// Changes by a user, among them `DELETE /v1/chassis/{name}`: answered once they are durable.
    case write(WriteRequest)
    /// A change of who is let in: answered once it is durable.
    case access(AccessRequest)
    /// A sync of a chassis, held until there is news for it. One with a certificate may not take the place of another
    /// chassis.
    case sync(chassis: String, SyncRequest, isCertified: Bool = false)
    /// A look at a chassis' feed.
    case changes(Poll)
    /// A question for changes of users' objects and hosts, held if there are none.
    case watch(WatchRequest)
    /// Which commits there were, newest first.
    case audit(AuditRequest)
    case statistics
    /// Which chassis have a revision, held up to `wait` seconds.
    case realization(revision: UInt64, wait: Int)
    /// A question to a chassis, to be asked after some seconds, and held until that has replied.
    case query(chassis: String, HostQuery, after: Int = 0)
    /// The reply of a chassis.
    case reply(chassis: String, HostReply)
    case network(revision: UInt64)
    /// The network as soon as it has reached a revision, within `wait` seconds.
    case reached(revision: UInt64, wait: Int)
}

/// The answer to a ``Request``.
public enum Answer: Sendable {
    /// A write is durable at this revision, whose hash is told if it is known; one result for each operation.
    case written(revision: UInt64, hash: CommitHash? = nil, [OperationResult])
    /// The request was carried out before; its answer of then.
    case replayed(revision: UInt64, [OperationResult])
    /// A topology is durable, or planned: the revision of the commit, or of the network if nothing changed, and that of
    /// the topology.
    case applied(revision: UInt64, hash: CommitHash? = nil, topologyRevision: UInt64, TopologyPlan)
    /// The request was refused and changed nothing; the index is that of the operation of a transaction at fault.
    case refused(Refusal, operationIndex: Int?)
    case feed(FeedAnswer)
    /// Changes of users' objects and hosts.
    case watched(ChangeFeed)
    /// Commits, newest first, whether there are older ones, and the revision after which all are kept.
    case audited([CommitRecord], hasMore: Bool, after: UInt64)
    case statistics(CoreStatistics)
    /// Which chassis have a revision.
    case realization(Realization)
    /// The reply of a host to a question.
    case reply(chassis: String, HostReply)
    /// A host's reply has been passed on.
    case heard
    /// The network; `nil` if that revision is no longer kept, or was not reached in time.
    case network(Network?)
}

extension Request {
    /// True if only a core that hears hosts and makes commits can answer it. What a chassis says is heard by the one
    /// that leads; its feed is answered by any.
    var needsLeader: Bool {
        switch self {
        case .write, .access, .realization, .query, .reply: true
        case .sync, .changes, .watch, .audit, .statistics, .network, .reached: false
        }
    }
}

extension Answer {
    /// The same, with the hash of its commit if that is kept.
    func proven(by past: Past) -> Answer {
        func hash(_ revision: UInt64) -> CommitHash? { past.network(at: revision)?.hash }
        return switch self {
        case .written(let revision, _, let results): .written(revision: revision, hash: hash(revision), results)
        case .applied(let revision, _, let topologyRevision, let plan):
            .applied(revision: revision, hash: hash(revision), topologyRevision: topologyRevision, plan)
        case .replayed, .refused, .feed, .watched, .audited, .statistics, .realization, .reply, .heard, .network:
            self
        }
    }
}
