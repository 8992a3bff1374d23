import CSQLite
import Glibc
import Northd
import Security

/// The commit log in one SQLite file: the embedded engine.
///
/// Every commit row holds SHA-256(hash of the commit before ‖ encoding); the one row of `meta` names the last commit
/// and its hash, the last folded one and its hash, and the digest of all rows, under a seal of its own. So a flipped
/// bit anywhere in what is kept is found by ``load()``. SQLite's own log drops a damaged tail silently: what is then
/// left is an earlier state, whole and verified.
public final class SQLiteStore: CommitStore {
    /// The version of the tables, in `PRAGMA user_version`; a newer one is refused.
    public static let schemaVersion: Int64 = 1
    /// Marks the file as ours in `PRAGMA application_id`: "HDDL".
    static let applicationID: Int64 = 0x4844_444c

    let connection: SQLiteConnection
    let path: String
    var meta: StoreMeta
    /// The sizes of the kept encodings, oldest first.
    var historySizes: ArraySlice<Int> = []
    var historyByteCount = 0
    private let retention: Retention
    private let insertCommit: SQLiteStatement
    private let deleteCommits: SQLiteStatement
    private let selectHash: SQLiteStatement
    private let putRow: SQLiteStatement
    private let deleteRow: SQLiteStatement
    private let replaceMeta: SQLiteStatement

    /// Opens the log in a file, making it where there is none.
    /// - Parameters:
    ///   - path: The file; `-wal` beside it belongs to it.
    ///   - newEpoch: The epoch of the log, where it is made.
    ///   - retention: How much history is kept.
    /// - Throws: ``StorageError/refused(_:)`` where the file is not ours, newer, damaged or held by another process.
    public init(
        path: String,
        newEpoch: UInt64,
        retention: Retention = Retention()
    ) throws(StorageError) {
        do {
            try Self.refuseCutFile(path)
            let connection = try SQLiteConnection(path: path)
            try Self.prepareSchema(connection, path: path, newEpoch: newEpoch)
            self.connection = connection
            insertCommit = try connection.prepare("INSERT INTO commits (revision, encoding, hash) VALUES (?, ?, ?)")
            deleteCommits = try connection.prepare("DELETE FROM commits WHERE revision <= ?")
            selectHash = try connection.prepare("SELECT hash FROM objects WHERE kind = ? AND id = ?")
            putRow = try connection.prepare(
                "INSERT OR REPLACE INTO objects (kind, id, revision, object, hash) VALUES (?, ?, ?, ?, ?)"
            )
            deleteRow = try connection.prepare("DELETE FROM objects WHERE kind = ? AND id = ?")
            replaceMeta = try connection.prepare(StoreMeta.replacement)
            meta = try StoreMeta.read(connection, path: path)
        } catch let error as SQLiteError {
            throw Self.openingError(error, path: path)
        } catch let error as StorageError {
            throw error
        } catch {
            throw .refused("\(path): \(error)")
        }
        self.path = path
        self.retention = retention
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        try Self.sync(folder: folder.isEmpty ? "/" : folder)
    }

    /// Makes commits durable, all or none.
    @discardableResult
    public func append(_ commits: [Commit], expecting revision: UInt64) throws(StorageError) -> [CommitHash] {
        guard revision == meta.revision else { throw .fenced(expected: revision, found: meta.revision) }
        var next = meta
        var hashes: [CommitHash] = []
        do {
            try connection.transaction { () throws(SQLiteError) in
                for commit in commits {
                    guard commit.revision == next.revision + 1, commit.epoch == next.epoch else {
                        throw SQLiteError(text: "commit \(commit.revision) does not follow \(next.revision)")
                    }
                    next.revision = commit.revision
                    next.hash = SHA256.hash([next.hash, commit.encoded])
                    hashes.append(CommitHash(chain: next.hash))
                    try insertCommit.run([.revision(commit.revision), .bytes(commit.encoded), .bytes(next.hash)])
                }
                try next.write(by: replaceMeta)
            }
        } catch {
            throw StorageError(writing: error.code, error.text)
        }
        meta = next
        for commit in commits {
            historySizes.append(commit.encoded.count)
            historyByteCount += commit.encoded.count
        }
        try checkpoint(from: SQLiteConnection.urgentFrameCount)
        return hashes
    }

    /// Moves the whole write-ahead log into the database, so that the one file is all there is to copy.
    public func close() throws(StorageError) { try checkpoint(from: 0) }

    /// The commits are durable in the write-ahead log already: no room for moving them into the database file is no
    /// fault of theirs, and the next append tries again. A failed sync is the end.
    /// - Parameter frameCount: The least number of frames in the log that are worth it.
    private func checkpoint(from frameCount: Int32) throws(StorageError) {
        do {
            if frameCount == 0 { try connection.truncateLog() } else { try connection.checkpoint(from: frameCount) }
        } catch {
            if case .broken(let text) = StorageError(writing: error.code, error.text) { throw .broken(text) }
        }
    }

    /// Folds the oldest commits beyond the history that is kept into rows, one slice of them.
    public func trim() throws(StorageError) -> Int {
        let (count, byteCount) = surplus()
        guard count > 0 else {
            try checkpoint(from: SQLiteConnection.checkpointFrameCount)
            return 0
        }
        let commits = try tail(after: meta.foldedRevision, limit: count)
        var next = meta
        var newest: [RowKey: UInt64] = [:]
        for commit in commits {
            for change in commit.changes { newest[RowKey(change)] = commit.revision }
        }
        do {
            // What is folded is in the log as it was until the fold is on disk, which the next append's sync sees to.
            try connection.transaction(syncs: false) { () throws(SQLiteError) in
                for commit in commits {
                    next.foldedHash = SHA256.hash([next.foldedHash, commit.encoded])
                    next.foldedRevision = commit.revision
                    // A row that a later commit of the slice writes again is written once.
                    for change in commit.changes where newest[RowKey(change)] == commit.revision {
                        try fold(change, of: commit.revision, into: &next)
                    }
                }
                try deleteCommits.run([.revision(next.foldedRevision)])
                try next.write(by: replaceMeta)
            }
        } catch {
            throw StorageError(writing: error.code, error.text)
        }
        meta = next
        historySizes = historySizes.dropFirst(count)
        historyByteCount -= byteCount
        try checkpoint(from: SQLiteConnection.checkpointFrameCount)
        return count
    }

    /// Whether so much is to be folded that it cannot wait for a quiet time.
    public var isTrimUrgent: Bool { historySizes.count >= retention.urgentCommitCount || holdsTooManyBytes }

    private var holdsTooManyBytes: Bool {
        historyByteCount >= retention.byteCountMaximum + retention.byteCountMaximum / 8
    }

    /// How many commits the next slice folds, and the bytes of their encodings. Nothing is folded until a whole slice
    /// is due: rows that its commits share are written once. The last commit is never folded.
    private func surplus() -> (count: Int, byteCount: Int) {
        guard
            historySizes.count >= retention.commitCountMaximum + retention.sliceCountMaximum || holdsTooManyBytes
        else { return (0, 0) }
        var count = 0
        var byteCount = 0
        for size in historySizes.dropLast().prefix(retention.sliceCountMaximum) {
            let isBeyond =
                historySizes.count - count > retention.commitCountMaximum
                || historyByteCount - byteCount > retention.byteCountMaximum
            guard isBeyond else { break }
            count += 1
            byteCount += size
        }
        return (count, byteCount)
    }

    private struct RowKey: Hashable {
        let kind: CommitChange.Kind
        let id: String

        init(_ change: CommitChange) {
            kind = change.kind
            id = change.id
        }
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

    /// To SQLite a file without a whole header is a new one, and its write-ahead log is waste; not to us.
    private static func refuseCutFile(_ path: String) throws(StorageError) {
        let headerByteCount = 512
        var database = stat()
        var log = stat()
        guard stat(path, &database) == 0, database.st_size < headerByteCount else { return }
        let hasLog = stat(path + "-wal", &log) == 0 && log.st_size > 0
        guard database.st_size == 0, !hasLog else {
            throw .refused("\(path) is damaged: it was cut to \(database.st_size) bytes; put back a backup of the file")
        }
    }

    /// Makes the directory entry of a new file durable.
    private static func sync(folder: String) throws(StorageError) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .refused("\(folder): \(String(cString: strerror(errno)))") }
        defer { Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .broken("sync of \(folder): \(String(cString: strerror(errno)))") }
    }
}
