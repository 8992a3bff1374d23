import HeapModule

/// The timers of a loop, soonest first; equal times in the order in which they were set.
struct TimerQueue {
    /// A timer that waits; cancelled ones stay here until their time or the next sweep.
    private struct Waiting: Comparable {
        let deadline: Duration
        let sequence: UInt64

        static func < (left: Waiting, right: Waiting) -> Bool {
            left.deadline == right.deadline ? left.sequence < right.sequence : left.deadline < right.deadline
        }
    }

    private var heap = Heap<Waiting>()
    private var bodies: [UInt64: () -> Void] = [:]
    private var nextSequence: UInt64 = 0

    var count: Int { bodies.count }
    /// The number of entries in the heap, including cancelled timers.
    var heapCount: Int { heap.count }

    /// Sets a timer; the number names it.
    mutating func insert(at deadline: Duration, _ body: @escaping () -> Void) -> UInt64 {
        let sequence = nextSequence
        nextSequence += 1
        bodies[sequence] = body
        heap.insert(Waiting(deadline: deadline, sequence: sequence))
        return sequence
    }

    /// Removes a timer; one that has run or is cancelled already is no concern.
    mutating func cancel(_ sequence: UInt64) {
        guard bodies.removeValue(forKey: sequence) != nil else { return }
        // A connection sets and cancels a time-out for every request: without the sweep those would pile up.
        if heap.count > 64, heap.count > 2 * bodies.count {
            heap = Heap(heap.unordered.filter { bodies[$0.sequence] != nil })
        }
    }

    /// When the next timer is due.
    mutating func nextDeadline() -> Duration? {
        while let first = heap.min {
            if bodies[first.sequence] != nil { return first.deadline }
            heap.removeMin()
        }
        return nil
    }

    /// Takes out the next timer due at `now` that was set before the timer `bound`, so that a timer that sets itself
    /// again at once cannot hold the loop.
    mutating func popDue(at now: Duration, setBefore bound: UInt64) -> (() -> Void)? {
        guard let deadline = nextDeadline(), deadline <= now, let first = heap.min, first.sequence < bound else {
            return nil
        }
        heap.removeMin()
        return bodies.removeValue(forKey: first.sequence)
    }

    /// The number the next timer will get.
    var bound: UInt64 { nextSequence }
}
