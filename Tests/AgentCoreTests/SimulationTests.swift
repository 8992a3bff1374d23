import ForwarderProtocol
import NetworkModel
import Southbound
import TestSupport
import Testing
import Wire

@testable import AgentCore

/// Central's core, two agents' cores and their forwarders under faults of every kind, from one seed: when the faults
/// cease, all of them agree; and at no moment does anybody say what is not so.
@Suite struct SimulationTests {
    @Test(arguments: 1...30)
    func everythingAgreesWhenTheFaultsCease(seed: Int) throws {
        let world = try World(seed: UInt64(seed))
        try world.run(actions: 120)
        try world.checkAgreement()
    }
}

private final class World {
    private var generator: SeededGenerator
    private var central: SimulatedCentral
    private var hosts: [SimulatedHost] = []
    private var now = Duration.zero
    private var events: [(at: Duration, serial: Int, body: () throws -> Void)] = []
    private var serial = 0
    private var hasFaults = true
    private var centralLife = 0
    private var asked: [UInt64: (host: Int, life: Int, sequence: UInt64)] = [:]
    private var nextTicket: UInt64 = 1
    private let logicalPorts = (1...6).map { "p\($0)" }

    init(seed: UInt64) throws {
        generator = SeededGenerator(seed: seed)
        central = try SimulatedCentral(seed: seed)
        for (index, name) in ["hv1", "hv2", "hv3"].enumerated() {
            hosts.append(try SimulatedHost(name: name, octet: UInt32(index + 3), seed: seed &+ UInt64(index)))
        }
    }

    // MARK: - Time

    private func later(_ range: ClosedRange<Int64> = 0...5, _ body: @escaping () throws -> Void) {
        let delay = Duration.milliseconds(Int64.random(in: range, using: &generator))
        serial += 1
        events.append((now + delay, serial, body))
    }

    private func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }

    private func advance(until end: Duration) throws {
        while true {
            let next = events.indices.min { (events[$0].at, events[$0].serial) < (events[$1].at, events[$1].serial) }
            let timers = hosts.compactMap(\.wakeAt) + [central.wakeAt].compactMap { $0 }
            let times = timers + [next.map { events[$0].at }].compactMap { $0 }
            guard let time = times.min(), time <= end else { break }
            now = max(now, time)
            if let next, events[next].at <= now {
                try events.remove(at: next).body()
            } else if let wakeAt = central.wakeAt, wakeAt <= now {
                answer(central.timer(now: now))
            } else if let index = hosts.indices.first(where: { hosts[$0].wakeAt.map { $0 <= now } ?? false }) {
                tell(index, .timer)
            }
        }
        now = max(now, end)
    }

    func run(actions: Int) throws {
        answer(central.write([.createSwitch("ls0"), .createSwitch("ls1")], now: now))
        for index in hosts.indices { tell(index, .started) }
        for _ in 0..<actions {
            try advance(until: now + .milliseconds(Int64.random(in: 0...400, using: &generator)))
            try act()
        }
        hasFaults = false
        try advance(until: now + .seconds(20))
        let before = nextTicket
        try advance(until: now + .seconds(40))
        #expect(nextTicket - before <= 3 * UInt64(hosts.count), "in quiet times there are only parked polls")
    }

    // MARK: - What happens

    private func act() throws {
        let index = Int.random(in: hosts.indices, using: &generator)
        let logicalPort = logicalPorts.randomElement(using: &generator) ?? "p1"
        switch Int.random(in: 0..<18, using: &generator) {
        case 0: try restartAgent(index)
        case 1: killForwarder(index)
        case 2:
            centralLife += 1
            for (ticket, _) in asked.sorted(by: { $0.key < $1.key }) { fail(ticket) }
            answer(try central.restart(now: now))
        case 3...6: plug(index, logicalPort)
        case 7...8: tell(index, .portDelete(0, name: logicalPort))
        case 9: answer(central.write([.deletePort(logicalPort)], now: now))
        case 10...13:
            let place = "ls\(Int.random(in: 0...1, using: &generator))"
            answer(central.write([.createPort(logicalPort, on: place)], now: now))
        case 14...15:
            let names = hosts.map(\.name).filter { _ in chance(50) }
            answer(central.write([.request(names, for: logicalPort)], now: now))
        case 16: tell(index, .forwarderSaid(.portFailed(name: logicalPort, errno: 77)))
        default: tell(index, .portList(0, withStatistics: false))
        }
    }

    private func plug(_ index: Int, _ logicalPort: String) {
        let port = PortSpecification(name: logicalPort, logicalPort: logicalPort, interface: "tap-\(logicalPort)")
        tell(index, .portAdd(0, PortRequest(specification: port)))
    }

    private func restartAgent(_ index: Int) throws {
        try hosts[index].restart()
        tell(index, .started)
    }

    private func killForwarder(_ index: Int) {
        hosts[index].forwarder = nil
        tell(index, .forwarderLost(reason: "killed"))
    }

    private func tell(_ index: Int, _ event: Event) {
        let host = hosts[index]
        for effect in host.step(event, now: now) { carryOut(effect, index, host.life) }
        #expect(host.failure == nil)
        #expect(host.forwarder?.complaint == nil)
    }

    /// Tells an agent something unless it has been restarted meanwhile.
    private func tellLater(_ index: Int, _ life: Int, _ range: ClosedRange<Int64> = 0...5, _ event: Event) {
        later(range) { if self.hosts[index].life == life { self.tell(index, event) } }
    }

    private func carryOut(_ effect: Effect, _ index: Int, _ life: Int) {
        let host = hosts[index]
        switch effect {
        case .sendSync(let sync): carry(sync, of: index, life)
        case .reply: break
        case .startForwarder:
            later {
                guard host.life == life else { return }
                let wasSpawned = host.forwarder == nil
                let forwarder = host.forwarder ?? SimulatedForwarder(now: self.now)
                host.forwarder = forwarder
                let (greeting, held, slots) = forwarder.greet(host.encapIP)
                self.tell(index, .forwarderConnected(greeting, held: held, slots: slots, wasSpawned: wasSpawned))
            }
        case .forward(let orders):
            let forwarder = host.forwarder
            for message in forwarder?.take(orders, host.tables) ?? [] {
                later {
                    if host.life == life, host.forwarder === forwarder { self.tell(index, .forwarderSaid(message)) }
                }
            }
        case .openDevice(let port, let order):
            later {
                guard host.life == life else { return }
                self.tell(index, .deviceOpened(port: port.name, host.openDevice(port, order)))
            }
        case .checkDevices(let places):
            later {
                guard host.life == life else { return }
                let conditions = places.keys.map { ($0.name, host.condition(of: $0)) }
                self.tell(index, .devicesChecked(Dictionary(uniqueKeysWithValues: conditions)))
            }
        case .removeDevice(let port, _):
            later {
                guard host.life == life else { return }
                host.removeDevice(port)
                self.tell(index, .deviceRemoved(port: port.name, failure: nil))
            }
        case .savePorts(let ports, let save):
            // In order, and none of a life that is over.
            later(2...2) {
                guard host.life == life else { return }
                host.save(ports)
                self.tell(index, .portsSaved(save: save, failure: nil))
            }
        case .saveShare(let save):
            host.begin(save)
            later {
                guard host.life == life else { return }
                let isFull = host.finishSave()
                self.tell(index, .shareSaved(failure: nil, isFull: isFull))
            }
        case .replaceForwarder: Issue.record("no forwarder is of another version here")
        case .answer, .compile, .setTimer, .log, .ready, .fail, .releaseDevice, .announce, .guestsSettled,
            .measurePaths, .sendProbes, .openCapture, .beginCapture, .endCapture:
            break
        }
    }

    // MARK: - The network

    private func carry(_ sync: SyncRequest, of index: Int, _ life: Int) {
        checkHonesty(sync, index)
        let ticket = nextTicket
        nextTicket += 1
        asked[ticket] = (index, life, sync.seq)
        if hasFaults, chance(8) {
            later(0...3000) { self.fail(ticket) }
            return
        }
        later(0...20) {
            guard self.asked[ticket] != nil else { return }
            self.answer(self.central.sync(ticket, self.hosts[index].name, sync, now: self.now))
        }
    }

    private func fail(_ ticket: UInt64) {
        guard let (index, life, sequence) = asked.removeValue(forKey: ticket) else { return }
        tellLater(index, life, 0...5, .syncFailed(sequence: sequence, .unavailable("central: lost", retryAfter: nil)))
    }

    private func answer(_ replies: [(ticket: UInt64, reply: SimulatedCentral.Reply)]) {
        for (ticket, reply) in replies {
            guard let (index, life, sequence) = asked[ticket] else { continue }
            if hasFaults, chance(5) {
                fail(ticket)
                continue
            }
            asked[ticket] = nil
            switch reply {
            case .feed(let answer): tellLater(index, life, 0...20, .syncAnswered(sequence: sequence, answer))
            case .refused(let status, let code, let detail):
                let body = Array("{\"code\":\"\(code)\",\"detail\":\"-\"}".utf8)
                let failure = SyncFailure(status: status, body: body, retryAfter: nil)
                if case .refused = failure { Issue.record("central refuses: \(detail)") }
                tellLater(index, life, 0...20, .syncFailed(sequence: sequence, failure))
            }
        }
    }

    // MARK: - What must hold

    /// A port that is told to be up is in the tables of the forwarder, unless that has just died.
    private func checkHonesty(_ sync: SyncRequest, _ index: Int) {
        let host = hosts[index]
        guard let forwarder = host.forwarder, forwarder.startedAt + .seconds(1) < now else { return }
        for port in sync.ports where port.isUp {
            #expect(forwarder.ports.values.contains(port.logicalPort))
        }
        if sync.epoch == forwarder.inForce.epoch { #expect(sync.applied <= forwarder.inForce.revision) }
    }

    func checkAgreement() throws {
        var holders: [String: [String]] = [:]
        for host in hosts {
            let forwarder = try #require(host.forwarder)
            let (has, wanted) = (forwarder.records, central.share(of: host.name))
            let wrong = Set(has.keys).union(wanted.keys).filter { has[$0] != wanted[$0] }.sorted()
            #expect(wrong.isEmpty, "\(host.name): \(wrong.map { "\(has[$0] as Any), not \(wanted[$0] as Any)" })")
            let plugged = try host.storedPorts()
            #expect(forwarder.ports == plugged)
            #expect(forwarder.held == Set(plugged.keys))
            #expect(host.devices == Set(plugged.keys.map { "tap-\($0)" }))
            for logicalPort in plugged.values { holders[logicalPort, default: []].append(host.name) }
        }
        for (name, port) in central.ports.sorted(by: { $0.key < $1.key }) {
            let allowed = (holders[name] ?? []).filter {
                port.requestedChassis.isEmpty || port.requestedChassis.contains($0)
            }
            if let chassis = port.status.chassis {
                #expect(allowed.contains(chassis), "\(name) is where it is plugged and may be")
                #expect(port.status.isUp, "\(name) is up at \(chassis)")
            } else {
                #expect(allowed.isEmpty, "\(name) is nowhere, though \(allowed) have it plugged in")
            }
            let waiting = (holders[name] ?? []).filter { $0 != port.status.chassis }
            #expect(port.status.waiting.map(\.chassis) == waiting.sorted())
        }
    }
}
