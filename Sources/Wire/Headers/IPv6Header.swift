/// An IPv6 header (RFC 8200 section 3); extension headers are part of what follows.
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |version| traffic class |              flow label               |
///     |        payload length         |  next header  |   hop limit   |
///     |                      source, 16 octets                        |
///     |                    destination, 16 octets                     |
public struct IPv6Header: Hashable, Sendable {
    /// DSCP (6 bits) and ECN (2 bits).
    public var trafficClass: UInt8
    /// 20 bits.
    public var flowLabel: UInt32
    /// The length of everything after the header, in octets.
    public var payloadByteCount: UInt16
    /// The protocol of the payload (IANA, protocol-numbers); maybe an extension header.
    public var nextHeader: UInt8
    /// Hops left.
    public var hopLimit: UInt8
    public var source: IPv6Address
    public var destination: IPv6Address

    public static let byteCount = 40

    public init(
        trafficClass: UInt8 = 0,
        flowLabel: UInt32 = 0,
        payloadByteCount: UInt16,
        nextHeader: UInt8,
        hopLimit: UInt8,
        source: IPv6Address,
        destination: IPv6Address
    ) {
        self.trafficClass = trafficClass
        self.flowLabel = flowLabel
        self.payloadByteCount = payloadByteCount
        self.nextHeader = nextHeader
        self.hopLimit = hopLimit
        self.source = source
        self.destination = destination
    }

    /// Writes the header to the start of `bytes`, which must have room for 40 octets.
    public func write(to bytes: inout MutableSpan<UInt8>) {
        bytes.store(6 << 28 | UInt32(trafficClass) << 20 | flowLabel & 0xf_ffff, at: 0)
        bytes.store(payloadByteCount, at: 4)
        bytes[6] = nextHeader
        bytes[7] = hopLimit
        bytes.store(source, at: 8)
        bytes.store(destination, at: 24)
    }
}
