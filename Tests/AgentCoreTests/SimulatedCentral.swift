import CentralCore
import JSON
import NetworkModel
import Persistent
import Southbound
import TestSupport
import Wire

/// The real core of central beside a disk that is always quick. (It has a file of its own, as the types of both cores
/// have the same names.)
struct SimulatedCentral {
    /// The answer to an agent.
    enum Reply {
        case feed(FeedAnswer)
        case refused(status: Int, code: String, detail: String)
    }

    private var core: CentralCore
    private var base: Network
    private var log: [Commit] = []
    private var generator: SeededGenerator
    private(set) var wakeAt: Duration?
    private var replies: [(ticket: UInt64, reply: Reply)] = []

    init(seed: UInt64, epoch: UInt64 = 0xe) throws {
        generator = SeededGenerator(seed: seed)
        base = Network(epoch: epoch)
        core = try Self.core(on: base, after: [], now: .zero)
    }

    /// A central that was restored from this one as from a backup.
    func restored(epoch: UInt64, forcesHosts: Bool) throws -> SimulatedCentral {
        var other = self
        other.base = core.durable
        other.base.epoch = epoch
        other.base.revision += 1_000_000_000
        other.base.forcesHosts = forcesHosts
        other.log = []
        other.core = try Self.core(on: other.base, after: [], now: .zero)
        return other
    }

    private static func core(on base: Network, after log: [Commit], now: Duration) throws -> CentralCore {
        var configuration = Configuration()
        configuration.historyCountMaximum = 12
        configuration.pageChangeCountMaximum = 3
        return try CentralCore(
            network: base,
            history: log,
            hashes: base.hash.chain(log),
            configuration: configuration,
            now: now
        )
    }

    /// Ends and starts again from the log. What was parked gets no answer.
    mutating func restart(now: Duration) throws -> [(ticket: UInt64, reply: Reply)] {
        core = try Self.core(on: base, after: log, now: now)
        return step(.timer, now)
    }

    mutating func timer(now: Duration) -> [(ticket: UInt64, reply: Reply)] { step(.timer, now) }

    mutating func sync(
        _ ticket: UInt64,
        _ chassis: String,
        _ request: SyncRequest,
        now: Duration
    ) -> [(ticket: UInt64, reply: Reply)] {
        step(.asked(ticket, .sync(chassis: chassis, request)), now)
    }

    /// Creates or deletes switches and ports; what cannot be is refused and changes nothing.
    mutating func write(_ operations: [Operation], now: Duration) -> [(ticket: UInt64, reply: Reply)] {
        step(.asked(0, .write(WriteRequest(operations: operations, author: "test", requestID: ""))), now)
    }

    /// The share that a chassis is to be told: the records of its share by key.
    func share(of chassis: String) -> [RecordKey: Record] {
        let span = Span(of: chassis, in: core.durable.southbound)
        return Dictionary(
            uniqueKeysWithValues: core.durable.southbound.entries.keys.compactMap { key in
                span.entry(key).map { (key, $0.record) }
            }
        )
    }

    var revision: UInt64 { core.durable.revision }

    var epoch: UInt64 { core.durable.epoch }

    var forcesHosts: Bool { core.durable.forcesHosts }

    /// The logical ports as users see them, by name.
    var ports: [String: LogicalSwitchPort] {
        var ports: [String: LogicalSwitchPort] = [:]
        for id in core.durable.northbound.ports.byName.map(\.value.id) {
            guard let port = core.durable.northbound.ports[id]?.value else { continue }
            ports[port.name] = port
        }
        return ports
    }

    private mutating func step(_ event: Event, _ now: Duration) -> [(ticket: UInt64, reply: Reply)] {
        replies = []
        perform(core.step(event, now: now, wallClock: 0, using: &generator), now)
        return replies
    }

    /// Carries effects out, and then what comes of them: a timer that is set is set before the next step sets another.
    private mutating func perform(_ effects: [Effect], _ now: Duration) {
        var events: [Event] = []
        for effect in effects {
            switch effect {
            case .append(let commits, _):
                log += commits
                events.append(.durable(commits.last?.revision ?? 0, hashes: core.durable.hash.chain(commits)))
            case .answer(let ticket, .feed(let answer)): replies.append((ticket, .feed(answer)))
            case .answer(let ticket, .refused(let refusal, _)):
                let status = [.resyncRequired, .historyDiffers].contains(refusal.code) ? 410 : 409
                replies.append((ticket, .refused(status: status, code: refusal.code.rawValue, detail: refusal.detail)))
            case .setTimer(let time): wakeAt = time
            case .plan(let plan): events.append(.planned(plan.carriedOut(using: &generator)))
            case .goOn: events.append(.goOn)
            case .answer, .audit, .publish, .log, .discard: break
            }
        }
        for event in events { perform(core.step(event, now: now, wallClock: 0, using: &generator), now) }
    }
}

extension Operation {
    static func createSwitch(_ name: String) -> Operation {
        Operation(.logicalSwitch, .create(body: ["name": .string(name)], switch: nil))
    }

    static func createPort(_ name: String, on switchName: String) -> Operation {
        let body: JSONValue = ["name": .string(name), "switch": .string(switchName)]
        return Operation(.logicalSwitchPort, .create(body: body, switch: nil))
    }

    static func request(_ chassis: [String], for name: String) -> Operation {
        let list: JSONValue = ["requested_chassis": .array(chassis.map { .string($0) })]
        return Operation(.logicalSwitchPort, .patch(.name(name), body: list))
    }

    static func deletePort(_ name: String) -> Operation {
        Operation(.logicalSwitchPort, .delete(.name(name), refusingPorts: false))
    }
}
