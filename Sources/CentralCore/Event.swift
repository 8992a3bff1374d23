import NetworkModel
import Southbound

/// Names a request that waits for its answer; the edge makes it.
public typealias Ticket = UInt64

/// What comes to the core.
public enum Event: Sendable {
    /// Changes by a user, among them `DELETE /v1/chassis/{name}`.
    case write(Ticket, WriteRequest)
    /// What came of the last ``Effect/plan(_:)``.
    case planned(Plan.Outcome)
    /// A change of who is let in.
    case access(Ticket, AccessRequest)
    /// A heartbeat of an agent. One with a certificate may not take the place of another chassis.
    case sync(Ticket, chassis: String, SyncRequest, isCertified: Bool = false)
    /// A read-only look at a chassis' feed. A `since` of 0 asks for a snapshot; `wait` is in seconds.
    case changes(
        Ticket,
        chassis: String,
        since: UInt64,
        epoch: UInt64?,
        hash: CommitHash? = nil,
        page: FeedPage?,
        wait: Int
    )
    /// What has changed, for users. Answered by ``Answer/watched(_:)``.
    case watch(Ticket, WatchRequest)
    /// Has the revision reached the hosts? `wait` is in seconds.
    case realization(Ticket, revision: UInt64, wait: Int)
    /// The client of a request went away; no answer is due any more.
    case disconnected(Ticket)
    /// The commits that the last ``Effect/append(_:)`` carried, up to this revision, are on disk; the hash of each.
    case durable(UInt64, hashes: [CommitHash])
    /// The last ``Effect/append(_:)`` failed as a whole: nothing of it is on disk. One clause says why.
    case storageFailed(String)
    /// The time that the last ``Effect/setTimer(at:)`` named has come.
    case timer
    /// The last step said ``Effect/goOn``.
    case goOn
    /// Central is about to stop: parked requests are answered, new writes are refused.
    case stopping
}
