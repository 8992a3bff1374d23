/// An option of DHCP that users set by name; names and spellings are OVN's (ovn-nb, table `DHCP_Options`).
public struct DHCPOption: Hashable, Sendable {
    /// OVN's name.
    public let name: String
    /// The number in messages (IANA, bootp-dhcp-parameters and dhcpv6-parameters). `nextServer` and
    /// `alternativeBootFile` are numbers of OVN's own that appear in no message.
    public let code: UInt16
    /// The type of its value.
    public let kind: Kind
    /// The purpose of the value.
    public let purpose: Purpose
    /// The least number that it may be.
    let minimum: UInt32

    /// The type of a value.
    public enum Kind: Hashable, Sendable {
        /// One IPv4 address.
        case ipv4Address
        /// One IPv4 address or more: `10.0.0.1` or `{10.0.0.1, 10.0.0.2}`.
        case ipv4Addresses
        /// Pairs of IPv4 addresses.
        case ipv4AddressPairs
        /// One IPv6 address or more.
        case ipv6Addresses
        /// A MAC address.
        case macAddress
        /// `true`, `1`, `false` or `0`.
        case boolean
        /// A whole number of 8 bits.
        case integer8
        /// A whole number of 16 bits.
        case integer16
        /// A whole number of 32 bits.
        case integer32
        /// Text, maybe in quotes.
        case text
        /// Domain names, separated by commas, with compression (RFC 3397).
        case compressedDomains
        /// Domain names, separated by commas, without compression (RFC 8415 section 10).
        case domains
        /// One domain name after an octet of flags (RFC 4704 section 4).
        case fullyQualifiedName
        /// Routes, destination and router by turns: `{30.0.0.0/24,10.0.0.10, 0.0.0.0/0,10.0.0.1}` (RFC 3442).
        case routes
    }

    /// The purpose of a value.
    public enum Purpose: Hashable, Sendable {
        /// An option that answers have as it is.
        case option
        /// A member of the exchange between client and server, which hosts put into messages themselves: the server's
        /// identity, times, and the address of the next server.
        case exchange
    }

    private init(_ name: String, _ code: UInt16, _ kind: Kind, _ purpose: Purpose = .option, from minimum: UInt32 = 0) {
        self.name = name
        self.code = code
        self.kind = kind
        self.purpose = purpose
        self.minimum = minimum
    }

    /// The protocol that an option belongs to.
    public enum Family: Hashable, Sendable {
        case v4
        case v6
    }

    /// The options of a protocol, in the order of their names.
    public static func all(of family: Family) -> [DHCPOption] {
        switch family {
        case .v4: version4
        case .v6: version6
        }
    }

    /// The option with a name, or `nil`.
    public static func named(_ name: String, of family: Family) -> DHCPOption? {
        all(of: family).first { $0.name == name }
    }

    /// The number that stands for the alternative boot file of iPXE clients: `bootfile_name_alt`.
    public static let alternativeBootFile: UInt8 = 254

    /// The value in octets of options, at most, so that a message with all of them still fits any path.
    public static let octetCountMaximum = 1024

    // Minima are those of RFC 2132; a time of 0 would have clients ask without end.
    private static let version4: [DHCPOption] = [
        DHCPOption("T1", 58, .integer32, .exchange, from: 1),
        DHCPOption("T2", 59, .integer32, .exchange, from: 1),
        DHCPOption("arp_cache_timeout", 35, .integer32),
        DHCPOption("bootfile_name", 67, .text),
        DHCPOption("bootfile_name_alt", UInt16(alternativeBootFile), .text),
        DHCPOption("broadcast_address", 28, .ipv4Address),
        DHCPOption("classless_static_route", 121, .routes),
        DHCPOption("default_ttl", 23, .integer8, from: 1),
        DHCPOption("dns_server", 6, .ipv4Addresses),
        DHCPOption("domain_name", 15, .text),
        DHCPOption("domain_search_list", 119, .compressedDomains),
        DHCPOption("ethernet_encap", 36, .boolean),
        DHCPOption("hostname", 12, .text),
        DHCPOption("ip_forward_enable", 19, .boolean),
        DHCPOption("lease_time", 51, .integer32, .exchange, from: 1),
        DHCPOption("log_server", 7, .ipv4Addresses),
        DHCPOption("lpr_server", 9, .ipv4Addresses),
        DHCPOption("ms_classless_static_route", 249, .routes),
        DHCPOption("mtu", 26, .integer16, from: 68),
        DHCPOption("netbios_name_server", 44, .ipv4Addresses),
        DHCPOption("netbios_node_type", 46, .integer8),
        DHCPOption("netmask", 1, .ipv4Address),
        DHCPOption("next_server", 253, .ipv4Address, .exchange),
        DHCPOption("nis_server", 41, .ipv4Addresses),
        DHCPOption("ntp_server", 42, .ipv4Addresses),
        DHCPOption("path_prefix", 210, .text),
        DHCPOption("policy_filter", 21, .ipv4AddressPairs),
        DHCPOption("router", 3, .ipv4Addresses),
        DHCPOption("router_discovery", 31, .boolean),
        DHCPOption("router_solicitation", 32, .ipv4Address),
        DHCPOption("server_id", 54, .ipv4Address, .exchange),
        DHCPOption("server_mac", 0, .macAddress, .exchange),
        DHCPOption("swap_server", 16, .ipv4Address),
        DHCPOption("tcp_keepalive_interval", 38, .integer32),
        DHCPOption("tcp_ttl", 37, .integer8, from: 1),
        DHCPOption("tftp_server", 66, .text),
        DHCPOption("tftp_server_address", 150, .ipv4Addresses),
        DHCPOption("wpad", 252, .text),
    ]

    private static let version6: [DHCPOption] = [
        DHCPOption("bootfile_name", 59, .text),
        DHCPOption("bootfile_name_alt", UInt16(alternativeBootFile), .text),
        DHCPOption("dhcpv6_stateless", 0, .boolean, .exchange),
        DHCPOption("dns_server", 23, .ipv6Addresses),
        DHCPOption("domain_search", 24, .domains),
        DHCPOption("fqdn", 39, .fullyQualifiedName),
        DHCPOption("server_id", 2, .macAddress, .exchange),
    ]
}
