/// An IPv4 address, held as an integer in host order.
public struct IPv4Address: Hashable, Comparable, Sendable, Spelled {
    /// The address as an integer; 10.0.0.1 is 0x0a000001.
    public let rawValue: UInt32

    /// 0.0.0.0.
    public static let any = IPv4Address(0)
    /// 255.255.255.255, the limited broadcast (RFC 919).
    public static let broadcast = IPv4Address(0xffff_ffff)

    /// The address with this integer value, host order.
    public init(_ rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Four decimal octets without leading zeros: `172.16.255.11`. Anything else is `nil`.
    @inlinable public init?(_ text: some StringProtocol) { self.init(octets: Array(text.utf8)[...]) }

    /// The same of a text's octets.
    public init?(octets text: ArraySlice<UInt8>) {
        var value: UInt32 = 0
        var octet: UInt32 = 0
        var octets = 0
        var digits = 0
        for byte in text {
            if byte == UInt8(ascii: ".") {
                guard digits > 0, octets < 3 else { return nil }
                value = value << 8 | octet
                octets += 1
                (octet, digits) = (0, 0)
            } else {
                // A leading zero is the only digit.
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), digits == 0 || octet > 0 else {
                    return nil
                }
                octet = octet * 10 + UInt32(byte - UInt8(ascii: "0"))
                digits += 1
                guard octet <= 255 else { return nil }
            }
        }
        guard octets == 3, digits > 0 else { return nil }
        rawValue = value << 8 | octet
    }

    /// True if the address lies in 224.0.0.0/4 (RFC 5771).
    public var isMulticast: Bool { rawValue >> 28 == 0xe }

    /// True if the address lies in 127.0.0.0/8.
    public var isLoopback: Bool { rawValue >> 24 == 127 }

    /// Dotted decimal.
    public func spell(to text: inout [UInt8]) {
        Wire.spell(rawValue >> 24, to: &text)
        for shift: UInt32 in [16, 8, 0] {
            text.append(UInt8(ascii: "."))
            Wire.spell(rawValue >> shift & 255, to: &text)
        }
    }

    /// Orders by value.
    public static func < (left: IPv4Address, right: IPv4Address) -> Bool { left.rawValue < right.rawValue }
}
