import Datapath
import Testing

@Suite struct PortBudgetTests {
    /// Returns the number of events that may be taken one by one.
    private static func taken(_ budget: inout PortBudget, at now: Duration, shareCount: Int = 1) -> Int {
        var count = 0
        while budget.takeAnswer(.neighbor, now: now, shareCount: shareCount) == nil { count += 1 }
        return count
    }

    @Test func `A burst may be taken at once, and then what time gives`() {
        let limit = RateLimit.neighborAnswers
        var budget = PortBudget()
        #expect(Self.taken(&budget, at: .seconds(1)) == limit.burst)
        #expect(Self.taken(&budget, at: .seconds(1)) == 0)
        #expect(Self.taken(&budget, at: .seconds(1) + .milliseconds(100)) == limit.perSecond / 10)
        #expect(Self.taken(&budget, at: .seconds(3)) == limit.perSecond * 19 / 10)
        // No more is saved up than a burst.
        #expect(Self.taken(&budget, at: .seconds(1_000_000)) == limit.burst)
    }

    @Test func `Who shares a limit has a part of it`() {
        var budget = PortBudget()
        #expect(Self.taken(&budget, at: .seconds(1), shareCount: 8) == RateLimit.neighborAnswers.burst / 8)
        #expect(Self.taken(&budget, at: .seconds(2), shareCount: 8) == RateLimit.neighborAnswers.perSecond / 8)
    }

    @Test func `One limit leaves the others alone, and more than a burst is never taken`() {
        var budget = PortBudget()
        _ = Self.taken(&budget, at: .seconds(1))
        for kind in AnswerKind.allCases where kind != .neighbor {
            let reason = budget.takeAnswer(kind, now: .seconds(1))
            #expect(reason == nil)
        }
        let hasAnswer = budget.takeTooBigAnswer(now: .seconds(1))
        #expect(hasAnswer)
        let burst = RateLimit.floodCopies.burst
        let copies = [burst + 1, burst, 1, 0].map { budget.takeFloodCopies($0, now: .seconds(1)) }
        #expect(copies == [false, true, false, true])
    }
}
