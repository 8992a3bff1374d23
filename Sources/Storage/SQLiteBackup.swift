import CSQLite

/// A copy of a log that is made in slices while the log is written: whole, and of one revision when it is done.
///
/// SQLite copies writes of the same connection into the pages that are copied already, so the copy need not begin
/// again. It is not synced; the caller does that when it moves the copy to its place.
public final class SQLiteBackup {
    /// Pages that are copied at once: 1 MiB, what takes about a millisecond.
    static let slicePageCount: Int32 = 256

    /// The progress of a copy, in pages.
    public struct Progress: Equatable, Sendable {
        public var done: Int
        public var total: Int
        public var isComplete: Bool
    }

    // Kept so that it lives at least as long as the copy is under way.
    private let source: SQLiteConnection
    private var destination: OpaquePointer?
    private var backup: OpaquePointer?

    init(of source: SQLiteConnection, to path: String) throws(StorageError) {
        self.source = source
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
        guard sqlite3_open_v2(path, &destination, flags, nil) == SQLITE_OK,
            // A copy that is not whole is thrown away.
            sqlite3_exec(destination, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", nil, nil, nil) == SQLITE_OK
        else { throw failure() }
        backup = sqlite3_backup_init(destination, "main", source.handle, "main")
        guard backup != nil else { throw failure() }
    }

    deinit { end() }

    /// Copies some pages.
    /// - Throws: ``StorageError/full(_:)`` if it cannot go on; the log is as it was.
    public func step() throws(StorageError) -> Progress {
        guard backup != nil else { throw .full("the copy has ended") }
        let code = sqlite3_backup_step(backup, Self.slicePageCount)
        switch code {
        case SQLITE_OK, SQLITE_DONE:
            let total = Int(sqlite3_backup_pagecount(backup))
            let rest = Int(sqlite3_backup_remaining(backup))
            let progress = Progress(done: total - rest, total: total, isComplete: code == SQLITE_DONE)
            if code == SQLITE_DONE { try finish() }
            return progress
        // Somebody else's, who has none: the next step tries again.
        case SQLITE_BUSY, SQLITE_LOCKED: return Progress(done: 0, total: 0, isComplete: false)
        default: throw .full(String(cString: sqlite3_errstr(code)))
        }
    }

    private func finish() throws(StorageError) {
        let code = sqlite3_backup_finish(backup)
        backup = nil
        guard code == SQLITE_OK else { throw failure() }
        let closed = sqlite3_close(destination)
        if closed == SQLITE_OK { destination = nil } else { throw failure() }
    }

    private func failure() -> StorageError {
        .full(destination.map { String(cString: sqlite3_errmsg($0)) } ?? "no memory")
    }

    private func end() {
        if let backup { sqlite3_backup_finish(backup) }
        if let destination { sqlite3_close_v2(destination) }
    }
}

extension SQLiteStore {
    /// Begins a copy of the log, in a file that is not there yet.
    public func beginBackup(to path: String) throws(StorageError) -> SQLiteBackup {
        try SQLiteBackup(of: connection, to: path)
    }
}
