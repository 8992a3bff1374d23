/// What the kernel has refused to take as one, by where it was to go: a place on the underlay, a port. For a while what
/// goes there goes one by one, and nothing else does. Then the kernel is asked again: a route or a device may have
/// changed. What it refuses is not lost, it goes one by one, too, so that to ask costs a system call.
struct RefusalMemory: ~Copyable {
    /// What goes one by one before the kernel is asked again: to ask is then lost in the noise.
    static let pauseCount: UInt16 = 4096

    /// How much goes one by one yet, by place or port.
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

    /// Whether what goes there next goes one by one.
    func isPausing(_ place: Int) -> Bool {
        let rest = rests[place & mask]
        guard rest > 0 else { return false }
        rests[place & mask] = rest &- 1
        return true
    }
}
