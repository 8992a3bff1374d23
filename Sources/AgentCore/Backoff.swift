/// The pause before the next attempt: doubling from a first bound to a last one, with full jitter.
///
/// Jitter over the whole range spreads many hosts that lost the same central over time.
struct Backoff: Hashable, Sendable {
    /// The first bound.
    let first: Duration
    /// The bound that is never exceeded.
    let last: Duration
    /// The attempts that have failed in a row.
    private(set) var failures = 0

    var bound: Duration {
        var bound = first
        for _ in 0..<min(failures, 32) where bound < last { bound = bound + bound }
        return min(bound, last)
    }

    /// Counts a failure; the delay lies anywhere from zero to the bound, or to a lower one.
    mutating func jitteredDelay(
        atMost maximum: Duration? = nil,
        using generator: inout some RandomNumberGenerator
    ) -> Duration {
        let microseconds = min(bound, maximum ?? bound) / .microseconds(1)
        failures += 1
        return .microseconds(Int64.random(in: 0...max(Int64(microseconds), 1), using: &generator))
    }

    mutating func reset() { failures = 0 }
}
