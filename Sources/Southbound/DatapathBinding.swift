import JSON
import Wire

/// A logical switch as the hosts know it (OVN_Southbound `Datapath_Binding`).
public struct DatapathBinding: Hashable, Sendable {
    /// The identity of the logical switch.
    public var id: ObjectID
    /// The logical switch's name, for people.
    public var name: String
    /// The VNI of its frames: 1 ... 16711680 (OVN's local range).
    public var tunnelKey: UInt32
    /// True if frames with a VLAN tag are taken; also turns the ARP/ND responder off, as in OVN.
    public var vlanPassthru: Bool
    /// The ``DNSResponder``s that answer the queries of its ports, in the user's order.
    public var dnsRecords: [ObjectID]
    /// The domain that its ports' names are resolved in (`vm1.DOMAIN`), lower case and without a dot at the end; `nil`
    /// if they are not.
    public var dnsDomain: String?
    /// The answer to router solicitations; `nil` leaves them to routers.
    public var routerAdvertisement: RouterAdvertisement?
    /// True if its ports may not send router advertisements and redirects, unless they say otherwise; `nil` leaves it
    /// to the ports.
    public var guardsRouters: Bool?
    /// The same for what DHCP servers send.
    public var guardsDHCP: Bool?
    /// The ACLs that its hosts ask; `nil` for none.
    public var filter: PacketFilter?
    /// The way in which members of multicast groups are found out; `nil` has all ports get frames to any.
    public var snooping: MulticastSnooping?

    /// The largest datapath key given to a local switch; those above are reserved for transit (OVN).
    public static let tunnelKeyMaximum: UInt32 = 16_711_680

    public init(
        id: ObjectID,
        name: String,
        tunnelKey: UInt32,
        vlanPassthru: Bool,
        dnsRecords: [ObjectID] = [],
        dnsDomain: String? = nil,
        routerAdvertisement: RouterAdvertisement? = nil,
        guardsRouters: Bool? = nil,
        guardsDHCP: Bool? = nil,
        filter: PacketFilter? = nil
    ) {
        self.id = id
        self.name = name
        self.tunnelKey = tunnelKey
        self.vlanPassthru = vlanPassthru
        self.dnsRecords = dnsRecords
        self.dnsDomain = dnsDomain
        self.routerAdvertisement = routerAdvertisement
        self.guardsRouters = guardsRouters
        self.guardsDHCP = guardsDHCP
        self.filter = filter
    }
}

extension DatapathBinding {
    /// The members of the JSON, in their order.
    static let members: [JSONMember<DatapathBinding>] = [
        JSONMember("id", { $0.id }, { $0.id = $1 }, .spelled { ObjectID($0) }),
        JSONMember("name", { $0.name }, { $0.name = $1 }, .text),
        JSONMember("tunnel_key", { $0.tunnelKey }, { $0.tunnelKey = $1 }, .integer(in: 1...tunnelKeyMaximum)),
        JSONMember("vlan_passthru", { $0.vlanPassthru }, { $0.vlanPassthru = $1 }, .flag),
        JSONMember(
            unlessEmpty: "dns_records",
            { $0.dnsRecords },
            { $0.dnsRecords = $1 },
            .list(.spelled { ObjectID($0) })
        ),
        JSONMember("dns_domain", { $0.dnsDomain }, { $0.dnsDomain = $1 }, .optional(.text), default: nil),
        JSONMember(
            "router_advertisement",
            { $0.routerAdvertisement },
            { $0.routerAdvertisement = $1 },
            .optional(.object(RouterAdvertisement.members, into: .blank)),
            default: nil
        ),
        JSONMember("ra_guard", { $0.guardsRouters }, { $0.guardsRouters = $1 }, .optional(.flag), default: nil),
        JSONMember("dhcp_guard", { $0.guardsDHCP }, { $0.guardsDHCP = $1 }, .optional(.flag), default: nil),
        JSONMember(
            "filter",
            { $0.filter },
            { $0.filter = $1 },
            .optional(.object(PacketFilter.members, into: .blank)),
            default: nil
        ),
        JSONMember(
            "multicast_snooping",
            { $0.snooping },
            { $0.snooping = $1 },
            .optional(.object(MulticastSnooping.members, into: MulticastSnooping())),
            default: nil
        ),
    ]

    /// A datapath that members are read into.
    static let blank = DatapathBinding(id: .zero, name: "", tunnelKey: 0, vlanPassthru: false)
}
