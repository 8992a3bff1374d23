import AgentCore
import ForwarderProtocol
import HTTP
import HTTPTransport
import HTTPTypes
import Netdev
import Reactor
import Security
import Southbound
import Wire

/// Connects the agent's core to the system: performs its effects and passes events to it. It belongs to one loop.
final class Agent {
    /// The most connections to the agent's socket at once: its users are a host's tools.
    static let connectionCountMaximum = 256
    /// The time that answers under way may take when the agent ends.
    static let drainPatience = Duration.seconds(2)
    /// The time that central may take to hear that the agent ends.
    static let farewellPatience = Duration.milliseconds(500)

    /// The reports of the workers.
    enum Report: Sendable {
        case deviceOpened(port: String, Result<PortDevice.Opened, Problem>)
        case deviceRemoved(port: String, failure: String?)
        case devicesChecked([String: DeviceCondition])
        case portsSaved(save: UInt64, failure: String?)
        case shareSaved(failure: String?, isFull: Bool)
        case pathsMeasured(PathMeasurement)
    }

    /// The reason why the agent had to end; `nil` if it was told to.
    private(set) var failure: AgentFailure?
    /// The service manager that is told when the agent is ready and when it ends.
    var serviceManager: ServiceManager?

    let loop: EventLoop
    private let directory: StateDirectory
    let configuration: Configuration
    var core: AgentCore
    private var generator = SystemRandomNumberGenerator()
    private var timer: TimerHandle?
    private let shareStore: ShareStore
    private let files: Worker
    let devices: Worker
    /// Asks the kernel about routes; devices may keep theirs waiting.
    private let routes: Worker
    private var prober: PathProber?
    private var monitor: UnderlayMonitor?
    var reports: Mailbox<Report>?
    var central: CentralLink?
    private var renewal: Renewal?
    private var forwarder: ForwarderLink?
    private var server: HTTPServer?
    lazy var captures = Captures(
        loop: loop,
        program: "heddle \(configuration.version)",
        names: Captures.Names(
            port: { [weak self] in self?.core.portName(ofSlot: $0) ?? "" },
            chassis: { [weak self] in self?.core.chassisName(at: $0) ?? "" },
            acl: { [weak self] identity in
                self.flatMap { $0.filters.name(of: identity, $0.core, now: $0.loop.now) }
            }
        ),
        send: { [weak self] in self?.forwarder?.send($0) },
        ended: { [weak self] in self?.hear(.captureEnded($0)) }
    )
    private lazy var collectors = CollectorSockets(encapIP: configuration.encapIP)
    /// Queues of each device, and sockets of the underlay.
    let deviceQueues: PortDevice.Queues
    /// The underlay's sockets; `nil` while only a running forwarder has them.
    var underlay: [Descriptor]?
    private let tables: HostTables
    let macs = HostMACs()
    let connections = HostConnections()
    let filters = HostFilters()
    var isLoggingDecisions = false
    var filtersSweptAt = Duration.zero
    /// The orders to the forwarder that wait until tables are compiled; those for one that is gone mean nothing.
    private var ordersAfterTables: [[ForwarderOrder]] = []
    private var isCompilingSoon = false
    var queues: [String: [Descriptor]] = [:]
    private var guests: GuestSockets?
    var exchanges: [Ticket: HTTPExchange] = [:]
    /// Central's questions that the core answers, by its tickets.
    var queries: [Ticket: HostQuery] = [:]
    var nextTicket: Ticket = 1
    private var isEnding = false
    /// The number of the agent's last sync, while that is under way.
    private var farewell: UInt64?

    init(
        loop: EventLoop,
        directory: StateDirectory,
        configuration: Configuration,
        core: AgentCore,
        endpoint: HTTPEndpoint,
        membership: Membership?,
        underlay: [Descriptor]?,
        keyring: TunnelKeyring?,
        forwarderExecutable: String,
        startsForwarder: Bool,
        deviceQueues: PortDevice.Queues
    ) throws {
        self.loop = loop
        self.directory = directory
        self.configuration = configuration
        self.core = core
        self.underlay = underlay
        shareStore = ShareStore(path: directory.shareFile, chassis: configuration.chassis)
        tables = HostTables(configuration: configuration, keyring: keyring)
        self.deviceQueues = deviceQueues
        files = try Worker(named: "files")
        devices = try Worker(named: "devices")
        routes = try Worker(named: "routes")
        reports = try Mailbox(on: loop) { [weak self] report in self?.take(report) }
        central = CentralLink(
            loop: loop,
            endpoint: endpoint,
            tls: try membership?.context(),
            chassis: configuration.chassis
        ) { [weak self] event in
            self?.hear(event)
        }
        renewal = try membership.map { membership in
            try Renewal(
                loop: loop,
                endpoint: endpoint,
                chassis: configuration.chassis,
                directory: directory,
                membership: membership
            ) { [weak self] context in
                self?.central?.secure(by: context)
            }
        }
        forwarder = ForwarderLink(
            loop: loop,
            directory: directory,
            executable: forwarderExecutable,
            startsForwarder: startsForwarder,
            queueCount: deviceQueues.count,
            keep: { [weak self] what, descriptors in self?.keep(what, descriptors) },
            hear: { [weak self] event in self?.hear(event) }
        )
        guests = GuestSockets(loop: loop) { [weak self] event in self?.hear(event) }
        let encapIP = configuration.encapIP
        prober = try PathProber(loop: loop, encapIP: encapIP) { [weak self] event in self?.hear(event) }
        monitor = try UnderlayMonitor(loop: loop) { [weak self] in self?.hear(.underlayChanged) }
        let listener = try Descriptor.listen(on: .unix(path: directory.agentSocket), mode: 0o600)
        var limits = HTTPLimits()
        limits.connectionMaximum = Self.connectionCountMaximum
        limits.bodyByteCountMaximum = SocketAPI.bodyByteCountMaximum
        server = try HTTPServer(loop: loop, listener: listener, limits: limits) { [weak self] exchange in
            self?.serve(exchange)
        }
    }

    /// Begins; the loop is to be run.
    func start() {
        loop.defer { self.hear(.started) }
    }

    /// Ends the agent and lets the forwarder go on, or with `all` ends that first.
    func end(all: Bool = false) {
        guard !isEnding else { return }
        isEnding = true
        serviceManager?.tell(.stopping)
        if all {
            forwarder?.endForGood { self.finish() }
        } else {
            forwarder?.disconnect()
            finish()
        }
    }

    private func finish() {
        perform(core.step(.stopping, now: loop.now, using: &generator))
        captures.endAll()
        for exchange in exchanges.values { exchange.respond(SocketAPI.ending, body: .none) }
        exchanges = [:]
        if farewell == nil { return drain() }
        _ = loop.schedule(after: Self.farewellPatience) { [weak self] in self?.endFarewell() }
    }

    private func endFarewell() {
        guard farewell != nil else { return }
        farewell = nil
        drain()
    }

    private func drain() {
        guard let server else { return loop.stop() }
        server.drain(within: Self.drainPatience) {
            self.files.wait()
            self.loop.stop()
        }
    }

    func hear(_ event: Event) {
        guard !isEnding else {
            if case .syncAnswered(farewell, _) = event { endFarewell() }
            if case .syncFailed(farewell, _) = event { endFarewell() }
            return
        }
        if case .forwarderLost = event { ordersAfterTables = [] }
        forwarder?.send(macs.news(after: event) + connections.news(after: event) + filters.news(after: event))
        perform(core.step(event, now: loop.now, using: &generator))
    }

    private func take(_ report: Report) {
        switch report {
        case .deviceOpened(let port, .success(let opened)):
            queues[port] = opened.queues
            hear(.deviceOpened(port: port, .success(opened.device)))
        case .deviceOpened(let port, .failure(let refusal)): hear(.deviceOpened(port: port, .failure(refusal)))
        case .deviceRemoved(let port, let failure): hear(.deviceRemoved(port: port, failure: failure))
        case .devicesChecked(let conditions): hear(.devicesChecked(conditions))
        case .portsSaved(let save, let failure): hear(.portsSaved(save: save, failure: failure))
        case .shareSaved(let failure, let isFull): hear(.shareSaved(failure: failure, isFull: isFull))
        case .pathsMeasured(let measurement): hear(.pathsMeasured(measurement))
        }
    }

    private func perform(_ effects: [Effect]) { for effect in effects { perform(effect) } }

    private func perform(_ effect: Effect) {
        switch effect {
        case .sendSync(let sync):
            if sync.isLeaving { farewell = sync.seq }
            central?.send(sync)
        case .reply(let query): loop.defer { [weak self] in self?.reply(to: query) }
        case .startForwarder:
            tables.forgetFile()
            forwarder?.start()
        case .replaceForwarder(let process): forwarder?.end(process: process)
        case .compile(let change):
            tables.compile(change, now: loop.now)
            goOnCompiling()
            logDecisionsSoon()
        case .forward(let orders):
            if tables.isCompiling { ordersAfterTables.append(orders) } else { forward(orders) }
        case .openDevice(let port, _) where port.device == .vhostUser: guests?.open(port)
        case .openDevice(let port, let order): openDevice(of: port, order)
        case .checkDevices(let places): checkDevices(places)
        case .announce(let announcements): announce(announcements)
        case .releaseDevice(let name):
            queues[name] = nil
            guests?.disconnect(name)
        case .guestsSettled(let names): guests?.settle(names)
        case .removeDevice(let port, _) where port.device == .vhostUser: guests?.remove(port.name)
        case .removeDevice(let port, let isOwned): removeDevice(of: port, isOwned: isOwned)
        case .savePorts(let ports, let save):
            files.run { [reports, directory] in
                reports?.send(.portsSaved(save: save, failure: directory.save(ports)))
            } orElse: {
                reports?.send(.portsSaved(save: save, failure: Self.hangingDisk))
            }
        case .saveShare(let save):
            files.run { [reports, shareStore, innerMTU = core.innerMTU] in
                let (failure, isFull) = shareStore.save(save, innerMTU: innerMTU)
                reports?.send(.shareSaved(failure: failure, isFull: isFull))
            } orElse: {
                reports?.send(.shareSaved(failure: Self.hangingDisk, isFull: false))
            }
        case .measurePaths(let addresses):
            routes.run { [reports, encapIP = configuration.encapIP] in
                reports?.send(.pathsMeasured(PathProber.measure(addresses, from: encapIP)))
            } orElse: {
                // Those that wait tell as much when they are done.
            }
        case .sendProbes(let probes): prober?.send(probes)
        case .openCapture(let ticket, let request, let logicalPort):
            openCapture(ticket, request, logicalPort: logicalPort)
        case .beginCapture(let ticket):
            captures.begin(ticket)
            exchanges[ticket] = nil
        case .endCapture(let ticket, let refusal):
            guard captures.end(ticket) else { break }
            if let refusal { respond(to: ticket, .refused(refusal)) }
        case .answer(let ticket, let answer): respond(to: ticket, answer)
        case .setTimer(let time): setTimer(time)
        case .log(let level, let text): Log.write(level, text)
        case .ready:
            let story =
                "chassis \(configuration.chassis), encap \(configuration.encapIP), "
                + "inner MTU \(configuration.innerMTU), central \(configuration.central)"
            Log.write(.info, "ready, \(story)")
            serviceManager?.tell(.ready(status: story))
        case .fail(let sentence, let stopsForwarder):
            failure = AgentFailure(sentence)
            end(all: stopsForwarder)
        }
    }

    private static let hangingDisk = "the disk of the state directory does not answer"

    private func setTimer(_ time: Duration?) {
        timer?.cancel()
        timer = time.map { time in
            loop.schedule(after: max(time - loop.now, .zero)) { [weak self] in self?.hear(.timer) }
        }
    }

    /// Has tables compiled piece by piece, so that central, users and the forwarder are heard meanwhile.
    private func goOnCompiling() {
        guard tables.isCompiling, !isCompilingSoon else { return }
        isCompilingSoon = true
        loop.defer { [weak self] in
            guard let self else { return }
            isCompilingSoon = false
            tables.goOn(now: loop.now)
            guard !tables.isCompiling else { return goOnCompiling() }
            let waiting = ordersAfterTables
            ordersAfterTables = []
            for orders in waiting { forward(orders) }
        }
    }

    private func forward(_ orders: [ForwarderOrder]) {
        var messages: [(message: ForwarderMessage, descriptors: [Descriptor])] = []
        messages.reserveCapacity(orders.count)
        for order in orders {
            switch order.descriptor {
            case nil:
                if case .begin(_, _, isSnapshot: true) = order.message { tables.forgetAll() }
                if order.message == .commit {
                    do throws(AgentFailure) {
                        messages += try tables.takeNews()
                    } catch {
                        failure = error
                        return end()
                    }
                }
                messages.append(collectors.complete(order.message))
            case .port(let name)?:
                messages.append(guests?.order(order.message, name) ?? (order.message, queues[name] ?? []))
            case .learntMACs?, .connections?, .filterRecord?: break
            case .underlay(let address)?:
                do throws(AgentFailure) {
                    // A forwarder had them when we started, and took them along when it ended.
                    if underlay == nil { underlay = try Underlay.open(at: address, count: deviceQueues.count) }
                    guard let underlay else { throw Underlay.isTaken(at: address) }
                    messages.append((order.message, underlay))
                } catch {
                    failure = error
                    return end(all: true)
                }
            }
        }
        forwarder?.send(messages)
    }
}
