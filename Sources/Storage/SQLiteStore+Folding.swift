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

    /// Folds a part of a commit that is too large for one slice. It stays in the log until all its rows are written.
    private func foldPart() throws(StorageError) -> Int {
        var commit = try largeCommit()
        var changes: [CommitChange] = []
        var byteCount = 0
        var isWhole = false
        do throws(CommitError) {
            while byteCount < retention.sliceByteCountMaximum {
                guard let change = try commit.changes.next() else {
                    isWhole = true
                    break
                }
                changes.append(change)
                byteCount += 100 + (change.object?.count ?? 0)
            }
        } catch {
            throw .broken(error.description)
        }
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

    /// The oldest kept commit, after the changes of it that are folded.
    private func largeCommit() throws(StorageError) -> LargeCommit {
        guard let revision = history.first?.revision else { throw StorageError.broken("there is no commit to fold") }
        if let large, large.revision == revision { return large }
        let rows = try reading { () throws(SQLiteError) in try storedCommits(after: meta.foldedRevision, limit: 1) }
        guard let row = rows.first, row.revision == revision else {
            throw StorageError.broken("commit \(revision) is not there")
        }
        do throws(CommitError) {
            var changes = try CommitChangeReader(row.encoding)
            for _ in 0..<max(0, meta.foldPosition) { _ = try changes.next() }
            return LargeCommit(revision: revision, hash: row.hash, changes: changes)
        } catch {
            throw .broken(error.description)
        }
    }

    /// A commit that is folded in parts.
    struct LargeCommit {
        let revision: UInt64
        let hash: [UInt8]
        /// Its changes after those that are folded.
        var changes: CommitChangeReader
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
