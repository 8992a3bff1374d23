import CentralCore
import Foundation
import JSON
import NetworkModel
import Persistent
import Southbound
import TestSupport
import Testing
import Wire

/// Central, a few agents, a user and a bad network between them, all from one seed.
///
/// Requests and answers are lost, doubled and overtaken; appends take their time and fail; central and agents are
/// killed. After every event the invariants are checked that hold at any time.
final class Simulation {
    let bench: CoreBench
    var agents: [BenchAgent]
    var generator: SeededGenerator
    /// Every state that was durable, by revision.
    private(set) var states: [Network]
    /// Requests under way to central.
    private var requests: [(agent: Int, request: SyncRequest)] = []
    /// The unanswered requests of each agent, by ticket.
    private var asked: [Ticket: (agent: Int, request: SyncRequest)] = [:]
    /// Answers under way to agents.
    private var arriving: [(agent: Int, request: SyncRequest, answer: Answer)] = []
    /// Writes that wait for their answer.
    private var written: [Ticket] = []
    /// The ports, with their fences, that each agent's forwarder was ever told to carry.
    private var programmed: [String: Set<String>] = [:]
    private var isHealed = false
    /// The ports that each agent has listed as plugged, also those that it has left out later: a late word of an
    /// earlier start may come last.
    private var told: [String: Set<SyncRequest.PluggedPort>] = [:]
    private var withdrawn: [String: Set<SyncRequest.PluggedPort>] = [:]
    /// The last revision whose state was checked.
    private var checked: UInt64?

    init(seed: UInt64) {
        var configuration = Configuration()
        configuration.historyCountMaximum = 40
        configuration.pageChangeCountMaximum = 4
        configuration.keys.port = 9
        configuration.keys.datapath = 4
        bench = CoreBench(seed: seed, configuration: configuration)
        bench.storesAtOnce = false
        generator = SeededGenerator(seed: seed &* 7919)
        agents = (1...4).map { BenchAgent("h\($0)", "10.0.0.\($0)") }
        for index in agents.indices {
            // One host has an agent that knows neither options nor records, nor standby places.
            let later = [Feature.dhcpv4, Feature.dns, Feature.standby, Feature.filter, Feature.mirrors]
            agents[index].features = Feature.basic + (index == 3 ? [] : later)
        }
        states = [bench.base]
    }

    private func draw(_ count: Int) -> Int { Int.random(in: 0..<count, using: &generator) }

    private func isUnlucky(_ percent: Int) -> Bool { !isHealed && draw(100) < percent }

    func run(_ count: Int) throws {
        for _ in 0..<count {
            switch draw(20) {
            case 0...3: write()
            case 4...5: replug()
            case 6...11: speak()
            case 12...13: try finishAppend()
            case 14: try kill()
            case 15: bench.advance(.milliseconds(draw(12_000)))
            default: deliver()
            }
            try check()
        }
    }

    /// Faults cease; everything has to come to rest, and to agree.
    func heal() throws {
        isHealed = true
        for _ in 0..<100 {
            for index in agents.indices { send(agents[index].request(), of: index) }
            while !requests.isEmpty || !arriving.isEmpty { deliver() }
            while !bench.appending.isEmpty { try finishAppend() }
            collect()
            while !arriving.isEmpty { deliver() }
            bench.advance(.milliseconds(500))
            try check()
        }
        let database = bench.published.southbound
        for agent in agents {
            #expect(agent.share == recomputedShare(of: agent.name, in: database))
            #expect(bench.published.ledger.chassis[agent.name]?.isLive == true)
        }
        for stored in bench.published.northbound.ports.values {
            let holder = agents.first { $0.name == stored.value.status.chassis }
            #expect(stored.value.status.isUp == (holder != nil && stored.value.isEnabled))
            if let holder { #expect(holder.ports.contains { $0.logicalPort == stored.value.name }) }
            // No host waits for a port that it may have and that nobody has.
            let contenders = agents.filter { agent in
                stored.value.mayBe(on: agent.name) && canServe(stored.value, agent)
                    && agent.ports.contains { $0.logicalPort == stored.value.name }
            }
            #expect((holder != nil) == !contenders.isEmpty, "\(stored.value.name)")
            #expect(contenders.contains { $0.name == holder?.name } || holder == nil)
            let standby = stored.value.status.standby
            let next = stored.value.movesTo(behind: holder?.name).first { name in
                contenders.contains { $0.name == name && $0.features.contains(Feature.standby) }
            }
            #expect(
                (standby != nil) == (next != nil) && standby?.isUp ?? stored.value.isEnabled == stored.value.isEnabled
            )
            let waiting = agents.filter { agent in
                agent.name != holder?.name && agent.name != standby?.chassis
                    && agent.ports.contains { $0.logicalPort == stored.value.name }
            }
            #expect(stored.value.status.waiting.map(\.chassis) == waiting.map(\.name))
        }
    }

    private func canServe(_ port: LogicalSwitchPort, _ agent: BenchAgent) -> Bool {
        Set(agent.features).isSuperset(of: bench.published.neededFeatures(of: port))
    }

    private func write() {
        let port = "p\(draw(10))"
        let home = "s\(draw(3))"
        let operation: NetworkModel.Operation =
            switch draw(18) {
            case 0: .put(switch: home, [:])
            case 1: .delete(port: port)
            case 2: isUnlucky(30) ? .delete(switch: home) : .put(switch: home, ["vlan_passthru": true])
            case 3:
                .patch(
                    port: port,
                    [
                        "requested_chassis": .array((1...4).filter { _ in draw(2) == 0 }.map { .string("h\($0)") }),
                        "activation_strategy": draw(2) == 0 ? ["rarp"] : [],
                    ]
                )
            case 4: .patch(port: port, ["requested_chassis": [], "enabled": .bool(draw(2) == 0)])
            case 5: isUnlucky(30) ? .delete(chassis: "h\(draw(4) + 1)") : .put(switch: home, [:])
            case 6: .put(.dhcpOptions, "d", .dhcp("d", lease: "\(draw(5))"))
            case 7: .put(.dnsRecords, "n", ["records": ["a.example": .string("10.0.0.\(draw(5))")]])
            case 8: .patch(port: port, ["dhcpv4_options": draw(3) == 0 ? "d" : .null])
            case 9: .patch(switch: home, ["dns_records": draw(3) == 0 ? ["n"] : .null])
            case 10: .delete(draw(2) == 0 ? .dhcpOptions : .dnsRecords, draw(2) == 0 ? "d" : "n")
            case 11: .put(.portGroup, "g\(draw(2))", ["ports": [.string(port), "p1"]])
            case 12: acl(["switch": .string(home), "match": "outport == @g0 || ip4.src == $g1_ip4"])
            case 13: acl(["port_group": .string("g\(draw(2))"), "match": .string("inport == \"\(port)\"")])
            case 14: .delete(.acl, "x\(draw(3))")
            case 15: .put(.mirror, "m", ["type": "gre", "filter": "both", "sink": .string("192.0.2.\(draw(5))")])
            case 16: .patch(port: port, ["mirror_rules": draw(3) == 0 ? ["m"] : .null])
            default: .put(port: port, ["switch": .string(home)])
            }
        written.append(bench.write(operation))
    }

    private func acl(_ change: JSONValue) -> NetworkModel.Operation {
        let rule: JSONValue = ["direction": "to-lport", "action": "drop", "priority": .integer(Int64(draw(3)))]
        return .put(.acl, "x\(draw(3))", rule.merged(with: change))
    }

    private func replug() {
        let index = draw(agents.count)
        let port = "p\(draw(10))"
        if draw(3) == 0 { agents[index].unplug(port) } else { agents[index].plug(port) }
    }

    private func speak() {
        let index = draw(agents.count)
        if draw(4) == 0 { activate(index) }
        send(agents[index].request(wait: draw(3) * 10), of: index)
    }

    /// The guests of all standby ports of a host announce themselves, for all that it knows.
    private func activate(_ index: Int) {
        for case .portBinding(let binding) in agents[index].share.values {
            guard let place = binding.standby, place.chassis == agents[index].name else { continue }
            for port in agents[index].ports.indices
            where agents[index].ports[port].logicalPort == binding.logicalPort {
                agents[index].ports[port].activated = place.bindSeq
            }
        }
    }

    private func send(_ request: SyncRequest, of agent: Int) {
        if isUnlucky(15) { return }
        requests.append((agent, request))
        if isUnlucky(15) { requests.append((agent, request)) }
    }

    /// Any message that is under way arrives next.
    private func deliver() {
        collect()
        if !arriving.isEmpty, requests.isEmpty || draw(2) == 0 {
            let (agent, request, answer) = arriving.remove(at: isHealed ? 0 : draw(arriving.count))
            hear(answer, to: request, agent)
        } else if !requests.isEmpty {
            let (agent, request) = requests.remove(at: isHealed ? 0 : draw(requests.count))
            note(request, of: agent)
            let ticket = bench.sync(agents[agent].name, request)
            asked[ticket] = (agent, request)
        }
        collect()
    }

    private func note(_ request: SyncRequest, of agent: Int) {
        let (name, ports) = (agents[agent].name, Set(request.ports.map(plug)))
        withdrawn[name, default: []].formUnion((told[name] ?? []).subtracting(ports))
        told[name, default: []].formUnion(ports)
    }

    private func plug(_ port: SyncRequest.PluggedPort) -> SyncRequest.PluggedPort {
        .init(logicalPort: port.logicalPort, interface: "", claim: port.claim, isUp: false)
    }

    /// Takes over what central has answered.
    private func collect() {
        for (ticket, asker) in asked.sorted(by: { $0.key < $1.key }) {
            guard let answer = bench.answers[ticket] else { continue }
            asked[ticket] = nil
            if !isUnlucky(15) { arriving.append((asker.agent, asker.request, answer)) }
        }
    }

    private func hear(_ answer: Answer, to request: SyncRequest, _ index: Int) {
        let agent = agents[index]
        guard request.bootID == agent.bootID else { return }
        switch answer {
        case .feed(let feed):
            guard request.since == agent.applied, request.page == agent.page, request.epoch == agent.epoch else {
                return
            }
            agents[index].take(feed)
            guard agents[index].page == nil else { return }
            #expect(agents[index].share == recomputedShare(of: agent.name, in: states[Int(feed.to)].southbound))
            for case .portBinding(let port) in agents[index].share.values {
                for place in port.locations where place.chassis == agent.name {
                    programmed[agent.name, default: []].insert("\(port.id)#\(place.bindSeq)")
                }
            }
        case .refused(let refusal, _):
            if refusal.code == .resyncRequired { agents[index].resync() }
        default: Issue.record("an agent is answered \(answer)")
        }
    }

    private func finishAppend() throws {
        guard !bench.appending.isEmpty else { return }
        if isUnlucky(15) {
            bench.failStore()
        } else {
            for commit in bench.appending { try extend(commit) }
            bench.store()
        }
    }

    /// A commit reaches the disk: it has to follow the last one.
    private func extend(_ commit: Commit) throws {
        var next = try #require(states.last)
        try next.apply(Commit(decoding: commit.encoded))
        try checkFences(from: states[states.count - 1], to: next)
        states.append(next)
    }

    private func kill() throws {
        if draw(4) > 0 {
            let index = draw(agents.count)
            agents[index].bootID = "boot-\(draw(1_000_000))"
            agents[index].seq = 0
            return
        }
        // A commit under way may have reached the disk or not.
        if draw(2) == 0, !bench.appending.isEmpty {
            for commit in bench.appending { try extend(commit) }
            bench.log += bench.appending
        }
        asked = [:]
        written = []
        try bench.restart(history: min(bench.log.count, 30))
    }

    /// Checks the invariants that hold at any time.
    private func check() throws {
        // I1, I4: what is acknowledged is on disk, and revisions are dense.
        #expect(bench.log.map(\.revision) == (0..<bench.log.count).map { UInt64($0 + 1) })
        written.removeAll { ticket in
            guard let answer = bench.answers[ticket] else { return false }
            if case .written(let revision, _, _) = answer { #expect(revision <= UInt64(bench.log.count)) }
            return true
        }
        // I2, I6: readers see a whole state of the log, and its translation.
        let published = bench.published
        guard published.revision != checked else { return }
        checked = published.revision
        let state = try #require(
            states.indices.contains(Int(published.revision)) ? states[Int(published.revision)] : nil
        )
        #expect(published.southbound.entries.count == state.southbound.entries.count)
        for (key, entry) in published.southbound.entries {
            #expect(state.southbound.entries[key]?.bytes == entry.bytes)
        }
        for (id, port) in published.northbound.ports { #expect(state.northbound.ports[id]?.bytes == port.bytes) }
        #expect(published.translationDifference().isEmpty)
        // I15: no two live objects share a key.
        #expect(published.southbound.datapathsByKey.count == published.northbound.switches.count)
        let keyCount = published.southbound.portsByDatapath.values.reduce(0) { $0 + $1.count }
        #expect(keyCount == published.northbound.ports.count)
        // I18: up is only what a forwarder was told to carry.
        for (id, port) in published.northbound.ports where port.value.status.isUp {
            let place = try #require(published.southbound.portBinding(id)?.locations.first)
            let places = programmed[place.chassis] ?? []
            // A place that was standby before has been told by its fence of then.
            #expect(places.contains { $0 == "\(id)#\(place.bindSeq)" || $0 == "\(id)#\(place.bindSeq - 1)" })
        }
    }

    /// I11: a port has at most one active place, and behind it one standby place, and whoever takes it has a higher
    /// fence than anyone before.
    private func checkFences(from old: Network, to new: Network) throws {
        for (id, _) in new.northbound.ports {
            let locations = try #require(new.southbound.portBinding(id)?.locations)
            #expect(locations.map(\.state) == Array([.active, .standby].prefix(locations.count)))
            guard let place = locations.first else { continue }
            let newest = new.ledger.bindings[id]?.bindSeq ?? 0
            #expect(locations.allSatisfy { $0.bindSeq <= newest })
            let former = old.southbound.portBinding(id)?.locations ?? []
            if let standby = locations.dropFirst().first {
                let port = try #require(new.northbound.ports[id]?.value)
                #expect(port.movesTo(behind: place.chassis).contains(standby.chassis))
                #expect(standby.bindSeq == newest || former.contains(standby))
            }
            guard former.first != place else { continue }
            #expect(place.bindSeq > old.ledger.bindings[id]?.bindSeq ?? 0)
            // The guest has announced itself there.
            if former.dropFirst().first?.chassis == place.chassis { continue }
            checkTaking(of: id, by: place.chassis, from: old, to: new)
        }
    }

    /// A live host that may have a port, and can, loses it only to a plug that central had not seen, and in a list of
    /// hosts to none.
    private func checkTaking(of id: ObjectID, by taker: String, from old: Network, to new: Network) {
        guard let port = new.northbound.ports[id]?.value,
            let loser = old.southbound.portBinding(id)?.locations.first?.chassis, loser != taker,
            let agent = agents.first(where: { $0.name == loser }), port.mayBe(on: loser),
            Set(agent.features).isSuperset(of: new.neededFeatures(of: port)),
            [old, new].allSatisfy({ $0.ledger.chassis[loser]?.isLive == true }),
            let plugged = agent.ports.first(where: { $0.logicalPort == port.name }),
            old.ledger.bindings[id]?.claim(of: agent.chassisID) == plugged.claim,
            !(withdrawn[loser]?.contains(plug(plugged)) ?? false)
        else { return }
        #expect(port.requestedChassis.isEmpty, "\(taker) takes \(port.name) from \(loser), which is on the list")
        let identity = "id-\(taker)"
        let claims = [old, new].map { $0.ledger.bindings[id]?.claim(of: identity) ?? 0 }
        #expect(claims[1] > claims[0], "\(taker) takes \(port.name) from \(loser) by an old claim")
    }

    /// All that came out, in few digits: the same on every run of a seed.
    var digest: String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for commit in bench.log {
            for byte in commit.encoded { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        }
        return "revision \(bench.log.count) digest \(String(hash, radix: 16))"
    }
}

@Suite struct SimulationTests {
    /// `SEEDS=500` in the environment looks for rare faults.
    static let seedCount = ProcessInfo.processInfo.environment["SEEDS"].flatMap { UInt64($0) } ?? 12

    @Test(arguments: 1...max(1, seedCount))
    func `faults of every kind leave the invariants whole, and all agrees once they cease`(seed: UInt64) throws {
        let simulation = Simulation(seed: seed)
        try simulation.run(800)
        try simulation.heal()
    }

    @Test func `a seed gives the same commits in every process`() throws {
        var text = ""
        for seed in 21...24 as ClosedRange<UInt64> {
            let simulation = Simulation(seed: seed)
            try simulation.run(300)
            text += "seed \(seed): \(simulation.digest)\n"
        }
        let mismatch = goldenMismatch(text, named: "simulation")
        #expect(mismatch == nil, "\(mismatch ?? "")")
    }
}
