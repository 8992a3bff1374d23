import JSON
import Persistent
import Southbound
import Wire

/// A logical switch: one broadcast domain (OVN_Northbound `Logical_Switch`).
public struct LogicalSwitch: Hashable, Sendable {
    /// 1 ... 128 bytes of `[A-Za-z0-9._:@-]`, not shaped like a UUID, fixed at creation, unique in the project.
    public var name: String
    /// The user's own marks; at most 64.
    public var labels: [String: String] = [:]
    /// True if frames with a VLAN tag are taken; also turns the ARP/ND responder off, as in OVN.
    public var vlanPassthru = false
    /// The IPv4 network that central gives addresses of to ports with dynamic ones, as the user writes it: host bits do
    /// not count. 8 ... 30 bits long.
    public var subnet: IPPrefix?
    /// The addresses of the subnet that central does not give.
    public var excludedIPs = ExcludedAddresses([])
    /// The IPv6 network of 64 bits that central makes addresses in, of MAC addresses.
    public var ipv6Prefix: IPPrefix?
    /// True if central gives MAC addresses alone; with neither a subnet nor an IPv6 prefix.
    public var isMACOnly = false
    /// The sets of records that answer the DNS queries of its ports.
    public var dnsRecords: [ObjectID] = []
    /// The domain that its ports' names are resolved in, lower case and without a dot at the end; `nil` for none.
    public var dnsDomain: String?
    /// The content of answers to router solicitations, by OVN's keys; empty leaves them to routers.
    public var raConfigs: [String: String] = [:]
    /// True if its ports may not send router advertisements and redirects, unless they say otherwise; `nil` leaves it
    /// to the ports.
    public var guardsRouters: Bool?
    /// The same for what DHCP servers send.
    public var guardsDHCP: Bool?
    /// The way in which members of multicast groups are found out, by OVN's keys; empty for none.
    public var otherConfig: [String: String] = [:]
    /// The server's knowledge of the switch.
    public var status: Status

    /// The server's knowledge of a switch; each fact is part of a commit.
    public struct Status: Hashable, Sendable {
        /// The switch's key, the VNI of its frames: 1 ... 16711680.
        public var tunnelKey: UInt32

        public init(tunnelKey: UInt32) {
            self.tunnelKey = tunnelKey
        }
    }
}

extension LogicalSwitch: Kind {
    public static let kind = ObjectKind.logicalSwitch
    public static let names = KindNames(
        row: "logical_switch",
        singular: "switch",
        plural: "switches",
        aliases: ["ls", "logical-switch", "logical-switches"]
    )
    public static var table: WritableKeyPath<NorthboundDatabase, Table<LogicalSwitch>> { \.switches }
    public static let fields = Fields<LogicalSwitch>([
        .name,
        .texts("labels", { $0.labels }, { $0.labels = $1 }),
        .flag("vlan_passthru", { $0.vlanPassthru }, { $0.vlanPassthru = $1 }, default: false),
        Field(
            "subnet",
            "string",
            { $0.subnet },
            { $0.subnet = $1 },
            .optional(.spelled { IPPrefix($0) }),
            read: subnet
        ),
        Field(
            "exclude_ips",
            "array",
            { $0.excludedIPs },
            { $0.excludedIPs = $1 },
            ExcludedAddresses.codec,
            read: excludedIPs
        ),
        Field(
            "ipv6_prefix",
            "string",
            { $0.ipv6Prefix },
            { $0.ipv6Prefix = $1 },
            .optional(.spelled { IPPrefix($0) }),
            read: ipv6Prefix
        ),
        .flag("mac_only", { $0.isMACOnly }, { $0.isMACOnly = $1 }, default: false),
        .references(
            "dns_records",
            { $0.dnsRecords },
            { $0.dnsRecords = $1 },
            to: DNSRecords.self,
            atMost: dnsRecordsCountMaximum,
            feature: Feature.dns
        ),
        Field(
            "dns_domain",
            "string",
            { $0.dnsDomain },
            { $0.dnsDomain = $1 },
            .optional(.text),
            laterThan: nil,
            feature: Feature.dns,
            read: dnsDomain
        ),
        .texts("ipv6_ra_configs", { $0.raConfigs }, { $0.raConfigs = $1 }, laterWith: Feature.routerAdvertisement),
        .optionalFlag("ra_guard", { $0.guardsRouters }, { $0.guardsRouters = $1 }, laterWith: Feature.routerGuard),
        .optionalFlag("dhcp_guard", { $0.guardsDHCP }, { $0.guardsDHCP = $1 }, laterWith: Feature.dhcpGuard),
        .texts("other_config", { $0.otherConfig }, { $0.otherConfig = $1 }, laterWith: Feature.multicastSnooping),
    ])
    public static let statusMembers: [JSONMember<Status>] = [
        JSONMember("tunnel_key", { $0.tunnelKey }, { $0.tunnelKey = $1 }, .integer(in: 0...UInt32.max))
    ]
    public static let blank = LogicalSwitch(name: "", status: Status(tunnelKey: 0))

    /// The most sets of DNS records of one switch: a query looks its name up in each.
    public static let dnsRecordsCountMaximum = 16

    /// Its ports.
    public static func dependents(of id: ObjectID, in database: NorthboundDatabase) -> Dependents? {
        Dependents(kind: .logicalSwitchPort, ids: database.ports.index.bySwitch[id] ?? OrderedMap())
    }

    /// Gives a new switch the next free key of all datapaths.
    public mutating func prepare(_ id: ObjectID, in transaction: inout Transaction) throws(Refusal) {
        guard let key = transaction.takeKey(in: .datapaths, for: id) else {
            throw Refusal(
                .limitExceeded,
                "All \(transaction.keys.datapath) keys of switches are in use; delete a switch first."
            )
        }
        status.tunnelKey = key
    }

    /// Its datapath.
    public static func record(of stored: Stored<LogicalSwitch>, in transaction: inout Transaction) -> Record? {
        Translation.record(of: stored, transaction.filter(of: stored.id))
    }

    public static func recordKey(of id: ObjectID) -> RecordKey? { .datapathBinding(id) }

    /// The keys of its ports.
    public static func forget(_ id: ObjectID, in transaction: inout Transaction) {
        transaction.setLastKey(0, in: .ports(of: id))
    }
}
