import CentralCore
import JSON
import NetworkModel
import Persistent
import Southbound
import Testing
import Wire

@Suite struct BindingTests {
    private func bench() -> CoreBench {
        let bench = CoreBench()
        bench.write(.create(switch: ["name": "a"]))
        bench.write(.create(port: ["name": "p"], on: "a"))
        return bench
    }

    /// A port that was plugged in on h1, and then on h2, which has it.
    private func taken(in bench: CoreBench) -> (first: BenchAgent, second: BenchAgent) {
        var first = BenchAgent("h1", "10.0.0.1")
        var second = BenchAgent("h2", "10.0.0.2")
        first.plug("p")
        bench.settle(&first)
        second.plug("p")
        bench.settle(&second)
        return (first, second)
    }

    @Test func `an old claim never takes a port back, a new plug does`() throws {
        let bench = bench()
        var first = taken(in: bench).first
        #expect(bench.line(port: "p") == "p: key 1 at [h2#2] up true chassis h2 reason -")
        for _ in 0..<3 { bench.settle(&first) }
        try bench.restart()
        for _ in 0..<3 { bench.settle(&first) }
        #expect(bench.line(port: "p") == "p: key 1 at [h2#2] up true chassis h2 reason -")
        first.plug("p")
        bench.settle(&first)
        #expect(bench.line(port: "p") == "p: key 1 at [h1#3] up true chassis h1 reason -")
    }

    @Test func `a port missing from the list is released, only by the chassis that holds it`() {
        let bench = bench()
        var (first, second) = taken(in: bench)
        first.unplug("p")
        bench.settle(&first)
        #expect(bench.binding("p")?.locations.map(\.chassis) == ["h2"])
        second.unplug("p")
        bench.settle(&second)
        #expect(bench.line(port: "p") == "p: key 1 at [] up false chassis - reason not-plugged")
        first.plug("p")
        bench.settle(&first)
        #expect(bench.binding("p")?.locations.map(\.bindSeq) == [3])
    }

    @Test func `requested_chassis decides who may have the port`() {
        let bench = bench()
        var first = BenchAgent("h1", "10.0.0.1")
        var second = BenchAgent("h2", "10.0.0.2")
        bench.write(.patch(port: "p", ["requested_chassis": ["h2"]]))
        first.plug("p")
        bench.settle(&first)
        #expect(bench.line(port: "p") == "p: key 1 at [] up false chassis - reason requested-elsewhere")
        second.plug("p")
        bench.settle(&second)
        #expect(bench.line(port: "p") == "p: key 1 at [h2#1] up true chassis h2 reason -")
        bench.write(.patch(port: "p", ["requested_chassis": ["h1"]]))
        #expect(bench.line(port: "p") == "p: key 1 at [h1#2] up false chassis h1 reason not-programmed")
        #expect(waiting(bench) == ["h2 requested-elsewhere"])
        bench.settle(&first)
        #expect(bench.port("p")?.status.isUp == true)
        bench.write(.patch(port: "p", ["requested_chassis": ["h3"]]))
        #expect(bench.line(port: "p") == "p: key 1 at [] up false chassis - reason requested-elsewhere")
        bench.write(.patch(port: "p", ["requested_chassis": ["h1", "h3"]]))
        #expect(bench.binding("p")?.locations.map(\.chassis) == ["h1"])
    }

    private func waiting(_ bench: CoreBench) -> [String] {
        (bench.port("p")?.status.waiting ?? []).map { "\($0.chassis) \($0.reason.rawValue)" }
    }

    @Test func `a host that has the port plugged in gets it back when its holder lets go`() throws {
        let bench = bench()
        var (first, second) = taken(in: bench)
        #expect(waiting(bench) == ["h1 set-aside"])
        try bench.restart()
        bench.settle(&second)
        #expect(waiting(bench) == ["h1 set-aside"])
        bench.settle(&first)
        second.unplug("p")
        bench.settle(&second)
        bench.settle(&first)
        #expect(bench.line(port: "p") == "p: key 1 at [h1#3] up true chassis h1 reason -")
        #expect(waiting(bench) == [])
    }

    @Test func `a holder that is deleted makes way for a host that has the port plugged in`() {
        let bench = bench()
        var (first, second) = taken(in: bench)
        bench.advance(.seconds(20))
        bench.settle(&first)
        bench.advance(.seconds(20))
        // Silence moves nothing: the holder may forward all the while.
        #expect(bench.line(port: "p") == "p: key 1 at [h2#2] up false chassis h2 reason chassis-lost")
        bench.write(.delete(chassis: "h2"))
        bench.settle(&first)
        #expect(bench.line(port: "p") == "p: key 1 at [h1#3] up true chassis h1 reason -")
        bench.settle(&second)
        #expect(bench.binding("p")?.locations.map(\.chassis) == ["h1"])
        #expect(waiting(bench) == ["h2 set-aside"])
    }

    @Test func `a chassis that is deleted waits for nothing any more`() {
        let bench = bench()
        _ = taken(in: bench)
        bench.write(.delete(chassis: "h1"))
        #expect(waiting(bench) == [])
    }

    @Test func `in a list of hosts the one that holds the port keeps it while it lives`() {
        let bench = bench()
        var source = BenchAgent("h1", "10.0.0.1")
        var destination = BenchAgent("h2", "10.0.0.2")
        bench.write(.patch(port: "p", ["requested_chassis": ["h1"]]))
        source.plug("p")
        bench.settle(&source)
        // Plugged before it may be there, and again when it may: both claims displace nobody.
        destination.plug("p")
        bench.settle(&destination)
        bench.write(.patch(port: "p", ["requested_chassis": ["h1", "h2"]]))
        destination.plug("p")
        bench.settle(&destination)
        bench.settle(&source)
        #expect(bench.line(port: "p") == "p: key 1 at [h1#1] up true chassis h1 reason -")
        #expect(waiting(bench) == ["h2 set-aside"])
        // Called off: nobody notices. Nor when the rule goes, as the claims have been seen.
        bench.write(.patch(port: "p", ["requested_chassis": []]))
        bench.settle(&destination)
        #expect(bench.binding("p")?.locations.map(\.bindSeq) == [1])
        // Carried through, and called off after that.
        bench.write(.patch(port: "p", ["requested_chassis": ["h2"]]))
        bench.settle(&destination)
        #expect(bench.line(port: "p") == "p: key 1 at [h2#2] up true chassis h2 reason -")
        bench.write(.patch(port: "p", ["requested_chassis": ["h1"]]))
        bench.settle(&source)
        #expect(bench.line(port: "p") == "p: key 1 at [h1#3] up true chassis h1 reason -")
    }

    @Test func `in a list of hosts another one gets the port when its holder is dead`() {
        let bench = bench()
        var first = BenchAgent("h1", "10.0.0.1")
        var second = BenchAgent("h2", "10.0.0.2")
        bench.write(.patch(port: "p", ["requested_chassis": ["h1", "h2"]]))
        first.plug("p")
        bench.settle(&first)
        second.plug("p")
        bench.settle(&second)
        #expect(bench.binding("p")?.locations.map(\.chassis) == ["h1"])
        bench.advance(.seconds(20))
        bench.settle(&second)
        bench.advance(.seconds(11))
        bench.settle(&second)
        #expect(bench.line(port: "p") == "p: key 1 at [h2#2] up true chassis h2 reason -")
        #expect(waiting(bench) == ["h1 chassis-lost"])
        bench.settle(&first)
        #expect(bench.binding("p")?.locations.map(\.chassis) == ["h2"])
        #expect(waiting(bench) == ["h1 set-aside"])
    }

    @Test func `what another identity of a chassis did not have goes back to the former one`() {
        let bench = bench()
        var former = BenchAgent("h1", "10.0.0.1")
        for _ in 0..<5 { former.plug("p") }
        bench.settle(&former)
        bench.advance(.seconds(31))
        var other = BenchAgent("h1", "10.0.0.1")
        other.chassisID = "other"
        bench.settle(&other)
        #expect(bench.line(port: "p") == "p: key 1 at [] up false chassis - reason not-plugged")
        bench.advance(.seconds(31))
        former.bootID = "again"
        former.seq = 0
        bench.settle(&former)
        #expect(bench.line(port: "p") == "p: key 1 at [h1#2] up true chassis h1 reason -")
    }

    @Test func `a claim that a host says is set aside takes the port from nobody`() {
        let bench = bench()
        var first = BenchAgent("h1", "10.0.0.1")
        var second = BenchAgent("h2", "10.0.0.2")
        first.plug("p")
        bench.settle(&first)
        // As after a restore: central knows nothing of what it took away.
        second.plug("p")
        second.ports[0].isSetAside = true
        bench.settle(&second)
        #expect(bench.binding("p")?.locations.map(\.chassis) == ["h1"])
        first.unplug("p")
        bench.settle(&first)
        #expect(bench.binding("p")?.locations.map(\.chassis) == ["h2"])
    }

    @Test func `a host whose state was put back holds what it has with its lower claim`() {
        let bench = bench()
        var agent = BenchAgent("h1", "10.0.0.1")
        for _ in 0..<5 { agent.plug("p") }
        bench.settle(&agent)
        agent.ports[0].claim = 2
        agent.bootID = "again"
        agent.seq = 0
        bench.settle(&agent)
        #expect(bench.line(port: "p") == "p: key 1 at [h1#1] up true chassis h1 reason -")
    }

    @Test func `up waits for tables that know of the binding`() {
        let bench = bench()
        var agent = BenchAgent("h1", "10.0.0.1")
        bench.settle(&agent)
        agent.plug("p")
        agent.ports[0].isUp = true
        let ticket = bench.sync("h1", agent.request())
        #expect(bench.line(port: "p") == "p: key 1 at [h1#1] up false chassis h1 reason not-programmed")
        bench.sync("h1", agent.request())
        #expect(bench.port("p")?.status.isUp == false)
        let answer = bench.feed(ticket)
        if let answer { agent.take(answer) }
        bench.sync("h1", agent.request())
        #expect(bench.port("p")?.status.isUp == true)
        agent.ports[0].isUp = false
        bench.sync("h1", agent.request())
        #expect(bench.line(port: "p") == "p: key 1 at [h1#1] up false chassis h1 reason not-programmed")
    }

    @Test func `what was applied in another epoch does not count`() {
        let bench = bench()
        var agent = BenchAgent("h1", "10.0.0.1")
        agent.plug("p")
        agent.ports[0].isUp = true
        bench.sync("h1", agent.request())
        agent.epoch = 0xdef
        agent.applied = 1000
        let ticket = bench.sync("h1", agent.request())
        #expect(bench.refusal(ticket)?.code == .historyDiffers)
        #expect(bench.port("p")?.status.isUp == false)
    }

    @Test func `a disabled port is not up and comes back when enabled`() {
        let bench = bench()
        var agent = BenchAgent("h1", "10.0.0.1")
        agent.plug("p")
        bench.settle(&agent)
        bench.write(.patch(port: "p", ["enabled": false]))
        #expect(bench.line(port: "p") == "p: key 1 at [h1#1] up false chassis h1 reason disabled")
        bench.write(.patch(port: "p", ["enabled": true]))
        #expect(bench.line(port: "p") == "p: key 1 at [h1#1] up true chassis h1 reason -")
    }

    @Test func `a port is not bound where its records are not understood`() {
        let bench = bench()
        var agent = BenchAgent("h1", "10.0.0.1")
        agent.plug("p")
        var request = agent.request()
        request.features = ["chassis"]
        bench.sync("h1", request)
        #expect(bench.line(port: "p") == "p: key 1 at [] up false chassis - reason unsupported-by-chassis")
        bench.settle(&agent)
        #expect(bench.binding("p")?.locations.map(\.chassis) == ["h1"])
    }

    @Test func `of two interfaces with one port the newer plug counts`() {
        let bench = bench()
        var agent = BenchAgent("h1", "10.0.0.1")
        var request = agent.request()
        request.ports = [
            .init(logicalPort: "p", interface: "new", claim: 7, isUp: false),
            .init(logicalPort: "p", interface: "old", claim: 3, isUp: false),
        ]
        bench.sync("h1", request)
        let id = bench.published.northbound.port(.name("p"))?.id
        let state = id.flatMap { bench.published.ledger.bindings[$0] }
        #expect(state?.claims == [Ledger.SeenClaim(chassisID: "id-h1", claim: 7)])
    }

    @Test func `a reinstalled host starts its claims anew`() {
        let bench = bench()
        var agent = BenchAgent("h1", "10.0.0.1")
        agent.plug("p")
        agent.plug("p")
        bench.settle(&agent)
        bench.advance(.seconds(31))
        var fresh = BenchAgent("h1", "10.0.0.1")
        fresh.chassisID = "fresh"
        fresh.plug("p")
        bench.settle(&fresh)
        #expect(bench.line(port: "p") == "p: key 1 at [h1#2] up true chassis h1 reason -")
    }

    private func state(_ bench: CoreBench) -> Ledger.BindingState? {
        bench.published.northbound.port(.name("p")).flatMap { bench.published.ledger.bindings[$0.id] }
    }

    @Test func `the claims remembered of hosts that let go are bounded`() {
        let bench = bench()
        for index in 1...20 {
            var agent = BenchAgent("h\(index)", "10.0.0.\(index)")
            agent.plug("p")
            bench.settle(&agent)
            agent.unplug("p")
            bench.settle(&agent)
        }
        #expect(state(bench)?.bindSeq == 20)
        #expect(state(bench)?.claims.count == Ledger.BindingState.formerClaimCountMaximum + 1)
        #expect(state(bench)?.claims.last?.chassisID == "id-h20")
    }

    @Test func `hosts that all hold on to one port do not take it from each other`() {
        let bench = bench()
        var agents = (1...20).map { BenchAgent("h\($0)", "10.0.0.\($0)") }
        for index in agents.indices {
            agents[index].plug("p")
            bench.settle(&agents[index])
        }
        for index in agents.indices { bench.settle(&agents[index]) }
        #expect(state(bench)?.bindSeq == 20)
        #expect(bench.binding("p")?.locations.map(\.chassis) == ["h20"])
    }

    @Test func `more ports than one commit holds are settled in several`() {
        var configuration = Configuration()
        configuration.commitByteCountMaximum = 6000
        let bench = CoreBench(configuration: configuration)
        bench.write(.create(switch: ["name": "a"]))
        var agent = BenchAgent("h1", "10.0.0.1")
        for index in 0..<32 {
            bench.write(.create(port: ["name": .string("p\(index)")], on: "a"))
            agent.plug("p\(index)")
        }
        bench.settle(&agent)
        #expect((0..<32).allSatisfy { bench.port("p\($0)")?.status.isUp == true })
        #expect(bench.log.allSatisfy { $0.encoded.count <= 6000 })
        bench.advance(.seconds(31))
        #expect((0..<32).allSatisfy { bench.port("p\($0)")?.status.reason == .chassisLost })
    }
}
