import CLinux
import Datapath
import ForwarderProtocol
import Glibc
import Logging
import Reactor
import Wire

/// The control thread of a forwarder: listens to the agent, maps its tables, publishes them to the pollers and says
/// when they are in force.
final class ForwarderControl {
    let loop: EventLoop
    let log: Logger
    let senderPool: SenderPool
    private(set) var connection: AgentConnection?
    private var acceptor: Acceptor?
    private let notify: Descriptor
    private var notifyRegistration: Registration?

    /// One for each queue reads the ports, and as many the underlay, so that neither direction waits for the other. A
    /// flow stays in order, since the kernel keeps it in one queue: on a TAP, in the one that it was answered on.
    let queueCount: Int
    let portPollers: [Poller]
    let underlayPollers: [Poller]
    let rings = RingTable()
    var guests = GuestRings()

    // The agent's tables, and the changes of the open commit.
    var assembly = CommitAssembly()
    var arrived = Arrivals()

    /// The sizes of the paths to other hosts.
    let paths = PathTable()
    /// The time that datagrams without a tag are taken from a chassis after the key with it has come: it may not have
    /// it yet.
    static let untaggedTime = Duration.seconds(10)
    /// From when on tags are demanded, by address.
    var tagsEnforcedAt: [IPAddress: Duration] = [:]

    /// The standby ports that their guests have activated, and the marks that the agent knows, by slot.
    let activations = Activations()
    private var toldActivations: [Int: UInt64] = [:]

    // The tables that are in force.
    var slots = PortSlots()
    var underlay: Underlay?
    var tableFile: Descriptor?
    var mapped: MappedTables?
    var tables: Tables?
    /// The MACs that this host learns; they outlive this process.
    private(set) var learnt: (descriptor: Descriptor, file: LearntMACFile)?
    /// The connections of ports; they outlive this process.
    var filterRecord: (descriptor: Descriptor, file: FilterRecordFile)?
    private(set) var tracked: (descriptor: Descriptor, file: ConnectionFile)?
    /// The time after which MACs and connections are counted anew: what has aged makes room for others that late.
    static let recountInterval = Duration.seconds(10)
    /// The addresses of the places; kept from one generation to the next while places and keys are the same.
    var places: OwnedPlaces?
    /// The limits of what guests send, as the agent has ordered them.
    var sendingRates: [PortRate] = []
    /// The mirrors of ports, as the agent has ordered them.
    var mirrors: [MirrorOrder] = []
    /// The sockets to collectors over IPv4 and IPv6.
    var mirrorSockets: (ipv4: Descriptor?, ipv6: Descriptor?)
    /// The mirrors as pollers have them, with the slots of the ports that they are about; the same for all generations
    /// in which these are.
    var madeMirrors: (slots: [Int?], mirrors: OwnedMirrors)?
    /// The captures of ports, by number.
    var captures: [UInt64: Capture] = [:]
    /// The newest generation and, before it, those that a poller may still use.
    var generations: [OwnedGeneration] = []

    // Router advertisements that nobody asked for.
    var advertisements = AdvertisementClock(seed: .random(in: 0 ... .max))
    /// The ports that are yet to get one that is due.
    var advertisementSlots: [Int] = []
    var advertisementTimer: TimerHandle?
    // Queries for members of multicast groups.
    var queries = AdvertisementClock(seed: .random(in: 0 ... .max))
    /// The ports that are yet to be asked.
    var querySlots: [Int] = []
    var queryTimer: TimerHandle?
    /// The counters of what this thread sends.
    let counters = CounterBlock()

    // The generation under way.
    var publication = Publication()
    /// Descriptors in the next generation that a poller does not read yet.
    var unwatched: [(source: CounterBlock.Source, queue: Int, descriptor: Descriptor)] = []

    /// The sockets of the underlay and the address they are bound to.
    struct Underlay {
        var address: IPAddress
        /// Those that receive; each gets its share of the flows.
        var sockets: [Descriptor]
        /// The sockets that send, from the same address.
        var senders: [Descriptor] = []
        /// True if the kernel cuts trains into datagrams.
        var isCutting = true
    }

    /// The descriptors that came with the messages of a commit that is not closed yet.
    struct Arrivals {
        var ports: [String: LocalPort] = [:]
        var devices: [String: [Descriptor]] = [:]
        var underlay: Underlay?
        var tableFile: Descriptor?
        var hasKeys = false
    }

    /// Starts the pollers. The loop keeps nothing of this object: the caller does.
    /// - Parameters:
    ///   - senderPool: made while the process could make it.
    ///   - queueCount: pollers that read ports, and as many that read the underlay.
    init(
        loop: EventLoop,
        senderPool: SenderPool = SenderPool(),
        queueCount: Int,
        log: Logger
    ) throws(SystemError) {
        self.loop = loop
        self.log = log
        self.senderPool = senderPool
        notify = Descriptor(owning: Int32(try systemCall("eventfd") { clinux_eventfd() }))
        self.queueCount = queueCount
        portPollers = try Self.makePollers("from-ports", queueCount, notify, rings, firstLane: 0)
        underlayPollers = try Self.makePollers("from-underlay", queueCount, notify, rings, firstLane: queueCount)
        notifyRegistration = try loop.register(notify.raw, reads: true, writes: false) { [weak self] _ in
            self?.hearPollers()
        }
    }

    deinit {
        notifyRegistration?.cancel()
        // Before anything goes that they use.
        for poller in pollers { poller.stop() }
        advertisementTimer?.cancel()
        queryTimer?.cancel()
        counters.deallocate()
        slots = PortSlots()
        generations = []
        rings.deallocate()
        activations.deallocate()
    }

    private static func makePollers(
        _ name: String,
        _ count: Int,
        _ notify: Descriptor,
        _ rings: RingTable,
        firstLane: Int
    ) throws(SystemError) -> [Poller] {
        var pollers: [Poller] = []
        for queue in 0..<count {
            let lane = firstLane + queue
            pollers.append(
                try Poller(name: "\(name)-\(queue)", notify: notify, queue: queue, lane: lane, rings: rings)
            )
        }
        return pollers
    }

    var pollers: [Poller] { portPollers + underlayPollers }

    /// Returns the poller of a source's queue. Ports with one queue are spread by their slots.
    func poller(of source: CounterBlock.Source, queue: Int) -> Poller {
        source == CounterBlock.underlay
            ? underlayPollers[queue % underlayPollers.count] : portPollers[(source + queue) % portPollers.count]
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
            endAllCaptures()
            letGuestsGo()
            connection = next
            next.receive = { [weak self] message, descriptors in self?.receive(message, descriptors) }
            next.ended = { [weak self] reason in self?.agentLeft(reason) }
            greet(next)
        } catch {
            log.error("cannot serve an agent: \(error)")
        }
    }

    private func greet(_ agent: AgentConnection) {
        var held: [(HeldDescriptor, [Descriptor])] = []
        if let underlay { held.append((.underlay(underlay.address), underlay.sockets)) }
        for name in slots.sortedNames {
            if let queues = slots.ports[name]?.queues, !queues.isEmpty { held.append((.port(name), queues)) }
        }
        if let learnt { held.append((.learntMACs, [learnt.descriptor])) }
        if let tracked { held.append((.connections, [tracked.descriptor])) }
        if let filterRecord { held.append((.filterRecord, [filterRecord.descriptor])) }
        agent.send(
            .greeting(
                Greeting(
                    version: ForwarderProtocol.version,
                    processID: getpid(),
                    // The base of the next delta, though the pollers may be a moment behind.
                    epoch: assembly.inForce.epoch,
                    revision: assembly.inForce.revision,
                    heldCount: UInt32(held.count)
                )
            )
        )
        for (what, descriptors) in held { agent.send(.held(what), descriptors) }
        agent.send(.heldEnd)
        let ports = slots.sortedNames.compactMap { name in
            slots.ports[name].map { LocalPort(name: name, slot: UInt16($0.slot), isNested: $0.isNested) }
        }
        agent.send(.slots(ports))
        toldActivations = [:]
        tellActivations(agent)
    }

    private func tellActivations(_ agent: AgentConnection) {
        for name in slots.sortedNames {
            guard let slot = slots.ports[name]?.slot else { continue }
            let mark = activations[slot]
            guard mark != 0, toldActivations[slot] != mark else { continue }
            toldActivations[slot] = mark
            agent.send(.portActivated(PortActivation(name: name, mark: mark)))
        }
    }

    private func agentLeft(_ reason: String?) {
        if let reason { log.warning("closed the agent's connection: \(reason)") }
        connection = nil
        forgetOpenCommit()
        endAllCaptures()
        letGuestsGo()
    }

    private func forgetOpenCommit() {
        assembly.abandon()
        arrived = Arrivals()
    }

    private func receive(_ message: ForwarderMessage, _ descriptors: [Descriptor]) {
        do throws(CommitError) {
            let former = message == .commit ? assembly : nil
            let outcome = try assembly.step(message)
            switch message {
            case .putPort(let port):
                arrived.ports[port.name] = port
                if !descriptors.isEmpty { arrived.devices[port.name] = descriptors }
            case .deletePort(let name):
                arrived.ports[name] = nil
                arrived.devices[name] = nil
            case .underlay(let address):
                arrived.underlay = descriptors.isEmpty ? nil : Underlay(address: address, sockets: descriptors)
            case .tables: arrived.tableFile = descriptors.first ?? arrived.tableFile
            case .putTunnelKeys, .begin(_, _, isSnapshot: true): arrived.hasKeys = true
            case .pathMTU(let news): paths.set(news)
            case .requestStatistics: connection?.send(.statistics(statistics))
            case .beginCapture(let order): beginCapture(order, descriptors.first)
            case .endCapture(let number): endCapture(number)
            case .learntMACs: learn(into: descriptors.first)
            case .connections: track(in: descriptors.first)
            case .filterRecord: noteDecisions(in: descriptors.first)
            case .mirrors(let orders): setMirrors(orders, descriptors)
            case .sendingRates(let rates):
                sendingRates = rates
                publishSoon()
            case .begin(_, _, isSnapshot: false), .commit: break
            // Refused by `assembly.step`.
            case .greeting, .held, .heldEnd, .slots, .acknowledged, .portFailed, .statistics, .pathRefused,
                .capturing, .virtualClaimed, .portActivated, .membersReported:
                break
            }
            guard let outcome else { return }
            guard mapTables() else {
                if let former { assembly = former }
                connection?.close("the tables cannot be read")
                return
            }
            commit(outcome)
        } catch {
            connection?.close("\(error)")
        }
    }

    /// Goes on with what the host has learnt by now.
    private func learn(into descriptor: Descriptor?) {
        guard let descriptor, let file = LearntMACFile(descriptor.raw) else {
            connection?.close("the file of learnt MACs cannot be used")
            return
        }
        // Its last writer has ended.
        file.macs.adopt()
        if learnt == nil, tracked == nil { recountSoon() }
        learnt = (descriptor, file)
        publication.outdate()
        publish()
    }

    /// Goes on with the connections that are there.
    private func track(in descriptor: Descriptor?) {
        guard let descriptor, let file = ConnectionFile(descriptor.raw) else {
            connection?.close("the file of connections cannot be used")
            return
        }
        file.connections.adopt(now: loop.now)
        if learnt == nil, tracked == nil { recountSoon() }
        tracked = (descriptor, file)
        publication.outdate()
        publish()
    }

    private func recountSoon() {
        loop.schedule(after: Self.recountInterval) { [weak self] in
            guard let self else { return }
            learnt?.file.macs.recount(now: loop.now)
            tracked?.file.connections.recount(now: loop.now)
            recountSoon()
        }
    }

    private var statistics: ForwarderStatistics {
        let blocks = pollers.map(\.counters) + [counters]
        return ForwarderStatistics(
            ports: slots.sortedNames.compactMap { name in
                slots.ports[name].map { SourceStatistics(name: name, of: $0.slot, in: blocks) }
            },
            underlay: SourceStatistics(name: "", of: CounterBlock.underlay, in: blocks),
            pollers: pollers.map { statistics(of: $0) },
            paths: paths.statistics
        )
    }

    private func statistics(of poller: Poller) -> PollerStatistics {
        let queues =
            slots.ports.values.map { ($0.slot, $0.queues.count) }
            + [(CounterBlock.underlay, underlay?.sockets.count ?? 0)]
        var (sourceCount, receivedFrames): (UInt32, UInt64) = (0, 0)
        for (source, queueCount) in queues {
            let count = (0..<queueCount).count { self.poller(of: source, queue: $0) === poller }
            guard count > 0 else { continue }
            sourceCount += UInt32(count)
            receivedFrames &+= poller.counters.value(.receivedFrames, of: source)
        }
        return PollerStatistics(name: poller.name, sourceCount: sourceCount, receivedFrames: receivedFrames)
    }

    /// A poller has seen a generation, a device has failed, or a guest has activated its port.
    private func hearPollers() {
        var count: UInt64 = 0
        _ = clinux_read(notify.raw, &count, 8)
        detachFailedDevices()
        for address in paths.takeRefused() { connection?.send(.pathRefused(address)) }
        for poller in portPollers {
            while let claim = poller.facts.claims.take() {
                guard let name = slots.name(ofSlot: Int(truncatingIfNeeded: claim.first)) else { continue }
                let port = ObjectID(high: claim.second, low: claim.third)
                connection?.send(.virtualClaimed(name: name, virtualPort: port))
            }
        }
        tellMembers()
        if activations.takeNews(), let connection { tellActivations(connection) }
        settle()
        publish()
    }
}
