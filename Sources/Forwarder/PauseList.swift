import ForwarderProtocol
import Reactor

/// The ports of one poller that have sent as much as they may, and when they may go on.
struct PauseList: ~Copyable {
    /// All queues of all ports.
    private static let countMaximum = ForwarderProtocol.portCountMaximum * ForwarderProtocol.queueCountMaximum

    private struct Pause {
        /// The data of the queue's events.
        var event: UInt64
        var end: Duration
    }

    /// In no order: pauses are few, or the processor has time.
    private let pauses = UnsafeMutablePointer<Pause>.allocate(capacity: countMaximum)
    private(set) var count = 0

    deinit {
        pauses.deallocate()
    }

    var isEmpty: Bool { count == 0 }

    /// The time until the first one ends, in milliseconds as epoll takes it; -1 if there is none.
    var patience: Int32 {
        guard count > 0 else { return -1 }
        var first = pauses[0].end
        for index in 1..<max(1, count) { first = min(first, pauses[index].end) }
        let (seconds, attoseconds) = (first - Clock.monotonic()).components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        // Rounded up, or the last part of a millisecond would be spent asking. A day at most.
        return Int32(min(seconds, 86_400) * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }

    /// Adds a pause, or changes its end.
    /// - Returns: True if it is a new one.
    mutating func add(_ event: UInt64, until end: Duration) -> Bool {
        for index in 0..<count where pauses[index].event == event {
            pauses[index].end = end
            return false
        }
        guard count < Self.countMaximum else { return false }
        pauses[count] = Pause(event: event, end: end)
        count += 1
        return true
    }

    /// Takes one that has ended.
    mutating func next(endedBy now: Duration) -> UInt64? {
        for index in 0..<count where pauses[index].end <= now {
            let event = pauses[index].event
            count -= 1
            pauses[index] = pauses[count]
            return event
        }
        return nil
    }
}
