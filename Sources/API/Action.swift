import NetworkModel
import Southbound

/// What is to be done with a request.
///
/// Neither an action nor what its closures keep belongs to a thread: nothing of it is shared with another action, and no
/// state of an ``API`` changes. So an action may be made on one thread and carried out on another, and a closure called
/// on a third, as long as they do so one after the other; bodies that come in slices are likewise for one at a time.
public enum Action {
    /// It is answered.
    case reply(Reply)
    /// Somebody else must be asked first; what comes of it goes into the closure, on the thread of the request.
    case ask(Question, (Outcome) -> Action)
    /// The answer begins and stays open, or goes on, of which only the content counts then: with these bytes, and once
    /// the client has taken them with what the closure says. Without one it ends.
    case stream(Reply, then: (() -> Action)?)
}

/// What the API cannot answer from the network at hand.
public enum Question: Sendable {
    /// Make a commit and say when it is durable.
    case write(WriteRequest)
    /// Make a commit that changes who is let in, and say when it is durable.
    case access(AccessRequest)
    /// Take what a chassis says, maybe known by its certificate, and hold the answer until there is news for it.
    case sync(chassis: String, SyncRequest, isCertified: Bool = false)
    /// Read a chassis' feed, holding the answer up to `wait` seconds.
    case changes(chassis: String, since: UInt64, epoch: UInt64?, hash: CommitHash?, page: FeedPage?, wait: Int)
    /// Say what has changed of users' objects and hosts, holding the answer where nothing has.
    case watch(WatchRequest)
    /// Say which commits there were, newest first.
    case audit(AuditRequest)
    /// Say what there is to count.
    case statistics
    /// Say which chassis have a revision, holding the answer up to `wait` seconds.
    case realization(revision: UInt64, wait: Int)
    /// Hand over the network as it was at a revision.
    case network(revision: UInt64)
    /// Hand over the network as soon as it has reached a revision, within ``API/revisionWaitMaximum``.
    case reached(revision: UInt64)
}

extension Question {
    /// Whether problems are to say which operation of the body is at fault.
    var isTransaction: Bool {
        if case .write(let request) = self { request.isTransaction } else { false }
    }
}

/// What came of a question.
public enum Outcome: Sendable {
    /// The commit is durable at a revision, whose hash is told where it is known.
    case written(revision: UInt64, hash: CommitHash?, [OperationResult])
    /// The request was carried out before; what was answered then.
    case replayed(revision: UInt64, [OperationResult])
    /// A topology is durable, or planned: the revision of the commit, or of the network where nothing changed, and that
    /// of the topology.
    case applied(revision: UInt64, hash: CommitHash?, topologyRevision: UInt64, TopologyPlan)
    /// Nothing was changed. The index is that of the operation at fault.
    case refused(Refusal, operationIndex: Int?)
    /// An answer of the feed.
    case feed(FeedAnswer)
    /// Changes of users' objects and hosts.
    case watched(ChangeFeed)
    /// Commits, newest first, whether there are older ones, and the revision behind which all are kept.
    case audited([CommitRecord], hasMore: Bool, after: UInt64)
    /// What there is to count.
    case statistics(Statistics)
    /// Which chassis have the revision.
    case realization(Realization)
    /// The network; `nil` where that revision is no longer kept, or was not reached in time.
    case network(Network?)
}
