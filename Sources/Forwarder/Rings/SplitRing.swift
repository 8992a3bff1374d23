import CLinux
import ForwarderProtocol
import Glibc

/// A split ring of a guest (virtio 1.2, section 2.7), seen from the device's side. Buffers are used in the order in
/// which the guest has made them available, each at once: so one index tells all, and is in the guest's memory for
/// whoever goes on.
///
/// The guest may write anything at any time. Each word of the rings is read once, and what was read is checked; a loop
/// ends by a bound of ours. A guest that breaks the rules gets no more service.
struct SplitRing {
    /// The most descriptors of one buffer: far more than drivers use, which have 19 for 64 KiB in pages.
    static var chainCountMaximum: Int { 256 }
    /// The most descriptors that are read for one frame to the guest: 64 KiB in buffers of 64 octets.
    static var descriptorCountMaximum: Int { 1024 }

    // Flags of a descriptor
    static var isFollowed: UInt16 { 1 }
    static var isForDevice: UInt16 { 2 }
    static var isIndirect: UInt16 { 4 }

    let memory: GuestMemory
    let size: UInt16
    let descriptors: UnsafeMutableRawPointer
    let available: UnsafeMutableRawPointer
    let used: UnsafeMutableRawPointer
    /// The address that writes to the used ring are logged by.
    let usedLog: UInt64?
    let hasEventIndex: Bool
    let hasIndirect: Bool
    /// The eventfd by which the guest is called.
    let call: Int32
    /// The number of the next buffer; all before it are used.
    var next: UInt16
    /// True if the guest has been told that it need not kick.
    private var isQuiet = false

    /// - Returns: `nil` if the rings do not lie in the guest's memory, or not as they have to.
    init?(_ ring: RingLayout.Ring, features: UInt64, memory: GuestMemory, call: Int32) {
        let count = Int(ring.size)
        guard count > 0, ring.size <= RingLayout.ringSizeMaximum, count & (count - 1) == 0 else { return nil }
        guard let descriptors = memory.whole(at: ring.descriptors, 16 * count),
            let available = memory.whole(at: ring.available, 6 + 2 * count),
            let used = memory.whole(at: ring.used, 6 + 8 * count)
        else { return nil }
        guard Int(bitPattern: descriptors) % 16 == 0, Int(bitPattern: available) % 2 == 0,
            Int(bitPattern: used) % 4 == 0
        else { return nil }
        self.memory = memory
        size = ring.size
        self.descriptors = descriptors
        self.available = available
        self.used = used
        usedLog = ring.usedLog
        hasEventIndex = features >> UInt64(VirtioFeature.eventIndex) & 1 != 0
        hasIndirect = features >> UInt64(VirtioFeature.indirectDescriptors) & 1 != 0
        self.call = call
        next = clinux_ring_load(used + 2)
    }

    @inline(__always)
    private var mask: UInt16 { size &- 1 }

    /// The buffers that the guest has made available; `nil` if it says more than there can be.
    @inline(__always)
    var pendingCount: Int? {
        let count = clinux_ring_load(available + 2) &- next
        return count <= size ? Int(count) : nil
    }

    /// The number of the first descriptor of an available buffer, which may be anything.
    @inline(__always)
    func head(_ offset: UInt16) -> UInt16 {
        clinux_ring_load(available + 4 + 2 * Int((next &+ offset) & mask))
    }

    /// Enters a buffer among the used ones, of which `finish` tells the guest.
    @inline(__always)
    func enterUsed(_ head: UInt16, byteCount: Int, _ offset: UInt16) {
        let place = used + 4 + 8 * Int((next &+ offset) & mask)
        place.storeBytes(of: UInt32(head), as: UInt32.self)
        place.storeBytes(of: UInt32(truncatingIfNeeded: byteCount), toByteOffset: 4, as: UInt32.self)
        if let usedLog { memory.noteWritten(usedLog &+ UInt64(4 + 8 * Int((next &+ offset) & mask)), 8) }
    }

    /// Tells the guest of buffers that were entered, and calls it if it wants that.
    @inline(__always)
    mutating func finish(_ count: UInt16) {
        let before = next
        next = before &+ count
        clinux_ring_store(used + 2, next)
        if let usedLog { memory.noteWritten(usedLog, 4) }
        clinux_ring_fence()
        let isWanted: Bool
        if hasEventIndex {
            let event = clinux_ring_load(available + 4 + 2 * Int(size))
            isWanted = next &- event &- 1 < next &- before
        } else {
            isWanted = clinux_ring_load(available) & 1 == 0
        }
        if isWanted { callGuest() }
    }

    func callGuest() {
        var one: UInt64 = 1
        _ = clinux_write(call, &one, 8)
    }

    /// Lets the guest know that it need not kick: all is taken as it comes.
    @inline(__always)
    mutating func silence() {
        if isQuiet { return }
        isQuiet = true
        // With event indices it is the old one that keeps the guest silent.
        if !hasEventIndex { clinux_ring_store(used, 1) }
    }

    /// Asks for a kick with the next buffer.
    /// - Returns: `false` if one has come meanwhile.
    mutating func listen() -> Bool {
        isQuiet = false
        if hasEventIndex {
            clinux_ring_store(used + 4 + 8 * Int(size), next)
        } else {
            clinux_ring_store(used, 0)
        }
        if let usedLog { memory.noteWritten(usedLog, 6 + 8 * Int(size)) }
        clinux_ring_fence()
        return clinux_ring_load(available + 2) == next
    }
}

/// The descriptors of one buffer, one after the other.
struct DescriptorChain {
    private let ring: SplitRing
    /// The table that the next one is in, by the guest's address if it is indirect.
    private var table: UInt64 = 0
    private var isInTable = false
    private var tableCount: UInt32
    private var index: UInt32
    private var isOver = false
    private(set) var count = 0

    enum Next {
        case descriptor(address: UInt64, byteCount: Int, isForDevice: Bool)
        case end
        /// It breaks the rules.
        case broken
    }

    init(_ ring: SplitRing, head: UInt16) {
        self.ring = ring
        index = UInt32(head)
        tableCount = UInt32(ring.size)
    }

    @inline(__always)
    mutating func next() -> Next {
        while !isOver {
            guard index < tableCount, count < SplitRing.chainCountMaximum else { return .broken }
            count &+= 1
            let place: UnsafeRawPointer
            if isInTable {
                let address = table &+ 16 &* UInt64(index)
                guard let whole = ring.memory.whole(at: address, 16) else { return .broken }
                place = UnsafeRawPointer(whole)
            } else {
                place = UnsafeRawPointer(ring.descriptors + 16 * Int(index))
            }
            let entry = clinux_ring_load_descriptor(place)
            if entry.flags & SplitRing.isIndirect != 0 {
                guard enter(entry) else { return .broken }
                continue
            }
            if entry.flags & SplitRing.isFollowed != 0 { index = UInt32(entry.next) } else { isOver = true }
            return .descriptor(
                address: entry.address,
                byteCount: Int(entry.count),
                isForDevice: entry.flags & SplitRing.isForDevice != 0
            )
        }
        return .end
    }

    /// Goes on in a table that the guest has elsewhere.
    private mutating func enter(_ entry: clinux_ring_descriptor) -> Bool {
        guard ring.hasIndirect, !isInTable, entry.flags & SplitRing.isFollowed == 0 else { return false }
        guard entry.count > 0, entry.count % 16 == 0 else { return false }
        isInTable = true
        table = entry.address
        tableCount = entry.count / 16
        index = 0
        return true
    }
}
