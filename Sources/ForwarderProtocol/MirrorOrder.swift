import Match
import Wire

/// Copies of ports' frames that go to one place.
public struct MirrorOrder: Hashable, Sendable {
    /// The place that copies go to.
    public enum Sink: Hashable, Sendable {
        /// Another port of this host, by its name here.
        case port(String)
        /// A collector of Ethernet frames in GRE, with a key.
        case gre(IPAddress, key: UInt32)
        /// A collector of ERSPAN of version 1, with an index.
        case erspan(IPAddress, index: UInt32)

        /// The collector's address.
        public var address: IPAddress? {
            switch self {
            case .port: nil
            case .gre(let address, _), .erspan(let address, _): address
            }
        }
    }

    /// The names of the copied ports on this host.
    public var ports: [String]
    /// True if frames that the guest sends are copied.
    public var copiesSent: Bool
    /// True if frames that the guest is given are copied.
    public var copiesReceived: Bool
    public var sink: Sink
    /// The frames that are copied.
    public var filter: MatchProgram

    public init(
        ports: [String],
        copiesSent: Bool,
        copiesReceived: Bool,
        sink: Sink,
        filter: MatchProgram = .always
    ) {
        self.ports = ports
        self.copiesSent = copiesSent
        self.copiesReceived = copiesReceived
        self.sink = sink
        self.filter = filter
    }
}

extension MessageWriter {
    mutating func put(_ order: MirrorOrder) {
        put(order.ports) { $0.put($1) }
        put(order.copiesSent)
        put(order.copiesReceived)
        switch order.sink {
        case .port(let name):
            put(UInt8(0))
            put(name)
        case .gre(let address, let key):
            put(UInt8(1))
            put(address)
            put(key)
        case .erspan(let address, let index):
            put(UInt8(2))
            put(address)
            put(index)
        }
        put(order.filter.steps) { $0.put($1) }
        put(order.filter.first)
    }

    private mutating func put(_ step: MatchProgram.Step) {
        // Fields by their places in the list: it is the same in all processes of a version.
        put(UInt8(MatchField.allCases.firstIndex(of: step.field) ?? 0))
        put(step.comparison.rawValue)
        put(step.lowestBit)
        put(step.mask)
        put(step.value)
        put(step.ifTrue)
        put(step.ifFalse)
    }
}

extension MessageReader {
    mutating func mirrorOrders() throws(ForwarderMessageError) -> [MirrorOrder] {
        let orders = try list(elementByteCountMinimum: 20) { reader throws(ForwarderMessageError) in
            try reader.mirrorOrder()
        }
        guard orders.count <= ForwarderProtocol.mirrorCountMaximum else { throw .tooLong }
        return orders
    }

    private mutating func mirrorOrder() throws(ForwarderMessageError) -> MirrorOrder {
        MirrorOrder(
            ports: try list(elementByteCountMinimum: 4) { reader throws(ForwarderMessageError) in try reader.name() },
            copiesSent: try boolean(),
            copiesReceived: try boolean(),
            sink: try mirrorSink(),
            filter: try matchProgram()
        )
    }

    private mutating func mirrorSink() throws(ForwarderMessageError) -> MirrorOrder.Sink {
        switch try integer(UInt8.self) {
        case 0: return .port(try name())
        case 1: return .gre(try address(), key: try integer())
        case 2: return .erspan(try address(), index: try integer())
        default: throw .invalidValue
        }
    }

    private mutating func matchProgram() throws(ForwarderMessageError) -> MatchProgram {
        let steps = try list(elementByteCountMinimum: 39) { reader throws(ForwarderMessageError) in
            try reader.matchStep()
        }
        let first = Int16(bitPattern: try integer())
        guard let program = MatchProgram(steps: steps, first: first) else { throw .invalidValue }
        return program
    }

    private mutating func matchStep() throws(ForwarderMessageError) -> MatchProgram.Step {
        let field = Int(try integer(UInt8.self))
        guard MatchField.allCases.indices.contains(field),
            let comparison = MatchProgram.Step.Comparison(rawValue: try integer())
        else { throw .invalidValue }
        return MatchProgram.Step(
            field: MatchField.allCases[field],
            comparison: comparison,
            lowestBit: try integer(),
            mask: try integer(),
            value: try integer(),
            ifTrue: Int16(bitPattern: try integer()),
            ifFalse: Int16(bitPattern: try integer())
        )
    }
}
