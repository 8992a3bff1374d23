import ForwarderProtocol
import Glibc
import Reactor

/// An agent's end of the control socket, for a test that waits for one message after the other.
final class TestAgent {
    /// How long anything may take that must come: far longer than it does, so that only what never comes fails.
    static let patience: Int32 = 10_000

    struct Silence: Error {}

    private let socket: Descriptor
    private var assembler = MessageAssembler()
    private var descriptors: [Descriptor] = []
    private var buffer = [UInt8](repeating: 0, count: ForwarderProtocol.packetByteCountMaximum)

    init(path: String) throws {
        socket = try SeqPacket.connect(path: path)
    }

    func send(_ message: ForwarderMessage, _ descriptor: Descriptor? = nil) throws {
        for (index, packet) in message.packets().enumerated() {
            let along = index == 0 ? [descriptor].compactMap(\.self) : []
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
            default: return (greeting, held, all)
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
        _ changes: [(ForwarderMessage, Descriptor?)]
    ) throws -> [ForwarderMessage] {
        try send(.begin(epoch: epoch, revision: revision, isSnapshot: isSnapshot))
        for (message, descriptor) in changes { try send(message, descriptor) }
        try send(.commit)
        var besides: [ForwarderMessage] = []
        while let (message, _) = try next() {
            if message == .acknowledged(epoch: epoch, revision: revision) { return besides }
            besides.append(message)
        }
        throw Silence()
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
    /// Whether every frame that was received was counted once.
    var isAccountedFor: Bool {
        (ports + [underlay]).allSatisfy { source in
            source.receivedFrames == source.forwardedFrames + source.drops.reduce(0) { $0 + $1.frames }
        }
    }
}

extension SourceStatistics {
    func drops(_ reason: String) -> UInt64 { drops.first { $0.reason == reason }?.frames ?? 0 }
}
