import Datapath
import Testing

@testable import Forwarder

/// When gateways send router advertisements unasked.
@Suite struct AdvertisementClockTests {
    /// The seconds at which a gateway sends, by a look at each second.
    private func times(_ clock: inout AdvertisementClock, _ seconds: Range<Int>, _ advertiser: Advertiser?) -> [Int] {
        seconds.filter { second in
            let all = advertiser.map { [$0.vni: $0] } ?? [:]
            return !clock.due(all, now: .seconds(second)).isEmpty
        }
    }

    private func advertiser(_ intervals: ClosedRange<UInt32>, content: UInt64 = 1) -> Advertiser {
        Advertiser(vni: 5, intervals: intervals, content: content)
    }

    @Test("the first comes at once, two more soon, the others within the interval")
    func intervals() {
        var clock = AdvertisementClock(seed: 1)
        let times = times(&clock, 0..<20_000, advertiser(200...600))
        let pauses = zip(times, times.dropFirst()).map { $1 - $0 }
        #expect(times.first == 0 && pauses.prefix(2).allSatisfy { $0 <= 17 })
        #expect(pauses.dropFirst(2).allSatisfy { (200...601).contains($0) })
        #expect(Set(pauses).count > 10)
    }

    @Test("other content is told soon, but no sooner than three seconds after the last one")
    func change() {
        var clock = AdvertisementClock(seed: 2)
        _ = times(&clock, 0..<1000, advertiser(600...600))
        #expect(times(&clock, 1000..<1002, advertiser(600...600, content: 2)) == [1000])
        #expect(times(&clock, 1002..<1010, advertiser(600...600, content: 3)) == [1003])
        // A shorter interval counts at once; one that is gone is forgotten.
        #expect(times(&clock, 1200..<1201, advertiser(4...4, content: 3)) == [1200])
        #expect(times(&clock, 1201..<1202, nil).isEmpty)
        #expect(times(&clock, 1202..<1203, advertiser(4...4, content: 3)) == [1202])
    }
}
