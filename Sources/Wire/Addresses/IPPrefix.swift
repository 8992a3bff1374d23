/// An IP address with a prefix length, host bits kept: `10.0.0.5/24` stays `10.0.0.5/24`.
public struct IPPrefix: Hashable, Comparable, Sendable, Spelled {
    /// The address as it was given, host bits included.
    public let address: IPAddress
    /// The prefix length in bits: 0 ... 32 for IPv4, 0 ... 128 for IPv6.
    public let length: Int

    /// The prefix, or `nil` for a length the family does not have.
    public init?(address: IPAddress, length: Int) {
        guard (0...address.bitCount).contains(length) else { return nil }
        self.address = address
        self.length = length
    }

    /// The prefix of one address alone.
    public init(host address: IPAddress) {
        self.address = address
        length = address.bitCount
    }

    /// Orders by address, then by length.
    @inlinable public static func < (left: IPPrefix, right: IPPrefix) -> Bool {
        left.address != right.address ? left.address < right.address : left.length < right.length
    }

    /// `ADDRESS` (a full-length prefix) or `ADDRESS/LENGTH`; anything else is `nil`.
    @inlinable public init?(_ text: some StringProtocol) { self.init(octets: Array(text.utf8)[...]) }

    /// The same of a text's octets.
    public init?(octets: ArraySlice<UInt8>) {
        let slash = octets.firstIndex(of: UInt8(ascii: "/"))
        guard let address = IPAddress(octets: octets[..<(slash ?? octets.endIndex)]) else { return nil }
        guard let slash else {
            self.init(address: address, length: address.bitCount)
            return
        }
        let digits = octets[slash...].dropFirst()
        guard (1...3).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        self.init(address: address, length: digits.reduce(0) { $0 * 10 + Int($1 - 0x30) })
    }

    /// True if every bit of the address after the prefix is zero, so that the prefix names a whole subnet.
    public var hasZeroHostBits: Bool {
        switch address {
        case .v4(let address): length == 32 || address.rawValue << UInt32(length) == 0
        case .v6(let address):
            if length >= 64 {
                length == 128 || address.low << UInt64(length - 64) == 0
            } else {
                address.high << UInt64(length) == 0 && address.low == 0
            }
        }
    }

    /// True for an address that begins with the prefix.
    public func contains(_ other: IPAddress) -> Bool {
        switch (address, other) {
        case (.v4(let own), .v4(let other)):
            return length == 0 || (own.rawValue ^ other.rawValue) >> UInt32(32 - length) == 0
        case (.v6(let own), .v6(let other)):
            let (high, low) = (own.high ^ other.high, own.low ^ other.low)
            guard length > 64 else { return length == 0 || high >> UInt64(64 - length) == 0 }
            return high == 0 && low >> UInt64(128 - length) == 0
        case (.v4, .v6), (.v6, .v4): return false
        }
    }

    /// The address, with the length after a slash if it is not the full one.
    public func spell(to text: inout [UInt8]) {
        address.spell(to: &text)
        guard length != address.bitCount else { return }
        text.append(UInt8(ascii: "/"))
        Wire.spell(UInt32(length), to: &text)
    }
}
