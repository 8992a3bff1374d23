import Glibc

/// By how much the work of something grows when what it works on is eight times as large: 8 if it is linear, 64
/// where it is quadratic. Below ``workGrowthMaximum`` it counts as linear: that has room for caches and for logarithms.
///
/// Work is this thread's own time on a processor, the least of three runs, so that a busy machine does not count.
/// - Parameter prepare: makes what is worked on, of so many parts; what it returns does the work.
public func workGrowth(from count: Int, _ prepare: (Int) -> () -> Void) -> Double {
    func time(_ count: Int) -> Double {
        let work = prepare(count)
        return (0..<3).map { _ in
            let start = processorTime()
            work()
            return processorTime() - start
        }.min() ?? 0
    }
    // A run that takes no time at all is not slow, and must not be divided by.
    return time(8 * count) / max(time(count), 20e-6)
}

/// The bound of ``workGrowth(from:_:)`` for linear work.
public let workGrowthMaximum = 30.0

/// The time that this thread has had of processors, in seconds.
private func processorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
