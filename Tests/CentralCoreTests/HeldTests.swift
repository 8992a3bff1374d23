import JSON
import NetworkModel
import Persistent
import Southbound
import Testing
import Wire

/// Hosts that do not go by this network, and hosts that are copies of others.
@Suite struct HeldTests {
    private let held = HeldShare(
        epoch: 1,
        revision: 7,
        pluggedPortCount: 2,
        portCount: 3,
        epochInForce: 9,
        revisionInForce: 50
    )

    private func status(_ bench: CoreBench) -> HeldShare? { bench.published.ledger.chassis["h1"]?.held }

    @Test func `what a host holds is committed once, survives a restart and the lease, and ends with its word`() throws
    {
        let bench = CoreBench()
        var agent = BenchAgent("h1", "10.0.0.1")
        bench.settle(&agent)
        func say(_ held: HeldShare?) {
            var request = agent.request()
            request.held = held
            bench.sync("h1", request)
        }
        say(held)
        #expect(status(bench) == held)
        #expect(bench.published.chassisView(named: "h1")?.json["status"]?["held"]?["plugged_ports"] == 2)
        let revision = bench.published.revision
        say(held)
        #expect(bench.published.revision == revision)
        try bench.restart()
        #expect(status(bench) == held)
        bench.advance(.seconds(31))
        #expect(bench.published.ledger.chassis["h1"]?.isLive == false && status(bench) == held)
        say(nil)
        #expect(status(bench) == nil)
        #expect(bench.published.chassisView(named: "h1")?.json["status"] == ["live": true])
    }

    @Test func `an epoch that was begun for hosts says so with its snapshots`() throws {
        var network = Network(epoch: 5)
        network.forcesHosts = true
        let bench = CoreBench(base: network)
        var agent = BenchAgent("h1", "10.0.0.1")
        let first = bench.feed(bench.sync("h1", agent.request()))
        #expect(first?.mode == .snapshot && first?.forcesHosts == true)
        let read = try FeedAnswer(parsing: #require(first).bytes)
        #expect(read.forcesHosts)
        agent.take(read)
        #expect(bench.feed(bench.sync("h1", agent.request()))?.forcesHosts == false)
    }

    @Test func `another start elsewhere is refused while the first lives, over a restart of central, too`() throws {
        let bench = CoreBench()
        var live = BenchAgent("h1", "10.0.0.1")
        bench.settle(&live)
        var copy = BenchAgent("h1", "10.0.0.2")
        copy.bootID = "boot-2"
        let refusal = bench.refusal(bench.sync("h1", copy.request()))
        #expect(refusal?.code == .chassisElsewhere && refusal?.pointer == "/encaps/0/ip")
        #expect(refusal?.detail.contains("10.0.0.1") == true && refusal?.detail.contains("10.0.0.2") == true)
        try bench.restart()
        #expect(bench.refusal(bench.sync("h1", copy.request()))?.code == .chassisElsewhere)
        #expect(bench.refusal(bench.sync("h1", live.request())) == nil)
        #expect(bench.published.southbound.chassis(named: "h1")?.encaps == live.encaps)
        bench.advance(.seconds(31))
        #expect(bench.refusal(bench.sync("h1", copy.request())) == nil)
        #expect(bench.published.southbound.chassis(named: "h1")?.encaps == copy.encaps)
        #expect(bench.refusal(bench.sync("h1", live.request())) != nil)
    }

    @Test func `a host that has moved is let in at once where its former start is known to have ended`() {
        for isLeaving in [true, false] {
            let bench = CoreBench()
            var agent = BenchAgent("h1", "10.0.0.1")
            bench.settle(&agent)
            var last = agent.request()
            last.isLeaving = isLeaving
            last.machine = "kernel and directory"
            bench.sync("h1", last)
            var moved = BenchAgent("h1", "10.0.0.2")
            moved.bootID = "boot-2"
            var first = moved.request()
            first.machine = isLeaving ? "another" : "kernel and directory"
            #expect(bench.refusal(bench.sync("h1", first)) == nil)
            #expect(bench.published.southbound.chassis(named: "h1")?.encaps == moved.encaps)
        }
    }

    @Test func `a host that has rebooted where it was is let in at once`() {
        let bench = CoreBench()
        var agent = BenchAgent("h1", "10.0.0.1")
        bench.settle(&agent)
        agent.bootID = "boot-2"
        agent.seq = 0
        var request = agent.request()
        request.machine = "another kernel"
        #expect(bench.refusal(bench.sync("h1", request)) == nil)
    }
}
