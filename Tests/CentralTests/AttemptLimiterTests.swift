import HTTP
import HTTPTransport
import Testing
import Wire

@testable import Central

@Suite struct AttemptLimiterTests {
    private func host(_ number: Int) -> RemoteHost { RemoteHost(.v4(IPv4Address(UInt32(0x0a00_0000 + number)))) }

    @Test func `A host has so many wrong tokens, and one more with each second`() {
        var limiter = AttemptLimiter()
        for _ in 0..<AttemptLimiter.budget.burst {
            let isWithin = limiter.take(host(1), now: .seconds(1))
            #expect(isWithin)
        }
        let next = [
            limiter.take(host(1), now: .seconds(1)), limiter.take(host(2), now: .seconds(1)),
            limiter.take(host(1), now: .seconds(2)), limiter.take(host(1), now: .seconds(2)),
        ]
        #expect(next == [false, true, true, false])
    }

    @Test func `All IPv6 addresses of a host have one budget`() {
        var limiter = AttemptLimiter()
        let network: UInt64 = 0x2001_0db8_0000_0001
        let told = (0...UInt64(AttemptLimiter.budget.burst)).map { number in
            limiter.take(RemoteHost(.v6(IPv6Address(high: network, low: number))), now: .zero)
        }
        #expect(told.last == false)
        #expect(told.dropLast().allSatisfy { $0 })
    }
}
