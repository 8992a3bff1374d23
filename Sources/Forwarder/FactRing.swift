import CLinux

/// Facts of three words that a poller has seen and the control thread has not: a ring with one writer and one reader. A
/// fact for which there is no room is forgotten; the frame that tells it comes again.
struct FactRing: @unchecked Sendable {
    /// A fact; the words mean what the ring's users say.
    struct Fact {
        var first: UInt64
        var second: UInt64
        var third: UInt64
    }

    private static let line = 128
    private static let wordCount = 3
    private let countMaximum: Int
    private let memory: UnsafeMutableRawPointer

    /// The memory is the caller's to free.
    /// - Parameter countMaximum: facts in the ring, more than 0.
    init(countMaximum: Int) {
        self.countMaximum = countMaximum
        let byteCount = 2 * Self.line + countMaximum * Self.wordCount * 8
        memory = .allocate(byteCount: byteCount, alignment: Self.line)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    }

    func deallocate() {
        memory.deallocate()
    }

    /// Adds a fact; for the writer.
    /// - Returns: `false` if there is no room.
    func put(_ first: UInt64, _ second: UInt64, _ third: UInt64) -> Bool {
        let written = clinux_load_relaxed(word(0))
        guard written &- clinux_load_acquire(word(Self.line)) < UInt64(countMaximum) else { return false }
        let row = row(written)
        clinux_store_relaxed(row, first)
        clinux_store_relaxed(row + 1, second)
        clinux_store_relaxed(row + 2, third)
        clinux_store_release(word(0), written &+ 1)
        return true
    }

    /// Takes the oldest fact; for the reader.
    func take() -> Fact? {
        let read = clinux_load_relaxed(word(Self.line))
        guard read != clinux_load_acquire(word(0)) else { return nil }
        let row = row(read)
        let fact = Fact(
            first: clinux_load_relaxed(row),
            second: clinux_load_relaxed(row + 1),
            third: clinux_load_relaxed(row + 2)
        )
        clinux_store_release(word(Self.line), read &+ 1)
        return fact
    }

    private func row(_ number: UInt64) -> UnsafeMutablePointer<UInt64> {
        let index = Int(truncatingIfNeeded: number % UInt64(countMaximum))
        return word(2 * Self.line + index * Self.wordCount * 8)
    }

    private func word(_ offset: Int) -> UnsafeMutablePointer<UInt64> {
        (memory + offset).assumingMemoryBound(to: UInt64.self)
    }
}

/// The rings of one poller.
struct FactRings: Sendable {
    /// Claims of virtual addresses in the ring: as many as one port may make at once.
    static let claimCountMaximum = 64
    /// Statements about multicast groups: twice what one port may make at once.
    static let membershipCountMaximum = 4096

    /// The slots of ports that have announced the address of a virtual port, and that port's identity.
    let claims = FactRing(countMaximum: claimCountMaximum)
    /// The members of multicast groups: the datapath's key (24 bits), the port's (16) and the fact, then the group.
    let members = FactRing(countMaximum: membershipCountMaximum)

    func deallocate() {
        claims.deallocate()
        members.deallocate()
    }
}
