/// The prices of what a guest sends, in time: what its port's limit comes to. All zero is no limit.
public struct SendingPrices: Sendable {
    /// Of an octet, in ``unit``s.
    private var perByte: Int64 = 0
    /// Of a frame, in ``unit``s.
    private var perFrame: Int64 = 0
    /// The time that may be owed while more is taken, in nanoseconds.
    private var byteCredit: Int64 = 0
    private var frameCredit: Int64 = 0

    /// Parts of a nanosecond: fine enough for an octet at 1 Tbit/s, and coarse enough for a batch at the lowest rate.
    private static let unit: Int64 = 1 << 16
    /// The most that a price, or a credit in nanoseconds, may be, so that no sum goes beyond its bounds.
    private static let priceMaximum: Int64 = 1 << 46
    /// The time that may be owed of frames: what a rate makes in 20 ms may come at once.
    private static let usualCredit: Int64 = 20_000_000

    /// No limit.
    public init() {}

    /// - Parameters:
    ///   - bitsPerSecond: 0 for no limit.
    ///   - burstBits: bits at once after a pause.
    ///   - framesPerSecond: 0 for no limit.
    public init(bitsPerSecond: UInt64, burstBits: UInt64, framesPerSecond: UInt64) {
        if bitsPerSecond > 0 {
            perByte = Self.bounded(8_000_000_000 * Double(Self.unit) / Double(bitsPerSecond))
            byteCredit = Self.bounded(1_000_000_000 * Double(burstBits) / Double(bitsPerSecond))
        }
        if framesPerSecond > 0 {
            perFrame = Self.bounded(1_000_000_000 * Double(Self.unit) / Double(framesPerSecond))
            frameCredit = Self.usualCredit
        }
    }

    private static func bounded(_ value: Double) -> Int64 { Int64(min(max(value, 1), Double(priceMaximum))) }

    public var isNothing: Bool { perByte == 0 && perFrame == 0 }

    /// The time that octets and frames take, in nanoseconds.
    fileprivate func times(_ byteCount: Int, _ frameCount: Int, _ shareCount: Int) -> (bytes: Int64, frames: Int64) {
        let share = Int64(clamping: shareCount)
        return (
            Self.time(Int64(clamping: byteCount), perByte, share),
            Self.time(Int64(clamping: frameCount), perFrame, share)
        )
    }

    private static func time(_ count: Int64, _ price: Int64, _ share: Int64) -> Int64 {
        let (product, overflows) = count.multipliedReportingOverflow(by: price)
        // Rounded up: a batch at 1 Tbit/s takes some tens of nanoseconds.
        let time = overflows ? priceMaximum : product == 0 ? 0 : (product - 1) / unit + 1
        let (all, isTooMuch) = time.multipliedReportingOverflow(by: share)
        return isTooMuch ? priceMaximum : min(all, priceMaximum)
    }

    /// The end of the pause that a guest has to make that owes so much, in nanoseconds; at most `now` for none.
    fileprivate func end(_ bytesPaidAt: Int64, _ framesPaidAt: Int64) -> Int64 {
        max(perByte > 0 ? bytesPaidAt &- byteCredit : .min, perFrame > 0 ? framesPaidAt &- frameCredit : .min)
    }
}

/// The used part of the limit of what a guest sends: the times at which all that was taken is paid for. All zero is
/// nothing.
///
/// A batch is known only when it has been read, so it is owed, and the guest waits until little enough is.
public struct SendingBudget {
    private var bytesPaidAt: Int64 = 0
    private var framesPaidAt: Int64 = 0

    public init() {}

    /// The time until which nothing more is to be read; `nil` if there is no need to wait.
    /// - Parameter now: of a clock that never goes back.
    public func pause(_ prices: SendingPrices, now: Duration) -> Duration? {
        let end = prices.end(bytesPaidAt, framesPaidAt)
        return end > now.nanoseconds ? .nanoseconds(end) : nil
    }

    /// Takes what has been read.
    /// - Parameter shareCount: the queues of the port, each with a budget of its own.
    public mutating func take(
        _ byteCount: Int,
        _ frameCount: Int,
        _ prices: SendingPrices,
        now: Duration,
        shareCount: Int = 1
    ) {
        let times = prices.times(byteCount, frameCount, shareCount)
        bytesPaidAt = max(bytesPaidAt, now.nanoseconds) &+ times.bytes
        framesPaidAt = max(framesPaidAt, now.nanoseconds) &+ times.frames
    }
}

extension Duration {
    fileprivate var nanoseconds: Int64 { components.seconds &* 1_000_000_000 &+ components.attoseconds / 1_000_000_000 }
}
