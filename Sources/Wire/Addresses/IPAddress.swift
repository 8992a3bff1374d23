/// An IPv4 or IPv6 address.
public enum IPAddress: Hashable, Comparable, Sendable, Spelled {
    case v4(IPv4Address)
    case v6(IPv6Address)

    /// Dotted decimal or one of RFC 4291's forms; anything else is `nil`.
    @inlinable public init?(_ text: some StringProtocol) { self.init(octets: Array(text.utf8)[...]) }

    /// The same of a text's octets.
    public init?(octets text: ArraySlice<UInt8>) {
        if let address = IPv4Address(octets: text) {
            self = .v4(address)
        } else if let address = IPv6Address(String(decoding: text, as: UTF8.self)) {
            self = .v6(address)
        } else {
            return nil
        }
    }

    /// The number of bits in an address of this family: 32 or 128.
    public var bitCount: Int {
        switch self {
        case .v4: 32
        case .v6: 128
        }
    }

    /// True if the address is in 127.0.0.0/8 or is ::1.
    public var isLoopback: Bool {
        switch self {
        case .v4(let address): address.isLoopback
        case .v6(let address): address.isLoopback
        }
    }

    public var isIPv6: Bool {
        switch self {
        case .v4: false
        case .v6: true
        }
    }

    /// True if packets can be sent to the address as that of one host: no multicast, broadcast, 0.0.0.0 or `::`.
    public var isOfOneHost: Bool {
        switch self {
        case .v4(let address): !address.isMulticast && address != .any && address != .broadcast
        case .v6(let address): !address.isMulticast && address != .any
        }
    }

    /// The reason why no guest can be reached under the address of one host, as one clause, or `nil`.
    public var reasonAgainstGuest: String? {
        switch self {
        case .v4(let address) where address.rawValue >> 28 == 0xf: "it is reserved (240.0.0.0/4, RFC 1112)"
        case .v6(let address) where address.high == 0 && address.low >> 32 == 0xffff:
            "it represents an IPv4 address (RFC 4291 section 2.5.5.2); write that address"
        case .v4, .v6: isLoopback ? "it is loopback, which never leaves a guest" : nil
        }
    }

    /// The reason why tunnels cannot end at the address, as one clause, or `nil`. Loopback can, for hosts that are all
    /// on one machine.
    public var reasonAgainstTunnel: String? {
        if case .v6(let address) = self, address.isLinkLocal {
            return "it is link-local, and other hosts cannot know by which link"
        }
        return isOfOneHost ? nil : "it is not the address of one host"
    }

    /// The canonical text.
    public func spell(to text: inout [UInt8]) {
        switch self {
        case .v4(let address): address.spell(to: &text)
        case .v6(let address): address.spell(to: &text)
        }
    }
}
