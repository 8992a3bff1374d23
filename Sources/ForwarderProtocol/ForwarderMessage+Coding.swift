import Wire

extension ForwarderMessage {
    /// The bytes of a header: type, zero, length.
    static let headerByteCount = 8

    /// The numbers of the messages on the wire.
    private enum Kind: UInt16 {
        case greeting = 1
        case held
        case heldEnd
        case acknowledged
        case portFailed
        case statistics
        case pathRefused
        case slots
        case capturing
        case virtualClaimed
        case portActivated
        case membersReported
        case begin = 64
        case tables
        case underlay
        case putPort = 71
        case deletePort
        case commit
        case requestStatistics
        case pathMTU
        case putTunnelKeys
        case beginCapture
        case endCapture
        case learntMACs = 96
        case mirrors
        case sendingRates
        case connections
        case filterRecord
    }

    private var kind: Kind {
        switch self {
        case .greeting: .greeting
        case .held: .held
        case .heldEnd: .heldEnd
        case .slots: .slots
        case .portActivated: .portActivated
        case .membersReported: .membersReported
        case .acknowledged: .acknowledged
        case .portFailed: .portFailed
        case .statistics: .statistics
        case .pathRefused: .pathRefused
        case .capturing: .capturing
        case .virtualClaimed: .virtualClaimed
        case .begin: .begin
        case .tables: .tables
        case .underlay: .underlay
        case .putPort: .putPort
        case .deletePort: .deletePort
        case .commit: .commit
        case .requestStatistics: .requestStatistics
        case .pathMTU: .pathMTU
        case .putTunnelKeys: .putTunnelKeys
        case .beginCapture: .beginCapture
        case .endCapture: .endCapture
        case .learntMACs: .learntMACs
        case .connections: .connections
        case .filterRecord: .filterRecord
        case .mirrors: .mirrors
        case .sendingRates: .sendingRates
        }
    }

    /// The message in one piece, header included.
    public func encode() -> [UInt8] {
        var body = MessageWriter()
        writeBody(to: &body)
        var message = MessageWriter()
        message.put(kind.rawValue)
        message.put(UInt16(0))
        message.put(count: body.bytes.count)
        return message.bytes + body.bytes
    }

    /// The message as the packets that carry it, in order: one, unless it is longer than a packet may be.
    public func packets() -> [[UInt8]] {
        let bytes = encode()
        return stride(from: 0, to: bytes.count, by: ForwarderProtocol.packetByteCountMaximum).map { start in
            Array(bytes[start...].prefix(ForwarderProtocol.packetByteCountMaximum))
        }
    }

    /// The message that these bytes are, whole and nothing more.
    public init(parsing bytes: [UInt8]) throws(ForwarderMessageError) {
        let count = try Self.byteCount(announcedBy: bytes)
        guard bytes.count >= count else { throw .truncated }
        guard bytes.count == count else { throw .trailingBytes }
        var header = MessageReader(bytes[...])
        let type = try header.integer(UInt16.self)
        guard let kind = Kind(rawValue: type) else { throw .unknownType(type) }
        guard try header.integer(UInt16.self) == 0 else { throw .invalidValue }
        var body = MessageReader(bytes[Self.headerByteCount...])
        self = try Self.parse(kind, &body)
        try body.end()
    }

    /// Returns the length of the message that begins with these bytes, including its header.
    static func byteCount(announcedBy bytes: [UInt8]) throws(ForwarderMessageError) -> Int {
        guard bytes.count >= headerByteCount else { throw .truncated }
        var length = MessageReader(bytes[4..<headerByteCount])
        let count = headerByteCount + Int(try length.integer(UInt32.self))
        guard count <= ForwarderProtocol.messageByteCountMaximum else { throw .tooLong }
        return count
    }

    private func writeBody(to writer: inout MessageWriter) {
        switch self {
        case .greeting(let greeting): writer.put(greeting)
        case .held(let descriptor): writer.put(descriptor)
        case .slots(let ports): writer.put(ports) { $0.put($1) }
        case .acknowledged(let epoch, let revision):
            writer.put(epoch)
            writer.put(revision)
        case .portFailed(let name, let errno):
            writer.put(name)
            writer.put(errno)
        case .statistics(let statistics): writer.put(statistics)
        case .pathRefused(let address): writer.put(address)
        case .capturing(let number, let isOn):
            writer.put(number)
            writer.put(isOn)
        case .beginCapture(let order):
            writer.put(order.number)
            writer.put(order.port)
            writer.put(order.snapByteCount)
        case .endCapture(let number): writer.put(number)
        case .virtualClaimed(let name, let port):
            writer.put(name)
            writer.put(port.high)
            writer.put(port.low)
        case .portActivated(let activation):
            writer.put(activation.name)
            writer.put(activation.mark)
        case .membersReported(let reports): writer.put(reports) { $0.put($1) }
        case .mirrors(let orders): writer.put(orders) { $0.put($1) }
        case .sendingRates(let rates): writer.put(rates) { $0.put($1) }
        case .begin(let epoch, let revision, let isSnapshot):
            writer.put(epoch)
            writer.put(revision)
            writer.put(isSnapshot)
        case .tables(let place):
            writer.put(place.root)
            writer.put(place.length)
        case .underlay(let address): writer.put(address)
        case .putTunnelKeys(let address, let keys):
            writer.put(address)
            writer.put(keys) { writer, key in
                writer.put(key.low)
                writer.put(key.high)
            }
        case .putPort(let port): writer.put(port)
        case .deletePort(let name): writer.put(name)
        case .pathMTU(let path):
            writer.put(path.address)
            writer.put(path.mtu)
            writer.put(path.isFound)
        case .heldEnd, .commit, .requestStatistics, .learntMACs, .connections, .filterRecord: break
        }
    }

    private static func parse(
        _ kind: Kind,
        _ reader: inout MessageReader
    ) throws(ForwarderMessageError) -> ForwarderMessage {
        switch kind {
        case .greeting: .greeting(try reader.greeting())
        case .held: .held(try reader.heldDescriptor())
        case .heldEnd: .heldEnd
        case .slots: .slots(try reader.localPorts())
        case .acknowledged: .acknowledged(epoch: try reader.integer(), revision: try reader.integer())
        case .portFailed:
            .portFailed(name: try reader.name(), errno: Int32(bitPattern: try reader.integer()))
        case .statistics: .statistics(try reader.statistics())
        case .pathRefused: .pathRefused(try reader.address())
        case .capturing: .capturing(number: try reader.integer(), isOn: try reader.boolean())
        case .beginCapture:
            .beginCapture(
                CaptureOrder(
                    number: try reader.integer(),
                    port: try reader.name(),
                    snapByteCount: try reader.integer()
                )
            )
        case .endCapture: .endCapture(number: try reader.integer())
        case .virtualClaimed:
            .virtualClaimed(
                name: try reader.name(),
                virtualPort: ObjectID(high: try reader.integer(), low: try reader.integer())
            )
        case .portActivated: .portActivated(PortActivation(name: try reader.name(), mark: try reader.integer()))
        case .membersReported: .membersReported(try reader.membershipReports())
        case .mirrors: .mirrors(try reader.mirrorOrders())
        case .sendingRates: .sendingRates(try reader.portRates())
        case .begin:
            .begin(epoch: try reader.integer(), revision: try reader.integer(), isSnapshot: try reader.boolean())
        case .tables: .tables(TablePlace(root: try reader.integer(), length: try reader.integer()))
        case .underlay: .underlay(try reader.address())
        case .putPort: .putPort(try reader.localPort())
        case .deletePort: .deletePort(name: try reader.name())
        case .commit: .commit
        case .requestStatistics: .requestStatistics
        case .learntMACs: .learntMACs
        case .connections: .connections
        case .filterRecord: .filterRecord
        case .pathMTU:
            .pathMTU(
                PathMTU(
                    address: try reader.address(),
                    mtu: try reader.integer(),
                    isFound: try reader.boolean()
                )
            )
        case .putTunnelKeys: .putTunnelKeys(address: try reader.address(), keys: try reader.tunnelKeys())
        }
    }
}

extension MessageWriter {
    fileprivate mutating func put(_ port: LocalPort) {
        put(port.name)
        put(port.slot)
        put(port.tag)
        put(port.rings != nil)
        if let rings = port.rings { put(rings) }
        put(port.isNested)
    }
}

extension MessageReader {
    fileprivate mutating func localPort() throws(ForwarderMessageError) -> LocalPort {
        var port = LocalPort(name: try name(), slot: try integer())
        port.tag = try integer()
        if try boolean() { port.rings = try ringLayout() }
        port.isNested = try boolean()
        guard port.slot < ForwarderProtocol.portCountMaximum, port.tag <= LocalPort.tagMaximum else {
            throw .invalidValue
        }
        return port
    }

    fileprivate mutating func localPorts() throws(ForwarderMessageError) -> [LocalPort] {
        try list(elementByteCountMinimum: 10) { reader throws(ForwarderMessageError) in try reader.localPort() }
    }

    fileprivate mutating func tunnelKeys() throws(ForwarderMessageError) -> [SipHashKey] {
        let keys = try list(elementByteCountMinimum: 16) {
            (reader: inout MessageReader) throws(ForwarderMessageError) in
            SipHashKey(low: try reader.integer(), high: try reader.integer())
        }
        guard keys.count <= ForwarderProtocol.tunnelKeyCountMaximum else { throw .tooLong }
        return keys
    }
}
