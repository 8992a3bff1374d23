import CLinux

// By the forwarder's control thread, and by the agent.

extension ConnectionTable {
    /// Empties the rows that a process died over, before any other uses the table, and counts what is there.
    public func adopt(now: Duration) {
        eachRow { number in
            row(number).recover()
            return true
        }
        recount(now: now)
    }

    /// Gives free the rows that have aged unseen, and counts the others anew.
    public func recount(now: Duration) {
        let now = Self.milliseconds(now)
        var total = 0
        let counts = UnsafeMutablePointer<UInt64>.allocate(capacity: 2 * Self.counterCount)
        counts.initialize(repeating: 0, count: 2 * Self.counterCount)
        defer { counts.deallocate() }
        eachRow { number in
            let row = row(number)
            if row.isEmpty {
                let sequence = row.sequence
                if row.isEmpty, row.claim(sequence) { free(number, sequence) }
                return true
            }
            guard let found = row.read() else { return true }
            guard found.connection.isAlive(now: now) else {
                if row.claim(found.sequence) { free(number, found.sequence) }
                return true
            }
            let counter = 2 * counter(found.connection.key.zone)
            if found.connection.state != .closed { counts[counter] += 1 }
            if found.connection.state.isHalfOpen { counts[counter + 1] += 1 }
            total += 1
            return true
        }
        for index in 0..<2 * Self.counterCount where clinux_load_relaxed(counters + index) != counts[index] {
            clinux_store_relaxed(counters + index, counts[index])
        }
        clinux_store_relaxed(self.total, UInt64(total))
    }

    /// Forgets connections.
    /// - Returns: how many.
    public func remove(where isChosen: (TrackedConnection) -> Bool) -> Int {
        var count = 0
        eachRow { number in
            let row = row(number)
            guard let found = row.read(), isChosen(TrackedConnection(found.connection, now: found.connection.time)),
                row.claim(found.sequence)
            else { return true }
            free(number, found.sequence)
            uncount(found.connection.key.zone, found.connection.state)
            if !found.connection.key.isFragment { count += 1 }
            return true
        }
        return count
    }

    /// The connections that are there, in the order of places, from a place on.
    /// - Parameter body: gets a connection and the place after it; returns `false` to end.
    public func forEach(from place: Int = 0, now: Duration, _ body: (TrackedConnection, Int) -> Bool) {
        let now = Self.milliseconds(now)
        eachRow(from: place) { number in
            guard let found = row(number).read(), found.connection.isAlive(now: now), !found.connection.key.isFragment
            else { return true }
            return body(TrackedConnection(found.connection, now: now), number + 1)
        }
    }

    private func eachRow(from place: Int = 0, _ body: (Int) -> Bool) {
        let first = max(0, place)
        for bucket in min(first / Self.rowsPerBucket, bucketCount)..<bucketCount {
            var tags = tags(bucket)
            var way = 0
            while tags != 0 {
                let number = bucket * Self.rowsPerBucket + way
                if tags & 0xff != 0, number >= first, !body(number) { return }
                tags >>= 8
                way += 1
            }
        }
    }

    /// Gives a row free that was claimed.
    func free(_ number: Int, _ sequence: UInt64) {
        setTag(of: number, 0)
        row(number).clear(sequence)
    }
}
