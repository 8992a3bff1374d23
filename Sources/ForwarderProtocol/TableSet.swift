import Southbound
import Wire

/// Everything that an agent has put into force on its forwarder: what the tables are compiled from.
public struct TableSet: Hashable, Sendable {
    /// The epoch of central's log that it stands for; 0 with revision 0 is before any commit.
    public var epoch: UInt64 = 0
    /// The revision that it stands for.
    public var revision: UInt64 = 0
    /// The host; `nil` until an agent has said.
    public var localChassis: LocalChassis?
    /// The southbound records of the host's share.
    public var records: [RecordKey: Record] = [:]
    /// The ports plugged on the host, by name; at most `ForwarderProtocol.portCountMaximum`.
    public var ports: [String: LocalPort] = [:]

    /// The keys with chassis whose records are there, by name.
    public var tunnelKeys: [String: [SipHashKey]] = [:]

    /// An empty set.
    public init() {}

    /// Whether tables compiled from both are the same; the epoch and the revision do not count.
    func forwardsLike(_ other: TableSet) -> Bool {
        localChassis == other.localChassis && ports == other.ports && records == other.records
            && tunnelKeys == other.tunnelKeys
    }
}
