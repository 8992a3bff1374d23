import Southbound

/// Everything that central knows at one revision: an immutable value that readers take without a lock.
public struct Network: Sendable {
    /// Random, new with every restore: (epoch, revision) names one state, ever.
    public var epoch: UInt64
    /// True if the epoch was begun with `--force-hosts`: hosts use it whatever it takes from them.
    public var forcesHosts = false
    /// The revision of the last commit; each raises it.
    public var revision: UInt64
    /// The place of the last commit in the chain of hashes, as the store tells once it is durable.
    public var hash = CommitHash.zero
    /// The objects of users.
    public var northbound: NorthboundDatabase
    /// The records for hosts.
    public var southbound: SouthboundDatabase
    /// The rows that central keeps for itself.
    public var ledger: Ledger
    /// The tokens and joinings.
    public var access = AccessDatabase()

    /// An empty network at revision 0.
    public init(epoch: UInt64) {
        self.epoch = epoch
        revision = 0
        northbound = NorthboundDatabase()
        southbound = SouthboundDatabase()
        ledger = Ledger()
    }
}
