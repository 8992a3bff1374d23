import JSON
import Wire

/// A logical port as the hosts know it (OVN_Southbound `Port_Binding`).
public struct PortBinding: Hashable, Sendable {
    /// The identity of the logical switch port.
    public var id: ObjectID
    /// The logical switch port's name: what `heddle port add --logical-port` says.
    public var logicalPort: String
    /// The identity of its logical switch.
    public var datapath: ObjectID
    /// The port's key in its datapath: 1 ... 32767.
    public var tunnelKey: UInt16
    /// The known addresses: each a MAC with its IP addresses.
    public var addresses: [PortAddress]
    /// True if the port also takes frames for MACs that no port is known to have (`unknown` in `addresses`).
    public var hasUnknown: Bool
    /// The addresses that may come from and go to the port; empty means no check.
    public var portSecurity: [PortSecurityEntry]
    /// True if the port passes frames at all.
    public var isEnabled: Bool
    /// True if others' ARP and ND requests for the port's addresses are answered on its behalf.
    public var answersNeighbors: Bool
    /// Which chassis may claim the port; empty means any.
    public var requestedChassis: [String]
    /// The places of the port; empty while it is unbound. One, and behind it, while its guest moves, the standby one.
    public var locations: [Location]
    /// The frames of the guest, each enough, by which a standby place becomes active; empty means none.
    public var activationStrategy: [ActivationFrame]
    /// The ``DHCPResponder`` that answers the port's DHCPv4 requests; `nil` lets them go on.
    public var dhcpv4Options: ObjectID?
    /// The ``DHCPResponder`` that answers the port's DHCPv6 requests; `nil` lets them go on.
    public var dhcpv6Options: ObjectID?
    /// The ``MirrorSession``s that the port's frames are copied to.
    public var mirrors: [ObjectID]

    /// The address of a virtual port: whichever of its parents announces it has the port. `nil` for other ports.
    public var virtualIP: IPAddress?
    /// The logical ports that may announce the address of a virtual port.
    public var virtualParents: [String]

    /// The logical port that a nested port shares the device of, where it is bound; `nil` for other ports.
    public var parentPort: String?
    /// The physical network that a localnet port joins its switch to; `nil` for other ports.
    public var physicalNetwork: String?
    /// The physical network that an l2gateway port joins its switch to, where it is bound; `nil` for other ports.
    public var gatewayNetwork: String?
    /// The tag that frames of a nested port have at that device, or those of a localnet or l2gateway port on that
    /// network (IEEE 802.1Q): 1 ... 4095; `nil` for none.
    public var tag: UInt16?
    /// The VLANs of a trunk port; `nil` for other ports.
    public var trunk: Trunk?
    /// True if the MACs are learnt that come from the port, as far as it has no port security.
    public var learnsMACs = true
    /// True if the port is announced on physical networks when it comes to a host.
    public var isAnnounced = true

    /// True if the port may not send router advertisements and redirects, `nil` if its datapath decides.
    public var guardsRouters: Bool?
    /// The same for what DHCP servers send.
    public var guardsDHCP: Bool?
    /// True if the port may send neither if nobody says anything.
    public var isGuarded = false

    /// The limit of what the guest sends; `nil` for none.
    public var sendingRate: SendingRate?

    /// True if the port gets all frames to multicast groups, on a switch that asks for members.
    public var floodsMulticast = false
    /// True if it gets all reports of members.
    public var floodsReports = false

    /// The largest port key (15 bits).
    public static let tunnelKeyMaximum: UInt16 = 32_767

    /// One place where a port is.
    public struct Location: Hashable, Sendable {
        /// True if the place takes part in forwarding.
        public enum State: String, Sendable {
            /// It sends and receives.
            case active
            /// Frames for the port are sent there, too. The host passes none on, in either direction, before the guest
            /// there has sent one of ``PortBinding/activationStrategy``.
            case standby
        }

        public var chassis: String
        /// The fence: rises with every claim of the port; of two hosts that believe to have it the higher one is right.
        public var bindSeq: UInt64
        /// True if the place takes part in forwarding.
        public var state: State
        /// Of a virtual port: the logical port there that has announced its address. `nil` for other ports.
        public var parent: String?

        public init(chassis: String, bindSeq: UInt64, state: State = .active, parent: String? = nil) {
            self.chassis = chassis
            self.bindSeq = bindSeq
            self.state = state
            self.parent = parent
        }
    }

    public init(
        id: ObjectID,
        logicalPort: String,
        datapath: ObjectID,
        tunnelKey: UInt16,
        addresses: [PortAddress] = [],
        hasUnknown: Bool = false,
        portSecurity: [PortSecurityEntry] = [],
        isEnabled: Bool = true,
        answersNeighbors: Bool = true,
        requestedChassis: [String] = [],
        locations: [Location] = [],
        activationStrategy: [ActivationFrame] = [],
        dhcpv4Options: ObjectID? = nil,
        dhcpv6Options: ObjectID? = nil,
        virtualIP: IPAddress? = nil,
        virtualParents: [String] = [],
        mirrors: [ObjectID] = []
    ) {
        self.id = id
        self.logicalPort = logicalPort
        self.datapath = datapath
        self.tunnelKey = tunnelKey
        self.addresses = addresses
        self.hasUnknown = hasUnknown
        self.portSecurity = portSecurity
        self.isEnabled = isEnabled
        self.answersNeighbors = answersNeighbors
        self.requestedChassis = requestedChassis
        self.locations = locations
        self.activationStrategy = activationStrategy
        self.dhcpv4Options = dhcpv4Options
        self.dhcpv6Options = dhcpv6Options
        self.virtualIP = virtualIP
        self.virtualParents = virtualParents
        self.mirrors = mirrors
    }

    /// True if its address is with one of several ports.
    public var isVirtual: Bool { virtualIP != nil }

    /// True if it is on every host that has its physical network, without a place of its own.
    public var isLocalnet: Bool { physicalNetwork != nil }

    /// The physical network of whose device the port is, on each host or on its own.
    public var wiredNetwork: String? { physicalNetwork ?? gatewayNetwork }
}

/// A kind of frame by which a guest that has moved says that it runs (OVN's `activation-strategy`).
public enum ActivationFrame: String, Hashable, Sendable, CaseIterable {
    /// A RARP request, which QEMU sends for its guest when that runs.
    case rarp
    /// An ARP message in which sender and target have one IP address.
    case garp
    /// An advertisement of neighbor discovery.
    case na
}

/// One entry of a port's addresses: `MAC [IP ...]`.
public struct PortAddress: Hashable, Sendable {
    public var mac: MACAddress
    /// The IP addresses after it, in the user's order.
    public var ips: [IPAddress]

    public init(mac: MACAddress, ips: [IPAddress] = []) {
        self.mac = mac
        self.ips = ips
    }
}

/// One entry of a port's security: `MAC [IP[/LENGTH] ...]`, or `VRRPv3 MAC [MAC[/LENGTH] ...] [IP[/LENGTH] ...]`.
/// Entries are alternatives.
public struct PortSecurityEntry: Hashable, Sendable {
    /// The only source MAC, and the only unicast destination; with virtual MACs, the sender of ARP and ND about those.
    public var mac: MACAddress
    /// The MACs of virtual routers that may send and receive (VRRPv3); empty if the entry is of the host itself.
    public var virtualMACs: [MACRange]
    /// The IP prefixes allowed with it; empty means any. A prefix with zero host bits allows the subnet, one with
    /// host bits exactly that address (and, towards the port, the subnet's broadcast).
    public var prefixes: [IPPrefix]

    public init(mac: MACAddress, prefixes: [IPPrefix] = [], virtualMACs: [MACRange] = []) {
        self.mac = mac
        self.virtualMACs = virtualMACs
        self.prefixes = prefixes
    }
}

extension PortBinding {
    /// The members of the JSON, in their order.
    static let members: [JSONMember<PortBinding>] = [
        JSONMember("id", { $0.id }, { $0.id = $1 }, .spelled { ObjectID($0) }),
        JSONMember("logical_port", { $0.logicalPort }, { $0.logicalPort = $1 }, .text),
        JSONMember("datapath", { $0.datapath }, { $0.datapath = $1 }, .spelled { ObjectID($0) }),
        JSONMember("tunnel_key", { $0.tunnelKey }, { $0.tunnelKey = $1 }, .integer(in: 1...tunnelKeyMaximum)),
        JSONMember(
            "addresses",
            { $0.addresses },
            { $0.addresses = $1 },
            .list(.object(PortAddress.members, into: PortAddress(mac: .zero)))
        ),
        JSONMember("unknown", { $0.hasUnknown }, { $0.hasUnknown = $1 }, .flag),
        JSONMember(
            "port_security",
            { $0.portSecurity },
            { $0.portSecurity = $1 },
            .list(.object(PortSecurityEntry.members, into: PortSecurityEntry(mac: .zero)))
        ),
        JSONMember("enabled", { $0.isEnabled }, { $0.isEnabled = $1 }, .flag),
        JSONMember("answers_neighbors", { $0.answersNeighbors }, { $0.answersNeighbors = $1 }, .flag),
        JSONMember("requested_chassis", { $0.requestedChassis }, { $0.requestedChassis = $1 }, .list(.text)),
        JSONMember(
            "locations",
            { $0.locations },
            { $0.locations = $1 },
            .list(.object(Location.members, into: Location(chassis: "", bindSeq: 0)))
        ),
        JSONMember(
            unlessEmpty: "activation_strategy",
            { $0.activationStrategy },
            { $0.activationStrategy = $1 },
            .list(.word)
        ),
        JSONMember(
            "dhcpv4_options",
            { $0.dhcpv4Options },
            { $0.dhcpv4Options = $1 },
            .optional(.spelled { ObjectID($0) }),
            default: nil
        ),
        JSONMember(
            "dhcpv6_options",
            { $0.dhcpv6Options },
            { $0.dhcpv6Options = $1 },
            .optional(.spelled { ObjectID($0) }),
            default: nil
        ),
        JSONMember(
            "virtual_ip",
            { $0.virtualIP },
            { $0.virtualIP = $1 },
            .optional(.spelled { IPAddress($0) }),
            default: nil
        ),
        JSONMember("parent_port", { $0.parentPort }, { $0.parentPort = $1 }, .optional(.text), default: nil),
        JSONMember(
            "network_name",
            { $0.physicalNetwork },
            { $0.physicalNetwork = $1 },
            .optional(.text),
            default: nil
        ),
        JSONMember(
            "gateway_network",
            { $0.gatewayNetwork },
            { $0.gatewayNetwork = $1 },
            .optional(.text),
            default: nil
        ),
        JSONMember(
            "trunk",
            { $0.trunk },
            { $0.trunk = $1 },
            .optional(.object(Trunk.members, into: Trunk())),
            default: nil
        ),
        JSONMember("learns_macs", { $0.learnsMACs }, { $0.learnsMACs = $1 }, .flag, default: true),
        JSONMember("announced", { $0.isAnnounced }, { $0.isAnnounced = $1 }, .flag, default: true),
        JSONMember("tag", { $0.tag }, { $0.tag = $1 }, .optional(.integer(in: 1...4095)), default: nil),
        JSONMember("ra_guard", { $0.guardsRouters }, { $0.guardsRouters = $1 }, .optional(.flag), default: nil),
        JSONMember("dhcp_guard", { $0.guardsDHCP }, { $0.guardsDHCP = $1 }, .optional(.flag), default: nil),
        JSONMember("guarded", { $0.isGuarded }, { $0.isGuarded = $1 }, .flag, default: false),
        JSONMember(
            "sending_rate",
            { $0.sendingRate },
            { $0.sendingRate = $1 },
            .optional(.object(SendingRate.members, into: SendingRate())),
            default: nil
        ),
        JSONMember(
            "multicast_flood",
            { $0.floodsMulticast },
            { $0.floodsMulticast = $1 },
            .flag,
            default: false
        ),
        JSONMember(
            "multicast_flood_reports",
            { $0.floodsReports },
            { $0.floodsReports = $1 },
            .flag,
            default: false
        ),
        JSONMember(unlessEmpty: "virtual_parents", { $0.virtualParents }, { $0.virtualParents = $1 }, .list(.text)),
        JSONMember(
            unlessEmpty: "mirrors",
            { $0.mirrors },
            { $0.mirrors = $1 },
            .list(.spelled { ObjectID($0) })
        ),
    ]

    /// A binding that members are read into.
    static let blank = PortBinding(id: .zero, logicalPort: "", datapath: .zero, tunnelKey: 0)
}

extension PortBinding.Location {
    static let members: [JSONMember<PortBinding.Location>] = [
        JSONMember("chassis", { $0.chassis }, { $0.chassis = $1 }, .text),
        JSONMember("bind_seq", { $0.bindSeq }, { $0.bindSeq = $1 }, .integer(in: 0...UInt64(Int64.max))),
        JSONMember("state", { $0.state }, { $0.state = $1 }, .word),
        JSONMember("parent", { $0.parent }, { $0.parent = $1 }, .optional(.text), default: nil),
    ]
}

extension PortAddress {
    static let members: [JSONMember<PortAddress>] = [
        JSONMember("mac", { $0.mac }, { $0.mac = $1 }, .spelled { MACAddress($0) }),
        JSONMember("ips", { $0.ips }, { $0.ips = $1 }, .list(.spelled { IPAddress($0) })),
    ]
}

extension PortSecurityEntry {
    static let members: [JSONMember<PortSecurityEntry>] = [
        JSONMember("mac", { $0.mac }, { $0.mac = $1 }, .spelled { MACAddress($0) }),
        JSONMember(
            unlessEmpty: "virtual_macs",
            { $0.virtualMACs },
            { $0.virtualMACs = $1 },
            .list(.spelled { MACRange($0) })
        ),
        JSONMember("prefixes", { $0.prefixes }, { $0.prefixes = $1 }, .list(.spelled { IPPrefix($0) })),
    ]
}
