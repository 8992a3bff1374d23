/// Puts a message together from the packets that carry it.
public struct MessageAssembler: Sendable {
    private var bytes: [UInt8] = []

    public init() {}

    /// Takes the next packet; the message when it is complete, `nil` while more packets must come.
    ///
    /// After an error the connection is of no use: what follows may be the middle of a message.
    public mutating func receive(_ packet: [UInt8]) throws(ForwarderMessageError) -> ForwarderMessage? {
        guard !packet.isEmpty else { throw .truncated }
        bytes += packet
        let count = try ForwarderMessage.byteCount(announcedBy: bytes)
        guard bytes.count >= count else {
            guard packet.count == ForwarderProtocol.packetByteCountMaximum else { throw .truncated }
            return nil
        }
        let message = try ForwarderMessage(parsing: bytes)
        bytes = []
        return message
    }
}
