import CSQLite
import Glibc

/// The one connection to a database file: exclusive, write-ahead log, synchronous.
///
/// `locking_mode=EXCLUSIVE` is set before the journal mode, so that the log's index lives in this process's memory and
/// no other process can read or write beside it. Checkpoints are made by ``checkpoint()`` and never by SQLite itself,
/// which would throw their errors away.
final class SQLiteConnection {
    /// Frames in the write-ahead log, 4 KiB each, at which a checkpoint comes before other postponed work: 2 MiB, some
    /// milliseconds. It cannot be cut, so it must not grow.
    static let checkpointFrameCount: Int32 = 512
    /// Frames at which it does not wait for a rest.
    static let pacedFrameCount: Int32 = 1000
    /// Frames at which an append waits for it: 32 MiB bounds the time of a restart, and the file.
    static let urgentFrameCount: Int32 = 8000

    let handle: OpaquePointer
    /// True if the transaction under way, or the last one, is synced to disk as it ends.
    private var isSyncing = true
    /// Frames in the log after the last commit; SQLite writes it from its hook.
    private let frameCount: UnsafeMutablePointer<Int32>

    /// Opens a file, making it if there is none.
    init(path: String) throws(SQLiteError) {
        var handle: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let code = sqlite3_open_v2(path, &handle, flags, nil)
        guard code == SQLITE_OK, let handle else {
            defer { sqlite3_close_v2(handle) }
            throw SQLiteError(code, handle)
        }
        self.handle = handle
        frameCount = .allocate(capacity: 1)
        frameCount.initialize(to: 0)
        // Only checkpoint() writes the database file, whose errors count.
        guard csqlite_keep_log_at_close(handle) == SQLITE_OK else { throw SQLiteError(SQLITE_ERROR, handle) }
        try execute("PRAGMA locking_mode=EXCLUSIVE")
        let mode = try query("PRAGMA journal_mode=WAL") { $0.text(0) }
        guard mode == ["wal"] else { throw SQLiteError(text: "the file system does not allow a write-ahead log") }
        for pragma in [
            "synchronous=FULL", "wal_autocheckpoint=0", "journal_size_limit=33554432", "cell_size_check=ON",
            "trusted_schema=OFF", "temp_store=MEMORY", "cache_size=-8192",
            // Freed pages are written with zeros by some builds of SQLite: a large commit once more.
            "secure_delete=OFF",
        ] {
            try execute("PRAGMA \(pragma)")
        }
        sqlite3_wal_hook(
            handle,
            { context, _, _, frames in
                context?.storeBytes(of: frames, as: Int32.self)
                return SQLITE_OK
            },
            frameCount
        )
    }

    deinit {
        sqlite3_close_v2(handle)
        frameCount.deallocate()
    }

    func prepare(_ sql: String) throws(SQLiteError) -> SQLiteStatement { try SQLiteStatement(sql, on: handle) }

    /// Runs statements that give no rows worth reading.
    func execute(_ sql: String) throws(SQLiteError) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw SQLiteError(code, handle) }
    }

    /// The rows of a query that is run once.
    func query<Row>(_ sql: String, _ row: (SQLiteStatement) -> Row) throws(SQLiteError) -> [Row] {
        var rows: [Row] = []
        try prepare(sql).run { rows.append(row($0)) }
        return rows
    }

    /// Runs `body` in a write transaction: all of it is durable when this returns, or nothing has happened.
    /// - Parameter syncs: If false, it becomes durable with the next transaction or checkpoint that syncs.
    func transaction(syncs: Bool = true, _ body: () throws(SQLiteError) -> Void) throws(SQLiteError) {
        if syncs != isSyncing {
            try execute("PRAGMA synchronous=\(syncs ? "FULL" : "NORMAL")")
            isSyncing = syncs
        }
        try execute("BEGIN IMMEDIATE")
        do {
            try body()
            try execute("COMMIT")
        } catch {
            // SQLite rolls back by itself on some errors; then there is no transaction left to end.
            if sqlite3_get_autocommit(handle) == 0 { try? execute("ROLLBACK") }
            throw error
        }
    }

    /// Moves the write-ahead log into the database file when the log has grown to so many frames.
    func checkpoint(from frames: Int32) throws(SQLiteError) {
        if isCheckpointDue(from: frames) { try checkpoint(SQLITE_CHECKPOINT_PASSIVE) }
    }

    /// True if the log has grown to so many frames.
    func isCheckpointDue(from frames: Int32) -> Bool { frameCount.pointee >= frames }

    /// Moves all of the write-ahead log into the database file and empties the log.
    func truncateLog() throws(SQLiteError) { try checkpoint(SQLITE_CHECKPOINT_TRUNCATE) }

    private func checkpoint(_ mode: Int32) throws(SQLiteError) {
        let code = sqlite3_wal_checkpoint_v2(handle, nil, mode, nil, nil)
        guard code == SQLITE_OK else { throw SQLiteError(code, handle) }
        frameCount.pointee = 0
    }
}
