import ForwarderProtocol
import JSON
import NetworkModel
import Southbound
import TestSupport
import Testing
import Wire

@testable import AgentCore

/// A host beside centrals that are put back, copied, emptied and swapped, while agent and forwarder end at any moment:
/// a plugged port that forwards loses that only by a commit in the history that the host goes by, a user's word at the
/// host or a restore that was made for it.
@Suite struct HoldSimulationTests {
    @Test(arguments: 1...40)
    func noPluggedPortIsLostToACentralThatIsWrong(seed: Int) throws {
        let world = try HoldWorld(seed: UInt64(seed))
        try world.run(actions: 60)
    }

    @Test func thePropertyIsTriedBothWays() throws {
        var (held, forced, accepted) = (0, 0, 0)
        for seed in 1...15 {
            let world = try HoldWorld(seed: UInt64(seed))
            try world.run(actions: 60)
            held += world.heldCount
            forced += world.forcedCount
            accepted += world.acceptedCount
        }
        #expect(held > 10 && forced > 2 && accepted > 2, "\(held) \(forced) \(accepted)")
    }
}

private final class HoldWorld {
    private var generator: SeededGenerator
    private let host: SimulatedHost
    private var central: SimulatedCentral
    /// The central whose history the host goes by, while another one is there.
    private var right: SimulatedCentral?
    private var backups: [SimulatedCentral] = []
    private var nextEpoch: UInt64 = 0x100
    private var now = Duration.zero
    private var events: [(at: Duration, serial: Int, body: () throws -> Void)] = []
    private var serial = 0
    private var asked: [UInt64: (life: Int, sequence: UInt64)] = [:]
    private var nextTicket: UInt64 = 1
    private let names = (1...5).map { "p\($0)" }
    /// The logical ports that are not to be lost.
    private var expected: Set<String> = []
    private(set) var (heldCount, forcedCount, acceptedCount) = (0, 0, 0)

    init(seed: UInt64) throws {
        generator = SeededGenerator(seed: seed)
        central = try SimulatedCentral(seed: seed)
        host = try SimulatedHost(name: "hv1", octet: 3, seed: seed)
    }

    func run(actions: Int) throws {
        answer(central.write([.createSwitch("ls0")], now: now))
        for name in names { answer(central.write([.createPort(name, on: "ls0")], now: now)) }
        tell(.started)
        try settle()
        for _ in 0..<actions {
            try act()
            // Several things at once, at times.
            if chance(70) { try settle() }
        }
        try settle()
    }

    // MARK: - What happens

    private func act() throws {
        let name = names.randomElement(using: &generator) ?? "p1"
        switch Int.random(in: 0..<20, using: &generator) {
        case 0...3: plug(name)
        case 4: unplug(name)
        case 5: try delete(name)
        case 6...8: answer(central.write([.createPort(name, on: "ls0")], now: now))
        case 9: backups.append(central)
        case 10...11: try swap(for: backups.randomElement(using: &generator))
        case 12: try restore(forcesHosts: false)
        case 13: try restore(forcesHosts: true)
        case 14: try swap(for: SimulatedCentral(seed: nextEpoch, epoch: newEpoch()))
        case 15: try swap(for: right)
        case 16: try accept()
        case 17: killForwarder()
        case 18: try restartAgent()
        default:
            killForwarder()
            try restartAgent()
        }
    }

    private func plug(_ name: String) {
        let port = PortSpecification(name: name, logicalPort: name, interface: "tap-\(name)")
        tell(.portAdd(0, PortRequest(specification: port)))
    }

    private func unplug(_ name: String) {
        expected.remove(name)
        tell(.portDelete(0, name: name))
    }

    /// In the history that the host goes by, that counts.
    private func delete(_ name: String) throws {
        try settle()
        if !isHolding { expected.remove(name) }
        answer(central.write([.deletePort(name)], now: now))
    }

    private func swap(for other: SimulatedCentral?) throws {
        guard var other else { return }
        try settle()
        if !isHolding { right = central }
        if other.forcesHosts { expected = [] }
        for ticket in asked.keys.sorted() { fail(ticket) }
        let replies = try other.restart(now: now)
        central = other
        answer(replies)
    }

    private func restore(forcesHosts: Bool) throws {
        guard let backup = backups.randomElement(using: &generator) else { return }
        if forcesHosts { forcedCount += 1 }
        try swap(for: backup.restored(epoch: newEpoch(), forcesHosts: forcesHosts))
    }

    private func newEpoch() -> UInt64 {
        nextEpoch += 1
        return nextEpoch
    }

    private func accept() throws {
        try settle()
        if isHolding {
            expected = []
            acceptedCount += 1
        }
        tell(.accept(0))
    }

    private func killForwarder() {
        guard host.forwarder != nil else { return }
        host.forwarder = nil
        tell(.forwarderLost(reason: "killed"))
    }

    private func restartAgent() throws {
        try host.restart()
        tell(.started)
    }

    private var isHolding: Bool { host.core.heldShare != nil }

    // MARK: - What must hold

    /// Lets all that is under way come to its end: nothing that is expected may be missing.
    private func settle() throws {
        let before = nextTicket
        try advance(until: now + .seconds(30))
        #expect(nextTicket - before < 60, "nobody spins")
        if isHolding { heldCount += 1 }
        let here = forwarded
        #expect(expected.isSubset(of: here), "\(expected.subtracting(here)) are not forwarded")
        expected = here
        #expect(host.forwarder?.complaint == nil)
        guard !isHolding else { return }
        right = nil
        #expect(host.forwarder?.inForce.epoch == central.epoch)
        #expect(host.forwarder?.records == central.share(of: host.name))
    }

    /// The logical ports that are plugged into the forwarder and bound here in its tables.
    private var forwarded: Set<String> {
        guard let tables = host.forwarder else { return [] }
        let plugged = Set(tables.ports.values)
        return Set(
            tables.records.values.compactMap { record in
                guard case .portBinding(let binding) = record, plugged.contains(binding.logicalPort),
                    binding.location(on: host.name) != nil
                else { return nil }
                return binding.logicalPort
            }
        )
    }

    /// A missing entry of a forwarder with tables is noticed at once, not only at the end.
    private func check(_ orders: [ForwarderOrder]) {
        guard orders.contains(where: { $0.message == .commit }) else { return }
        let missing = expected.subtracting(forwarded)
        let unplugged = Set(host.core.ports.values.filter { $0.device != .present }.map(\.specification.logicalPort))
        #expect(missing.isSubset(of: unplugged), "\(missing) are taken from the forwarder")
    }

    // MARK: - Time, and what is carried where

    private func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }

    private func later(_ body: @escaping () throws -> Void) {
        serial += 1
        events.append((now + .milliseconds(Int64.random(in: 0...5, using: &generator)), serial, body))
    }

    /// The most that happens in one piece of time: more is a host or a central that spins.
    private static let happeningMaximum = 5000

    private func advance(until end: Duration) throws {
        for _ in 0..<Self.happeningMaximum {
            let next = events.indices.min { (events[$0].at, events[$0].serial) < (events[$1].at, events[$1].serial) }
            let times = [host.wakeAt, central.wakeAt, next.map { events[$0].at }].compactMap { $0 }
            guard let time = times.min(), time <= end else {
                now = max(now, end)
                return
            }
            now = max(now, time)
            if let next, events[next].at <= now {
                try events.remove(at: next).body()
            } else if let wakeAt = central.wakeAt, wakeAt <= now {
                answer(central.timer(now: now))
            } else {
                tell(.timer)
            }
        }
        struct Spin: Error {}
        throw Spin()
    }

    private func tell(_ event: Event) {
        for effect in host.step(event, now: now) { carryOut(effect, host.life) }
        #expect(host.failure == nil)
    }

    private func tellLater(_ life: Int, _ event: @autoclosure @escaping () -> Event) {
        later { if self.host.life == life { self.tell(event()) } }
    }

    private func carryOut(_ effect: Effect, _ life: Int) {
        switch effect {
        case .sendSync(let sync):
            let ticket = nextTicket
            nextTicket += 1
            asked[ticket] = (life, sync.seq)
            later {
                guard self.asked[ticket] != nil else { return }
                self.answer(self.central.sync(ticket, self.host.name, sync, now: self.now))
            }
        case .startForwarder:
            later {
                guard self.host.life == life else { return }
                let wasSpawned = self.host.forwarder == nil
                let forwarder = self.host.forwarder ?? SimulatedForwarder(now: self.now)
                self.host.forwarder = forwarder
                let (greeting, held, slots) = forwarder.greet(self.host.encapIP)
                self.tell(.forwarderConnected(greeting, held: held, slots: slots, wasSpawned: wasSpawned))
            }
        case .forward(let orders):
            let forwarder = host.forwarder
            for message in forwarder?.take(orders, self.host.tables) ?? [] {
                later {
                    guard self.host.life == life, self.host.forwarder === forwarder else { return }
                    self.tell(.forwarderSaid(message))
                }
            }
            check(orders)
        case .openDevice(let port, let order):
            tellLater(life, .deviceOpened(port: port.name, self.host.openDevice(port, order)))
        case .removeDevice(let port, _):
            later {
                guard self.host.life == life else { return }
                self.host.removeDevice(port)
                self.tell(.deviceRemoved(port: port.name, failure: nil))
            }
        case .savePorts(let ports, let save):
            host.save(ports)
            tellLater(life, .portsSaved(save: save, failure: nil))
        case .saveShare(let save):
            host.begin(save)
            later {
                guard self.host.life == life else { return }
                self.tell(.shareSaved(failure: nil, isFull: self.host.finishSave()))
            }
        case .replaceForwarder: Issue.record("no forwarder is of another version here")
        default: break
        }
    }

    private func fail(_ ticket: UInt64) {
        guard let (life, sequence) = asked.removeValue(forKey: ticket) else { return }
        tellLater(life, .syncFailed(sequence: sequence, .unavailable("central: lost", retryAfter: nil)))
    }

    private func answer(_ replies: [(ticket: UInt64, reply: SimulatedCentral.Reply)]) {
        for (ticket, reply) in replies {
            guard let (life, sequence) = asked.removeValue(forKey: ticket) else { continue }
            switch reply {
            case .feed(let answer): tellLater(life, .syncAnswered(sequence: sequence, answer))
            case .refused(let status, let code, _):
                let body = Array("{\"code\":\"\(code)\",\"detail\":\"-\"}".utf8)
                let failure = SyncFailure(status: status, body: body, retryAfter: nil)
                tellLater(life, .syncFailed(sequence: sequence, failure))
            }
        }
    }
}
