import CLinux
import Datapath
import ForwarderProtocol
import Glibc
import Logging
import Reactor
import Wire

/// The control thread of a forwarder: listens to the agent, compiles tables, publishes them to the pollers and says
/// when they are in force.
final class ForwarderControl {
    let loop: EventLoop
    let log: Logger
    let hashSeed: UInt64
    let senderPool: SenderPool
    let journal: Journal
    private(set) var connection: AgentConnection?
    private var acceptor: Acceptor?
    private let notify: Descriptor
    private var notifyRegistration: Registration?

    /// Read the ports, each those whose slots fall to it; the other one reads the underlay. So neither direction waits
    /// for the other, and all frames of a port stay in order.
    let portPollers: [Poller]
    let underlayPoller: Poller

    // What the agent has asked for, and what has come with the open commit.
    var assembly = TableAssembly()
    var arrived = Arrivals()

    // What is in force.
    var slots = PortSlots()
    var underlay: Underlay?
    var tables: ForwardingTables?
    /// The newest generation and, before it, those that a poller may still use.
    var generations: [OwnedGeneration] = []

    // What is on the way there.
    var publication = Publication()
    /// Descriptors in the next generation that a poller does not read yet.
    var unwatched: [(source: CounterBlock.Source, descriptor: Descriptor)] = []

    /// The socket of the underlay and the address it is bound to.
    struct Underlay {
        var address: IPAddress
        var socket: Descriptor
        /// The sockets that send, from the same address.
        var senders: [Descriptor] = []
        /// Whether the kernel cuts trains into datagrams.
        var isCutting = true
    }

    /// What rode along with the messages of a commit that is not closed yet.
    struct Arrivals {
        var ports: Set<String> = []
        var devices: [String: Descriptor] = [:]
        var underlay: Underlay?
    }

    /// Starts the pollers. The loop keeps nothing of this object: the caller does.
    /// - Parameters:
    ///   - hashSeed: spreads the keys of tables; random, so that no tenant can foresee where keys meet.
    ///   - senderPool: made while the process could make it.
    ///   - journal: that of the forwarder before this one, or a new one, with `pollerCount` parts.
    init(
        loop: EventLoop,
        hashSeed: UInt64,
        senderPool: SenderPool = SenderPool(),
        journal: Journal,
        log: Logger
    ) throws(SystemError) {
        self.loop = loop
        self.log = log
        self.senderPool = senderPool
        self.journal = journal
        self.hashSeed = hashSeed
        notify = Descriptor(owning: Int32(try systemCall("eventfd") { clinux_eventfd() }))
        portPollers = try Self.makePortPollers(journal, notify: notify)
        underlayPoller = try Poller(
            name: "from-underlay",
            notify: notify,
            journal: journal.pollers[journal.pollers.count - 1],
            quarantine: journal.quarantine
        )
        notifyRegistration = try loop.register(notify.raw, reads: true, writes: false) { [weak self] _ in
            self?.hearPollers()
        }
    }

    deinit {
        notifyRegistration?.cancel()
        // Before anything goes that they use.
        for poller in pollers { poller.stop() }
    }

    /// Pollers of ports beyond these are not worth their memory.
    static let portPollerCountMaximum = 8
    /// One of ports for two processors, and the underlay's: the others are for the guests and for the kernel's part.
    static var pollerCount: Int {
        min(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)) / 2), portPollerCountMaximum) + 1
    }

    private static func makePortPollers(_ journal: Journal, notify: Descriptor) throws(SystemError) -> [Poller] {
        var pollers: [Poller] = []
        for (number, part) in journal.pollers.dropLast().enumerated() {
            let quarantine = journal.quarantine
            let name = "from-ports-\(number)"
            pollers.append(try Poller(name: name, notify: notify, journal: part, quarantine: quarantine))
        }
        return pollers
    }

    var pollers: [Poller] { portPollers + [underlayPoller] }

    /// Who reads a source.
    func poller(of source: CounterBlock.Source) -> Poller {
        source == CounterBlock.underlay ? underlayPoller : portPollers[source % portPollers.count]
    }

    /// Begins to accept agents.
    func serve(_ listener: Descriptor) throws(SystemError) {
        acceptor = try Acceptor(loop: loop, listener: listener) { [weak self] socket, _ in self?.accept(socket) }
    }

    /// Lets the pollers end their batches, and accepts no more agents.
    func stop() {
        for poller in pollers { poller.stop() }
        acceptor?.cancel()
        acceptor = nil
    }

    /// Lets the agent go.
    func disconnect() {
        connection?.cancel()
        connection = nil
    }

    private func accept(_ socket: Descriptor) {
        do throws(SystemError) {
            let next = try AgentConnection(socket: socket, loop: loop)
            connection?.cancel()
            forgetOpenCommit()
            connection = next
            next.receive = { [weak self] message, descriptors in self?.receive(message, descriptors) }
            next.ended = { [weak self] reason in self?.agentLeft(reason) }
            greet(next)
        } catch {
            log.error("cannot serve an agent: \(error)")
        }
    }

    private func greet(_ agent: AgentConnection) {
        var held: [(HeldDescriptor, Descriptor)] = [(.journal, journal.descriptor)]
        if let underlay { held.append((.underlay(underlay.address), underlay.socket)) }
        for name in slots.sortedNames {
            if let device = slots.ports[name]?.device { held.append((.port(name), device)) }
        }
        agent.send(
            .greeting(
                Greeting(
                    version: ForwarderProtocol.version,
                    processID: getpid(),
                    // What the next delta is applied to, though the pollers may be a moment behind.
                    epoch: assembly.inForce.epoch,
                    revision: assembly.inForce.revision,
                    heldCount: UInt32(held.count)
                )
            )
        )
        for (descriptor, file) in held { agent.send(.held(descriptor), [file]) }
        agent.send(.heldEnd)
        for frame in journal.quarantined { agent.send(.quarantined(frame)) }
    }

    private func agentLeft(_ reason: String?) {
        if let reason { log.warning("closed the agent's connection: \(reason)") }
        connection = nil
        forgetOpenCommit()
    }

    private func forgetOpenCommit() {
        assembly.abandon()
        arrived = Arrivals()
    }

    private func receive(_ message: ForwarderMessage, _ descriptors: [Descriptor]) {
        do throws(TableAssemblyError) {
            let outcome = try assembly.step(message)
            switch message {
            case .putPort(let port):
                arrived.ports.insert(port.name)
                arrived.devices[port.name] = descriptors.first ?? arrived.devices[port.name]
            case .deletePort(let name):
                arrived.ports.remove(name)
                arrived.devices[name] = nil
            case .underlay(let address):
                arrived.underlay = descriptors.first.map { Underlay(address: address, socket: $0) }
            case .requestStatistics: connection?.send(.statistics(statistics))
            default: break
            }
            if let outcome { commit(outcome) }
        } catch {
            connection?.close("\(error)")
        }
    }

    private var statistics: ForwarderStatistics {
        let blocks = pollers.map(\.counters)
        return ForwarderStatistics(
            ports: slots.sortedNames.compactMap { name in
                slots.ports[name].map { SourceStatistics(name: name, of: $0.slot, in: blocks) }
            },
            underlay: SourceStatistics(name: "", of: CounterBlock.underlay, in: blocks),
            pollers: pollers.map { statistics(of: $0) }
        )
    }

    private func statistics(of poller: Poller) -> PollerStatistics {
        let read = slots.ports.values.filter { $0.device != nil && self.poller(of: $0.slot) === poller }.map(\.slot)
        let sources = poller === underlayPoller ? (underlay == nil ? [] : [CounterBlock.underlay]) : read
        return PollerStatistics(
            name: poller.name,
            sourceCount: UInt32(sources.count),
            receivedFrames: sources.reduce(0) { $0 &+ poller.counters.value(.receivedFrames, of: $1) }
        )
    }

    /// A poller has seen a generation, or a device has failed.
    private func hearPollers() {
        var count: UInt64 = 0
        _ = clinux_read(notify.raw, &count, 8)
        detachFailedDevices()
        settle()
        publish()
    }
}
