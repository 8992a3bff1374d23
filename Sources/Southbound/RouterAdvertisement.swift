import JSON
import Wire

/// The content of a host's router advertisements on a switch (RFC 4861 section 4.2), on behalf of the gateway that the
/// switch names.
public struct RouterAdvertisement: Hashable, Sendable {
    /// The way in which guests get their addresses (OVN's `address_mode`).
    public enum AddressMode: String, Sendable, CaseIterable {
        /// Of a prefix, by themselves.
        case slaac
        /// By DHCPv6: the flag M.
        case dhcpv6Stateful = "dhcpv6_stateful"
        /// Of a prefix, and options by DHCPv6: the flag O.
        case dhcpv6Stateless = "dhcpv6_stateless"
    }

    /// The preference among several routers (RFC 4191 section 2.2).
    public enum Preference: String, Sendable, CaseIterable {
        case low
        case medium
        case high
    }

    /// The gateway's MAC: the source of the frame, and of the option for the link-layer address.
    public var mac: MACAddress
    /// The gateway's link-local address: the source of the packet.
    public var linkLocal: IPv6Address
    public var addressMode: AddressMode
    /// The prefixes of the switch, each with zero host bits.
    public var prefixes: [IPPrefix]
    /// The MTU that guests are told; `nil` is that of the port's path.
    public var mtu: UInt32?
    public var preference: Preference
    /// The addresses of DNS servers (RFC 8106 section 5.1).
    public var dnsServers: [IPv6Address]
    /// The domains in which names are searched (RFC 8106 section 5.2); lower case, without a dot at the end.
    public var dnsSearchList: [String]
    /// The seconds for which the gateway is a default router: 0 ... 65535, 0 if it is none.
    public var routerLifetime: UInt16
    /// The seconds for which addresses of the prefixes are valid; `UInt32.max` is for ever.
    public var validLifetime: UInt32
    /// The seconds for which they are preferred, at most ``validLifetime``.
    public var preferredLifetime: UInt32
    /// The most seconds between two advertisements that nobody asked for: 4 ... 1800; `nil` if there are none.
    public var maxInterval: UInt16?
    /// The fewest: 3 ... 0.75 times ``maxInterval``; `nil` with that.
    public var minInterval: UInt16?

    /// The range of ``maxInterval`` (RFC 4861 section 6.2.1, as OVN has it).
    public static let maxIntervals: ClosedRange<UInt16> = 4...1800
    /// The default of ``maxInterval`` (OVN).
    public static let maxIntervalDefault: UInt16 = 600

    /// The most prefixes: with ``dnsServerCountMaximum`` and ``dnsSearchListCountMaximum`` a packet of 1280 bytes holds
    /// them all.
    public static let prefixCountMaximum = 8
    /// The most DNS servers.
    public static let dnsServerCountMaximum = 8
    /// The most domains of the search list.
    public static let dnsSearchListCountMaximum = 3

    public init(
        mac: MACAddress,
        linkLocal: IPv6Address,
        addressMode: AddressMode = .slaac,
        prefixes: [IPPrefix] = [],
        mtu: UInt32? = nil,
        preference: Preference = .medium,
        dnsServers: [IPv6Address] = [],
        dnsSearchList: [String] = [],
        routerLifetime: UInt16 = .max,
        validLifetime: UInt32 = .max,
        preferredLifetime: UInt32 = .max
    ) {
        self.mac = mac
        self.linkLocal = linkLocal
        self.addressMode = addressMode
        self.prefixes = prefixes
        self.mtu = mtu
        self.preference = preference
        self.dnsServers = dnsServers
        self.dnsSearchList = dnsSearchList
        self.routerLifetime = routerLifetime
        self.validLifetime = validLifetime
        self.preferredLifetime = preferredLifetime
    }
}

extension RouterAdvertisement {
    /// The members of the JSON, in their order.
    static let members: [JSONMember<RouterAdvertisement>] = [
        JSONMember("mac", { $0.mac }, { $0.mac = $1 }, .spelled { MACAddress($0) }),
        JSONMember("link_local", { $0.linkLocal }, { $0.linkLocal = $1 }, .spelled { IPv6Address($0) }),
        JSONMember("address_mode", { $0.addressMode }, { $0.addressMode = $1 }, .word),
        JSONMember("prefixes", { $0.prefixes }, { $0.prefixes = $1 }, .list(.spelled { IPPrefix($0) })),
        JSONMember("mtu", { $0.mtu }, { $0.mtu = $1 }, .optional(.integer(in: 1280...UInt32.max)), default: nil),
        JSONMember("router_preference", { $0.preference }, { $0.preference = $1 }, .word, default: .medium),
        JSONMember(
            unlessEmpty: "rdnss",
            { $0.dnsServers },
            { $0.dnsServers = $1 },
            .list(.spelled { IPv6Address($0) })
        ),
        JSONMember(unlessEmpty: "dnssl", { $0.dnsSearchList }, { $0.dnsSearchList = $1 }, .list(.text)),
        JSONMember("router_lifetime", { $0.routerLifetime }, { $0.routerLifetime = $1 }, .integer(in: 0...UInt16.max)),
        JSONMember("valid_lifetime", { $0.validLifetime }, { $0.validLifetime = $1 }, .integer(in: 0...UInt32.max)),
        JSONMember(
            "preferred_lifetime",
            { $0.preferredLifetime },
            { $0.preferredLifetime = $1 },
            .integer(in: 0...UInt32.max)
        ),
        JSONMember(
            "max_interval",
            { $0.maxInterval },
            { $0.maxInterval = $1 },
            .optional(.integer(in: maxIntervals)),
            default: nil
        ),
        JSONMember(
            "min_interval",
            { $0.minInterval },
            { $0.minInterval = $1 },
            .optional(.integer(in: 3...maxIntervals.upperBound)),
            default: nil
        ),
    ]

    /// A value that members are read into.
    static let blank = RouterAdvertisement(mac: .zero, linkLocal: .any)
}
