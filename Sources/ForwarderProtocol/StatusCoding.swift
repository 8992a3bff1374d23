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
        case .learntMACs: put(UInt8(2))
        case .connections: put(UInt8(3))
        case .filterRecord: put(UInt8(4))
        }
    }

    mutating func put(_ statistics: ForwarderStatistics) {
        put(statistics.ports) { writer, port in writer.put(port) }
        put(statistics.underlay)
        put(statistics.pollers) { writer, poller in
            writer.put(poller.name)
            writer.put(poller.sourceCount)
            writer.put(poller.receivedFrames)
        }
        put(statistics.paths) { writer, path in
            writer.put(path.address)
            writer.put(path.mtu)
            writer.put(path.tooLongFrames)
            writer.put(path.unsentFrames)
        }
    }

    private mutating func put(_ source: SourceStatistics) {
        put(source.name)
        put(source.receivedFrames)
        put(source.receivedBytes)
        put(source.forwardedFrames)
        put(source.sentFrames)
        put(source.sentBytes)
        put(source.unsentFrames)
        put(source.singlySentFrames)
        for counts in [source.drops, source.partlyDropped, source.answers] {
            put(counts) { writer, count in
                writer.put(count.name)
                writer.put(count.frames)
            }
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
        case 2: return .learntMACs
        case 3: return .connections
        case 4: return .filterRecord
        default: throw .invalidValue
        }
    }

    mutating func statistics() throws(ForwarderMessageError) -> ForwarderStatistics {
        ForwarderStatistics(
            ports: try list(elementByteCountMinimum: 72) { reader throws(ForwarderMessageError) in
                try reader.source()
            },
            underlay: try source(),
            pollers: try list(elementByteCountMinimum: 16) { reader throws(ForwarderMessageError) in
                PollerStatistics(
                    name: try reader.name(),
                    sourceCount: try reader.integer(),
                    receivedFrames: try reader.integer()
                )
            },
            paths: try list(elementByteCountMinimum: 25) { reader throws(ForwarderMessageError) in
                PathStatistics(
                    address: try reader.address(),
                    mtu: try reader.integer(),
                    tooLongFrames: try reader.integer(),
                    unsentFrames: try reader.integer()
                )
            }
        )
    }

    private mutating func source() throws(ForwarderMessageError) -> SourceStatistics {
        var source = SourceStatistics(name: try name())
        source.receivedFrames = try integer()
        source.receivedBytes = try integer()
        source.forwardedFrames = try integer()
        source.sentFrames = try integer()
        source.sentBytes = try integer()
        source.unsentFrames = try integer()
        source.singlySentFrames = try integer()
        source.drops = try counts()
        source.partlyDropped = try counts()
        source.answers = try counts()
        return source
    }

    private mutating func counts() throws(ForwarderMessageError) -> [NamedCount] {
        try list(elementByteCountMinimum: 12) { reader throws(ForwarderMessageError) in
            NamedCount(name: try reader.name(), frames: try reader.integer())
        }
    }
}
