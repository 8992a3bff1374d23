/// The most that the guest of a port sends, on average. 0 stands for no limit.
public struct PortRate: Hashable, Sendable {
    /// The port's name on this host.
    public var port: String
    public var bitsPerSecond: UInt64
    /// Bits that may be sent at once after a pause.
    public var burstBits: UInt64
    public var framesPerSecond: UInt64
    /// The frames for many a second that are not dropped.
    public var storms = StormRates()

    public init(port: String, bitsPerSecond: UInt64, burstBits: UInt64, framesPerSecond: UInt64) {
        self.port = port
        self.bitsPerSecond = bitsPerSecond
        self.burstBits = burstBits
        self.framesPerSecond = framesPerSecond
    }
}

/// The most frames of each kind for many, on average, that a port sends in a second. 0 stands for no limit.
public struct StormRates: Hashable, Sendable {
    public var broadcasts: UInt64 = 0
    public var multicasts: UInt64 = 0
    /// Those to MACs that nobody is known to have.
    public var unknowns: UInt64 = 0

    public init(broadcasts: UInt64 = 0, multicasts: UInt64 = 0, unknowns: UInt64 = 0) {
        self.broadcasts = broadcasts
        self.multicasts = multicasts
        self.unknowns = unknowns
    }
}

extension MessageWriter {
    mutating func put(_ rate: PortRate) {
        put(rate.port)
        put(rate.bitsPerSecond)
        put(rate.burstBits)
        put(rate.framesPerSecond)
        put(rate.storms.broadcasts)
        put(rate.storms.multicasts)
        put(rate.storms.unknowns)
    }
}

extension MessageReader {
    mutating func portRates() throws(ForwarderMessageError) -> [PortRate] {
        let rates = try list(elementByteCountMinimum: 50) { reader throws(ForwarderMessageError) in
            var rate = PortRate(
                port: try reader.name(),
                bitsPerSecond: try reader.integer(),
                burstBits: try reader.integer(),
                framesPerSecond: try reader.integer()
            )
            rate.storms = StormRates(
                broadcasts: try reader.integer(),
                multicasts: try reader.integer(),
                unknowns: try reader.integer()
            )
            return rate
        }
        guard rates.count <= ForwarderProtocol.portCountMaximum else { throw .tooLong }
        return rates
    }
}
