/// A TCP header (RFC 9293 section 3.1). Options are measured, not interpreted.
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |          source port          |       destination port        |
///     |                        sequence number                        |
///     |                    acknowledgment number                      |
///     | offset| rsrvd |     flags     |            window             |
///     |           checksum            |        urgent pointer         |
///     |                           options                             |
public struct TCPHeader: Hashable, Sendable {
    public var sourcePort: UInt16
    public var destinationPort: UInt16
    /// The number of the first octet of the payload.
    public var sequenceNumber: UInt32
    /// The number of the next octet expected.
    public var acknowledgmentNumber: UInt32
    /// CWR, ECE, URG, ACK, PSH, RST, SYN, FIN, the first being 0x80.
    public var flags: UInt8
    /// The receive window, unscaled.
    public var window: UInt16
    /// The checksum as it is in the header.
    public var checksum: UInt16
    /// The end of urgent data, as an offset from the sequence number.
    public var urgentPointer: UInt16
    /// The octets of options: 0, 4 ... 40.
    public var optionByteCount: Int

    /// The size without options, in octets.
    public static let minimumByteCount = 20

    public init(
        sourcePort: UInt16,
        destinationPort: UInt16,
        sequenceNumber: UInt32,
        acknowledgmentNumber: UInt32,
        flags: UInt8,
        window: UInt16
    ) {
        self.sourcePort = sourcePort
        self.destinationPort = destinationPort
        self.sequenceNumber = sequenceNumber
        self.acknowledgmentNumber = acknowledgmentNumber
        self.flags = flags
        self.window = window
        checksum = 0
        urgentPointer = 0
        optionByteCount = 0
    }

    /// The size in octets: 20 ... 60.
    public var byteCount: Int { Self.minimumByteCount + optionByteCount }

    /// Writes the header to the start of `bytes`, which must have room for `byteCount` octets. Options are written as
    /// zeros: "end of option list".
    public func write(to bytes: inout MutableSpan<UInt8>) {
        bytes.store(sourcePort, at: 0)
        bytes.store(destinationPort, at: 2)
        bytes.store(sequenceNumber, at: 4)
        bytes.store(acknowledgmentNumber, at: 8)
        bytes[12] = UInt8(truncatingIfNeeded: (byteCount / 4) << 4)
        bytes[13] = flags
        bytes.store(window, at: 14)
        bytes.store(checksum, at: 16)
        bytes.store(urgentPointer, at: 18)
        for offset in Self.minimumByteCount..<byteCount { bytes[offset] = 0 }
    }
}
