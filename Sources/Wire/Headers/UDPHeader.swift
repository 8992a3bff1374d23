/// A UDP header (RFC 768).
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |          source port          |       destination port        |
///     |            length             |           checksum            |
public struct UDPHeader: Hashable, Sendable {
    public var sourcePort: UInt16
    public var destinationPort: UInt16
    /// Header and payload, in octets; at least 8.
    public var totalByteCount: UInt16
    /// The checksum as it is in the header; 0 over IPv4 means none.
    public var checksum: UInt16

    public static let byteCount = 8

    public init(sourcePort: UInt16, destinationPort: UInt16, totalByteCount: UInt16, checksum: UInt16 = 0) {
        self.sourcePort = sourcePort
        self.destinationPort = destinationPort
        self.totalByteCount = totalByteCount
        self.checksum = checksum
    }

    /// Writes the header to the start of `bytes`, which must have room for 8 octets.
    public func write(to bytes: inout MutableSpan<UInt8>) {
        bytes.store(sourcePort, at: 0)
        bytes.store(destinationPort, at: 2)
        bytes.store(totalByteCount, at: 4)
        bytes.store(checksum, at: 6)
    }
}
