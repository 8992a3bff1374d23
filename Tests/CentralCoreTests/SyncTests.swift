import CentralCore
import JSON
import NetworkModel
import Persistent
import Southbound
import Testing
import Wire

@Suite struct SyncTests {
    private func live(_ bench: CoreBench) -> [String] {
        bench.published.ledger.chassis.filter { $0.value.isLive }.map(\.key)
    }

    @Test func `a sequence number at or below the last one changes nothing`() {
        let bench = CoreBench()
        var agent = BenchAgent("h1", "10.0.0.1")
        bench.write(.create(switch: ["name": "a"]))
        bench.write(.create(port: ["name": "p"], on: "a"))
        var late = agent.request()
        late.ports = [.init(logicalPort: "p", interface: "t", claim: 1, isUp: false)]
        bench.sync("h1", agent.request())
        let stale = bench.sync("h1", late)
        #expect(bench.refusal(stale)?.code == .staleSequence)
        #expect(bench.binding("p")?.locations == [])
        let repeated = bench.sync("h1", agent.request())
        #expect(bench.feed(repeated) != nil)
    }

    @Test func `a new start takes over at once, and late words of the old one are refused`() {
        let bench = CoreBench()
        var agent = BenchAgent("h1", "10.0.0.1")
        bench.settle(&agent)
        let late = agent.request()
        agent.bootID = "boot-2"
        agent.seq = 0
        #expect(bench.feed(bench.sync("h1", agent.request())) != nil)
        #expect(bench.refusal(bench.sync("h1", late))?.code == .staleSequence)
    }

    @Test func `another identity under a live chassis' name is refused until the lease ends`() {
        let bench = CoreBench()
        var first = BenchAgent("h1", "10.0.0.1")
        var second = BenchAgent("h1", "10.0.0.2")
        second.chassisID = "other"
        bench.settle(&first)
        let refused = bench.sync("h1", second.request())
        #expect(bench.refusal(refused)?.code == .chassisConflict)
        #expect(bench.refusal(refused)?.conflictsWith == "/v1/chassis/h1")
        bench.advance(.seconds(31))
        #expect(live(bench) == [])
        #expect(bench.feed(bench.sync("h1", second.request())) != nil)
        #expect(bench.published.southbound.chassis(named: "h1")?.chassisID == "other")
        #expect(bench.refusal(bench.sync("h1", first.request()))?.code == .chassisConflict)
    }

    @Test func `an encap address of a live chassis is refused; a dead holder makes way`() {
        let bench = CoreBench()
        var first = BenchAgent("h1", "10.0.0.1")
        var second = BenchAgent("h2", "10.0.0.1")
        bench.settle(&first)
        let refused = bench.refusal(bench.sync("h2", second.request()))
        #expect(refused?.code == .chassisConflict)
        #expect(refused?.pointer == "/encaps/0/ip")
        bench.advance(.seconds(31))
        bench.settle(&second)
        #expect(bench.published.southbound.chassisByName.map(\.key) == ["h2"])
        #expect(live(bench) == ["h2"])
        #expect(bench.refusal(bench.sync("h1", first.request()))?.code == .chassisConflict)
    }

    @Test func `a copied state directory under another name is refused while the first host lives`() {
        let bench = CoreBench()
        var first = BenchAgent("h1", "10.0.0.1")
        var copy = BenchAgent("h2", "10.0.0.2")
        copy.chassisID = first.chassisID
        bench.settle(&first)
        #expect(bench.refusal(bench.sync("h2", copy.request()))?.conflictsWith == "/v1/chassis/h1")
        bench.advance(.seconds(31))
        bench.settle(&copy)
        #expect(bench.published.southbound.chassisByName.map(\.key) == ["h2"])
    }

    @Test func `deleting a chassis frees its name, encaps and bindings, and a living agent comes back`() {
        let bench = CoreBench()
        var agent = BenchAgent("h1", "10.0.0.1")
        bench.write(.create(switch: ["name": "a"]))
        bench.write(.create(port: ["name": "p"], on: "a"))
        agent.plug("p")
        bench.settle(&agent)
        #expect(bench.binding("p")?.locations.map(\.bindSeq) == [1])
        bench.write(.delete(chassis: "h1"))
        #expect(bench.line(port: "p") == "p: key 1 at [] up false chassis - reason not-plugged")
        #expect(bench.published.southbound.chassisByEncap.isEmpty)
        #expect(bench.published.ledger.chassis.isEmpty)
        bench.settle(&agent)
        bench.settle(&agent)
        #expect(bench.line(port: "p") == "p: key 1 at [h1#2] up true chassis h1 reason -")
        let missing = bench.write(.delete(chassis: "h9"))
        #expect(bench.refusal(missing)?.code == .notFound)
    }

    @Test func `a chassis deleted under its parked poll is told to come again`() {
        let bench = CoreBench()
        var agent = BenchAgent("h1", "10.0.0.1")
        bench.settle(&agent)
        let parked = bench.sync("h1", agent.request(wait: 20))
        #expect(bench.answers[parked] == nil)
        bench.write(.delete(chassis: "h1"))
        #expect(bench.refusal(parked)?.code == .notFound)
        bench.settle(&agent)
        #expect(live(bench) == ["h1"])
    }

    @Test func `silence for the lease is a commit, and so is the first word after it`() {
        let bench = CoreBench()
        var agent = BenchAgent("h1", "10.0.0.1")
        bench.write(.create(switch: ["name": "a"]))
        bench.write(.create(port: ["name": "p"], on: "a"))
        agent.plug("p")
        bench.settle(&agent)
        let revision = bench.published.revision
        for _ in 0..<10 {
            bench.advance(.seconds(20))
            bench.settle(&agent)
        }
        #expect(bench.published.revision == revision)
        bench.advance(.seconds(30))
        #expect(bench.line(port: "p") == "p: key 1 at [h1#1] up false chassis h1 reason chassis-lost")
        #expect(live(bench) == [])
        let before = bench.published.southbound.entries[.chassis("h1")]?.revision
        bench.settle(&agent)
        #expect(bench.line(port: "p") == "p: key 1 at [h1#1] up true chassis h1 reason -")
        #expect(bench.published.southbound.entries[.chassis("h1")]?.revision == before)
    }

    @Test func `a long wait is not taken for silence`() {
        let bench = CoreBench()
        var agent = BenchAgent("h1", "10.0.0.1")
        bench.settle(&agent)
        let parked = bench.sync("h1", agent.request(wait: 60))
        bench.advance(.seconds(59))
        #expect(bench.answers[parked] == nil)
        #expect(live(bench) == ["h1"])
        bench.advance(.seconds(1))
        #expect(bench.feed(parked)?.changes.isEmpty == true)
    }

    @Test func `a starting core counts live chassis as just heard`() throws {
        let bench = CoreBench()
        var agents = [BenchAgent("h1", "10.0.0.1"), BenchAgent("h2", "10.0.0.2")]
        for index in agents.indices { bench.settle(&agents[index]) }
        bench.advance(.seconds(29))
        try bench.restart()
        bench.advance(.seconds(29))
        #expect(live(bench) == ["h1", "h2"])
        bench.settle(&agents[1])
        bench.advance(.seconds(2))
        #expect(live(bench) == ["h2"])
    }

    @Test func `a host keeps its up ports over a restart of central`() throws {
        let bench = CoreBench()
        var agent = BenchAgent("h1", "10.0.0.1")
        bench.write(.create(switch: ["name": "a"]))
        bench.write(.create(port: ["name": "p"], on: "a"))
        agent.plug("p")
        bench.settle(&agent)
        let revision = bench.published.revision
        try bench.restart()
        bench.settle(&agent)
        #expect(bench.published.revision == revision)
        #expect(bench.port("p")?.status.isUp == true)
    }

    @Test func `a registration that cannot be stored is refused and works later`() {
        let bench = CoreBench()
        var agent = BenchAgent("h1", "10.0.0.1")
        bench.storesAtOnce = false
        let ticket = bench.sync("h1", agent.request())
        bench.failStore()
        #expect(bench.refusal(ticket)?.code == .storageFull)
        bench.storesAtOnce = true
        bench.settle(&agent)
        #expect(live(bench) == ["h1"])
    }

    @Test func `a claim that could not be stored is tried again by the core itself`() {
        let bench = CoreBench()
        var agent = BenchAgent("h1", "10.0.0.1")
        bench.write(.create(switch: ["name": "a"]))
        bench.write(.create(port: ["name": "p"], on: "a"))
        bench.settle(&agent)
        agent.plug("p")
        bench.storesAtOnce = false
        let ticket = bench.sync("h1", agent.request())
        bench.failStore()
        #expect(bench.feed(ticket)?.changes.isEmpty == true)
        #expect(bench.binding("p")?.locations == [])
        bench.storesAtOnce = true
        bench.advance(.seconds(2))
        #expect(bench.binding("p")?.locations.map(\.chassis) == ["h1"])
    }

    @Test func `names, numbers of chassis and of former starts are bounded`() {
        var configuration = Configuration()
        configuration.chassisCountMaximum = 1
        let bench = CoreBench(configuration: configuration)
        var agent = BenchAgent("h1", "10.0.0.1")
        var other = BenchAgent("h2", "10.0.0.2")
        #expect(bench.refusal(bench.sync("h 1", agent.request()))?.code == .invalidValue)
        bench.settle(&agent)
        #expect(bench.refusal(bench.sync("h2", other.request()))?.code == .limitExceeded)
        for boot in 2..<12 {
            agent.bootID = "boot-\(boot)"
            agent.seq = 0
            #expect(bench.feed(bench.sync("h1", agent.request())) != nil)
        }
        agent.bootID = "boot-5"
        agent.seq = 0
        #expect(bench.refusal(bench.sync("h1", agent.request()))?.code == .staleSequence)
        agent.bootID = "boot-2"
        #expect(bench.feed(bench.sync("h1", agent.request())) != nil)
    }

    @Test func `what an agent reports is told to the operator`() {
        let bench = CoreBench()
        var agent = BenchAgent("h1", "10.0.0.1")
        var request = agent.request()
        request.errors = [.init(logicalPort: "p", detail: "no such interface")]
        bench.sync("h1", request)
        #expect(bench.entries.contains(LogEntry(.warning, "Chassis h1 reports: no such interface (port p)")))
    }
}
