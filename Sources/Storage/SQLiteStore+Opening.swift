import CSQLite
import Glibc
import NetworkModel
import Reactor

/// The start of a store: the files in its folder, and its tables.
extension SQLiteStore {
    /// The tables beside those of the audit.
    private static let schema = """
        CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL,
            revision INTEGER NOT NULL, hash BLOB NOT NULL, folded_revision INTEGER NOT NULL,
            folded_hash BLOB NOT NULL, row_digest BLOB NOT NULL, seal BLOB NOT NULL,
            \(laterColumns.joined(separator: ", "))) STRICT;
        CREATE TABLE commits (revision INTEGER PRIMARY KEY, encoding BLOB NOT NULL, hash BLOB NOT NULL) STRICT;
        \(partsSchema)
        CREATE TABLE objects (kind TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL,
            object BLOB NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID;
        """

    /// The parts of encodings that were staged, in the order of their rows; since version 4. The row of such a commit
    /// has no encoding. Parts without a commit are waste.
    private static let partsSchema = "CREATE TABLE parts (revision INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;"

    /// The columns of meta since version 2; the last is of version 3.
    private static let laterColumns = [
        "fold_position", "user_audit_after", "user_audit_bytes", "host_audit_after", "host_audit_bytes", "forces_hosts",
    ].map { "\($0) INTEGER NOT NULL DEFAULT 0" }

    /// Returns the path of a log's generation file.
    static func generationPath(of path: String) -> String { folder(of: path) + "/" + Generation.name }

    /// True if there is no log at a path: no file, or one that nothing was ever written to.
    public static func isMissing(at path: String) -> Bool { (try? fileSize(path)) ?? 0 == 0 }

    /// Makes sure that no other store has the files, because it would lose its writes when they are renamed.
    static func lock(_ path: String) throws(StorageError) -> FileLock {
        do throws(FileLock.Failure) {
            return try FileLock(path: path + "-lock")
        } catch {
            switch error {
            case .held(let process):
                let holder = process.map { "another process (\($0))" } ?? "another process"
                throw .refused("\(path) is open in \(holder): stop that one first")
            case .system(let error): throw .refused("\(path) cannot be opened: \(error)")
            }
        }
    }

    /// SQLite takes a file without a complete header for a new one, and its write-ahead log for waste; this must not
    /// happen.
    static func refuseCutFile(_ path: String, _ generation: Generation.Found?) throws {
        let headerByteCount = 512
        let size = try fileSize(path)
        guard size ?? 0 < headerByteCount else { return }
        if let size, size > 0 { throw damaged(path, "it was cut to \(size) bytes") }
        let what = size == nil ? "is missing" : "is empty"
        if try fileSize(path + "-wal") ?? 0 > 0 { throw lost(path, what, beside: path + "-wal") }
        switch generation {
        case nil, .missing: return
        case .unreadable, .seen: throw lost(path, what, beside: generationPath(of: path))
        }
    }

    /// The reason why a start does not begin anew if something tells that there was a log.
    public static func lost(_ path: String, _ what: String = "is missing or empty", beside: String) -> StorageError {
        .refused(
            "\(path) \(what), but there is \(beside): restore a backup with 'heddle central restore FILE', or move "
                + "\(folder(of: path)) away to start from nothing"
        )
    }

    /// Makes a new log under another name, and gives it its own when it is whole and durable.
    static func makeIfMissing(_ path: String, epoch: UInt64) throws {
        let new = path + ".new"
        for suffix in ["", "-wal", "-journal"] { try removeFile(new + suffix) }
        guard isMissing(at: path) else { return }
        do {
            let connection = try SQLiteConnection(path: new)
            try prepareSchema(connection, path: new, newEpoch: epoch)
            try connection.truncateLog()
        }
        try removeFile(new + "-wal")
        try systemCall("rename \(new)") { rename(new, path) < 0 ? -Int(errno) : 0 }
        try syncFolder(of: path)
    }

    /// Makes the tables in a new file and brings those of an older version up to date; refuses a file that is not ours
    /// or is newer than this program.
    static func prepareSchema(_ connection: SQLiteConnection, path: String, newEpoch: UInt64) throws {
        let found = try connection.query("PRAGMA application_id") { $0.integer(0) }.first ?? 0
        let version = try connection.query("PRAGMA user_version") { $0.integer(0) }.first ?? 0
        if found == applicationID {
            switch version {
            case schemaVersion: return
            case 1..<schemaVersion: return try upgrade(connection, from: version, path: path)
            case ...0: throw damaged(path, "schema version \(version) has never been written")
            default:
                throw StorageError.refused(
                    "\(path) has schema version \(version), this program knows up to \(schemaVersion): "
                        + "start the newer version of heddle that wrote it"
                )
            }
        }
        let tableCount = try connection.query("SELECT count(*) FROM sqlite_schema") { $0.integer(0) }.first ?? 0
        guard found == 0, version == 0, tableCount == 0 else {
            throw StorageError.refused("\(path) is not a commit log of heddle, or its header is damaged")
        }
        try connection.transaction { () throws(SQLiteError) in
            try connection.execute(schema)
            for table in AuditTable.allCases { try connection.execute(table.schema) }
            try connection.execute(
                "PRAGMA application_id = \(applicationID); PRAGMA user_version = \(schemaVersion)"
            )
            try StoreMeta(epoch: newEpoch).write(by: connection.prepare(StoreMeta.replacement))
        }
    }

    /// Version 1 had no audit of its own and folded commits as a whole; version 2 had no epochs that force hosts;
    /// version 3 had no parts.
    private static func upgrade(_ connection: SQLiteConnection, from version: Int64, path: String) throws {
        var meta = try StoreMeta.read(connection, path: path, version: version)
        let isFirst = version == 1
        if isFirst { meta.audits = AuditExtents(after: meta.revision) }
        try connection.transaction { () throws(SQLiteError) in
            let columns = isFirst ? laterColumns[...] : laterColumns.suffix(version == 2 ? 1 : 0)
            for column in columns { try connection.execute("ALTER TABLE meta ADD COLUMN \(column)") }
            try connection.execute(partsSchema)
            if isFirst { for table in AuditTable.allCases { try connection.execute(table.schema) } }
            try connection.execute("PRAGMA user_version = \(schemaVersion)")
            try meta.write(by: connection.prepare(StoreMeta.replacement))
        }
    }

    /// A log that cannot be trusted, with the remedy.
    static func damaged(_ path: String, _ what: String) -> StorageError {
        .refused(
            "\(path) is damaged: \(what); restore a backup with 'heddle central restore FILE', or move "
                + "\(folder(of: path)) away to start from nothing"
        )
    }

    /// Returns the error that explains a failure while opening or reading to the user who starts central.
    static func openingError(_ error: SQLiteError, path: String) -> StorageError {
        switch error.code & 0xff {
        case SQLITE_BUSY, SQLITE_LOCKED: .refused("\(path) is open in another process: stop that one first")
        case SQLITE_NOTADB: .refused("\(path) is not a commit log of heddle, or its header is damaged")
        case SQLITE_CORRUPT: damaged(path, error.text)
        case SQLITE_FULL: .refused("\(path) cannot be opened: the disk is full")
        default: .refused("\(path) cannot be opened: \(error.text)")
        }
    }
}
