/// The checksum of SCTP (RFC 9260 appendix A): CRC-32C of octets, as many as a short packet has.
public struct CRC32C: Sendable {
    private var remainder = UInt32.max

    public init() {}

    /// Adds octets, bit by bit: there is no table that a packet would have to load.
    public mutating func add(_ bytes: Span<UInt8>) {
        for index in bytes.indices {
            remainder ^= UInt32(bytes[index])
            for _ in 0..<8 { remainder = remainder &>> 1 ^ (0x82f6_3b78 & (0 &- (remainder & 1))) }
        }
    }

    /// The checksum, whose lowest octet comes first in a packet.
    public var value: UInt32 { ~remainder }
}
