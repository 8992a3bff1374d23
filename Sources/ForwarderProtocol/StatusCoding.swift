import Wire

extension MessageWriter {
    mutating func put(_ greeting: Greeting) {
        put(greeting.version)
        put(greeting.processID)
        put(greeting.epoch)
        put(greeting.revision)
        put(greeting.heldCount)
    }

    mutating func put(_ descriptor: HeldDescriptor) {
        switch descriptor {
        case .underlay(let address):
            put(UInt8(0))
            put(address)
        case .port(let name):
            put(UInt8(1))
            put(name)
        }
    }

    mutating func put(_ statistics: ForwarderStatistics) {
        put(statistics.ports) { writer, port in
            writer.put(port.name)
            writer.put(port.traffic)
            writer.put(port.drops)
        }
        put(statistics.underlay)
        put(statistics.underlayDrops)
    }

    private mutating func put(_ traffic: TrafficCounters) {
        put(traffic.receivedFrames)
        put(traffic.receivedBytes)
        put(traffic.sentFrames)
        put(traffic.sentBytes)
    }

    private mutating func put(_ drops: [DropCount]) {
        put(drops) { writer, drop in
            writer.put(drop.reason)
            writer.put(drop.frames)
        }
    }
}

extension MessageReader {
    mutating func greeting() throws(ForwarderMessageError) -> Greeting {
        Greeting(
            version: try integer(),
            processID: Int32(bitPattern: try integer()),
            epoch: try integer(),
            revision: try integer(),
            heldCount: try integer()
        )
    }

    mutating func heldDescriptor() throws(ForwarderMessageError) -> HeldDescriptor {
        switch try integer(UInt8.self) {
        case 0: return .underlay(try address())
        case 1: return .port(try name())
        default: throw .invalidValue
        }
    }

    mutating func statistics() throws(ForwarderMessageError) -> ForwarderStatistics {
        ForwarderStatistics(
            ports: try list(elementByteCountMinimum: 40) { reader throws(ForwarderMessageError) in
                PortStatistics(name: try reader.name(), traffic: try reader.traffic(), drops: try reader.drops())
            },
            underlay: try traffic(),
            underlayDrops: try drops()
        )
    }

    private mutating func traffic() throws(ForwarderMessageError) -> TrafficCounters {
        TrafficCounters(
            receivedFrames: try integer(),
            receivedBytes: try integer(),
            sentFrames: try integer(),
            sentBytes: try integer()
        )
    }

    private mutating func drops() throws(ForwarderMessageError) -> [DropCount] {
        try list(elementByteCountMinimum: 12) { reader throws(ForwarderMessageError) in
            DropCount(reason: try reader.name(), frames: try reader.integer())
        }
    }
}
