import JSON
import NetworkModel
import Testing

@testable import CentralCore

/// Watching changes: what is held, what wakes it, and the bounds.
@Suite struct WatchTests {
    private func watch(
        _ bench: CoreBench,
        since: UInt64? = nil,
        kinds: Set<ResourceKind> = Set(ResourceKind.allCases),
        wait: Int = 30
    ) -> Ticket {
        let ticket = bench.ticket()
        bench.ask(ticket, .watch(WatchRequest(since: since, epoch: nil, kinds: kinds, wait: wait)))
        return ticket
    }

    private func feed(_ bench: CoreBench, _ ticket: Ticket) -> ChangeFeed? {
        if case .watched(let feed)? = bench.answers[ticket] { feed } else { nil }
    }

    @Test func `a watch is held until a commit of its kinds, or its time is over`() {
        let bench = CoreBench()
        let ports = watch(bench, kinds: [.logicalSwitchPort])
        let switches = watch(bench, kinds: [.logicalSwitch])
        bench.write(.create(switch: ["name": "a"]))
        #expect(feed(bench, switches)?.changes.map(\.change.name) == ["a"])
        #expect(bench.answers[ports] == nil)
        bench.advance(.seconds(31))
        #expect(feed(bench, ports)?.changes.isEmpty == true && feed(bench, ports)?.to == 1)
    }

    @Test func `a change passes over all watches of other kinds, and over those that came after it`() {
        var configuration = Configuration()
        configuration.wokenCountMaximum = 4
        let bench = CoreBench(configuration: configuration)
        let others = (0..<200).map { _ in watch(bench, kinds: [.logicalSwitchPort]) }
        let held = watch(bench, kinds: [.logicalSwitch])
        bench.goesOn = false
        bench.write(.create(switch: ["name": "a"]))
        let late = watch(bench, since: 1, kinds: [.logicalSwitch])
        // One step looks at 64 watches at most.
        bench.send(.goOn)
        bench.send(.goOn)
        #expect(bench.core.sweep == nil && bench.core.news.isEmpty)
        #expect(feed(bench, held)?.to == 1 && bench.answers[late] == nil)
        #expect(others.allSatisfy { bench.answers[$0] == nil })
        bench.goesOn = true
        bench.write(.create(switch: ["name": "b"]))
        #expect(feed(bench, late)?.to == 2)
    }

    @Test func `a watch is answered when central stops and forgotten when its client goes`() {
        let bench = CoreBench()
        let held = watch(bench)
        let gone = watch(bench)
        bench.send(.disconnected(gone))
        bench.send(.stopping)
        #expect(feed(bench, held) != nil && bench.answers[gone] == nil)
        #expect(bench.core.statistics.parkedWatchCount == 0)
    }

    @Test func `a watch ends when its token is revoked or expires, at once and whatever it waits for`() {
        let bench = CoreBench()
        func ask(_ change: AccessRequest.Change) {
            bench.ask(bench.ticket(), .access(AccessRequest(change, author: "test", requestID: "")))
        }
        func watch() -> Ticket {
            let ticket = bench.ticket()
            let kinds = Set(ResourceKind.allCases)
            bench.ask(ticket, .watch(WatchRequest(since: nil, epoch: nil, kinds: kinds, wait: 30, token: "t")))
            return ticket
        }
        let unknown = watch()
        #expect(bench.refusal(unknown)?.code == .unauthenticated)
        ask(.create(.role(.viewer), id: "t", hash: "", lifetime: 10))
        let revoked = watch()
        let other = self.watch(bench)
        #expect(bench.answers[revoked] == nil)
        ask(.revoke(id: "t", Precondition()))
        #expect(bench.refusal(revoked)?.code == .unauthenticated && bench.answers[other] == nil)
        ask(.create(.role(.viewer), id: "t", hash: "", lifetime: 10))
        let expiring = watch()
        bench.wallClock += 9
        bench.advance(.seconds(9))
        #expect(bench.answers[expiring] == nil)
        bench.wallClock += 1
        bench.advance(.seconds(1))
        #expect(bench.refusal(expiring)?.code == .unauthenticated)
        #expect(bench.core.statistics.parkedWatchCount == 1)
    }

    @Test func `a page has whole commits, at most so much, and says that there is more`() {
        var configuration = Configuration()
        configuration.pageChangeCountMaximum = 3
        let bench = CoreBench(configuration: configuration)
        for name in ["a", "b"] { bench.write(.create(switch: ["name": .string(name)])) }
        bench.write(.create(switch: ["name": "c"]), .create(switch: ["name": "d"]), isTransaction: true)
        let first = feed(bench, watch(bench, since: 0))
        #expect(first?.to == 2 && first?.hasMore == true && first?.changes.count == 2)
        let second = feed(bench, watch(bench, since: 2))
        #expect(second?.to == 3 && second?.hasMore == false && second?.changes.count == 2)
        var small = Configuration()
        small.pageByteCountMaximum = 1
        let cramped = CoreBench(configuration: small)
        cramped.write(.create(switch: ["name": "a"]), .create(switch: ["name": "b"]), isTransaction: true)
        cramped.write(.create(switch: ["name": "c"]))
        #expect(feed(cramped, watch(cramped, since: 0))?.changes.count == 2)
    }

    @Test func `what is kept is bounded in commits and in bytes`() {
        var configuration = Configuration()
        configuration.historyCountMaximum = 4
        let bench = CoreBench(configuration: configuration)
        for index in 0..<6 { bench.write(.create(switch: ["name": .string("s\(index)")])) }
        let gone = watch(bench, since: 1)
        #expect(bench.refusal(gone)?.code == .resyncRequired)
        #expect(feed(bench, watch(bench, since: 2))?.changes.count == 4)
        configuration.historyCountMaximum = 100
        configuration.historyByteCountMaximum = 18_000
        let small = CoreBench(configuration: configuration)
        for index in 0..<6 { small.write(.create(switch: ["name": .string("s\(index)")])) }
        let late = watch(small, since: 0)
        #expect(small.refusal(late)?.code == .resyncRequired)
        #expect(feed(small, watch(small, since: 4))?.changes.count == 2)
    }

    @Test func `so many are held, and one more is refused`() {
        var configuration = Configuration()
        configuration.watchCountMaximum = 2
        let bench = CoreBench(configuration: configuration)
        let held = [watch(bench), watch(bench)]
        let surplus = watch(bench)
        #expect(held.allSatisfy { bench.answers[$0] == nil })
        #expect(bench.refusal(surplus)?.code == .unavailable)
    }
}
