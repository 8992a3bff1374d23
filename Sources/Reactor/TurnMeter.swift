import Synchronization

/// The longest turns of a loop, for any thread to read: nobody who came had to wait for longer before the loop looked.
public final class TurnMeter: Sendable {
    /// The time after which a turn is forgotten, at the latest twice as long.
    static let window: Duration = .seconds(60)

    /// Of this window and of the one before, in nanoseconds.
    private let longest = Atomic<Int64>(0)
    private let former = Atomic<Int64>(0)
    /// The end of this window, in nanoseconds.
    private let end = Atomic<Int64>(0)

    init() {}

    /// The longest turn of the last minute or two; a turn that has not ended does not count.
    public var longestTurn: Duration {
        .nanoseconds(max(longest.load(ordering: .relaxed), former.load(ordering: .relaxed)))
    }

    /// Takes note of a turn; for the loop's own thread.
    func note(from start: Duration, to now: Duration) {
        let time = (now - start).nanoseconds
        if now.nanoseconds >= end.load(ordering: .relaxed) {
            let isNext = now.nanoseconds < end.load(ordering: .relaxed) + Self.window.nanoseconds
            former.store(isNext ? longest.load(ordering: .relaxed) : 0, ordering: .relaxed)
            longest.store(0, ordering: .relaxed)
            end.store(now.nanoseconds + Self.window.nanoseconds, ordering: .relaxed)
        }
        if time > longest.load(ordering: .relaxed) { longest.store(time, ordering: .relaxed) }
    }
}

extension Duration {
    /// Whole nanoseconds; of what a machine can be up for there is no overflow.
    fileprivate var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
