import JSON
import NetworkModel
import Persistent
import Southbound
import TestSupport
import Testing
import Wire

@testable import CentralCore

/// Central under many hosts, or under one that lies.
@Suite struct FleetTests {
    /// Hosts that each have a port of one switch.
    private func fleet(_ count: Int, _ configuration: Configuration = Configuration()) -> (CoreBench, [BenchAgent]) {
        let bench = CoreBench(configuration: configuration)
        bench.write(.create(switch: ["name": "a"]))
        var agents: [BenchAgent] = []
        for index in 0..<count {
            bench.write(.create(port: ["name": .string("p\(index)")], on: "a"))
            var agent = BenchAgent("h\(index)", "10.0.1.\(index)")
            agent.plug("p\(index)")
            agents.append(agent)
        }
        for _ in 0..<3 { for index in agents.indices { bench.settle(&agents[index]) } }
        return (bench, agents)
    }

    @Test func `a long commit is turned into one delta for all, in pieces, after its writer was answered`() throws {
        let (bench, hosts) = fleet(20)
        var agents = hosts
        let polls = agents.indices.map { bench.sync(agents[$0].name, agents[$0].request(wait: 60)) }
        bench.goesOn = false
        let operations = (0..<3000).map { CentralCoreOperation.create(port: ["name": .string("n\($0)")], on: "a") }
        let writer = bench.ticket()
        bench.ask(
            writer,
            .write(WriteRequest(operations: operations, author: "t", requestID: "r", isTransaction: true))
        )
        #expect(bench.results(writer).count == 3000)
        #expect(polls.allSatisfy { bench.answers[$0] == nil })
        var steps = 0
        while polls.contains(where: { bench.answers[$0] == nil }), steps < 100 {
            steps += 1
            bench.send(.goOn)
        }
        #expect((3..<100).contains(steps))
        let answers = try polls.map { try #require(bench.feed($0)) }
        // The very same text, made once.
        let texts = answers.compactMap(\.text)
        #expect(texts.count == answers.count && texts.allSatisfy { $0 == texts[0] })
        bench.goesOn = true
        for index in agents.indices {
            agents[index].take(answers[index])
            while agents[index].page != nil {
                agents[index].take(try #require(bench.feed(bench.sync(agents[index].name, agents[index].request()))))
            }
            bench.settle(&agents[index])
            #expect(agents[index].share == recomputedShare(of: agents[index].name, in: bench.published.southbound))
        }
    }

    @Test func `hosts that lag by different commits meet at the long one and get the same of it`() throws {
        let (bench, hosts) = fleet(3)
        var agents = hosts
        bench.write(.patch(port: "p0", ["addresses": ["02:00:00:00:00:01"]]))
        bench.settle(&agents[1])
        let operations = (0..<2500).map { CentralCoreOperation.create(port: ["name": .string("n\($0)")], on: "a") }
        bench.ask(
            9999,
            .write(WriteRequest(operations: operations, author: "t", requestID: "r", isTransaction: true))
        )
        bench.write(.patch(port: "p1", ["addresses": ["02:00:00:00:00:02"]]))
        let behind = try #require(bench.feed(bench.sync("h0", agents[0].request())))
        #expect(behind.mode == .delta && behind.changes.count == 1 && behind.to < bench.published.revision)
        agents[0].take(behind)
        for index in agents.indices {
            bench.settle(&agents[index])
            #expect(agents[index].share == recomputedShare(of: agents[index].name, in: bench.published.southbound))
        }
    }

    @Test func `another history of the same numbers is told by its hash`() throws {
        let (bench, hosts) = fleet(2)
        var agents = hosts
        var request = agents[0].request()
        request.hash = bench.published.hash.rawValue
        #expect(bench.refusal(bench.sync("h0", request)) == nil)
        request = agents[0].request()
        request.hash = 0x1234
        #expect(bench.refusal(bench.sync("h0", request))?.code == .historyDiffers)
        let ticket = bench.ticket()
        let watch = WatchRequest(
            since: bench.published.revision,
            epoch: bench.published.epoch,
            hash: CommitHash(rawValue: 0x1234),
            kinds: [.logicalSwitch],
            wait: 0
        )
        bench.ask(ticket, .watch(watch))
        #expect(bench.refusal(ticket)?.code == .resyncRequired)
        let answer = try #require(bench.feed(bench.sync("h1", agents[1].request())))
        #expect(answer.hash == bench.published.hash.rawValue)
    }

    @Test func `a pause of central kills nobody who spoke meanwhile, and silence still does`() {
        let (bench, hosts) = fleet(10)
        var agents = hosts
        bench.now += .seconds(42)
        let revision = bench.published.revision
        bench.send(.timer)
        #expect(agents.allSatisfy { bench.published.ledger.chassis[$0.name]?.isLive == true })
        // Nine have spoken while nobody listened.
        for index in 1..<10 { bench.sync(agents[index].name, agents[index].request()) }
        bench.advance(.seconds(20))
        #expect(bench.published.ledger.chassis["h0"]?.isLive == false)
        #expect((1..<10).allSatisfy { bench.published.ledger.chassis["h\($0)"]?.isLive == true })
        #expect(bench.published.revision - revision <= 2)
    }

    @Test func `a dead chassis stays dead over a restart and a full disk`() throws {
        let (bench, _) = fleet(2)
        bench.advance(.seconds(31))
        #expect(bench.published.ledger.chassis["h0"]?.isLive == false)
        try bench.restart()
        bench.storesAtOnce = false
        bench.sync("h9", SyncRequest(chassisID: "i9", bootID: "b", seq: 1, wait: 0, encaps: []))
        bench.failStore()
        bench.storesAtOnce = true
        bench.advance(.seconds(5))
        #expect(bench.published.ledger.chassis["h0"]?.isLive == false)
    }

    @Test func `one chassis causes only so many commits, and the newest of what it said is not lost`() {
        let bench = CoreBench()
        var agent = BenchAgent("h1", "10.0.0.1")
        bench.settle(&agent)
        let before = bench.log.count
        for index in 0..<1000 {
            var request = agent.request()
            request.hostname = "host-\(index)"
            bench.sync("h1", request)
        }
        #expect((1...201).contains(bench.log.count - before))
        bench.advance(.seconds(1))
        #expect(bench.published.southbound.chassis(named: "h1")?.hostname == "host-999")
        bench.write(.create(switch: ["name": "a"]))
        bench.write(.create(port: ["name": "p"], on: "a"))
        for _ in 0..<300 {
            agent.plug("p")
            bench.sync("h1", agent.request())
            agent.unplug("p")
            bench.sync("h1", agent.request())
        }
        agent.plug("p")
        bench.sync("h1", agent.request())
        bench.advance(.seconds(1))
        #expect(bench.binding("p")?.locations.map(\.chassis) == ["h1"])
        #expect(bench.log.count - before < 260)
    }

    @Test func `a chassis that starts anew again and again causes only so many commits, too`() {
        let (bench, hosts) = fleet(1)
        var agent = hosts[0]
        let before = bench.log.count
        for boot in 0..<600 {
            agent.bootID = "boot-\(boot + 2)"
            agent.seq = 0
            agent.ports[0].isUp = boot % 2 == 0
            bench.sync("h0", agent.request())
        }
        #expect(bench.log.count - before <= 201)
        agent.ports[0].isUp = true
        bench.sync("h0", agent.request())
        bench.advance(.seconds(1))
        #expect(bench.port("p0")?.status.isUp == true)
    }

    @Test func `commit times never go back, and the clock locks no host out`() {
        let bench = CoreBench()
        var agent = BenchAgent("h1", "10.0.0.1")
        bench.settle(&agent)
        bench.wallClock += 7200
        bench.write(.create(switch: ["name": "a"]))
        bench.wallClock -= 14_400
        bench.write(.create(switch: ["name": "b"]))
        agent.plug("p")
        bench.write(.create(port: ["name": "p"], on: "b"))
        bench.settle(&agent)
        #expect(bench.log.map(\.time) == bench.log.map(\.time).sorted())
        #expect(bench.binding("p")?.locations.map(\.chassis) == ["h1"])
    }

    @Test func `a wait for hosts looks at each of them once, and costs a heartbeat nothing`() {
        let (bench, hosts) = fleet(5)
        var agents = hosts
        bench.write(.patch(port: "p0", ["addresses": ["02:00:00:00:00:01"]]))
        let revision = bench.published.revision
        let waits = (0..<100).map { _ in
            let ticket = bench.ticket()
            bench.ask(ticket, .realization(revision: revision, wait: 60))
            return ticket
        }
        // All of them wait for the first chassis that lacks it; the others' syncs find nothing to look at.
        #expect(bench.core.waitsByWitness.keys.sorted() == ["h0"])
        for index in [1, 2, 3] { bench.settle(&agents[index]) }
        #expect(bench.core.waitsByWitness.keys.sorted() == ["h0"])
        bench.settle(&agents[0])
        #expect(bench.core.waitsByWitness.keys.sorted() == ["h4"])
        #expect(waits.allSatisfy { bench.answers[$0] == nil })
        bench.settle(&agents[4])
        #expect(waits.allSatisfy { bench.realization($0)?.isComplete == true })
        #expect(bench.core.waitsByWitness.isEmpty && bench.core.realizations.isEmpty)
    }

    @Test func `an emptied topology tells the revision of its commit`() {
        let bench = CoreBench()
        func apply(_ switches: [JSONValue]) -> Ticket {
            let ticket = bench.ticket()
            var request = WriteRequest(operations: [], author: "t", requestID: "r")
            var topology = TopologyRequest(owner: "o", bodies: [.logicalSwitch: switches])
            topology.prunes = true
            request.topology = topology
            bench.ask(ticket, .write(request))
            return ticket
        }
        func told(_ ticket: Ticket) -> [UInt64] {
            guard case .applied(let revision, _, let own, _)? = bench.answers[ticket] else { return [] }
            return [revision, own]
        }
        #expect(told(apply([["name": "s"]])) == [1, 1])
        bench.write(.create(switch: ["name": "x"]))
        #expect(told(apply([["name": "s"]])) == [2, 1])
        #expect(told(apply([])) == [3, 0])
        #expect(told(apply([])) == [3, 0])
    }
}
