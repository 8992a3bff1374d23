import Testing

@testable import AgentCore

@Suite struct RenewalPlanTests {
    private static let day: Int64 = 86_400
    /// A certificate of a day that was made at 100,000.
    private let plan = RenewalPlan(notBefore: 100_000 - day, notAfter: 100_000 + day)

    @Test func `A certificate is renewed at two thirds of its life, or a little earlier`() {
        #expect(plan.delay(at: 100_000, jitter: 0) == .seconds(57_600))
        #expect(plan.delay(at: 100_000, jitter: 0.5) == .seconds(57_600 - 2160))
        #expect(plan.delay(at: 100_000 + 57_600, jitter: 0) == .zero)
        #expect(plan.delay(at: 1_000_000, jitter: 0) == .zero)
        // A clock that is far behind does not make the wait longer than the life.
        #expect(plan.delay(at: -1_000_000, jitter: 0) == .seconds(86_400))
    }

    @Test func `The life is what is left without the time before it was made`() {
        let week = RenewalPlan(notBefore: -Self.day, notAfter: 7 * Self.day)
        #expect(week.delay(at: 0, jitter: 0) == .seconds(14 * Self.day / 3))
        let short = RenewalPlan(notBefore: 97, notAfter: 103)
        #expect(short.delay(at: 100, jitter: 0) == .seconds(2))
        // Of an older central, whose certificates held from when they were made: renewed in time, if a little later.
        let older = RenewalPlan(notBefore: 0, notAfter: Self.day)
        #expect(older.delay(at: 0, jitter: 0) == .seconds(Self.day / 2))
    }

    @Test func `A clock that is wrong brings about no more than a renewal now and then`() {
        // 17 hours ahead: it would be due at once, again and again.
        let now = 100_000 + 17 * 3600 as Int64
        #expect(plan.delay(at: now, jitter: 0) == .zero)
        #expect(plan.delay(at: now, jitter: 0, age: .zero) == .seconds(8640))
        #expect(plan.delay(at: now, jitter: 0, age: .seconds(8000)) == .seconds(640))
        #expect(plan.delay(at: now, jitter: 0, age: .seconds(9000)) == .zero)
        // Every life has a pause of a tenth, and of a minute or of two thirds of itself.
        for (life, pause) in [(3, 2), (30, 20), (90, 60), (600, 60), (6000, 600), (365 * Self.day, 36 * Self.day)] {
            let plan = RenewalPlan(notBefore: -min(life, Self.day), notAfter: life)
            let delay = plan.delay(at: .max, jitter: 0, age: .zero)
            #expect(delay >= .seconds(pause) && delay <= .seconds(life * 2 / 3), "\(life)")
        }
    }

    @Test func `Failed renewals are tried again within the life that is left, less and less often`() {
        #expect(plan.retryDelay() == .seconds(60))
        #expect((1...9).map { plan.retryDelay(after: $0) }.last == .seconds(3600))
        #expect(plan.retryDelay(after: 2) == .seconds(120) && plan.retryDelay(after: 2, jitter: 0.5) == .seconds(90))
        #expect(plan.retryDelay(after: .max) == .seconds(3600))
        let short = RenewalPlan(notBefore: -100, notAfter: 100)
        #expect(short.retryDelay() == .seconds(5) && short.retryDelay(after: 9) == .seconds(5))
        #expect(RenewalPlan(notBefore: 5, notAfter: 5).retryDelay() == .seconds(1))
        #expect(RenewalPlan(notBefore: .min, notAfter: .max).retryDelay() == .seconds(1))
    }
}

@Suite struct ClockComparisonTests {
    /// Returns the lines that are logged about central's time beside this host's.
    private func log(_ times: [(central: Int64, host: Int64)]) -> [String] {
        var clock = ClockComparison()
        return times.compactMap { time in clock.note(central: time.central, host: time.host) }
            .map { "\($0.0) \($0.1.prefix { $0 != ";" })" }
    }

    @Test func `clocks that differ are told of once, and once that they do no more`() {
        #expect(log([(1000, 1000), (1000, 1060), (1000, 941)]) == [])
        #expect(
            log([(0, 61_200), (20, 61_220), (40, 61_240), (60, 60), (0, 61)])
                == [
                    "warning this host's clock is 17 h 0 min ahead of central's",
                    "info this host's clock agrees with central's again",
                    "warning this host's clock is 61 s ahead of central's",
                ]
        )
        #expect(log([(3 * 86_400 + 4 * 3600, 0)]) == ["warning this host's clock is 3 d 4 h behind central's"])
        #expect(log([(600, 0)]) == ["warning this host's clock is 10 min behind central's"])
    }

    @Test func `no time is a trap`() {
        for central in [Int64.min, -1, 0, .max] {
            for host in [Int64.min, -1, 0, .max] { #expect(log([(central, host)]).count <= 1) }
        }
    }
}

@Suite struct BackoffTests {
    @Test func `delays double up to a bound, or lie below a lower one`() {
        var generator = SystemRandomNumberGenerator()
        var backoff = Backoff(first: .milliseconds(100), last: .seconds(5))
        for _ in 0..<100 {
            let delay = backoff.jitteredDelay(atMost: .milliseconds(500), using: &generator)
            #expect(delay >= .zero && delay <= .milliseconds(500))
        }
        #expect(backoff.bound == .seconds(5))
        let delays = (0..<200).map { _ in backoff.jitteredDelay(using: &generator) }
        // All of the range is used: hosts that lost one central do not come together.
        #expect((delays.max() ?? .zero) > .seconds(4) && (delays.min() ?? .zero) < .seconds(1))
    }
}
