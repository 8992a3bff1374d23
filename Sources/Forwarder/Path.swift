import CLinux

/// The path to another host: a cache line of words that the control thread stores and pollers read,
/// and that count what did not go there. It outlives generations: a path that changes changes no tables.
struct Path: @unchecked Sendable {
    private static let byteCount = 64

    private enum Word: Int {
        case mtu
        case tooLongFrames
        case unsentFrames
        case isRefused
    }

    private let memory: UnsafeMutablePointer<UInt64>

    /// The memory is the caller's to free.
    init(mtu: Int) {
        let line = UnsafeMutableRawPointer.allocate(byteCount: Self.byteCount, alignment: Self.byteCount)
        line.initializeMemory(as: UInt8.self, repeating: 0, count: Self.byteCount)
        memory = line.assumingMemoryBound(to: UInt64.self)
        set(mtu: mtu)
    }

    func deallocate() {
        memory.deallocate()
    }

    /// The longest packet that a tunnel along the path carries, in octets after the inner Ethernet header.
    @inline(__always)
    var mtu: Int { Int(truncatingIfNeeded: clinux_load_relaxed(memory)) }

    func set(mtu: Int) {
        clinux_store_relaxed(memory, UInt64(truncatingIfNeeded: mtu))
    }

    /// Frames that did not go there since they are longer than the path carries.
    var tooLongFrames: UInt64 { clinux_load_relaxed(memory + Word.tooLongFrames.rawValue) }
    /// Frames that did not go there for another reason.
    var unsentFrames: UInt64 { clinux_load_relaxed(memory + Word.unsentFrames.rawValue) }

    func countTooLong(_ frameCount: Int) {
        clinux_add_relaxed(memory + Word.tooLongFrames.rawValue, UInt64(frameCount))
    }

    func countUnsent(_ frameCount: Int) {
        clinux_add_relaxed(memory + Word.unsentFrames.rawValue, UInt64(frameCount))
    }

    /// The kernel has refused a datagram as too long, though it is not longer than `mtu` says.
    /// - Returns: true if nobody has been told yet.
    func refuse() -> Bool { clinux_exchange(memory + Word.isRefused.rawValue, 1) == 0 }

    /// True if the kernel has refused a datagram since the last `heed`.
    var isRefused: Bool { clinux_load_relaxed(memory + Word.isRefused.rawValue) != 0 }

    /// Marks refusals as seen.
    func heed() {
        clinux_store_relaxed(memory + Word.isRefused.rawValue, 0)
    }
}
