import CLinux
import ForwarderProtocol

/// The words that one poller and the control thread share. Each has one writer; there are no locks.
///
/// The control thread stores a generation and wakes the poller; the poller says which it has seen, and, between two
/// frames that it forwards, uses no other. What a poller has moved on from is free once all have.
struct PollerWords: @unchecked Sendable {
    /// The words of each kind are on cache lines of their own.
    private static let line = 128
    private static let failuresOffset = 3 * line
    private static let byteCount = failuresOffset + ForwarderProtocol.portCountMaximum * 8

    private let memory: UnsafeMutableRawPointer

    /// The memory is the caller's to free.
    init() {
        memory = .allocate(byteCount: Self.byteCount, alignment: Self.line)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: Self.byteCount)
    }

    func deallocate() {
        memory.deallocate()
    }

    // Written by the control thread

    /// The generation to forward by; `nil` before the first.
    var published: UnsafeMutablePointer<Generation>? {
        clinux_load_pointer(pointer)?.assumingMemoryBound(to: Generation.self)
    }

    func publish(_ generation: UnsafeMutablePointer<Generation>) {
        clinux_store_pointer(pointer, generation)
    }

    var isStopping: Bool { clinux_load_acquire(word(Self.line)) != 0 }

    func stop() {
        clinux_store_release(word(Self.line), 1)
    }

    // Written by the poller

    /// The number of the generation that the poller forwards by; all before it are no longer used here.
    var seen: UInt64 { clinux_load_acquire(word(2 * Self.line)) }

    func see(_ number: UInt64) {
        clinux_store_release(word(2 * Self.line), number)
    }

    /// The last device of a slot that has failed for good: the generation by which it was read, and the errno; `nil`
    /// while none has. Descriptors' numbers come again; generations do not.
    func failure(_ slot: Int) -> (generation: UInt64, errno: Int32)? {
        let value = clinux_load_acquire(word(Self.failuresOffset + slot * 8))
        return value == 0 ? nil : (value >> 16, Int32(value & 0xffff))
    }

    func fail(_ slot: Int, generation: UInt64, errno: Int32) {
        clinux_store_release(
            word(Self.failuresOffset + slot * 8),
            generation << 16 | UInt64(UInt16(truncatingIfNeeded: errno))
        )
    }

    private var pointer: UnsafeMutablePointer<UnsafeMutableRawPointer?> {
        memory.assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
    }

    private func word(_ offset: Int) -> UnsafeMutablePointer<UInt64> {
        (memory + offset).assumingMemoryBound(to: UInt64.self)
    }
}
