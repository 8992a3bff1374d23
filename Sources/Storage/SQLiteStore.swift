import CSQLite
import Glibc
import NetworkModel
import Reactor
import Security

/// The commit log in one SQLite file: the embedded engine.
///
/// Every commit row holds SHA-256(hash of the commit before ‖ encoding); the hashes of the parts take the place of an
/// encoding that was staged. The one row of `meta` names the last commit and its hash, the last folded one and its
/// hash, and the digest of all rows, under a seal of its own. So a flipped bit anywhere in what is kept is found by
/// ``load()``. SQLite's own log drops a damaged tail silently: what is then left is an earlier state, whole and
/// verified, which ``Generation`` tells.
public final class SQLiteStore: CommitStore {
    /// The version of the tables, in `PRAGMA user_version`; a newer one is refused.
    public static let schemaVersion: Int64 = 4
    /// Marks the file as ours in `PRAGMA application_id`: "HDDL".
    static let applicationID: Int64 = 0x4844_444c
    /// Commits after which evidence of the newest is left, however busy the store is: some seconds' worth.
    static let evidenceInterval: UInt64 = 1024

    public let path: String
    let connection: SQLiteConnection
    var meta: StoreMeta
    /// The kept commits, oldest first, with the sizes of their encodings.
    var history: ArraySlice<(revision: UInt64, byteCount: Int)> = []
    var historyByteCount = 0
    /// The oldest kept commit, while it is folded in parts.
    var large: LargeCommit?
    /// The commits whose encodings are being written before them.
    var staged: [StagedCommit] = []
    /// True if there may be parts that belong to no commit.
    var mayHaveWaste = false
    let retention: Retention
    let auditRetention: AuditRetention
    let audit: AuditLog
    /// The epoch that the log gets if it turns out to have another history before it.
    let newEpoch: UInt64
    /// The content of the generation file; `nil` if none is kept.
    var generation: Generation.Found?
    private let wallClock: () -> Int64
    private let monotonicClock: () -> Duration
    private let lock: FileLock
    private let insertCommit: SQLiteStatement
    let deleteCommits: SQLiteStatement
    let selectCommits: SQLiteStatement
    let insertPart: SQLiteStatement
    let selectParts: SQLiteStatement
    let selectNextPart: SQLiteStatement
    let deletePart: SQLiteStatement
    let deleteWaste: SQLiteStatement
    let selectHash: SQLiteStatement
    let putRow: SQLiteStatement
    let deleteRow: SQLiteStatement
    let replaceMeta: SQLiteStatement

    /// Opens the log in a file, making it if there is none.
    /// - Parameters:
    ///   - path: The file; `-wal`, `-lock` and, in its folder, `generation` belong to it.
    ///   - newEpoch: The epoch of the log, if it is made or has another history before it.
    ///   - retention: The history that is kept.
    ///   - auditRetention: The part of the audit that is kept.
    ///   - keepsEvidence: True if the generation is compared and kept.
    ///   - wallClock: Tells the seconds since 1970.
    ///   - monotonicClock: Tells the time that nobody sets.
    /// - Throws: ``StorageError/refused(_:)`` if the file is not ours, newer, damaged or held by another process.
    public init(
        path: String,
        newEpoch: UInt64,
        retention: Retention = Retention(),
        auditRetention: AuditRetention = AuditRetention(),
        keepsEvidence: Bool = true,
        wallClock: @escaping () -> Int64 = Clock.wallSeconds,
        monotonicClock: @escaping () -> Duration = Clock.monotonic
    ) throws(StorageError) {
        lock = try Self.lock(path)
        do {
            generation = keepsEvidence ? try Generation.read(Self.generationPath(of: path)) : nil
            try Self.refuseCutFile(path, generation)
            try WriteAheadLog.secure(of: path)
            try Self.makeIfMissing(path, epoch: newEpoch)
            let connection = try SQLiteConnection(path: path)
            try Self.prepareSchema(connection, path: path, newEpoch: newEpoch)
            self.connection = connection
            insertCommit = try connection.prepare("INSERT INTO commits (revision, encoding, hash) VALUES (?, ?, ?)")
            deleteCommits = try connection.prepare("DELETE FROM commits WHERE revision <= ?")
            selectCommits = try connection.prepare(
                "SELECT revision, encoding, hash FROM commits WHERE revision > ? ORDER BY revision LIMIT ?"
            )
            insertPart = try connection.prepare("INSERT INTO parts (revision, bytes) VALUES (?, ?)")
            selectParts = try connection.prepare("SELECT bytes FROM parts WHERE revision = ? ORDER BY rowid")
            selectNextPart = try connection.prepare(
                "SELECT rowid, bytes FROM parts WHERE revision = ? AND rowid > ? ORDER BY rowid LIMIT 1"
            )
            deletePart = try connection.prepare(Self.deletingPart("revision = ?"))
            deleteWaste = try connection.prepare(
                Self.deletingPart("revision NOT IN (?, ?) AND revision NOT IN (SELECT revision FROM commits)")
            )
            selectHash = try connection.prepare("SELECT hash FROM objects WHERE kind = ? AND id = ?")
            putRow = try connection.prepare(
                "INSERT OR REPLACE INTO objects (kind, id, revision, object, hash) VALUES (?, ?, ?, ?, ?)"
            )
            deleteRow = try connection.prepare("DELETE FROM objects WHERE kind = ? AND id = ?")
            replaceMeta = try connection.prepare(StoreMeta.replacement)
            audit = try AuditLog(connection)
            meta = try StoreMeta.read(connection, path: path, version: Self.schemaVersion)
            // The log's own name in the folder, too, which SQLite syncs without a look at the result.
            try syncFolder(of: path)
        } catch let error as SQLiteError {
            throw Self.openingError(error, path: path)
        } catch let error as StorageError {
            throw error
        } catch {
            throw .refused("\(path) cannot be opened: \(error)")
        }
        self.path = path
        self.retention = retention
        self.auditRetention = auditRetention
        self.newEpoch = newEpoch
        self.wallClock = wallClock
        self.monotonicClock = monotonicClock
    }

    /// Makes commits durable, all or none.
    @discardableResult
    public func append(_ commits: [Commit], expecting revision: UInt64) throws(StorageError) -> [CommitHash] {
        guard revision == meta.revision else { throw .fenced(expected: revision, found: meta.revision) }
        defer { noteAppend() }
        var next = meta
        var hashes: [CommitHash] = []
        do {
            try connection.transaction { () throws(SQLiteError) in
                for commit in commits {
                    guard commit.revision > next.revision, commit.epoch == next.epoch else {
                        throw SQLiteError(text: "commit \(commit.revision) does not follow \(next.revision)")
                    }
                    let parts = partHashes(of: commit)
                    next.revision = commit.revision
                    next.hash = SHA256.hash([next.hash] + (parts ?? [commit.encoded]))
                    hashes.append(CommitHash(chain: next.hash))
                    try insertCommit.run([
                        .revision(commit.revision), .bytes(parts == nil ? commit.encoded : []), .bytes(next.hash),
                    ])
                    try audit.append(commit, &next.audits)
                }
                try next.write(by: replaceMeta)
            }
        } catch {
            throw StorageError(writing: error.code, error.text)
        }
        meta = next
        for commit in commits {
            history.append((commit.revision, commit.encoded.count))
            historyByteCount += commit.encoded.count
        }
        try checkpoint(from: SQLiteConnection.urgentFrameCount)
        if case .seen(let noted)? = generation, meta.revision >= noted.revision + Self.evidenceInterval {
            leaveEvidence()
        }
        return hashes
    }

    /// Moves the whole write-ahead log into the database, so that the one file is all there is to copy.
    public func close() throws(StorageError) {
        leaveEvidence()
        try checkpoint(from: 0)
    }

    /// The commits are durable in the write-ahead log already: a lack of room for moving them into the database file
    /// does not concern them, and the next append tries again. A failed sync is the end.
    /// - Parameter frameCount: The least number of frames in the log that are worth it.
    func checkpoint(from frameCount: Int32) throws(StorageError) {
        do {
            if frameCount == 0 { try connection.truncateLog() } else { try connection.checkpoint(from: frameCount) }
        } catch {
            if case .broken(let text) = StorageError(writing: error.code, error.text) { throw .broken(text) }
        }
    }

    /// The commits that there were, newest first.
    public func audit(_ request: AuditRequest) throws(StorageError) -> AuditAnswer {
        let extents =
            request.author.map { [meta.audits[AuditTable(author: $0)]] } ?? [meta.audits.users, meta.audits.hosts]
        // A reader that was told that there is more must not take its loss for the end.
        let first = extents.map(\.after).min() ?? 0
        let isGone = request.before.map { first > 0 && $0 <= first + 1 } ?? false
        do {
            let (records, hasMore) = try audit.answer(request)
            let after = extents.map(\.after).max() ?? 0
            return AuditAnswer(records: records, hasMore: hasMore, after: after, isGone: isGone)
        } catch {
            throw .broken(error.text)
        }
    }

    /// Forgets some of what the audit holds beyond its bounds.
    func trimAudit() throws(StorageError) -> Bool {
        var next = meta
        var hasForgotten = false
        do {
            try connection.transaction(syncs: false) { () throws(SQLiteError) in
                hasForgotten = try audit.trim(
                    &next.audits,
                    auditRetention,
                    now: wallClock(),
                    uptime: monotonicClock()
                )
                if hasForgotten { try next.write(by: replaceMeta) }
            }
        } catch {
            throw StorageError(writing: error.code, error.text)
        }
        meta = next
        return hasForgotten
    }
}

/// Commits that the audit tells of.
public struct AuditAnswer: Sendable {
    /// Newest first.
    public var records: [CommitRecord]
    /// True if there are older ones.
    public var hasMore: Bool
    /// All that were asked for are kept after this revision.
    public var after: UInt64
    /// True if what was asked for has been forgotten.
    public var isGone: Bool
}
