import CLinux
import Wire

/// The claims of virtual addresses that a poller has seen and the control thread has not: a ring with one writer and
/// one reader. A claim for which there is no room is forgotten; the port announces the address again.
struct ClaimRing: @unchecked Sendable {
    /// Claims in the ring: as many as one port may make at once.
    static let countMaximum = 64
    private static let line = 128
    private static let wordCount = 3
    private static let byteCount = 2 * line + countMaximum * wordCount * 8

    /// A port that has announced the address of a virtual port.
    struct Claim {
        var slot: Int
        var virtualPort: ObjectID
    }

    private let memory: UnsafeMutableRawPointer

    /// The memory is the caller's to free.
    init() {
        memory = .allocate(byteCount: Self.byteCount, alignment: Self.line)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: Self.byteCount)
    }

    func deallocate() {
        memory.deallocate()
    }

    /// Adds a claim; for the writer.
    /// - Returns: `false` if there is no room.
    func put(_ slot: Int, _ virtualPort: ObjectID) -> Bool {
        let written = clinux_load_relaxed(word(0))
        guard written &- clinux_load_acquire(word(Self.line)) < UInt64(Self.countMaximum) else { return false }
        let row = row(written)
        clinux_store_relaxed(row, UInt64(slot))
        clinux_store_relaxed(row + 1, virtualPort.high)
        clinux_store_relaxed(row + 2, virtualPort.low)
        clinux_store_release(word(0), written &+ 1)
        return true
    }

    /// Takes the oldest claim; for the reader.
    func take() -> Claim? {
        let read = clinux_load_relaxed(word(Self.line))
        guard read != clinux_load_acquire(word(0)) else { return nil }
        let row = row(read)
        let port = ObjectID(high: clinux_load_relaxed(row + 1), low: clinux_load_relaxed(row + 2))
        let claim = Claim(slot: Int(truncatingIfNeeded: clinux_load_relaxed(row)), virtualPort: port)
        clinux_store_release(word(Self.line), read &+ 1)
        return claim
    }

    private func row(_ number: UInt64) -> UnsafeMutablePointer<UInt64> {
        let index = Int(truncatingIfNeeded: number % UInt64(Self.countMaximum))
        return word(2 * Self.line + index * Self.wordCount * 8)
    }

    private func word(_ offset: Int) -> UnsafeMutablePointer<UInt64> {
        (memory + offset).assumingMemoryBound(to: UInt64.self)
    }
}
