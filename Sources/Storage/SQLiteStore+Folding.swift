import NetworkModel

/// Old commits become rows, in slices that no append notices.
extension SQLiteStore {
    /// Folds the oldest commits beyond the kept history into rows, one slice of them. If there are none, deletes some
    /// of the audit beyond its bounds. The log that this fills is moved into the database before it is long.
    public func trim() throws(StorageError) -> Int {
        if try checkpointIfDue() { return 1 }
        let byteCount = try fold(all: false)
        if byteCount > 0 { return byteCount }
        if try removeWaste() { return 1 }
        return try trimAudit() ? 1 : 0
    }

    /// Moves the write-ahead log into the database if it is long enough.
    /// - Returns: True if it was, and there was room for it.
    func checkpointIfDue() throws(StorageError) -> Bool {
        guard connection.isCheckpointDue(from: SQLiteConnection.checkpointFrameCount) else { return false }
        try checkpoint(from: SQLiteConnection.checkpointFrameCount)
        return !connection.isCheckpointDue(from: SQLiteConnection.checkpointFrameCount)
    }

    public var trimNeed: TrimNeed {
        if historyByteCount >= retention.byteCountMaximum * 4 { return .overdue }
        if history.count >= retention.urgentCommitCount || historyByteCount >= retention.byteCountMaximum * 2 {
            return .urgent
        }
        let isLong = connection.isCheckpointDue(from: SQLiteConnection.pacedFrameCount)
        return isLong || mayHaveWaste || historyByteCount >= retention.byteCountMaximum * 3 / 2 ? .paced : .none
    }

    /// Folds one slice.
    /// - Parameter all: True if no history is to be left.
    /// - Returns: The bytes of encodings, about; 0 when there is nothing left to do.
    func fold(all: Bool) throws(StorageError) -> Int {
        let (count, byteCount) = surplus(all: all)
        if count == 0 { return 0 }
        // The commit that the evidence outside of the log names has to be among those that a start can read.
        if !all, case .seen(let noted)? = generation,
            let newest = history.prefix(count).last, noted.revision < newest.revision, !leaveEvidence()
        {
            return 0
        }
        if meta.foldPosition > 0 || byteCount > retention.sliceByteCountMaximum {
            return try foldPart()
        }
        try foldWhole(count: count)
        drop(count)
        return byteCount
    }

    private func drop(_ count: Int) {
        historyByteCount -= history.prefix(count).reduce(0) { $0 + $1.byteCount }
        history = history.dropFirst(count)
    }

    private func foldWhole(count: Int) throws(StorageError) {
        let rows = try reading { () throws(SQLiteError) in try storedCommits(after: meta.foldedRevision, limit: count) }
        let commits = try rows.map { row throws(StorageError) in try decoded(row.encoding) }
        var next = meta
        var newest: [CommitChange.Row: UInt64] = [:]
        for commit in commits {
            for change in commit.changes { newest[change.row] = commit.revision }
        }
        try write { () throws(SQLiteError) in
            for (row, commit) in zip(rows, commits) {
                next.foldedHash = row.chained(to: next.foldedHash)
                next.foldedRevision = commit.revision
                // A row that a later commit of the slice writes again is written once.
                for change in commit.changes where newest[change.row] == commit.revision {
                    try fold(change, of: commit.revision, into: &next)
                }
            }
            try deleteCommits.run([.revision(next.foldedRevision)])
            try next.write(by: replaceMeta)
        }
        meta = next
    }

    /// Reads or folds a part of a commit that is too large for one slice. It stays in the log until all its rows are
    /// written.
    private func foldPart() throws(StorageError) -> Int {
        var commit = try largeCommit()
        guard commit.changes != nil else {
            let byteCount = try readPart(of: &commit)
            large = commit
            return byteCount
        }
        let (changes, byteCount, isWhole) = try commit.nextChanges(retention.sliceByteCountMaximum)
        var next = meta
        try write { () throws(SQLiteError) in
            for change in changes { try fold(change, of: commit.revision, into: &next) }
            next.foldPosition += changes.count
            if isWhole {
                next.foldPosition = 0
                next.foldedRevision = commit.revision
                next.foldedHash = commit.hash
                try deleteCommits.run([.revision(commit.revision)])
            }
            try next.write(by: replaceMeta)
        }
        meta = next
        large = isWhole ? nil : commit
        if isWhole {
            drop(1)
            mayHaveWaste = true
        }
        return max(1, byteCount)
    }

    /// The oldest kept commit, as far as it is read and folded.
    private func largeCommit() throws(StorageError) -> LargeCommit {
        guard let oldest = history.first else { throw StorageError.broken("there is no commit to fold") }
        if let large, large.revision == oldest.revision { return large }
        var found: LargeCommit?
        try reading { () throws(SQLiteError) in
            try selectCommits.run([.revision(meta.foldedRevision), .integer(1)]) { (row) -> Void in
                let revision = UInt64(bitPattern: row.integer(0))
                found = LargeCommit(revision: revision, hash: row.bytes(2))
                found?.encoding = row.bytes(1)
            }
        }
        guard var found, found.revision == oldest.revision else {
            throw StorageError.broken("commit \(oldest.revision) is not there")
        }
        if found.encoding.isEmpty {
            found.encoding.reserveCapacity(oldest.byteCount)
        } else {
            try beginChanges(of: &found)
        }
        return found
    }

    /// Reads the next part of a commit that was staged.
    /// - Returns: The bytes, or one if there was nothing left.
    private func readPart(of commit: inout LargeCommit) throws(StorageError) -> Int {
        var (row, part) = (commit.partRow, [UInt8]())
        try reading { () throws(SQLiteError) in
            try selectNextPart.run([.revision(commit.revision), .integer(row)]) { (found) -> Void in
                row = found.integer(0)
                part = found.bytes(1)
            }
        }
        // Nothing else holds the encoding meanwhile, so that it grows in its place.
        large = nil
        commit.encoding += part
        commit.partRow = row
        if part.isEmpty { try beginChanges(of: &commit) }
        return max(1, part.count)
    }

    /// Begins to read the changes of a commit whose encoding is there, after those that are folded. These are many only
    /// where a process has ended on the way, and then a start takes the commit up.
    func beginChanges(of commit: inout LargeCommit) throws(StorageError) {
        do throws(CommitError) {
            var changes = try CommitChangeReader(commit.encoding)
            for _ in 0..<max(0, meta.foldPosition) { _ = try changes.next() }
            commit.changes = changes
        } catch {
            throw .broken(error.description)
        }
        commit.encoding = []
    }

    /// A commit that is folded in parts, and read in parts before that.
    struct LargeCommit {
        let revision: UInt64
        let hash: [UInt8]
        /// The encoding, as far as it has been read.
        var encoding: [UInt8] = []
        /// The row of the last part that has been read.
        var partRow: Int64 = 0
        /// The changes that are not folded; `nil` until all of the encoding has been read.
        var changes: CommitChangeReader?

        init(revision: UInt64, hash: [UInt8]) {
            self.revision = revision
            self.hash = hash
        }

        /// Returns the next changes to fold, of about so many bytes.
        mutating func nextChanges(
            _ byteCountMaximum: Int
        ) throws(StorageError) -> (changes: [CommitChange], byteCount: Int, isLast: Bool) {
            var found: [CommitChange] = []
            var byteCount = 0
            do throws(CommitError) {
                while byteCount < byteCountMaximum {
                    guard let change = try changes?.next() else { return (found, byteCount, true) }
                    byteCount += 100 + (change.object?.count ?? 0)
                    found.append(change)
                }
            } catch {
                throw .broken(error.description)
            }
            return (found, byteCount, false)
        }
    }

    /// Folded commits stay in the log until the fold is on disk, which the next append's sync sees to.
    private func write(_ body: () throws(SQLiteError) -> Void) throws(StorageError) {
        do {
            try connection.transaction(syncs: false, body)
        } catch {
            throw StorageError(writing: error.code, error.text)
        }
    }

    private var holdsTooManyBytes: Bool {
        historyByteCount >= retention.byteCountMaximum + retention.byteCountMaximum / 8
    }

    /// Returns the number of commits that the next slice folds, and the bytes of their encodings. Nothing is folded
    /// until a whole slice is due: rows that its commits share are written once. The last commit is never folded,
    /// unless all are.
    private func surplus(all: Bool) -> (count: Int, byteCount: Int) {
        let isDue =
            history.count >= retention.commitCountMaximum + retention.sliceCountMaximum || holdsTooManyBytes
        guard all || isDue || meta.foldPosition > 0 else { return (0, 0) }
        var count = 0
        var byteCount = 0
        for (_, size) in history.dropLast(all ? 0 : 1).prefix(retention.sliceCountMaximum) {
            let isBeyond =
                all || count == 0 && meta.foldPosition > 0
                || history.count - count > retention.commitCountMaximum
                || historyByteCount - byteCount > retention.byteCountMaximum
            guard isBeyond, count == 0 || byteCount + size <= retention.sliceByteCountMaximum else { break }
            count += 1
            byteCount += size
        }
        return (count, byteCount)
    }

    private func fold(
        _ change: CommitChange,
        of revision: UInt64,
        into meta: inout StoreMeta
    ) throws(SQLiteError) {
        let key: [SQLiteValue] = [.text(change.kind.rawValue), .text(change.id)]
        try selectHash.run(key) { meta.toggleRow(hash: $0.bytes(0)) }
        guard let object = change.object else { return try deleteRow.run(key) }
        let hash = StoredRow(kind: change.kind, id: change.id, revision: revision, object: object).hash
        meta.toggleRow(hash: hash)
        try putRow.run(key + [.revision(revision), .bytes(object), .bytes(hash)])
    }
}
