/// The most that the guest of a port sends, on average. 0 stands for no limit.
public struct PortRate: Hashable, Sendable {
    /// The port's name on this host.
    public var port: String
    public var bitsPerSecond: UInt64
    /// Bits that may be sent at once after a pause.
    public var burstBits: UInt64
    public var framesPerSecond: UInt64

    public init(port: String, bitsPerSecond: UInt64, burstBits: UInt64, framesPerSecond: UInt64) {
        self.port = port
        self.bitsPerSecond = bitsPerSecond
        self.burstBits = burstBits
        self.framesPerSecond = framesPerSecond
    }
}

extension MessageWriter {
    mutating func put(_ rate: PortRate) {
        put(rate.port)
        put(rate.bitsPerSecond)
        put(rate.burstBits)
        put(rate.framesPerSecond)
    }
}

extension MessageReader {
    mutating func portRates() throws(ForwarderMessageError) -> [PortRate] {
        let rates = try list(elementByteCountMinimum: 26) { reader throws(ForwarderMessageError) in
            PortRate(
                port: try reader.name(),
                bitsPerSecond: try reader.integer(),
                burstBits: try reader.integer(),
                framesPerSecond: try reader.integer()
            )
        }
        guard rates.count <= ForwarderProtocol.portCountMaximum else { throw .tooLong }
        return rates
    }
}
