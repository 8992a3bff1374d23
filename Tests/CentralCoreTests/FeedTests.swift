import CentralCore
import JSON
import NetworkModel
import Persistent
import Southbound
import Testing
import Wire

@Suite struct FeedTests {
    /// Two hosts with a port each on switch a, a third with one on switch b.
    private func network(_ configuration: Configuration = Configuration()) -> (CoreBench, [BenchAgent]) {
        let bench = CoreBench(configuration: configuration)
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

    @Test func `only interested chassis are woken`() {
        let (bench, hosts) = network()
        var agents = hosts
        let parked = agents.indices.map { bench.sync(agents[$0].name, agents[$0].request(wait: 20)) }
        #expect(parked.allSatisfy { bench.answers[$0] == nil })
        bench.write(.patch(port: "p1", ["addresses": ["02:00:00:00:00:01"]]))
        #expect(parked.map { bench.feed($0)?.changes.count } == [1, 1, nil])
        bench.write(.patch(port: "p3", ["labels": ["only": "northbound"]]))
        #expect(bench.answers[parked[2]] == nil)
        bench.write(.put(switch: "c", [:]))
        #expect(bench.answers[parked[2]] == nil)
    }

    @Test func `acknowledgements, heartbeats and leases wake nobody`() {
        let (bench, hosts) = network()
        var agents = hosts
        let parked = bench.sync("h1", agents[0].request(wait: 60))
        agents[1].ports[0].isUp = false
        bench.sync("h2", agents[1].request())
        agents[1].ports[0].isUp = true
        bench.sync("h2", agents[1].request())
        bench.advance(.seconds(31))
        #expect(bench.published.ledger.chassis["h2"]?.isLive == false)
        #expect(bench.answers[parked] == nil)
        bench.settle(&agents[1])
        #expect(bench.answers[parked] == nil)
    }

    @Test func `a time-out answers with to advanced`() {
        let (bench, hosts) = network()
        var agents = hosts
        let since = agents[2].applied
        let parked = bench.sync("h3", agents[2].request(wait: 20))
        bench.write(.put(switch: "c", [:]))
        bench.advance(.seconds(20))
        let answer = bench.feed(parked)
        #expect(answer?.changes.isEmpty == true)
        #expect(answer?.mode == .delta)
        #expect(answer?.from == since)
        #expect(answer?.to == bench.published.revision)
        #expect(answer?.lease == 30)
    }

    @Test func `a newer sync has the parked one answered at once, empty`() {
        let (bench, hosts) = network()
        var agents = hosts
        let parked = bench.sync("h1", agents[0].request(wait: 20))
        let newer = bench.sync("h1", agents[0].request(wait: 20))
        #expect(bench.feed(parked)?.changes.isEmpty == true)
        #expect(bench.answers[newer] == nil)
        bench.storesAtOnce = false
        agents[0].plug("q")
        bench.write(.create(port: ["name": "q"], on: "a"))
        bench.store()
        let first = bench.sync("h1", agents[0].request(wait: 20))
        let second = bench.sync("h1", agents[0].request(wait: 20))
        bench.store()
        #expect(bench.feed(first) != nil)
        #expect(bench.feed(second) != nil)
    }

    @Test func `what enters the span is a put and what leaves it a delete, whatever its age`() {
        let (bench, hosts) = network()
        var agents = hosts
        agents[0].plug("p3")
        bench.settle(&agents[0])
        #expect(agents[0].share[.chassis("h3")] == nil)
        bench.settle(&agents[2])
        #expect(agents[2].share.keys.sorted() == [.chassis("h3")])
        agents[0].unplug("p3")
        bench.settle(&agents[0])
        #expect(agents[0].share == recomputedShare(of: "h1", in: bench.published.southbound))
        #expect(agents[0].share.count == 5)
    }

    @Test func `a look from outside follows the feed and changes nothing`() {
        let (bench, hosts) = network()
        var agents = hosts
        let revision = bench.published.revision
        func look(since: UInt64, wait: Int, epoch: UInt64? = nil, chassis: String = "h1") -> Ticket {
            let ticket = bench.ticket()
            bench.ask(ticket, .changes(Poll(chassis: chassis, since: since, epoch: epoch, wait: wait)))
            return ticket
        }
        #expect(bench.refusal(look(since: 0, wait: 0, chassis: "h9"))?.code == .notFound)
        let snapshot = bench.feed(look(since: 0, wait: 20))
        #expect(snapshot?.changes.count == 5)
        #expect(snapshot?.lease == nil)
        #expect(bench.feed(look(since: revision, wait: 0))?.changes.isEmpty == true)
        let sync = bench.sync("h1", agents[0].request(wait: 20))
        let parked = look(since: revision, wait: 20)
        let gone = look(since: revision, wait: 20)
        bench.send(.disconnected(gone))
        #expect(bench.answers[sync] == nil)
        bench.write(.create(port: ["name": "q"], on: "a"))
        #expect(bench.feed(parked)?.changes.count == 1)
        #expect(bench.feed(sync)?.changes.count == 1)
        #expect(bench.answers[gone] == nil)
        #expect(bench.refusal(look(since: revision, wait: 0, epoch: 1))?.code == .historyDiffers)
        #expect(bench.refusal(look(since: revision + 100, wait: 0))?.code == .resyncRequired)
    }

    @Test func `woken polls are answered some at a time, each once`() {
        var configuration = Configuration()
        configuration.wokenCountMaximum = 3
        let (bench, hosts) = network(configuration)
        var agents = hosts
        let revision = bench.published.revision
        func look() -> Ticket {
            let ticket = bench.ticket()
            bench.ask(ticket, .changes(Poll(chassis: "h1", since: revision, wait: 20)))
            return ticket
        }
        let looks = (0..<7).map { _ in look() }
        let sync = bench.sync("h1", agents[0].request(wait: 20))
        bench.goesOn = false
        bench.write(.create(port: ["name": "q"], on: "a"))
        // The writer hears first.
        #expect(looks.allSatisfy { bench.answers[$0] == nil })
        bench.send(.goOn)
        #expect(looks.map { bench.answers[$0] != nil } == [true, true, true, false, false, false, false])
        // Those that wait for their turn are not woken a second time, may go away, and hear of what comes meanwhile.
        bench.write(.create(port: ["name": "r"], on: "a"))
        bench.send(.disconnected(looks[6]))
        bench.goesOn = true
        bench.send(.goOn)
        #expect(looks.prefix(6).map { bench.feed($0)?.changes.count } == [1, 1, 1, 2, 2, 2])
        #expect(looks.prefix(6).allSatisfy { bench.feed($0)?.lease == nil })
        #expect(bench.answers[looks[6]] == nil)
        #expect(bench.feed(sync)?.changes.count == 2)
        #expect(bench.feed(sync)?.lease == 30)
    }

    @Test func `too old a revision asks for a snapshot`() {
        var configuration = Configuration()
        configuration.historyCountMaximum = 3
        let (bench, hosts) = network(configuration)
        var agents = hosts
        let since = agents[0].applied
        for index in 0..<3 { bench.write(.patch(port: "p1", ["labels": ["k": .string("\(index)")]])) }
        #expect(bench.refusal(bench.sync("h1", agents[0].request())) == nil)
        bench.write(.patch(port: "p2", ["addresses": ["02:00:00:00:00:01"]]))
        agents[0].applied = since
        let refused = bench.refusal(bench.sync("h1", agents[0].request()))
        #expect(refused?.code == .resyncRequired)
        agents[0].resync()
        bench.settle(&agents[0])
        #expect(agents[0].share == recomputedShare(of: "h1", in: bench.published.southbound))
    }

    @Test func `a restart of central forces no snapshot`() throws {
        let (bench, hosts) = network()
        var agents = hosts
        bench.write(.patch(port: "p2", ["addresses": ["02:00:00:00:00:01"]]))
        try bench.restart(history: 3)
        let ticket = bench.sync("h1", agents[0].request())
        #expect(bench.feed(ticket)?.mode == .delta)
        #expect(bench.feed(ticket)?.changes.count == 1)
    }

    @Test func `pages lead to one revision and are asked for again when an answer is lost`() throws {
        var configuration = Configuration()
        configuration.pageChangeCountMaximum = 3
        configuration.pageByteCountMaximum = 500
        let (bench, hosts) = network(configuration)
        var agents = hosts
        for index in 0..<10 { bench.write(.create(port: ["name": .string("n\(index)")], on: "a")) }
        agents[0].resync()
        let first = try #require(bench.feed(bench.sync("h1", agents[0].request())))
        #expect(first.more)
        #expect(first.mode == .snapshot)
        agents[0].take(first)
        bench.write(.delete(port: "n3"))
        var texts: [[UInt8]] = []
        for _ in 0..<2 {
            let page = try #require(bench.feed(bench.sync("h1", agents[0].request())))
            #expect(page.to == first.to)
            texts.append(page.bytes)
        }
        #expect(texts[0] == texts[1])
        while agents[0].page != nil {
            agents[0].take(try #require(bench.feed(bench.sync("h1", agents[0].request()))))
        }
        #expect(agents[0].applied == first.to)
        #expect(agents[0].share.count == 15)
        bench.settle(&agents[0])
        #expect(agents[0].share == recomputedShare(of: "h1", in: bench.published.southbound))
    }

    @Test func `the number of parked polls is bounded`() {
        var configuration = Configuration()
        configuration.parkedCountMaximum = 2
        let (bench, hosts) = network(configuration)
        var agents = hosts
        let tickets = agents.indices.map { bench.sync(agents[$0].name, agents[$0].request(wait: 20)) }
        #expect(tickets.map { bench.answers[$0] != nil } == [false, false, true])
        #expect(bench.feed(tickets[2])?.changes.isEmpty == true)
        bench.send(.stopping)
        #expect(bench.feed(tickets[0])?.changes.isEmpty == true)
        let late = bench.sync("h1", agents[0].request(wait: 20))
        #expect(bench.feed(late) != nil)
    }
}
