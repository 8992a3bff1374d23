import NetworkModel
import Southbound

/// A request for what has changed in the share of a chassis.
public struct Poll: Sendable {
    var chassis: String
    /// The revision that the asker has; 0 asks for a snapshot.
    var since: UInt64
    /// The epoch of `since`, if the asker says one.
    var epoch: UInt64?
    /// The hash of the commit at `since`, if the asker says one.
    var hash: CommitHash?
    var page: FeedPage?
    /// The seconds that the answer may be held.
    var wait: Int
    /// True if it is the agent's own sync rather than a look from outside.
    var isSync = false
    /// When the poll is answered with nothing new, once it is parked.
    var deadline: Duration = .zero

    init(of chassis: String, _ request: SyncRequest) {
        self.init(
            chassis: chassis,
            since: request.since,
            epoch: request.epoch,
            hash: request.hash.map { CommitHash(rawValue: $0) },
            page: request.page,
            wait: request.wait
        )
        isSync = true
    }

    public init(
        chassis: String,
        since: UInt64,
        epoch: UInt64? = nil,
        hash: CommitHash? = nil,
        page: FeedPage? = nil,
        wait: Int
    ) {
        self.chassis = chassis
        self.since = since
        self.epoch = epoch
        self.hash = hash
        self.page = page
        self.wait = wait
    }
}
