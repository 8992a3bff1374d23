import CLinux

/// The standby ports of this host that their guests have activated: a word for each slot, beside the tables and shared
/// by the pollers, so that no frame after the one by which a guest announces itself waits for the agent.
///
/// A word holds the mark of the place that was activated (`PortBinding.activationMark`). It stays when that place goes,
/// as no other has its mark. A new process has none: an agent that has heard of an activation puts it into the tables.
public struct Activations: @unchecked Sendable {
    private let words: UnsafeMutablePointer<UInt64>

    /// No activations yet. The memory is the caller's to free.
    public init() {
        words = .allocate(capacity: Tables.slotCountMaximum + 2)
        words.initialize(repeating: 0, count: Tables.slotCountMaximum + 2)
    }

    public func deallocate() { words.deallocate() }

    /// The last mark of a slot; 0 for none.
    public subscript(slot: Int) -> UInt64 {
        guard slot >= 0, slot < Tables.slotCountMaximum else { return 0 }
        return clinux_load_acquire(words + slot)
    }

    /// True if a slot has been activated since the last `takeNews`.
    public var hasNews: Bool { clinux_load_relaxed(words + Tables.slotCountMaximum) != 0 }

    /// True if a slot has been activated since the last time; to be asked before the marks are read.
    public func takeNews() -> Bool {
        hasNews && clinux_replace(words + Tables.slotCountMaximum, 1, 0) != 0
    }

    /// The memory that ACLs write their decisions to; `nil` if nobody reads it. It stays for as long as tables are in
    /// use that have this, and is here because both are of the process and of no tables.
    public var filterRecord: FilterRecord? {
        get {
            let address = UInt(truncatingIfNeeded: clinux_load_acquire(words + Tables.slotCountMaximum + 1))
            return UnsafeMutablePointer(bitPattern: address).map { FilterRecord(at: $0) }
        }
        nonmutating set {
            let address = newValue.map { UInt64(UInt(bitPattern: $0.address)) } ?? 0
            clinux_store_release(words + Tables.slotCountMaximum + 1, address)
        }
    }

    func set(_ mark: UInt64, ofSlot slot: Int) {
        guard slot < Tables.slotCountMaximum, self[slot] != mark else { return }
        clinux_store_release(words + slot, mark)
        clinux_store_release(words + Tables.slotCountMaximum, 1)
    }
}
