import CentralCore
import JSON
import NetworkModel
import Persistent
import Southbound
import Testing
import Wire

@Suite struct RealizationTests {
    private func network() -> (CoreBench, [BenchAgent]) {
        let bench = CoreBench()
        bench.write(.put(switch: "a", [:]), .put(switch: "b", [:]), isTransaction: true)
        var agents = (1...3).map { BenchAgent("h\($0)", "10.0.0.\($0)") }
        for (index, name) in ["a", "a", "b"].enumerated() {
            bench.write(.create(port: ["name": .string("p\(index + 1)")], on: name))
            agents[index].plug("p\(index + 1)")
        }
        for _ in 0..<2 {
            for index in agents.indices { bench.settle(&agents[index]) }
        }
        return (bench, agents)
    }

    private func ask(_ bench: CoreBench, _ revision: UInt64, wait: Int) -> Ticket {
        let ticket = bench.ticket()
        bench.ask(ticket, .realization(revision: revision, wait: wait))
        return ticket
    }

    @Test func `what concerns no host is realized at once`() {
        let (bench, _) = network()
        bench.write(.put(switch: "c", [:]))
        let ticket = ask(bench, bench.published.revision, wait: 20)
        #expect(bench.realization(ticket)?.isComplete == true)
    }

    @Test func `it waits for every interested live chassis and no other`() {
        let (bench, hosts) = network()
        var agents = hosts
        bench.write(.patch(port: "p1", ["addresses": ["02:00:00:00:00:01"]]))
        let revision = bench.published.revision
        #expect(bench.realization(ask(bench, revision, wait: 0))?.pending == ["h1", "h2"])
        let ticket = ask(bench, revision, wait: 20)
        #expect(bench.answers[ticket] == nil)
        bench.settle(&agents[0])
        #expect(bench.answers[ticket] == nil)
        bench.settle(&agents[1])
        #expect(bench.realization(ticket) == Realization(revision: revision, pending: [], excluded: []))
    }

    @Test func `when time runs out it says who is missing`() {
        let (bench, hosts) = network()
        var agents = hosts
        bench.write(.patch(port: "p1", ["addresses": ["02:00:00:00:00:01"]]))
        let revision = bench.published.revision
        let ticket = ask(bench, revision, wait: 10)
        bench.settle(&agents[0])
        bench.advance(.seconds(10))
        #expect(bench.realization(ticket) == Realization(revision: revision, pending: ["h2"], excluded: []))
        #expect(bench.realization(ticket)?.json.text.contains("\"timeout\"") == true)
    }

    @Test func `dead chassis are left out and listed`() {
        let (bench, hosts) = network()
        var agents = hosts
        bench.write(.patch(port: "p1", ["addresses": ["02:00:00:00:00:01"]]))
        let revision = bench.published.revision
        let ticket = ask(bench, revision, wait: 60)
        bench.advance(.seconds(20))
        bench.settle(&agents[0])
        bench.advance(.seconds(11))
        #expect(bench.realization(ticket) == Realization(revision: revision, pending: [], excluded: ["h2"]))
    }

    @Test func `a deleted chassis is waited for no longer, nor is a client that went away answered`() {
        let (bench, hosts) = network()
        var agents = hosts
        bench.write(.patch(port: "p1", ["addresses": ["02:00:00:00:00:01"]]))
        let revision = bench.published.revision
        let ticket = ask(bench, revision, wait: 60)
        let gone = ask(bench, revision, wait: 60)
        bench.send(.disconnected(gone))
        bench.settle(&agents[0])
        bench.write(.delete(chassis: "h2"))
        #expect(bench.realization(ticket)?.isComplete == true)
        #expect(bench.answers[gone] == nil)
    }

    @Test func `a revision still to come is refused`() {
        let (bench, _) = network()
        let ticket = ask(bench, bench.published.revision + 1, wait: 20)
        #expect(bench.refusal(ticket)?.code == .invalidValue)
    }

    @Test func `after a restart of central quiet hosts do not hold up others' changes`() throws {
        let (bench, hosts) = network()
        var agents = hosts
        try bench.restart()
        bench.write(.patch(port: "p1", ["addresses": ["02:00:00:00:00:01"]]))
        let revision = bench.published.revision
        let ticket = ask(bench, revision, wait: 20)
        bench.settle(&agents[0])
        bench.settle(&agents[1])
        #expect(bench.answers[ticket] == nil)
        bench.sync("h3", agents[2].request(wait: 20))
        #expect(bench.realization(ticket)?.isComplete == true)
    }

    @Test func `a host whose forwarder lost its tables is waited for again`() {
        let (bench, hosts) = network()
        var agents = hosts
        let revision = bench.published.revision
        #expect(bench.realization(ask(bench, revision, wait: 0))?.isComplete == true)
        agents[0].bootID = "boot-2"
        agents[0].seq = 0
        var request = agents[0].request()
        request.applied = 0
        bench.sync("h1", request)
        #expect(bench.realization(ask(bench, revision, wait: 0))?.pending == ["h1"])
    }

    @Test func `the number of waits is bounded`() {
        var configuration = Configuration()
        configuration.realizationCountMaximum = 1
        let bench = CoreBench(configuration: configuration)
        var agent = BenchAgent("h1", "10.0.0.1")
        bench.settle(&agent)
        bench.write(.put(switch: "a", [:]), .create(port: ["name": "p"], on: "a"), isTransaction: true)
        agent.plug("p")
        bench.sync("h1", agent.request())
        let first = ask(bench, bench.published.revision, wait: 20)
        let second = ask(bench, bench.published.revision, wait: 20)
        #expect(bench.answers[first] == nil)
        #expect(bench.realization(second)?.pending == ["h1"])
        bench.send(.stopping)
        #expect(bench.realization(first)?.pending == ["h1"])
    }
}
