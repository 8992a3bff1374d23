/// The destinations for which the kernel has refused to take packets as one: places on the underlay, and ports. For a
/// while what goes there goes one by one, and nothing else does. Then the kernel is asked again: a route or a device
/// may have changed. What it refuses is not lost, it goes one by one, too, so that to ask costs a system call.
struct RefusalMemory: ~Copyable {
    /// The number of packets that go one by one before the kernel is asked again: its cost is then negligible.
    static let pauseCount: UInt16 = 4096

    /// The number of packets that still go one by one, by place or port.
    private let rests: UnsafeMutablePointer<UInt16>
    private let mask: Int

    /// Nothing has been refused.
    /// - Parameter count: places or ports that are told apart, a power of two; others share the memory of those.
    init(count: Int) {
        precondition(count > 0 && count & (count - 1) == 0)
        rests = .allocate(capacity: count)
        rests.initialize(repeating: 0, count: count)
        mask = count - 1
    }

    deinit {
        rests.deallocate()
    }

    /// The kernel has refused what was to go there.
    func note(_ place: Int) { rests[place & mask] = Self.pauseCount }

    /// True if what goes there next goes one by one.
    func isPausing(_ place: Int) -> Bool {
        let rest = rests[place & mask]
        guard rest > 0 else { return false }
        rests[place & mask] = rest &- 1
        return true
    }
}
