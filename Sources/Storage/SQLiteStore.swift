import CSQLite
import Glibc

/// The commit log in one SQLite file: the embedded engine.
///
/// Every commit row holds SHA-256(hash of the commit before ‖ encoding); the one row of `meta` names the last commit
/// and its hash, the last trimmed one and its hash, and the sum of all objects' hashes, under a seal of its own. So a
/// flipped bit anywhere in what is kept is found by ``load()``. SQLite's own log drops a damaged tail silently: what
/// is then left is an earlier state, whole and verified.
public final class SQLiteStore: CommitStore {
    /// The commits that are kept for readers of changes: as many as the feed may reach back.
    public static let historyMaximum = 10_000
    /// The bytes of encodings that are kept, so that 10,000 large commits do not fill memory and disk: 256 MiB. The
    /// last commit stays whatever its size.
    public static let historyByteCountMaximum = 256 << 20
    /// The most commits that one ``trim()`` removes, so that no write waits for a long deletion.
    public static let trimSliceMaximum = 256
    /// The version of the tables, in `PRAGMA user_version`; a newer one is refused.
    public static let schemaVersion: Int64 = 1
    /// Marks the file as ours in `PRAGMA application_id`: "HDDL".
    static let applicationID: Int64 = 0x4844_444c

    let connection: SQLiteConnection
    let path: String
    let historyMaximum: Int
    let historyByteCountMaximum: Int
    var meta: StoreMeta
    /// The sizes of the kept encodings, oldest first.
    var historySizes: ArraySlice<Int> = []
    var historyByteCount = 0
    private let insertCommit: SQLiteStatement
    private let selectHash: SQLiteStatement
    private let putObject: SQLiteStatement
    private let deleteObject: SQLiteStatement

    /// Opens the log in a file, making it where there is none.
    /// - Parameters:
    ///   - path: The file; `-wal` beside it belongs to it.
    ///   - newEpoch: The epoch of the log, where it is made.
    ///   - historyMaximum: The commits that are kept.
    ///   - historyByteCountMaximum: The bytes of encodings that are kept.
    /// - Throws: ``StorageError/refused(_:)`` where the file is not ours, newer, damaged or held by another process.
    public init(
        path: String,
        newEpoch: UInt64,
        historyMaximum: Int = SQLiteStore.historyMaximum,
        historyByteCountMaximum: Int = SQLiteStore.historyByteCountMaximum
    ) throws(StorageError) {
        do {
            try Self.refuseCutFile(path)
            let connection = try SQLiteConnection(path: path)
            try Self.prepareSchema(connection, path: path, newEpoch: newEpoch)
            self.connection = connection
            insertCommit = try connection.prepare("INSERT INTO commits (revision, encoding, hash) VALUES (?, ?, ?)")
            selectHash = try connection.prepare("SELECT hash FROM objects WHERE kind = ? AND id = ?")
            putObject = try connection.prepare(
                "INSERT OR REPLACE INTO objects (kind, id, revision, body, hash) VALUES (?, ?, ?, ?, ?)"
            )
            deleteObject = try connection.prepare("DELETE FROM objects WHERE kind = ? AND id = ?")
            meta = try StoreMeta.read(connection, path: path)
        } catch let error as SQLiteError {
            throw Self.openingError(error, path: path)
        } catch let error as StorageError {
            throw error
        } catch {
            throw .refused("\(path): \(error)")
        }
        self.path = path
        self.historyMaximum = historyMaximum
        self.historyByteCountMaximum = historyByteCountMaximum
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        try Self.sync(folder: folder.isEmpty ? "/" : folder)
    }

    /// Makes commits durable, all or none.
    public func append(_ entries: [LogEntry], expecting revision: UInt64) throws(StorageError) {
        guard revision == meta.revision else { throw .fenced(expected: revision, found: meta.revision) }
        var next = meta
        do {
            try connection.transaction { () throws(SQLiteError) in
                for entry in entries {
                    guard entry.revision == next.revision + 1 else {
                        throw SQLiteError(text: "revision \(entry.revision) does not follow \(next.revision)")
                    }
                    next.revision = entry.revision
                    next.hash = SHA256.hash([next.hash, entry.encoding])
                    try insertCommit.run([.revision(entry.revision), .bytes(entry.encoding), .bytes(next.hash)])
                    for change in entry.changes { try apply(change, of: entry.revision, to: &next) }
                }
                try next.write(connection)
            }
        } catch {
            throw StorageError(writing: error.code, error.text)
        }
        meta = next
        for entry in entries {
            historySizes.append(entry.encoding.count)
            historyByteCount += entry.encoding.count
        }
        try checkpoint()
    }

    private func apply(
        _ change: ObjectChange,
        of revision: UInt64,
        to meta: inout StoreMeta
    ) throws(SQLiteError) {
        let key: [SQLiteValue] = [.text(change.kind), .text(change.id)]
        try selectHash.run(key) { meta.removeObject(hash: $0.bytes(0)) }
        guard let bytes = change.bytes else { return try deleteObject.run(key) }
        let object = StoredObject(kind: change.kind, id: change.id, revision: revision, bytes: bytes)
        let hash = object.hash
        meta.addObject(hash: hash)
        try putObject.run(key + [.revision(revision), .bytes(bytes), .bytes(hash)])
    }

    /// The commits are durable in the write-ahead log already: no room for moving them into the database file is no
    /// fault of theirs, and the next append tries again. A failed sync is the end.
    private func checkpoint() throws(StorageError) {
        do {
            try connection.checkpoint()
        } catch {
            if case .broken(let text) = StorageError(writing: error.code, error.text) { throw .broken(text) }
        }
    }

    /// Forgets the oldest commits beyond the history that is kept, one slice of them.
    public func trim() throws(StorageError) -> Int {
        var count = 0
        var byteCount = historyByteCount
        while count < Self.trimSliceMaximum, historySizes.count - count > 1,
            historySizes.count - count > historyMaximum || byteCount > historyByteCountMaximum
        {
            byteCount -= historySizes[historySizes.startIndex + count]
            count += 1
        }
        guard count > 0 else { return 0 }
        var next = meta
        next.trimmedRevision += UInt64(count)
        do {
            try connection.transaction { () throws(SQLiteError) in
                let last = try connection.prepare("SELECT hash FROM commits WHERE revision = ?")
                try last.run([.revision(next.trimmedRevision)]) { next.trimmedHash = $0.bytes(0) }
                try connection.prepare("DELETE FROM commits WHERE revision <= ?")
                    .run([.revision(next.trimmedRevision)])
                try next.write(connection)
            }
        } catch {
            throw StorageError(writing: error.code, error.text)
        }
        meta = next
        historySizes = historySizes.dropFirst(count)
        historyByteCount = byteCount
        try checkpoint()
        return count
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
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .broken("sync of \(folder): \(String(cString: strerror(errno)))") }
    }
}
