import Datapath
import Testing

@Suite struct SendingBudgetTests {
    /// The octets that a guest sends in some seconds that always has more, in batches of frames of 1,000 octets.
    private static func sent(
        _ prices: SendingPrices,
        for seconds: Int,
        batch: Int = 8,
        shareCount: Int = 1
    ) -> Int {
        var budget = SendingBudget()
        var (now, count) = (Duration.seconds(5), 0)
        let end = now + .seconds(seconds)
        while now < end {
            if let pause = budget.pause(prices, now: now) {
                #expect(pause > now)
                now = pause
            } else {
                budget.take(batch * 1000, batch, prices, now: now, shareCount: shareCount)
                count += batch * 1000
            }
        }
        return count
    }

    @Test func `On average as much is sent as the rate says, and a burst more`() {
        for bits: UInt64 in [64_000, 1_000_000, 1_000_000_000, 1_000_000_000_000] {
            let burst = bits / 50
            let prices = SendingPrices(bitsPerSecond: bits, burstBits: burst, framesPerSecond: 0)
            let count = Self.sent(prices, for: 2)
            #expect(count >= Int(bits) * 2 / 8 * 99 / 100, "\(bits)")
            #expect(count <= (Int(bits) * 2 + Int(burst)) / 8 * 101 / 100 + 8000, "\(bits)")
        }
    }

    @Test func `Frames are limited by themselves, and the tighter limit counts`() {
        let frames = SendingPrices(bitsPerSecond: 0, burstBits: 0, framesPerSecond: 1000)
        #expect((1_980...2_030).contains(Self.sent(frames, for: 2) / 1000))
        let both = SendingPrices(bitsPerSecond: 80_000_000_000, burstBits: 1, framesPerSecond: 1000)
        #expect((1_980...2_030).contains(Self.sent(both, for: 2) / 1000))
    }

    @Test func `Queues share a limit, and a port without one owes nothing`() {
        let prices = SendingPrices(bitsPerSecond: 8_000_000, burstBits: 1, framesPerSecond: 0)
        #expect((490_000...520_000).contains(Self.sent(prices, for: 2, shareCount: 4)))
        var budget = SendingBudget()
        #expect(SendingPrices().isNothing)
        budget.take(.max, .max, SendingPrices(), now: .seconds(1))
        let pause = budget.pause(SendingPrices(), now: .seconds(1))
        #expect(pause == nil)
    }

    @Test func `No number leads beyond bounds`() {
        for bits in [1, UInt64.max] {
            for frames in [1, UInt64.max] {
                let prices = SendingPrices(bitsPerSecond: bits, burstBits: .max, framesPerSecond: frames)
                var budget = SendingBudget()
                for _ in 0..<1000 { budget.take(.max, .max, prices, now: .seconds(1 << 32), shareCount: .max) }
                _ = budget.pause(prices, now: .seconds(1 << 32))
            }
        }
    }
}
