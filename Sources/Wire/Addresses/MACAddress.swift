/// A 48-bit IEEE 802 MAC address.
///
/// The value is held in the low 48 bits of an integer, first octet on the wire most significant, so that comparing
/// two addresses is comparing two integers.
public struct MACAddress: Hashable, Comparable, Sendable, Spelled {
    /// The address as an integer, 0 ... 2^48 - 1; the first octet on the wire is the most significant.
    public let rawValue: UInt64

    /// ff:ff:ff:ff:ff:ff.
    public static let broadcast = MACAddress(truncating: 0xffff_ffff_ffff)

    /// The low 48 bits of `value`; the high 16 bits are dropped.
    public init(truncating value: UInt64) {
        rawValue = value & 0xffff_ffff_ffff
    }

    /// Six hexadecimal octets of one or two digits, separated by colons: `02:ac:10:ff:00:11`.
    ///
    /// Upper and lower case are accepted; anything else, also blanks around, is `nil`.
    @inlinable public init?(_ text: some StringProtocol) { self.init(octets: Array(text.utf8)[...]) }

    /// The same of a text's octets.
    public init?(octets text: ArraySlice<UInt8>) {
        var value: UInt64 = 0
        var octet: UInt64 = 0
        var octets = 0
        var digits = 0
        for byte in text {
            if byte == UInt8(ascii: ":") {
                guard digits > 0, octets < 5 else { return nil }
                value = value << 8 | octet
                octets += 1
                (octet, digits) = (0, 0)
            } else {
                guard digits < 2, let nibble = hexadecimalValue(of: byte) else { return nil }
                octet = octet << 4 | UInt64(nibble)
                digits += 1
            }
        }
        guard octets == 5, digits > 0 else { return nil }
        rawValue = value << 8 | octet
    }

    /// The address of no interface.
    public static let zero = MACAddress(truncating: 0)

    /// True if the group bit is set: multicast or broadcast.
    public var isMulticast: Bool { rawValue & 0x0100_0000_0000 != 0 }

    /// True if all bits are zero, which no interface may have.
    public var isZero: Bool { rawValue == 0 }

    /// The six octets in wire order.
    public var octets: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: rawValue >> (40 - 8 * UInt64($0))) } }

    /// The IPv6 link-local address made from this MAC: fe80::/64 with a modified EUI-64 (RFC 4291, appendix A).
    public var linkLocalAddress: IPv6Address { ipv6Address(inPrefix: 0xfe80 << 48) }

    /// The IPv6 address made from this MAC in a prefix of 64 bits, with a modified EUI-64 (RFC 4291, appendix A).
    public func ipv6Address(inPrefix prefix: UInt64) -> IPv6Address {
        let high = (rawValue >> 24) ^ 0x02_0000
        return IPv6Address(high: prefix, low: high << 40 | 0xff_fe00_0000 | rawValue & 0xff_ffff)
    }

    /// Lower case, two digits an octet: `02:ac:10:ff:00:11`.
    public func spell(to text: inout [UInt8]) {
        for index in 0..<12 {
            if index > 0, index % 2 == 0 { text.append(UInt8(ascii: ":")) }
            text.append(hexadecimalDigit(rawValue >> (44 - 4 * UInt64(index))))
        }
    }

    /// Orders by the octets as they are on the wire.
    public static func < (left: MACAddress, right: MACAddress) -> Bool { left.rawValue < right.rawValue }
}

/// The digit, in lower case, of the lowest four bits.
func hexadecimalDigit(_ value: UInt64) -> UInt8 {
    let nibble = UInt8(truncatingIfNeeded: value & 15)
    return nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
}

/// The value of one hexadecimal digit, or `nil`.
func hexadecimalValue(of digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
}
