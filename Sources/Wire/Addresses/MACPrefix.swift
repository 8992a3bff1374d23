/// The first three octets of MAC addresses that one party gives out (IEEE 802: an OUI or, if local, one's own choice).
public struct MACPrefix: Hashable, Sendable, CustomStringConvertible {
    /// The octets as an integer of 24 bits; 0a:00:00 is 0x0a0000.
    public let rawValue: UInt32

    /// The low 24 bits of a number; `nil` if interfaces cannot have such addresses: all zero, or of groups.
    public init?(truncating value: UInt64) {
        rawValue = UInt32(truncatingIfNeeded: value & 0xff_ffff)
        guard rawValue != 0, rawValue & 0x01_0000 == 0 else { return nil }
    }

    /// Three hexadecimal octets, separated by colons: `0a:00:00`; anything else, and a prefix of groups, is `nil`.
    public init?(_ text: String) {
        guard let mac = MACAddress(text + ":0:0:0") else { return nil }
        self.init(truncating: mac.rawValue >> 24)
    }

    /// The prefix that local administration has for this number (IEEE 802c: the second bit set, the first clear).
    public init(local value: UInt64) {
        rawValue = UInt32(truncatingIfNeeded: value & 0xff_ffff) & 0xfe_ffff | 0x02_0000
    }

    /// True if an address begins with the prefix.
    public func contains(_ address: MACAddress) -> Bool { address.rawValue >> 24 == UInt64(rawValue) }

    /// The address that has these low 24 bits.
    public func address(_ suffix: UInt32) -> MACAddress {
        MACAddress(truncating: UInt64(rawValue) << 24 | UInt64(suffix & 0xff_ffff))
    }

    /// Lower case, two digits an octet: `0a:00:00`.
    public var description: String { String(address(0).description.prefix(8)) }
}
