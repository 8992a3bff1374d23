// The rows of a table file. All are trivial, whatever their octets are; they refer to each other by `Reference`.

/// A place in a table file, in units of 8 octets from its beginning; 0 is nowhere. Everything lies at a
/// multiple of 16 octets, so that the lowest bit is free: in a trie it tells a key from a node.
typealias Reference = UInt32

/// A run of rows.
struct Extent {
    var first: Reference
    private var rowCount: UInt32

    /// The number of rows, of which a file may claim any.
    var count: Int { Int(rowCount) }

    init(first: Reference, count: Int) {
        self.first = first
        rowCount = UInt32(count)
    }

    static let empty = Extent(first: 0, count: 0)
}

/// A list in which an element is reached by its index and replaced by copying few nodes: each node has 16 words, those
/// of the lowest level being references to the elements.
struct Vector {
    var root: Reference
    /// The levels of nodes: there is room for 16 to the power of this many elements.
    var levels: UInt32

    static let empty = Vector(root: 0, levels: 0)
}

/// Nodes of vectors and tries: 16 references, one cache line.
enum Node {
    static let bitCount = 4
    static let wordCount = 1 << bitCount
    static let byteCount = wordCount * MemoryLayout<Reference>.stride
    /// The levels that a trie has at most: by then all bits of a key's hash have been used.
    static let trieLevelMaximum = 64 / bitCount
    static let vectorLevelMaximum = 32 / bitCount
}

/// The state of the tables after one change: what a forwarder is pointed to.
struct TableRoot {
    var epoch: UInt64
    var hashSeed: UInt64
    /// The longest IP packet that the host's own device leaves to tunnels.
    var innerMTU: UInt32
    /// Raised when the address of any place has changed.
    var placesGeneration: UInt32
    /// The trie of VNIs and encaps.
    var keys: Reference
    /// One more than the highest number of a chassis.
    var chassisCount: UInt32
    /// The number of datapaths whose gateway sends advertisements unasked.
    var advertiserCount: UInt32 = 0
    /// The number of datapaths whose ports are asked for members of multicast groups.
    var querierCount: UInt32 = 0
    /// The number of nested ports that have slots.
    var nestedCount: UInt32 = 0
    /// `ChassisRow`s by number.
    var chassis: Vector
    /// `DatapathRow`s by index.
    var datapaths: Vector
    /// For each slot the `Reference` of its `PortRow`, 0 if it forwards nothing.
    var slots: Extent
}

/// The kind of a key in a trie, beside its bits.
enum KeyKind: UInt32 {
    case vni = 1
    case mac
    case ipv4Neighbor
    case ipv6Neighbor
    case ipv4Encap
    case ipv6Encap
    /// A name of DNS, by a hash of its octets.
    case name
    /// The address of a virtual port.
    case virtualIPv4
    case virtualIPv6
    /// A multicast group of either family: the high half of one of IPv4 is 0.
    case multicastGroup
}

/// A key of a trie and what is known of it.
struct KeyRow {
    var kind: UInt32
    /// The datapath's index for a VNI, the port's key for a MAC, a neighbor and a virtual address, the chassis' number
    /// for an encap, the rank among equal names for a name: the lowest is found.
    var value: UInt32
    var high: UInt64
    var low: UInt64
    /// A neighbor's MAC address; a name's `NameRow`; a multicast group's `GroupRow`; else 0.
    var mac: UInt64

    init(_ kind: KeyKind, high: UInt64 = 0, low: UInt64, value: UInt32, mac: UInt64 = 0) {
        self.kind = kind.rawValue
        self.value = value
        self.high = high
        self.low = low
        self.mac = mac
    }

    func hasKey(of other: KeyRow) -> Bool { kind == other.kind && high == other.high && low == other.low }
}

/// A remote chassis; a place, if tunnels lead there.
struct ChassisRow {
    /// 0 if no tunnel leads there, else 4 or 6.
    var family: UInt64
    var high: UInt64
    var low: UInt64
}

/// A multicast group, derived from the bindings.
struct GroupRow {
    /// The slots (`UInt16`) of the members plugged in here.
    var locals: Extent
    /// Place numbers (`UInt32`) of the remote chassis with a member.
    var remotes: Extent

    static let empty = GroupRow(locals: .empty, remotes: .empty)
}

/// A logical switch.
struct DatapathRow {
    var vni: UInt32
    var index: UInt32
    /// Raised when anything of the datapath has changed that a decision may read, but for what `PortRow.generation`
    /// tells.
    var generation: UInt32
    /// 1 if tagged frames pass.
    var vlanPassthru: UInt32
    /// All enabled ports: `_MC_flood` and, as long as there are no router ports, `_MC_flood_l2`.
    var flood: GroupRow
    /// The enabled ports that take unknown MACs: `_MC_unknown`.
    var unknown: GroupRow
    /// Sorted numbers (`UInt32`) of the remote chassis that ports are bound to.
    var chassis: Extent
    /// `PortRow`s by key.
    var ports: Vector
    /// The trie of MACs, neighbors and names.
    var keys: Reference
    /// The `RouterRow` of the gateway; 0 if solicitations are left to routers.
    var router: Reference = 0
    var services: DatapathServices = []
    /// The ACLs of the direction `from-lport`.
    var fromPort = FilterRow.empty
    /// Those of `to-lport`.
    var toPort = FilterRow.empty
    /// The QoS rules of the direction `from-lport`.
    var markingFromPort = FilterRow.empty
    /// Those of `to-lport`.
    var markingToPort = FilterRow.empty
    /// The `SetRow`s that tests of all name by number.
    var sets = Extent.empty
    /// The `ChangedMembersRow`s since `generation`, the newest last: decisions about others hold.
    var changedMembers = Extent.empty
    /// Raised with `generation`, and when sets or groups have other members. The rows of ports that have come to groups
    /// or left them are raised, too.
    var filterGeneration: UInt32 = 0
    /// The trie of multicast groups, with `services` that snoop.
    var groups: Reference = 0
    /// The `QuerierRow`; 0 if nobody is asked.
    var querier: Reference = 0
    /// The ports that get the frames to all groups, among the members of each.
    var multicastRouters = GroupRow.empty
    /// The slots (`UInt16`) of the ports that get reports.
    var reporters = Extent.empty
    /// Raised when members of groups, or who gets reports, are others.
    var membersGeneration: UInt32 = 0

    var isVLANPassthru: Bool { vlanPassthru != 0 }
}

/// The things that hosts do for all ports of a datapath.
struct DatapathServices: OptionSet {
    let rawValue: UInt32

    /// DNS queries are answered.
    static let names = DatapathServices(rawValue: 1)
    /// There are virtual ports.
    static let virtualPorts = DatapathServices(rawValue: 2)
    /// Some ACL has the action `allow-related`: connections are tracked.
    static let connections = DatapathServices(rawValue: 4)
    /// Frames to multicast groups go to their members.
    static let snooping = DatapathServices(rawValue: 8)
    /// Not all members are known yet.
    static let listening = DatapathServices(rawValue: 16)
    /// Frames to groups without a member go to all.
    static let floodsUnregistered = DatapathServices(rawValue: 32)
}

struct PortFlags: OptionSet {
    let rawValue: UInt16

    static let enabled = PortFlags(rawValue: 1)
    static let hasUnknown = PortFlags(rawValue: 2)
    /// A location is this chassis.
    static let boundHere = PortFlags(rawValue: 4)
    /// A location is another chassis.
    static let boundElsewhere = PortFlags(rawValue: 8)
    /// The port sends no router advertisements and redirects.
    static let guardsRouters = PortFlags(rawValue: 16)
    /// The port sends nothing that DHCP servers send.
    static let guardsDHCP = PortFlags(rawValue: 32)
    /// Its device is that of another port, its parent.
    static let isVirtual = PortFlags(rawValue: 64)
    /// Its device is a wire: what comes from there has been sent by nobody of this switch's guests here.
    static let isLocalnet = PortFlags(rawValue: 128)
    /// Its frames to unknown MACs are counted.
    static let limitsUnknown = PortFlags(rawValue: 256)
    /// The MACs that come from it are learnt.
    static let learns = PortFlags(rawValue: 512)
    /// It has frames of certain VLANs only.
    static let isTrunk = PortFlags(rawValue: 1024)
}

/// The frames by which a standby port is activated.
struct ActivationFrames: OptionSet {
    let rawValue: UInt8

    static let rarp = ActivationFrames(rawValue: 1)
    static let garp = ActivationFrames(rawValue: 2)
    static let na = ActivationFrames(rawValue: 4)
}

/// A logical port.
struct PortRow {
    /// The port's identity, which no decision reads.
    var idHigh: UInt64
    var idLow: UInt64
    /// The index of the datapath.
    var datapath: UInt32
    /// Raised when anything in the row has changed.
    var generation: UInt32
    /// `SecurityRow`s; none means no check.
    var security: Extent
    /// `OriginRow`s: where frames of the port may come from.
    var origins: Extent
    /// Its slot (`UInt16`), if it is bound and plugged in here: a list, as a group's is. Of a virtual port the slot of
    /// the parent that has announced its address. Of a port of another host, on a switch that is joined to a physical
    /// network, the slot of the wire.
    var locals: Extent
    /// The slots (`UInt16`) of the parents of a virtual port that are plugged in here.
    var parents: Extent
    /// Place numbers (`UInt32`) of its remote locations, if tunnels lead there.
    var remotes: Extent
    /// The `DHCPRow` of DHCPv4; 0 if requests go on.
    var dhcpv4: Reference
    /// The same of DHCPv6.
    var dhcpv6: Reference
    var key: UInt16
    /// The device, if `locals` is not empty.
    var slot: UInt16
    var flags: PortFlags
    var activationFrames: ActivationFrames = []
    /// The mark of the standby place on this host, see `Activations`; 0 if the port is not standby here.
    var activation: UInt64 = 0
    /// `NestedRow`s of the ports that share its device, by tag.
    var nested: Extent = .empty
    /// The slot of the port whose device a nested port shares, if `tag` is not 0.
    var parentSlot: UInt16 = 0
    /// The tag that its frames have at that device: 1 ... 4095; 0 if the port is not nested.
    var tag: UInt16 = 0
    /// The VLAN of the frames that have no tag at a trunk port; 0 for none.
    var nativeVLAN: UInt16 = 0
    /// 64 words (`UInt64`) with a bit for each VLAN of a trunk port.
    var vlans: Extent = .empty

    var isStandby: Bool { activation != 0 }
}

/// A nested port of a port.
struct NestedRow: Equatable {
    var tag: UInt16
    var slot: UInt16
}

/// A chassis from which frames of a port are taken.
struct OriginRow {
    var chassis: UInt32
    /// 1 if the port has left the chassis and frames are taken until `deadline` only.
    var isPast: UInt32
    var deadline: Duration

    var hasDeadline: Bool { isPast != 0 }
}
