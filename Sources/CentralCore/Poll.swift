import Northd
import Southbound

/// A request for what has changed in the share of a chassis.
struct Poll: Sendable {
    /// The chassis' name.
    var chassis: String
    /// The revision that the asker has; 0 asks for a snapshot.
    var since: UInt64
    /// The epoch of `since`, where the asker says one.
    var epoch: UInt64?
    /// The hash of the commit of `since`, where the asker says one.
    var hash: CommitHash?
    /// The page that is asked for.
    var page: FeedPage?
    /// How long the answer may be held back, in seconds.
    var wait: Int
    /// Whether it is the agent's own sync rather than a look from outside.
    var isSync: Bool
    /// When the poll is answered with nothing new, once it is parked.
    var deadline: Duration = .zero
    /// Whether it is about to be answered with news.
    var isWoken = false

    /// Whether the same answer is right for both now.
    func asksForTheSame(as other: Poll) -> Bool {
        chassis == other.chassis && since == other.since && epoch == other.epoch && hash == other.hash
            && page == other.page && isSync == other.isSync
    }
}
