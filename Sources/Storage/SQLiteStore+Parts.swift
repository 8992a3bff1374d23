import NetworkModel
import Security

/// Large commits: the encoding is written in parts before the commit, and other commits are appended between them. The
/// commit itself is then a row like any other, whose hash covers the hashes of its parts.
extension SQLiteStore {
    /// The most commits that are staged at once: one that is about to be appended, and the next.
    private static let stagedCountMaximum = 2
    /// Parts from one sync to the next: 1 MiB, so that the append which comes between syncs little more than its own.
    private static let partsPerSync = 4

    /// A commit whose encoding is written before it.
    struct StagedCommit {
        let commit: Commit
        /// The hash of each part that is written.
        var hashes: [[UInt8]] = []
        var byteCount = 0
        var appendCount = 0
        /// The append under way and the next, which takes all that waits: if the commit is in neither, it was given up.
        static let appendCountMaximum = 2

        var isWhole: Bool { byteCount == commit.encoded.count }
    }

    struct StoredCommit {
        var revision: UInt64
        var encoding: [UInt8]
        var hash: [UInt8]
        /// The hash of each part, if its encoding was staged.
        var partHashes: [[UInt8]]?

        /// Its hash after that of the commit before.
        func chained(to hash: [UInt8]) -> [UInt8] { SHA256.hash([hash] + (partHashes ?? [encoding])) }
    }

    /// Writes a part of the encoding of a large commit.
    public func stage(_ commit: Commit) throws(StorageError) -> Bool {
        guard commit.encoded.count > retention.partByteCountMaximum else { return false }
        let index = stagedIndex(of: commit) ?? begin(commit)
        var item = staged[index]
        guard !item.isWhole else { return false }
        if try checkpointIfDue() { return true }
        // The parts of another commit that was to have the revision, and was given up.
        if item.hashes.isEmpty, try remove(by: deletePart, [.revision(commit.revision)]) { return true }
        let end = min(commit.encoded.count, item.byteCount + retention.partByteCountMaximum)
        let part = Array(commit.encoded[item.byteCount..<end])
        item.byteCount = end
        item.hashes.append(SHA256.hash([part]))
        do throws(SQLiteError) {
            try connection.transaction(syncs: item.hashes.count % Self.partsPerSync == 0) { () throws(SQLiteError) in
                try insertPart.run([.revision(commit.revision), .bytes(part)])
            }
        } catch {
            throw StorageError(writing: error.code, error.text)
        }
        staged[index] = item
        return !item.isWhole
    }

    /// The hash of each part of a commit, if all of them are written.
    func partHashes(of commit: Commit) -> [[UInt8]]? {
        guard let index = stagedIndex(of: commit), staged[index].isWhole else { return nil }
        return staged[index].hashes
    }

    private func stagedIndex(of commit: Commit) -> Int? {
        staged.firstIndex { $0.commit.revision == commit.revision && $0.commit.encoded == commit.encoded }
    }

    private func begin(_ commit: Commit) -> Int {
        // Revisions rise: if one is given again, the commit that had it was given up.
        endStaging { $0.commit.revision >= commit.revision }
        while staged.count >= Self.stagedCountMaximum, let oldest = staged.first?.commit.revision {
            endStaging { $0.commit.revision == oldest }
        }
        staged.append(StagedCommit(commit: commit))
        return staged.count - 1
    }

    /// Forgets the commits that have been appended, and those that would have been by now.
    func noteAppend() {
        for index in staged.indices where staged[index].isWhole { staged[index].appendCount += 1 }
        endStaging { $0.commit.revision <= meta.revision || $0.appendCount == StagedCommit.appendCountMaximum }
    }

    private func endStaging(_ isOver: (StagedCommit) -> Bool) {
        let count = staged.count
        staged.removeAll(where: isOver)
        if staged.count < count { mayHaveWaste = true }
    }

    /// Removes a part that belongs to no commit.
    /// - Returns: True if there was one.
    func removeWaste() throws(StorageError) -> Bool {
        guard mayHaveWaste else { return false }
        let revisions = (staged.map(\.commit.revision) + [0, 0]).prefix(Self.stagedCountMaximum)
        mayHaveWaste = try remove(by: deleteWaste, revisions.map { .revision($0) })
        return mayHaveWaste
    }

    /// The statement that deletes the first part for which a condition holds.
    static func deletingPart(_ condition: String) -> String {
        "DELETE FROM parts WHERE rowid = (SELECT min(rowid) FROM parts WHERE \(condition)) RETURNING 1"
    }

    private func remove(by statement: SQLiteStatement, _ values: [SQLiteValue]) throws(StorageError) -> Bool {
        var isRemoved = false
        do throws(SQLiteError) {
            try connection.transaction(syncs: false) { () throws(SQLiteError) in
                try statement.run(values) { _ in isRemoved = true }
            }
        } catch {
            throw StorageError(writing: error.code, error.text)
        }
        return isRemoved
    }

    /// The commits after `revision` that are still kept, in order, each with its parts put together.
    /// - Parameter limit: The most of them; all if negative.
    func storedCommits(after revision: UInt64, limit: Int) throws(SQLiteError) -> [StoredCommit] {
        var commits: [StoredCommit] = []
        try selectCommits.run([.revision(revision), .integer(Int64(limit))]) { (row) -> Void in
            let revision = UInt64(bitPattern: row.integer(0))
            commits.append(StoredCommit(revision: revision, encoding: row.bytes(1), hash: row.bytes(2)))
        }
        for index in commits.indices where commits[index].encoding.isEmpty {
            var hashes: [[UInt8]] = []
            try selectParts.run([.revision(commits[index].revision)]) { (row) -> Void in
                let part = row.bytes(0)
                hashes.append(SHA256.hash([part]))
                commits[index].encoding += part
            }
            commits[index].partHashes = hashes
        }
        return commits
    }
}
