/// A router solicitation or advertisement (RFC 4861 sections 4.1 and 4.2), the checksum left to the caller.
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |   134         |   code = 0    |           checksum            |
///     | cur hop limit |M|O|  |Prf|    |       router lifetime         |
///     |                        reachable time                         |
///     |                        retransmission timer                   |
///     | options: type, length in units of 8 octets, ...               |
///
/// A solicitation (133) has 4 reserved octets before its options.
public struct RouterMessage: Hashable, Sendable {
    /// The source link-layer address option.
    public var sourceMAC: MACAddress?

    /// Octets of a solicitation without options.
    public static let solicitationByteCount = 8
    /// Octets of an advertisement without options.
    public static let advertisementByteCount = 16

    /// The solicitation that `bytes` are; options of other types are skipped.
    /// - Throws: `truncated`; `unsupportedType` for other ICMPv6 types; `badLength` for an option of length 0, one
    ///   beyond the end or an address not of Ethernet's size; `duplicateOption` for two addresses.
    public init(parsingSolicitation bytes: Span<UInt8>) throws(HeaderError) {
        guard bytes.count >= Self.solicitationByteCount else { throw .truncated }
        guard bytes[0] == ICMPv6Header.routerSolicitation, bytes[1] == 0 else { throw .unsupportedType }
        var offset = Self.solicitationByteCount
        while offset < bytes.count {
            guard bytes.count - offset >= 8 else { throw .badLength }
            let byteCount = Int(bytes[offset + 1]) * 8
            guard byteCount > 0, byteCount <= bytes.count - offset else { throw .badLength }
            if bytes[offset] == OptionType.sourceMAC {
                guard byteCount == 8 else { throw .badLength }
                guard sourceMAC == nil else { throw .duplicateOption }
                sourceMAC = bytes.macAddress(at: offset + 2)
            }
            offset += byteCount
        }
    }

    /// Types of options (RFC 4861 section 4.6, RFC 8106, RFC 4191).
    public enum OptionType {
        public static let sourceMAC: UInt8 = 1
        public static let prefix: UInt8 = 3
        public static let mtu: UInt8 = 5
        public static let route: UInt8 = 24
        public static let dnsServers: UInt8 = 25
        public static let searchList: UInt8 = 31
    }

    /// The content of an advertisement.
    public struct Advertisement: Hashable, Sendable {
        /// The value of hop limits that hosts should use; 0 leaves it to them.
        public var hopLimit: UInt8 = 64
        /// M: addresses come by DHCPv6.
        public var isManaged = false
        /// O: other things come by DHCPv6.
        public var hasOther = false
        /// Two bits (RFC 4191 section 2.1): 1 is high, 3 low, 0 medium.
        public var preference: UInt8 = 0
        /// Seconds.
        public var lifetime: UInt16 = 0
        /// The octets of options, a multiple of 8.
        public var options: [UInt8] = []

        public init() {}

        /// The message with a checksum of 0.
        public var octets: [UInt8] {
            let flags: UInt8 = (isManaged ? 0x80 : 0) | (hasOther ? 0x40 : 0) | (preference & 3) << 3
            return [ICMPv6Header.routerAdvertisement, 0, 0, 0, hopLimit, flags]
                + RouterMessage.octets(lifetime) + [UInt8](repeating: 0, count: 8) + options
        }

        /// Adds the router's own link-layer address.
        public mutating func add(sourceMAC: MACAddress) {
            options += [OptionType.sourceMAC, 1] + sourceMAC.octets
        }

        /// Adds the link's MTU.
        public mutating func add(mtu: UInt32) {
            options += [OptionType.mtu, 1, 0, 0] + RouterMessage.octets(mtu)
        }

        /// Adds a prefix of the link (RFC 4861 section 4.6.2).
        /// - Parameters:
        ///   - isAutonomous: A: hosts make addresses of it.
        ///   - valid: seconds.
        ///   - preferred: seconds.
        public mutating func add(prefix: IPPrefix, isAutonomous: Bool, valid: UInt32, preferred: UInt32) {
            guard case .v6(let address) = prefix.address else { return }
            options += [OptionType.prefix, 4, UInt8(prefix.length), 0x80 | (isAutonomous ? 0x40 : 0)]
            options += RouterMessage.octets(valid) + RouterMessage.octets(preferred) + [0, 0, 0, 0]
            options += RouterMessage.octets(address)
        }

        /// Adds a route (RFC 4191 section 2.3).
        public mutating func add(route prefix: IPPrefix, preference: UInt8, lifetime: UInt32) {
            guard case .v6(let address) = prefix.address else { return }
            let byteCount = prefix.length == 0 ? 0 : prefix.length <= 64 ? 8 : 16
            options += [OptionType.route, UInt8(1 + byteCount / 8), UInt8(prefix.length), (preference & 3) << 3]
            options += RouterMessage.octets(lifetime) + RouterMessage.octets(address).prefix(byteCount)
        }

        /// Adds the addresses of DNS servers (RFC 8106 section 5.1), if there are any.
        public mutating func add(dnsServers: [IPv6Address], lifetime: UInt32) {
            guard !dnsServers.isEmpty else { return }
            options += [OptionType.dnsServers, UInt8(1 + 2 * dnsServers.count), 0, 0] + RouterMessage.octets(lifetime)
            options += dnsServers.flatMap(RouterMessage.octets)
        }

        /// Adds the domains that names are searched in (RFC 8106 section 5.2), if there are any.
        public mutating func add(searchList: [DomainName], lifetime: UInt32) {
            guard !searchList.isEmpty else { return }
            var names = searchList.flatMap(\.octets)
            names += [UInt8](repeating: 0, count: (8 - names.count % 8) % 8)
            options += [OptionType.searchList, UInt8(1 + names.count / 8), 0, 0] + RouterMessage.octets(lifetime)
            options += names
        }
    }

    private static func octets(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }

    private static func octets(_ value: UInt32) -> [UInt8] {
        octets(UInt16(value >> 16)) + octets(UInt16(value & 0xffff))
    }

    private static func octets(_ address: IPv6Address) -> [UInt8] { address.groups.flatMap { octets($0) } }
}
