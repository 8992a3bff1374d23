/// The time at which central's own certificate is renewed: by two clocks, because the one that people set may have been
/// wrong when it was made.
struct RenewalClock {
    /// The seconds by which the wall clock may go back without a new certificate: it is stepped a little at times.
    static let stepMaximum: Int64 = 60

    private let made: Int64
    private let madeAt: Duration
    private let life: Int64

    /// - Parameters:
    ///   - wallClock: the time when the certificate was made, in seconds since 1970.
    ///   - now: the same on the monotonic clock.
    ///   - life: how long the certificate holds, in seconds.
    init(wallClock: Int64, now: Duration, life: Int64) {
        made = wallClock
        madeAt = now
        self.life = life
    }

    /// True if two thirds of its life are over by either clock, or it was made in what is the future now.
    func isDue(wallClock: Int64, now: Duration) -> Bool {
        wallClock < made - Self.stepMaximum || wallClock >= made + life * 2 / 3
            || now - madeAt >= .seconds(life * 2 / 3)
    }
}
