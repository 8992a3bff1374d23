/// The checksum of IPv4, ICMP, UDP and TCP (RFC 1071): the complement of the ones' complement sum of 16-bit words.
public struct InternetChecksum: Sendable {
    /// Words are added up unfolded: 2^47 of them fit.
    private var sum: UInt64 = 0

    public init() {}

    /// Adds one word, host order.
    public mutating func add(_ word: UInt16) {
        sum &+= UInt64(word)
    }

    /// Adds two words, host order.
    public mutating func add(_ words: UInt32) {
        sum &+= UInt64(words >> 16) &+ UInt64(words & 0xffff)
    }

    public mutating func add(_ address: IPv6Address) {
        add(UInt32(truncatingIfNeeded: address.high >> 32))
        add(UInt32(truncatingIfNeeded: address.high))
        add(UInt32(truncatingIfNeeded: address.low >> 32))
        add(UInt32(truncatingIfNeeded: address.low))
    }

    /// Adds octets as big-endian words, an odd last one with a zero after it: only the last piece of what is summed
    /// may have an odd count.
    public mutating func add(_ bytes: Span<UInt8>) {
        var offset = 0
        while offset &+ 2 <= bytes.count {
            sum &+= UInt64(bytes[offset]) &<< 8 &+ UInt64(bytes[offset &+ 1])
            offset &+= 2
        }
        if offset < bytes.count { sum &+= UInt64(bytes[offset]) << 8 }
    }

    /// Adds IPv6's pseudo-header (RFC 8200 section 8.1).
    public mutating func addPseudoHeader(
        source: IPv6Address,
        destination: IPv6Address,
        byteCount: UInt32,
        nextHeader: UInt8
    ) {
        add(source)
        add(destination)
        add(byteCount)
        add(UInt16(nextHeader))
    }

    /// The checksum; 0 over data that include their own right checksum.
    public var value: UInt16 {
        var folded = sum
        while folded >> 16 != 0 { folded = folded & 0xffff &+ folded >> 16 }
        return ~UInt16(truncatingIfNeeded: folded)
    }
}
