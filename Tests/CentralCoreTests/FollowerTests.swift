import CentralCore
import JSON
import NetworkModel
import Persistent
import Southbound
import TestSupport
import Testing

/// A member of a central that follows the commits of another one.
@Suite struct FollowerTests {
    private func benches(_ seed: UInt64) -> (leader: CoreBench, follower: CoreBench) {
        var configuration = Configuration()
        configuration.pageChangeCountMaximum = 3
        let leader = CoreBench(seed: seed, configuration: configuration)
        configuration.isLeader = false
        return (leader, CoreBench(seed: seed + 1, configuration: configuration))
    }

    /// Tells the follower the next commits of the leader's log.
    private func replicate(_ leader: CoreBench, to follower: CoreBench, upTo count: Int? = nil) {
        let revision = follower.published.revision
        let commits = leader.log.prefix(count ?? leader.log.count).filter { $0.revision > revision }
        let hashes = leader.base.hash.chain(leader.log).dropFirst(leader.log.count { $0.revision <= revision })
        follower.send(.replicated(Array(commits), hashes: Array(hashes.prefix(commits.count))))
    }

    /// All pages of an answer to a look at a chassis' feed, or why there is none.
    private func feed(_ bench: CoreBench, _ chassis: String, since: UInt64) -> [String] {
        var pages: [String] = []
        var poll = Poll(chassis: chassis, since: since, epoch: bench.published.epoch, wait: 0)
        while true {
            let ticket = bench.ticket()
            bench.ask(ticket, .changes(poll))
            guard let answer = bench.feed(ticket) else {
                return pages + [bench.refusal(ticket)?.detail ?? "no answer"]
            }
            pages.append(String(decoding: answer.bytes, as: UTF8.self))
            guard let next = answer.nextPage else { return pages }
            poll = Poll(chassis: chassis, since: since, epoch: bench.published.epoch, page: next, wait: 0)
        }
    }

    private func watch(_ bench: CoreBench, since: UInt64) -> [String] {
        let ticket = bench.ticket()
        let kinds = Set(ResourceKind.allCases)
        bench.ask(ticket, .watch(WatchRequest(since: since, epoch: nil, kinds: kinds, wait: 0)))
        guard case .watched(let feed)? = bench.answers[ticket] else { return [] }
        return feed.changes.map { "\($0.revision) \($0.change.id) \($0.change.object?.count ?? 0)" }
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func `A member that follows answers as the one that leads, and makes no commit`(seed: UInt64) throws {
        let (leader, follower) = benches(seed)
        var generator = SeededGenerator(seed: seed)
        func number(_ count: Int) -> Int { Int.random(in: 0..<count, using: &generator) }
        var agents = (1...3).map { BenchAgent("h\($0)", "10.0.0.\($0)") }
        for _ in 0..<150 {
            let (port, home, host) = ("p\(number(8))", "s\(number(3))", number(3))
            switch number(8) {
            case 0: leader.write(.put(switch: home, ["vlan_passthru": .bool(number(2) == 0)]))
            case 1, 2: leader.write(.put(port: port, ["switch": .string(home), "enabled": .bool(number(3) > 0)]))
            case 3: leader.write(.delete(port: port))
            case 4: leader.write(.delete(switch: home))
            case 5: agents[host].plug(port)
            case 6: agents[host].unplug(port)
            default:
                leader.advance(.seconds(20))
                follower.advance(.seconds(20))
                leader.write(.delete(chassis: "h\(number(9))"))
            }
            leader.settle(&agents[host])
            replicate(leader, to: follower, upTo: number(leader.log.count + 1))
            guard number(2) == 0 else { continue }
            replicate(leader, to: follower)
            #expect(follower.published.revision == leader.published.revision)
            let since = UInt64(number(leader.log.count + 1))
            for agent in agents {
                #expect(feed(follower, agent.name, since: since) == feed(leader, agent.name, since: since))
                #expect(feed(follower, agent.name, since: 0) == feed(leader, agent.name, since: 0))
            }
            #expect(watch(follower, since: since) == watch(leader, since: since))
        }
        #expect(follower.appendCount == 0)
    }

    @Test func `A parked poll is answered when a commit comes from elsewhere, and writes are sent away`() throws {
        let (leader, follower) = benches(1)
        var agent = BenchAgent("h1", "10.0.0.1")
        leader.write(.put(switch: "s", [:]), .put(port: "p", ["switch": "s"]))
        agent.plug("p")
        leader.settle(&agent)
        replicate(leader, to: follower)
        // The edge has the leader hear a sync; the poll is answered here.
        let parked = follower.sync("h1", agent.request(wait: 20))
        #expect(follower.answers[parked] == nil)
        leader.write(.patch(port: "p", ["enabled": false]))
        #expect(follower.answers[parked] == nil)
        replicate(leader, to: follower)
        #expect(try #require(follower.feed(parked)).changes.count == 1)
        #expect(follower.refusal(follower.write(.put(switch: "t", [:])))?.code == .unavailable)
        follower.advance(.seconds(3600))
        #expect(follower.appendCount == 0)
    }

    @Test func `A commit that does not follow is told and changes nothing`() throws {
        let (leader, follower) = benches(1)
        for name in ["a", "b", "c"] { leader.write(.put(switch: name, [:])) }
        let other = Commit(revision: 9, epoch: 7, time: 0, author: "", requestID: "", changes: [])
        follower.send(.replicated([leader.log[0], other], hashes: [.zero, .zero]))
        #expect(follower.published.revision == 1)
        #expect(follower.entries.map(\.message).last?.contains("does not follow revision 1") == true)
    }
}
