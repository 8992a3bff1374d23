import CLinux

/// A table of what frames teach the packet path, such as the port that a MAC was last seen at, or a connection's state:
/// bounded, aged, shared by all pollers, and in memory that may outlive the process beside the tables. It never reaches
/// central.
///
/// Any poller may write, and none waits. The rules:
/// 1. A row is one cache line with a sequence word, which is odd while somebody writes.
/// 2. A writer takes a row by making its even word odd, in one step. If another one was faster it gives up: what it has
///    to say, the next frame says again.
/// 3. A reader copies the row and believes it only if the word was even and is the same afterwards.
/// 4. Only a change of state is written. That a row is still in use is noted in its time alone, at most once in a
///    `DynamicState.noteInterval`, so that a busy flow's line is not torn between processors.
/// 5. A full set of rows takes nothing new until one of them has aged: a flood of new keys displaces nobody.
/// 6. A row that was being written when its process died is emptied by the next one (`adopt`), before pollers start.
public struct DynamicState: @unchecked Sendable {
    /// The words that a row is found by.
    public struct Key: Equatable, Sendable {
        /// The datapath's key (VNI) and what kind of state it is.
        public var scope: UInt64
        /// A MAC, or what a connection's two ends have in common in either direction.
        public var high: UInt64
        /// The rest.
        public var low: UInt64
    }

    /// The words that are known under a key.
    public struct Value: Equatable, Sendable {
        public var first: UInt64
        public var second: UInt64
        public var third: UInt64

        public init(_ first: UInt64, _ second: UInt64 = 0, _ third: UInt64 = 0) {
            self.first = first
            self.second = second
            self.third = third
        }
    }

    /// Milliseconds for which the use of a row is not noted again.
    public static let noteInterval: UInt64 = 1000
    /// Rows that a key may be in.
    private static let wayCount = 4
    /// Octets of a row: the sequence, the key, the value and the time, a word each.
    private static let rowByteCount = 64

    private let memory: UnsafeMutableRawPointer
    private let mask: Int
    private let seed: UInt64
    /// Milliseconds after its last use for which a row is kept.
    private let lifetime: UInt64

    public static func byteCount(rowCount: Int) -> Int { rowCount * rowByteCount }

    /// A table in the caller's memory, all zero or another process' table.
    /// - Parameters:
    ///   - memory: at a multiple of 64 octets.
    ///   - rowCount: a power of two from 4 on.
    ///   - lifetime: milliseconds after its last use for which a row is kept.
    ///   - seed: spreads keys, so that guests cannot choose such as meet.
    public init(_ memory: UnsafeMutableRawPointer, rowCount: Int, lifetime: UInt64, seed: UInt64) {
        precondition(rowCount >= Self.wayCount && rowCount & (rowCount - 1) == 0)
        self.memory = memory
        mask = rowCount - 1
        self.seed = seed
        self.lifetime = lifetime
    }

    /// Empties the rows that a process died over; before anybody else uses the table.
    public func adopt() {
        for index in 0...mask {
            let row = row(index)
            guard row[0] & 1 != 0 else { continue }
            for word in 1..<8 { row[word] = 0 }
            row[0] &+= 1
        }
    }

    /// The value of a key; `nil` also while that is being written.
    /// - Parameter now: milliseconds of a clock that all processes have, later than 0.
    public func find(_ key: Key, now: UInt64) -> Value? {
        let first = hash(key)
        for way in 0..<Self.wayCount {
            let row = row((first ^ way) & mask)
            guard let copy = Self.read(row), copy.key == key, isAlive(copy.time, now: now) else { continue }
            if now &- copy.time >= Self.noteInterval { clinux_store_relaxed(row + 7, now) }
            return copy.value
        }
        return nil
    }

    /// Notes the value of a key.
    /// - Returns: `false` if another writer was faster, or if all its rows are in use.
    public func put(_ key: Key, _ value: Value, now: UInt64) -> Bool {
        let first = hash(key)
        var free: (row: UnsafeMutablePointer<UInt64>, sequence: UInt64)?
        for way in 0..<Self.wayCount {
            let row = row((first ^ way) & mask)
            let sequence = clinux_load_acquire(row)
            guard let copy = Self.read(row) else { continue }
            if copy.key == key, copy.time != 0 {
                if copy.value == value, isAlive(copy.time, now: now) { return true }
                return Self.write(key, value, now, to: row, sequence)
            }
            if free == nil, !isAlive(copy.time, now: now) { free = (row, sequence) }
        }
        guard let free else { return false }
        return Self.write(key, value, now, to: free.row, free.sequence)
    }

    /// The rows that are in use.
    /// - Parameter body: gets a row's key and value, and the milliseconds since its use was last noted.
    public func forEach(now: UInt64, _ body: (Key, Value, UInt64) -> Void) {
        for index in 0...mask {
            guard let copy = Self.read(row(index)), isAlive(copy.time, now: now) else { continue }
            body(copy.key, copy.value, now &- min(copy.time, now))
        }
    }

    /// Empties rows.
    /// - Parameter isChosen: gets a row's key and value.
    /// - Returns: how many were emptied; one that is being written stays.
    public func remove(where isChosen: (Key, Value) -> Bool) -> Int {
        var count = 0
        for index in 0...mask {
            let row = row(index)
            let sequence = clinux_load_acquire(row)
            guard let copy = Self.read(row), copy.time != 0, isChosen(copy.key, copy.value) else { continue }
            if Self.write(copy.key, copy.value, 0, to: row, sequence) { count += 1 }
        }
        return count
    }

    private func row(_ index: Int) -> UnsafeMutablePointer<UInt64> {
        (memory + index &* Self.rowByteCount).assumingMemoryBound(to: UInt64.self)
    }

    private func isAlive(_ time: UInt64, now: UInt64) -> Bool { time != 0 && now &- min(time, now) < lifetime }

    private func hash(_ key: Key) -> Int {
        Int(truncatingIfNeeded: spread(key.scope, key.high, key.low, seed: seed))
    }

    private static func read(_ row: UnsafeMutablePointer<UInt64>) -> (key: Key, value: Value, time: UInt64)? {
        let sequence = clinux_load_acquire(row)
        guard sequence & 1 == 0 else { return nil }
        let key = Key(
            scope: clinux_load_relaxed(row + 1),
            high: clinux_load_relaxed(row + 2),
            low: clinux_load_relaxed(row + 3)
        )
        let value = Value(
            clinux_load_relaxed(row + 4),
            clinux_load_relaxed(row + 5),
            clinux_load_relaxed(row + 6)
        )
        let time = clinux_load_relaxed(row + 7)
        clinux_fence_acquire()
        return clinux_load_relaxed(row) == sequence ? (key, value, time) : nil
    }

    private static func write(
        _ key: Key,
        _ value: Value,
        _ now: UInt64,
        to row: UnsafeMutablePointer<UInt64>,
        _ sequence: UInt64
    ) -> Bool {
        guard sequence & 1 == 0, clinux_replace(row, sequence, sequence &+ 1) != 0 else { return false }
        clinux_fence_release()
        clinux_store_relaxed(row + 1, key.scope)
        clinux_store_relaxed(row + 2, key.high)
        clinux_store_relaxed(row + 3, key.low)
        clinux_store_relaxed(row + 4, value.first)
        clinux_store_relaxed(row + 5, value.second)
        clinux_store_relaxed(row + 6, value.third)
        clinux_store_relaxed(row + 7, now)
        clinux_store_release(row, sequence &+ 2)
        return true
    }
}
