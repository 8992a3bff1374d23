/// The identity of an object: a UUID (RFC 9562).
public struct ObjectID: Hashable, Comparable, Sendable, Spelled {
    /// The first eight octets.
    public let high: UInt64
    /// The last eight octets.
    public let low: UInt64

    /// The identity with these halves, taken as they are.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The identity of nothing: lower than any other.
    public static let zero = ObjectID(high: 0, low: 0)

    /// A new identity from 122 bits of `generator` (RFC 9562 section 5.4).
    public init(using generator: inout some RandomNumberGenerator) {
        high = generator.next() & 0xffff_ffff_ffff_0fff | 0x4000
        low = generator.next() & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
    }

    /// A new identity of an object that a commit makes (RFC 9562 section 5.8): the revision in 48 bits, the place in
    /// 12, and 62 random bits. So identities are in the order in which objects were made, and what was made
    /// together lies together in maps and on disk.
    public init(revision: UInt64, place: Int, random: UInt64) {
        high = revision << 16 | 0x8000 | UInt64(truncatingIfNeeded: place) & 0xfff
        low = random & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
    }

    /// True for one that a commit gave: those of version 8. Other UUIDs come from elsewhere.
    public var isGiven: Bool { high >> 12 & 0xf == 8 && low >> 62 == 2 }

    /// 36 characters, `8-4-4-4-12` hexadecimal digits of either case; anything else is `nil`.
    @inlinable public init?(_ text: some StringProtocol) {
        guard text.utf8.count == 36 else { return nil }
        self.init(octets: Array(text.utf8))
    }

    /// The same of a text's octets.
    public init?(octets digits: [UInt8]) {
        guard digits.count == 36 else { return nil }
        var halves: (UInt64, UInt64) = (0, 0)
        for (index, digit) in digits.enumerated() {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard digit == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard let nibble = hexadecimalValue(of: digit) else { return nil }
            if index < 18 {
                halves.0 = halves.0 << 4 | UInt64(nibble)
            } else {
                halves.1 = halves.1 << 4 | UInt64(nibble)
            }
        }
        self.init(high: halves.0, low: halves.1)
    }

    /// `8-4-4-4-12` lower-case hexadecimal digits.
    public func spell(to text: inout [UInt8]) {
        for index in 0..<32 {
            if index == 8 || index == 12 || index == 16 || index == 20 { text.append(UInt8(ascii: "-")) }
            let half = index < 16 ? high : low
            text.append(hexadecimalDigit(half >> (60 - 4 * UInt64(index % 16))))
        }
    }

    /// Orders by value.
    @inlinable public static func < (left: ObjectID, right: ObjectID) -> Bool {
        left.high == right.high ? left.low < right.low : left.high < right.high
    }
}
