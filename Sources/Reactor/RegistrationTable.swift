/// The registrations of a loop: a slab whose entries are named by index and generation.
///
/// The name goes into epoll's data, so that an event that was already fetched when its registration ended, or when its
/// place was taken by another, finds nothing.
struct RegistrationTable {
    struct Entry {
        var generation: UInt32 = 0
        var descriptor: Int32 = -1
        var interest: Readiness = []
        /// True if epoll knows the descriptor: it does not after an unasked-for event with no interest.
        var isArmed = false
        var handler: ((Readiness) -> Void)?
    }

    /// The name of an entry: its index in the low 32 bits, its generation in the high.
    typealias Key = UInt64

    private var entries: [Entry] = []
    private var free: [UInt32] = []

    var count: Int { entries.count - free.count }

    /// True if the entry is still there; traps never.
    subscript(key: Key) -> Entry? {
        let index = Int(truncatingIfNeeded: key & 0xffff_ffff)
        guard index < entries.count, entries[index].handler != nil else { return nil }
        return entries[index].generation == UInt32(key >> 32) ? entries[index] : nil
    }

    /// The interest of an entry, without a copy of the entry: asked for with every event.
    func interest(of key: Key) -> Readiness? {
        let index = Int(truncatingIfNeeded: key & 0xffff_ffff)
        guard index < entries.count, entries[index].generation == UInt32(key >> 32) else { return nil }
        return entries[index].interest
    }

    /// The receiver of an entry's events.
    func handler(of key: Key) -> ((Readiness) -> Void)? {
        let index = Int(truncatingIfNeeded: key & 0xffff_ffff)
        guard index < entries.count, entries[index].generation == UInt32(key >> 32) else { return nil }
        return entries[index].handler
    }

    mutating func insert(
        descriptor: Int32,
        interest: Readiness,
        handler: @escaping (Readiness) -> Void
    ) -> Key {
        let index: UInt32
        if let reused = free.popLast() {
            index = reused
        } else {
            index = UInt32(entries.count)
            entries.append(Entry())
        }
        let generation = entries[Int(index)].generation
        entries[Int(index)] = Entry(
            generation: generation,
            descriptor: descriptor,
            interest: interest,
            isArmed: true,
            handler: handler
        )
        return UInt64(generation) << 32 | UInt64(index)
    }

    mutating func update(_ key: Key, interest: Readiness, isArmed: Bool) {
        guard self[key] != nil else { return }
        let index = Int(key & 0xffff_ffff)
        entries[index].interest = interest
        entries[index].isArmed = isArmed
    }

    /// Removes an entry and hands it back; `nil` when it is gone already.
    mutating func remove(_ key: Key) -> Entry? {
        guard let entry = self[key] else { return nil }
        let index = key & 0xffff_ffff
        entries[Int(index)] = Entry(generation: entry.generation &+ 1)
        free.append(UInt32(index))
        return entry
    }
}
