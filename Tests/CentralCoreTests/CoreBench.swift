import CentralCore
import JSON
import NetworkModel
import Persistent
import Southbound
import TestSupport
import Wire

/// A core with a store beside it that always has room, unless told otherwise, and time that stands unless moved.
final class CoreBench {
    var core: CentralCore
    var generator: SeededGenerator
    var now: Duration = .zero
    var wallClock: Int64 = 1_700_000_000
    /// The commits on disk.
    var log: [Commit] = []
    /// The network that readers see.
    var published: Network
    /// The append under way.
    var appending: [Commit] = []
    /// True if appends are finished at once.
    var storesAtOnce = true
    /// True if the core is told to go on at once where it asks for that.
    var goesOn = true
    /// True if large writes are worked out at once.
    var plansAtOnce = true
    private(set) var plans: [Plan] = []
    var answers: [Ticket: Answer] = [:]
    var timer: Duration?
    var entries: [LogEntry] = []
    /// The values that were left behind.
    var remains: [Remains] = []
    var appendCount = 0
    private var tickets: Ticket = 0
    let configuration: Configuration
    let base: Network

    init(seed: UInt64 = 1, configuration: Configuration = Configuration(), base: Network = Network(epoch: 0xabc)) {
        generator = SeededGenerator(seed: seed)
        self.configuration = configuration
        self.base = base
        published = base
        do {
            core = try CentralCore(network: base, history: [], hashes: [], configuration: configuration, now: .zero)
        } catch {
            fatalError("\(error)")
        }
        send(.timer)
    }

    /// Central is killed and started again: only what is on disk is left.
    func restart(history count: Int? = nil, isTranslated: Bool = false) throws {
        appending = []
        answers = [:]
        timer = nil
        let cut = log.count - (count ?? log.count)
        var network = base
        for commit in log.prefix(cut) { try network.apply(Commit(decoding: commit.encoded)) }
        network.hash = base.hash.chain(log.prefix(cut)).last ?? base.hash
        let history = try log.dropFirst(cut).map { try Commit(decoding: $0.encoded) }
        core = try CentralCore(
            network: network,
            history: history,
            hashes: network.hash.chain(history),
            configuration: configuration,
            now: now,
            isTranslated: { isTranslated }
        )
        published = core.durable
        send(.timer)
    }

    func ask(_ ticket: Ticket, _ request: Request) { send(.asked(ticket, request)) }

    func send(_ event: Event) {
        var events = [event]
        while !events.isEmpty {
            let effects = core.step(events.removeFirst(), now: now, wallClock: wallClock, using: &generator)
            for effect in effects {
                switch effect {
                case .append(let commits, _):
                    precondition(appending.isEmpty, "two appends at a time")
                    appending = commits
                    appendCount += 1
                case .plan(let plan):
                    plans.append(plan)
                    if plansAtOnce { events.append(carriedOutPlan()) }
                case .publish(let network): published = network
                case .answer(let ticket, let answer):
                    precondition(answers[ticket] == nil, "two answers to ticket \(ticket)")
                    answers[ticket] = answer
                case .audit(let ticket, _): answers[ticket] = .audited([], hasMore: false, after: 0)
                case .setTimer(let at): timer = at
                case .goOn: if goesOn { events.append(.goOn) }
                case .log(let entry): entries.append(entry)
                case .discard(let remains): self.remains.append(remains)
                }
            }
            if storesAtOnce, !appending.isEmpty, events.isEmpty { events.append(finishedAppend()) }
        }
    }

    /// The write that is being worked out is done.
    func finishPlan() { send(carriedOutPlan()) }

    private func carriedOutPlan() -> Event { .planned(plans.removeFirst().carriedOut(using: &generator)) }

    /// The append under way reaches the disk.
    func store() { send(finishedAppend()) }

    /// The append under way fails.
    func failStore() {
        appending = []
        send(.storageFailed("disk full"))
    }

    private func finishedAppend() -> Event {
        log += appending
        let revision = appending.last?.revision ?? 0
        defer { appending = [] }
        return .durable(revision, hashes: core.durable.hash.chain(appending))
    }

    /// Lets time pass, with the timers that fall into it.
    func advance(_ duration: Duration) {
        let end = now + duration
        while let timer, timer <= end {
            now = max(now, timer)
            send(.timer)
        }
        now = end
        send(.timer)
    }

    func ticket() -> Ticket {
        tickets += 1
        return tickets
    }

    @discardableResult
    func write(_ operations: Operation..., isTransaction: Bool = false) -> Ticket {
        let ticket = ticket()
        let request = WriteRequest(
            operations: operations,
            author: "test",
            requestID: "r\(ticket)",
            isTransaction: isTransaction
        )
        ask(ticket, .write(request))
        return ticket
    }

    @discardableResult
    func sync(_ chassis: String, _ request: SyncRequest) -> Ticket {
        let ticket = ticket()
        ask(ticket, .sync(chassis: chassis, request))
        return ticket
    }

    /// The JSON of a port.
    func port(_ name: String) -> LogicalSwitchPort? { published.northbound.port(.name(name))?.value }

    /// The binding of a port.
    func binding(_ name: String) -> PortBinding? {
        published.northbound.port(.name(name)).flatMap { published.southbound.portBinding($0.id) }
    }

    func refusal(_ ticket: Ticket) -> Refusal? {
        if case .refused(let refusal, _)? = answers[ticket] { refusal } else { nil }
    }

    func feed(_ ticket: Ticket) -> FeedAnswer? {
        if case .feed(let answer)? = answers[ticket] { answer } else { nil }
    }

    func realization(_ ticket: Ticket) -> Realization? {
        if case .realization(let answer)? = answers[ticket] { answer } else { nil }
    }

    func results(_ ticket: Ticket) -> [OperationResult] {
        if case .written(_, _, let results)? = answers[ticket] { results } else { [] }
    }

    func revision(_ ticket: Ticket) -> UInt64? {
        if case .written(let revision, _, _)? = answers[ticket] { revision } else { nil }
    }
}

extension JSONValue {
    /// The body of a set of DHCP options.
    static func dhcp(_ name: String, lease: String = "3600") -> JSONValue {
        [
            "name": .string(name), "cidr": "10.0.0.0/24",
            "options": ["server_id": "10.0.0.1", "lease_time": .string(lease)],
        ]
    }
}

extension Operation {
    static func create(_ kind: ObjectKind, _ body: JSONValue) -> Operation {
        Operation(.object(kind), .create(body: body, switch: nil))
    }
    static func patch(_ kind: ObjectKind, _ name: String, _ body: JSONValue) -> Operation {
        Operation(.object(kind), .patch(.name(name), body: body))
    }
    static func put(_ kind: ObjectKind, _ name: String, _ body: JSONValue) -> Operation {
        Operation(.object(kind), .replace(.name(name), body: body))
    }
    static func delete(_ kind: ObjectKind, _ name: String) -> Operation {
        Operation(.object(kind), .delete(.name(name), refusingPorts: false))
    }
    static func create(switch body: JSONValue) -> Operation {
        Operation(.logicalSwitch, .create(body: body, switch: nil))
    }
    static func create(port body: JSONValue, on name: String? = nil) -> Operation {
        Operation(.logicalSwitchPort, .create(body: body, switch: name.map { .name($0) }))
    }
    static func patch(port name: String, _ body: JSONValue, _ precondition: Precondition = .init()) -> Operation {
        Operation(.logicalSwitchPort, .patch(.name(name), body: body), precondition: precondition)
    }
    static func put(port name: String, _ body: JSONValue, _ precondition: Precondition = .init()) -> Operation {
        Operation(.logicalSwitchPort, .replace(.name(name), body: body), precondition: precondition)
    }
    static func put(switch name: String, _ body: JSONValue, _ precondition: Precondition = .init()) -> Operation {
        Operation(.logicalSwitch, .replace(.name(name), body: body), precondition: precondition)
    }
    static func patch(switch name: String, _ body: JSONValue) -> Operation {
        Operation(.logicalSwitch, .patch(.name(name), body: body))
    }
    static func delete(port name: String) -> Operation {
        Operation(.logicalSwitchPort, .delete(.name(name), refusingPorts: false))
    }
    static func delete(switch name: String, refusingPorts: Bool = false) -> Operation {
        Operation(.logicalSwitch, .delete(.name(name), refusingPorts: refusingPorts))
    }
    static func delete(chassis name: String) -> Operation {
        Operation(.chassis, .delete(.name(name), refusingPorts: false))
    }
}

/// An agent as the core sees it: it applies what it is told at once and says so with its next sync.
struct BenchAgent {
    let name: String
    var chassisID: String
    var bootID = "boot-1"
    var seq: UInt64 = 0
    var encaps: [Encap]
    var ports: [SyncRequest.PluggedPort] = []
    var epoch: UInt64?
    var applied: UInt64 = 0
    var claims: UInt64 = 0
    var features = Feature.all
    var physicalNetworks: [String] = []
    /// The agent's share, by what it was told.
    var share: [RecordKey: Record] = [:]
    private var pages: [FeedChange] = []
    var page: FeedPage?

    init(_ name: String, _ ip: String) {
        self.name = name
        chassisID = "id-\(name)"
        encaps = IPAddress(ip).map { [Encap(ip: $0)] } ?? []
    }

    mutating func plug(_ port: String) {
        claims += 1
        ports.removeAll { $0.logicalPort == port }
        ports.append(.init(logicalPort: port, interface: "tap-\(port)", claim: claims, isUp: false))
    }

    /// A parent here announces the address of a virtual port.
    mutating func claim(_ port: String, by parent: String) {
        plug(port)
        ports[ports.count - 1].parent = parent
    }

    mutating func unplug(_ port: String) { ports.removeAll { $0.logicalPort == port } }

    /// The ports that the share says are here are up.
    mutating func programPorts() {
        for index in ports.indices {
            ports[index].isUp = share.values.contains { record in
                guard case .portBinding(let port) = record, port.logicalPort == ports[index].logicalPort else {
                    return false
                }
                return port.locations.contains { $0.chassis == name }
            }
        }
    }

    mutating func request(wait: Int = 0) -> SyncRequest {
        seq += 1
        var request = SyncRequest(chassisID: chassisID, bootID: bootID, seq: seq, wait: wait, encaps: encaps)
        request.hostname = "host-\(name)"
        request.features = features
        request.epoch = epoch
        request.since = applied
        request.applied = applied
        request.page = page
        request.physicalNetworks = physicalNetworks
        request.ports = ports
        return request
    }

    /// Takes an answer in; changes are applied when all pages of them are there.
    mutating func take(_ answer: FeedAnswer) {
        if page == nil { pages = [] }
        pages += answer.changes
        page = answer.nextPage
        guard page == nil else { return }
        if answer.mode == .snapshot { share = [:] }
        for change in pages {
            switch change.change {
            case .put(let record): share[record.key] = record
            case .delete(let key): share[key] = nil
            case .patch(let patch):
                guard case .datapathBinding(var datapath)? = share[change.key] else { continue }
                precondition(datapath.apply(patch))
                share[change.key] = .datapathBinding(datapath)
            }
        }
        pages = []
        epoch = answer.epoch
        applied = answer.to
        programPorts()
    }

    /// Starts the feed anew.
    mutating func resync() {
        page = nil
        applied = 0
        epoch = nil
    }
}

extension CoreBench {
    /// Syncs until there is nothing new, as an agent on a good network does.
    func settle(_ agent: inout BenchAgent) {
        for _ in 0..<50 {
            let before = agent
            let ticket = sync(agent.name, agent.request())
            guard let answer = feed(ticket) else {
                guard refusal(ticket)?.code == .resyncRequired else { return }
                agent.resync()
                continue
            }
            agent.take(answer)
            if answer.changes.isEmpty, !answer.more, before.ports == agent.ports, before.applied == agent.applied {
                return
            }
        }
    }

    /// A port's line in transcripts.
    func line(port name: String) -> String {
        guard let port = port(name), let binding = binding(name) else { return "\(name): none" }
        let places = binding.locations.map { "\($0.chassis)#\($0.bindSeq)" }.joined(separator: ",")
        return "\(name): key \(binding.tunnelKey) at [\(places)] up \(port.status.isUp) "
            + "chassis \(port.status.chassis ?? "-") reason \(port.status.reason?.rawValue ?? "-")"
    }
}

/// The share of a chassis, worked out the slow way: by looking at every record.
func recomputedShare(of name: String, in database: SouthboundDatabase) -> [RecordKey: Record] {
    var datapaths: Set<ObjectID> = []
    for (_, entry) in database.entries {
        guard case .portBinding(let port) = entry.record else { continue }
        if port.locations.contains(where: { $0.chassis == name }) { datapaths.insert(port.datapath) }
    }
    var chassis: Set<String> = [name]
    var attachments: Set<RecordKey> = []
    for (key, entry) in database.entries {
        if case .datapathBinding(let id) = key, datapaths.contains(id) {
            attachments.formUnion(entry.record.attachments)
        }
        guard case .portBinding(let port) = entry.record, datapaths.contains(port.datapath) else { continue }
        chassis.formUnion(port.locations.map(\.chassis))
        attachments.formUnion(entry.record.attachments)
    }
    var share: [RecordKey: Record] = [:]
    for (key, entry) in database.entries {
        let isShared =
            switch entry.record {
            case .chassis(let other): chassis.contains(other.name)
            case .datapathBinding(let datapath): datapaths.contains(datapath.id)
            case .portBinding(let port): datapaths.contains(port.datapath)
            case .dhcpResponder, .dnsResponder, .mirrorSession: attachments.contains(key)
            }
        if isShared { share[key] = entry.record }
    }
    return share
}
