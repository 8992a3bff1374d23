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
    /// Where ports were until a moment ago.
    public var formerPlaces: Set<FormerPlace> = []

    /// An empty set.
    public init() {}

    /// Whether tables compiled from both are the same; the epoch and the revision do not count.
    func forwardsLike(_ other: TableSet) -> Bool {
        localChassis == other.localChassis && ports == other.ports && formerPlaces == other.formerPlaces
            && records == other.records
    }
}

/// A chassis that a port has left. As hosts do not hear of a move at the same moment, frames from there are taken for
/// a while longer.
public struct FormerPlace: Hashable, Sendable {
    /// How long frames from the old place are taken after the move has become known.
    public static let grace = Duration.seconds(1)

    /// The port that moved.
    public var port: ObjectID
    /// The chassis that it left.
    public var chassis: String
    /// When frames from there are taken no more (monotonic).
    public var until: Duration

    /// A place that counts until then.
    public init(port: ObjectID, chassis: String, until: Duration) {
        self.port = port
        self.chassis = chassis
        self.until = until
    }
}
