import Testing

@testable import AgentCore

@Suite struct RenewalPlanTests {
    private let plan = RenewalPlan(notBefore: 1000, notAfter: 1000 + 86_400)

    @Test func `A certificate is renewed at two thirds of its life, or a little earlier`() {
        #expect(plan.delay(at: 1000, jitter: 0) == .seconds(57_600))
        #expect(plan.delay(at: 1000, jitter: 0.5) == .seconds(57_600 - 2160))
        #expect(plan.delay(at: 1000 + 57_600, jitter: 0) == .zero)
        #expect(plan.delay(at: 1_000_000, jitter: 0) == .zero)
        // A clock that is far behind does not make the wait longer than the life.
        #expect(plan.delay(at: -1_000_000, jitter: 0) == .seconds(86_400))
    }

    @Test func `A failed renewal is tried again within the life that is left`() {
        #expect(plan.retryDelay == .seconds(60))
        #expect(RenewalPlan(notBefore: 0, notAfter: 100).retryDelay == .seconds(5))
        #expect(RenewalPlan(notBefore: 5, notAfter: 5).retryDelay == .seconds(1))
        #expect(RenewalPlan(notBefore: .min, notAfter: .max).retryDelay == .seconds(1))
    }
}
