import CentralCore
import JSON
import NetworkModel
import Testing

/// Requests that wait for a revision.
@Suite struct RevisionTests {
    private func ask(_ bench: CoreBench, _ revision: UInt64, wait: Int = 2) -> Ticket {
        let ticket = bench.ticket()
        bench.ask(ticket, .reached(revision: revision, wait: wait))
        return ticket
    }

    /// The revision that was answered; 0 if it was not reached in time, `nil` while the request waits.
    private func answer(_ bench: CoreBench, _ ticket: Ticket) -> UInt64? {
        guard case .network(let network)? = bench.answers[ticket] else { return nil }
        return network?.revision ?? 0
    }

    @Test func `Requests are answered when their revision is durable, or when their time is over`() {
        let bench = CoreBench()
        bench.write(.put(switch: "a", [:]))
        let (now, next, later, gone) = (ask(bench, 1), ask(bench, 2), ask(bench, 3), ask(bench, 2))
        #expect(answer(bench, now) == 1)
        bench.send(.disconnected(gone))
        bench.storesAtOnce = false
        bench.write(.put(switch: "b", [:]))
        #expect(answer(bench, next) == nil)
        bench.store()
        #expect(answer(bench, next) == 2 && answer(bench, later) == nil)
        bench.advance(.milliseconds(1900))
        #expect(answer(bench, later) == nil)
        bench.advance(.milliseconds(200))
        #expect(answer(bench, later) == 0 && bench.answers[gone] == nil)
        #expect(bench.timer == nil)
    }

    @Test func `There is room for so many, and clients that come and go do not use it up`() {
        var configuration = Configuration()
        configuration.revisionWaitCountMaximum = 2
        let bench = CoreBench(configuration: configuration)
        for _ in 0..<5 { bench.send(.disconnected(ask(bench, 9))) }
        let waiting = [ask(bench, 9), ask(bench, 8)]
        #expect(waiting.allSatisfy { bench.answers[$0] == nil })
        #expect(bench.refusal(ask(bench, 9))?.code == .unavailable)
    }
}
