import Datapath

/// Says when gateways send router advertisements unasked (RFC 4861 section 6.2.4): each time after a random part of its
/// interval, some times sooner at first, and soon after a change of what they tell.
struct AdvertisementClock {
    /// Advertisements that come sooner at first (MAX_INITIAL_RTR_ADVERTISEMENTS).
    static let initialCount = 3
    /// The most seconds between those (MAX_INITIAL_RTR_ADVERT_INTERVAL).
    static let initialInterval = Duration.seconds(16)
    /// The least time between two of one gateway (MIN_DELAY_BETWEEN_RAS).
    static let pause = Duration.seconds(3)

    private struct Entry {
        var content: UInt64
        var at: Duration
        var sentAt: Duration?
        var initialCount = AdvertisementClock.initialCount
    }

    /// By the VNI of the switch: no more than there are switches with ports here.
    private var entries: [UInt32: Entry] = [:]
    private var generator: UInt64

    /// - Parameter seed: keeps hosts apart.
    init(seed: UInt64) { generator = seed }

    /// Returns the switches whose gateway sends one now, and forgets those that are gone.
    mutating func due(_ advertisers: [UInt32: Advertiser], now: Duration) -> Set<UInt32> {
        entries = entries.filter { advertisers[$0.key] != nil }
        var due: Set<UInt32> = []
        for (vni, advertiser) in advertisers.sorted(by: { $0.key < $1.key }) {
            var entry = entries[vni] ?? Entry(content: advertiser.content, at: now)
            if entry.content != advertiser.content {
                let soonest = max(now, (entry.sentAt ?? now - Self.pause) + Self.pause)
                entry = Entry(content: advertiser.content, at: soonest, sentAt: entry.sentAt)
            }
            // An interval that has become shorter counts at once.
            entry.at = min(entry.at, max(now, (entry.sentAt ?? now) + .seconds(Int64(advertiser.intervals.upperBound))))
            if entry.at <= now {
                due.insert(vni)
                entry.sentAt = now
                entry.at = now + next(advertiser.intervals)
                if entry.initialCount > 1 { entry.at = min(entry.at, now + Self.initialInterval) }
                entry.initialCount = max(0, entry.initialCount - 1)
            }
            entries[vni] = entry
        }
        return due
    }

    /// A random time of a range, in whole milliseconds (SplitMix64).
    private mutating func next(_ seconds: ClosedRange<UInt32>) -> Duration {
        generator &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (generator ^ generator &>> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed &>> 27) &* 0x94d0_49bb_1331_11eb
        let span = UInt64(seconds.upperBound - seconds.lowerBound) * 1000 + 1
        return .seconds(Int64(seconds.lowerBound)) + .milliseconds(Int64((mixed ^ mixed &>> 31) % span))
    }
}
