import CLinux
import Datapath
import ForwarderProtocol
import Glibc
import Reactor
import Southbound
import Wire

/// A change in a commit of a test.
enum TestChange {
    case setLocalChassis(String, IPAddress)
    case put(Record)
    case delete(RecordKey)
    case underlay(IPAddress)
    case putPort(name: String, logicalPort: String)
    case deletePort(name: String)
    /// A port with a guest's rings.
    case putRings(name: String, logicalPort: String, RingLayout, [Descriptor])
}

/// An agent's end of the control socket, for a test that waits for one message after the other.
final class TestAgent {
    /// The time that an expected event may take: far longer than it does, so that only an event that never comes fails.
    static let patience: Int32 = 10_000

    struct Silence: Error {}

    private let socket: Descriptor
    private var assembler = MessageAssembler()
    private var descriptors: [Descriptor] = []
    private var tables: ForwardingTables?
    private var toldDescriptor: Int32?
    /// The slots of ports, and what these are, by name.
    private var slots: [String: UInt16] = [:]
    private var logicalPorts: [String: String] = [:]
    private var buffer = [UInt8](repeating: 0, count: ForwarderProtocol.packetByteCountMaximum)

    init(path: String) throws {
        socket = try SeqPacket.connect(path: path)
    }

    func send(_ message: ForwarderMessage, _ descriptor: Descriptor? = nil) throws {
        try send(message, [descriptor].compactMap(\.self))
    }

    private func send(_ message: ForwarderMessage, _ descriptors: [Descriptor]) throws {
        for (index, packet) in message.packets().enumerated() {
            let along = index == 0 ? descriptors : []
            while try !SeqPacket.send(packet, descriptors: along, over: socket) { try wait(POLLOUT) }
        }
    }

    /// The next message and its descriptors; `nil` when the forwarder has closed the connection.
    func next() throws -> (message: ForwarderMessage, descriptors: [Descriptor])? {
        while true {
            try wait(POLLIN)
            let received = try buffer.withUnsafeMutableBytes { try SeqPacket.receive(into: $0, from: socket) }
            switch received {
            case .wouldBlock: continue
            case .endOfStream: return nil
            case .done(let packet):
                descriptors += packet.descriptors
                guard let message = try assembler.receive(Array(buffer[..<packet.count])) else { continue }
                defer { descriptors = [] }
                return (message, descriptors)
            }
        }
    }

    /// Takes the greeting and all that is held.
    func takeGreeting() throws -> (greeting: Greeting?, held: [HeldDescriptor], descriptors: [Descriptor]) {
        var greeting: Greeting?
        var held: [HeldDescriptor] = []
        var all: [Descriptor] = []
        while let (message, descriptors) = try next() {
            switch message {
            case .greeting(let first): greeting = first
            case .held(let descriptor): held.append(descriptor)
            case .slots(let ports):
                slots = Dictionary(uniqueKeysWithValues: ports.map { ($0.name, $0.slot) })
                return (greeting, held, all)
            default: break
            }
            all += descriptors
        }
        return (greeting, held, all)
    }

    /// Sends a commit and takes what the forwarder says until it is acknowledged; what it said besides.
    @discardableResult
    func commit(
        epoch: UInt64 = 7,
        revision: UInt64,
        isSnapshot: Bool = false,
        _ changes: [(TestChange, Descriptor?)]
    ) throws -> [ForwarderMessage] {
        try send(.begin(epoch: epoch, revision: revision, isSnapshot: isSnapshot))
        try apply(changes)
        try send(.commit)
        var besides: [ForwarderMessage] = []
        while let (message, _) = try next() {
            if message == .acknowledged(epoch: epoch, revision: revision) { return besides }
            besides.append(message)
        }
        throw Silence()
    }

    /// Compiles what a commit changes, and tells the forwarder.
    private func apply(_ changes: [(TestChange, Descriptor?)]) throws {
        var records: [RecordChange] = []
        for (change, descriptor) in changes {
            switch change {
            case .setLocalChassis(let name, let address):
                tables = ForwardingTables(localChassis: name, localEncap: address, innerMTU: 1442, hashSeed: 1)
                toldDescriptor = nil
            case .put(let record): records.append(.put(record))
            case .delete(let key): records.append(.delete(key))
            case .underlay(let address): try send(.underlay(address), descriptor)
            case .putPort(let name, let logicalPort):
                try send(.putPort(LocalPort(name: name, slot: enter(name, logicalPort))), descriptor)
            case .putRings(let name, let logicalPort, let layout, let descriptors):
                try send(.putPort(LocalPort(name: name, slot: enter(name, logicalPort), rings: layout)), descriptors)
            case .deletePort(let name):
                slots[name] = nil
                logicalPorts[name] = nil
                try send(.deletePort(name: name))
            }
        }
        guard let tables, !changes.isEmpty else { return }
        let plugged = Dictionary(logicalPorts.map { ($1, slots[$0] ?? 0) }) { first, _ in first }
        tables.apply(records, slots: plugged, now: .zero)
        let isTold = tables.descriptor == toldDescriptor
        let file = isTold ? nil : Descriptor(owning: Int32(clinux_duplicate(tables.descriptor)))
        toldDescriptor = tables.descriptor
        try send(.tables(TablePlace(root: UInt64(tables.rootOffset), length: UInt64(tables.byteCount))), file)
    }

    /// Gives a port a slot, the one that it has or a free one.
    private func enter(_ name: String, _ logicalPort: String) -> UInt16 {
        let free = (0...).first { slot in !slots.values.contains(slot) }
        let slot = slots[name] ?? free ?? 0
        slots[name] = slot
        logicalPorts[name] = logicalPort
        return slot
    }

    func statistics() throws -> ForwarderStatistics {
        try send(.requestStatistics)
        while let (message, _) = try next() {
            if case .statistics(let statistics) = message { return statistics }
        }
        throw Silence()
    }

    private func wait(_ events: Int32) throws {
        try awaitReadiness(socket, events)
    }
}

/// Waits until a descriptor is ready.
func awaitReadiness(_ descriptor: Descriptor, _ events: Int32, _ patience: Int32 = TestAgent.patience) throws {
    var entry = pollfd(fd: descriptor.raw, events: Int16(events), revents: 0)
    guard poll(&entry, 1, patience) == 1 else { throw TestAgent.Silence() }
}

extension ForwarderStatistics {
    /// True if every frame that was received was counted once.
    var isAccountedFor: Bool {
        (ports + [underlay]).allSatisfy { source in
            source.receivedFrames == source.forwardedFrames + source.drops.reduce(0) { $0 + $1.frames }
        }
    }
}

extension SourceStatistics {
    func drops(_ reason: String) -> UInt64 { drops.first { $0.name == reason }?.frames ?? 0 }
}
