import CLinux

// The connections of each port that were not answered, in the order in which they have begun: a ring of half words,
// each with the row (23 bits) and the lowest bits of the number (9). An entry is only a hint of where to look. Of a
// ring is used what was needed so far, so that it takes as much memory as connections have waited at once.

extension ConnectionTable {
    /// Entries that one new connection may look at.
    private static let turnMaximum = 4
    /// Entries of a ring at first: a page of memory.
    private static let ringStart = 1024
    private static let entryRowMask: UInt32 = 0x7f_ffff

    /// Connections of a port of this table that were not answered: the 44th part of its rows.
    var halfOpenMaximum: Int { Self.halfOpenMaximum(bucketCount) }

    static func halfOpenMaximum(_ bucketCount: Int) -> Int {
        min(portHalfOpenMaximum, max(1, bucketCount &* rowsPerBucket / 44))
    }

    /// For each ring the place of its newest entry (the lower half) and its length (the upper half).
    var heads: UnsafeMutablePointer<UInt64> { counters + 2 * Self.counterCount }
    private var rings: UnsafeMutablePointer<UInt32> {
        let end = rows + rowCount &* (ConnectionRow.byteCount / 8)
        return UnsafeMutableRawPointer(end).assumingMemoryBound(to: UInt32.self)
    }

    /// Notes a connection that has begun and was counted, if it is half open. If its port has more of these than may
    /// be, the oldest is forgotten.
    func lineUp(_ connection: Connection, at row: Int) {
        guard connection.state.isHalfOpen else { return }
        let counter = counter(connection.key.zone)
        let maximum = halfOpenMaximum
        let (head, ring) = (heads + counter, rings + counter &* maximum)
        var entry = UInt32(truncatingIfNeeded: row) & Self.entryRowMask
        entry |= UInt32(truncatingIfNeeded: connection.number) &<< 23
        for turn in 1...Self.turnMaximum {
            let (place, length) = nextPlace(head)
            entry = clinux_exchange32(ring + place, entry)
            prefetch(clinux_load_relaxed32(ring + (place &+ 1 < length ? place &+ 1 : 0)))
            guard let oldest = halfOpen(entry, counter) else { return }
            let isFull =
                length == maximum && clinux_load_relaxed(counters + (2 &* counter &+ 1)) > UInt64(maximum)
            guard isFull || turn == Self.turnMaximum else {
                // Others were answered, or have gone: it takes the place of one. If few were, there is room for more.
                if turn == Self.turnMaximum &- 1 { lengthen(head) }
                continue
            }
            if self.row(oldest.row).claim(oldest.sequence) {
                free(oldest.row, oldest.sequence)
                uncount(oldest.zone, oldest.state)
            }
            return
        }
    }

    /// The place for the next entry of a ring, and the ring's length.
    private func nextPlace(_ head: UnsafeMutablePointer<UInt64>) -> (place: Int, length: Int) {
        var (place, length) = (0, 0)
        for _ in 0..<Self.attemptMaximum {
            let word = clinux_load_relaxed(head)
            length = self.length(word)
            place = Int(truncatingIfNeeded: word & 0xffff_ffff) &+ 1
            if place >= length { place = 0 }
            if clinux_replace(head, word, UInt64(length) &<< 32 | UInt64(place)) != 0 { break }
        }
        return (place, length)
    }

    /// Makes a ring twice as long, if it may be, and goes on behind what it was.
    private func lengthen(_ head: UnsafeMutablePointer<UInt64>) {
        let word = clinux_load_relaxed(head)
        let length = length(word)
        guard length < halfOpenMaximum else { return }
        _ = clinux_replace(head, word, UInt64(min(2 &* length, halfOpenMaximum)) &<< 32 | UInt64(length &- 1))
    }

    private func length(_ head: UInt64) -> Int {
        min(max(Int(truncatingIfNeeded: head &>> 32), Self.ringStart), halfOpenMaximum)
    }

    /// Fetches the row of the entry that the next connection of the port looks at.
    private func prefetch(_ entry: UInt32) {
        let number = Int(truncatingIfNeeded: entry & Self.entryRowMask)
        if number < rowCount { row(number).prefetch() }
    }

    /// The row of an entry's connection, if that is still half open.
    private func halfOpen(
        _ entry: UInt32,
        _ counter: Int
    ) -> (row: Int, zone: UInt64, state: ConnectionState, sequence: UInt64)? {
        let number = Int(truncatingIfNeeded: entry & Self.entryRowMask)
        guard entry != 0, number < rowCount, let found = row(number).readState(), found.state.isHalfOpen,
            UInt32(truncatingIfNeeded: found.number) &<< 23 == entry & ~Self.entryRowMask,
            self.counter(found.zone) == counter
        else { return nil }
        return (number, found.zone, found.state, found.sequence)
    }
}
