// What lies in the arena. All rows are trivial; they refer to each other by offsets from the arena's base, 0 being
// none, since the arena starts with `TablesHeader`.

/// A run of rows.
struct Extent {
    /// The first row.
    var offset: Int
    /// How many rows.
    var count: Int

    static let empty = Extent(offset: 0, count: 0)
}

/// Where the tables are.
struct TablesHeader {
    var epoch: UInt64
    var hashSeed: UInt64
    /// The longest IP packet that the host's own device leaves to tunnels.
    var innerMTU: Int
    /// `HashRow`s; the count is a power of two.
    var hash: Extent
    /// For each slot the offset of its `PortRow`, 0 where it forwards nothing.
    var slots: Extent
    /// `PlaceRow`s.
    var places: Extent
    /// `DatapathRow`s in order of VNI.
    var datapaths: Extent
    /// `PortRow`s in order of VNI and key.
    var ports: Extent
}

/// What a key of the hash table is made of besides its bits.
enum HashKind: UInt64 {
    case vni = 1
    case portKey
    case mac
    case ipv4Neighbor
    case ipv6Neighbor
    case ipv4Encap
    case ipv6Encap
}

/// One place of the open-addressing hash table; free while `scope` is 0.
struct HashRow {
    /// The kind and the datapath's index.
    var scope: UInt64
    var high: UInt64
    var low: UInt64
    /// An offset or index; -1 never stands here.
    var value: Int
}

/// A remote chassis that tunnels lead to.
struct PlaceRow {
    var isIPv6: Bool
    var high: UInt64
    var low: UInt64
}

/// A multicast group, derived from the bindings.
struct GroupRow {
    /// Offsets of the `PortRow`s of the members plugged in here.
    var locals: Extent
    /// Place numbers (`UInt32`) of the remote chassis with a member.
    var remotes: Extent
}

/// A logical switch.
struct DatapathRow {
    var vni: UInt32
    var index: UInt32
    var isVLANPassthru: Bool
    /// All enabled ports: `_MC_flood` and, as long as there are no router ports, `_MC_flood_l2`.
    var flood: GroupRow
    /// The enabled ports that take unknown MACs: `_MC_unknown`.
    var unknown: GroupRow
    /// Sorted numbers (`UInt32`) of the remote chassis where a port is bound.
    var chassis: Extent
}

struct PortFlags: OptionSet {
    let rawValue: UInt8

    static let enabled = PortFlags(rawValue: 1)
    static let hasUnknown = PortFlags(rawValue: 2)
    /// An active location is this chassis.
    static let boundHere = PortFlags(rawValue: 4)
    /// An active location is another chassis.
    static let boundElsewhere = PortFlags(rawValue: 8)
}

/// A logical port.
struct PortRow {
    /// The offset of the `DatapathRow`.
    var datapath: Int
    /// `SecurityRow`s; none means no check.
    var security: Extent
    /// `OriginRow`s: where frames of the port may come from.
    var origins: Extent
    /// Its own offset, if it is bound and plugged in here: a list, as a group's is.
    var locals: Extent
    /// Place numbers (`UInt32`) of its remote locations.
    var remotes: Extent
    var index: UInt32
    var key: UInt16
    /// The device, if `locals` is not empty.
    var slot: UInt16
    var flags: PortFlags
}

/// A chassis from which frames of a port are taken.
struct OriginRow {
    var chassis: UInt32
    /// Whether the port has left the chassis and frames are taken until `deadline` only.
    var hasDeadline: Bool
    var deadline: Duration
}

/// The owner of an IP address whose neighbors are answered on its behalf.
struct NeighborRow {
    var mac: UInt64
    /// The offset of the owner's `PortRow`.
    var port: Int
}

/// One entry of port security.
struct SecurityRow {
    var mac: UInt64
    /// `IPv4PrefixRow`s.
    var ipv4: Extent
    /// `IPv6PrefixRow`s, the link-local address of `mac` not among them.
    var ipv6: Extent
}

struct IPv4PrefixRow {
    var network: UInt32
    var mask: UInt32
    /// The subnet's broadcast where only one address of the subnet is allowed, else 0.
    var broadcast: UInt32
}

struct IPv6PrefixRow {
    var networkHigh: UInt64
    var networkLow: UInt64
    var maskHigh: UInt64
    var maskLow: UInt64
}
