import JSON
import Wire

/// The way in which a switch finds out which ports want the frames of a multicast group (OVN_Southbound
/// `IP_Multicast`).
public struct MulticastSnooping: Hashable, Sendable {
    /// True if frames to groups without a known member go to all ports, else to multicast routers alone.
    public var floodsUnregistered = false
    /// Seconds after its last report for which a port is a member: 15 ... 3600.
    public var idleTimeout: UInt32 = 300
    /// The most groups of the switch.
    public var tableSize: UInt32 = 2048
    /// The queries that hosts send to their ports; `nil` for none.
    public var querier: Querier?

    public static let idleTimeoutRange: ClosedRange<UInt32> = 15...3600
    public static let tableSizeRange: ClosedRange<UInt32> = 1...8192
    public static let tableSizeDefault: UInt32 = 2048

    /// The queries of a switch.
    public struct Querier: Hashable, Sendable {
        /// The MAC address that they are from.
        public var mac: MACAddress
        /// The address that those of IGMP are from; `nil` for none of IGMP.
        public var ipv4: IPv4Address?
        /// The link-local address that those of MLD are from; `nil` for none of MLD.
        public var ipv6: IPv6Address?
        /// Seconds between two.
        public var interval: UInt32
        /// Seconds within which members answer.
        public var maxResponse: UInt32

        public static let intervalRange: ClosedRange<UInt32> = 1...3600
        /// The times that a query of IGMP can say.
        public static let maxResponseRange: ClosedRange<UInt32> = 1...25

        public init(
            mac: MACAddress,
            ipv4: IPv4Address? = nil,
            ipv6: IPv6Address? = nil,
            interval: UInt32 = 150,
            maxResponse: UInt32 = 1
        ) {
            self.mac = mac
            self.ipv4 = ipv4
            self.ipv6 = ipv6
            self.interval = interval
            self.maxResponse = maxResponse
        }

        static let members: [JSONMember<Querier>] = [
            JSONMember("mac", { $0.mac }, { $0.mac = $1 }, .spelled { MACAddress($0) }),
            JSONMember("ipv4", { $0.ipv4 }, { $0.ipv4 = $1 }, .optional(.spelled { IPv4Address($0) }), default: nil),
            JSONMember("ipv6", { $0.ipv6 }, { $0.ipv6 = $1 }, .optional(.spelled { IPv6Address($0) }), default: nil),
            JSONMember("interval", { $0.interval }, { $0.interval = $1 }, .integer(in: intervalRange)),
            JSONMember(
                "max_response",
                { $0.maxResponse },
                { $0.maxResponse = $1 },
                .integer(in: maxResponseRange)
            ),
        ]
    }

    public init() {}

    static let members: [JSONMember<MulticastSnooping>] = [
        JSONMember("flood_unregistered", { $0.floodsUnregistered }, { $0.floodsUnregistered = $1 }, .flag),
        JSONMember("idle_timeout", { $0.idleTimeout }, { $0.idleTimeout = $1 }, .integer(in: idleTimeoutRange)),
        JSONMember("table_size", { $0.tableSize }, { $0.tableSize = $1 }, .integer(in: tableSizeRange)),
        JSONMember(
            "querier",
            { $0.querier },
            { $0.querier = $1 },
            .optional(.object(Querier.members, into: Querier(mac: .zero))),
            default: nil
        ),
    ]
}
