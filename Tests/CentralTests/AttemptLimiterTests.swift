import HTTPCore
import Testing
import Wire

@testable import Central

@Suite struct AttemptLimiterTests {
    private func address(_ number: Int) -> IPAddress { .v4(IPv4Address(UInt32(0x0a00_0000 + number))) }

    @Test func `An address has so many wrong tokens, and one more with each second`() {
        var limiter = AttemptLimiter()
        for _ in 0..<AttemptLimiter.budget.burst {
            let isWithin = limiter.take(address(1), now: .seconds(1))
            #expect(isWithin)
        }
        let next = [
            limiter.take(address(1), now: .seconds(1)), limiter.take(address(2), now: .seconds(1)),
            limiter.take(address(1), now: .seconds(2)), limiter.take(address(1), now: .seconds(2)),
        ]
        #expect(next == [false, true, true, false])
    }

    @Test func `The addresses remembered are bounded`() {
        var limiter = AttemptLimiter()
        for _ in 0...AttemptLimiter.budget.burst { _ = limiter.take(address(0), now: .zero) }
        for number in 1..<AttemptLimiter.addressMaximum { _ = limiter.take(address(number), now: .zero) }
        let before = limiter.take(address(0), now: .zero)
        _ = limiter.take(address(-1), now: .zero)
        let after = limiter.take(address(0), now: .zero)
        #expect(!before && after)
    }
}
