import CSQLite

extension SQLiteStore {
    /// Makes the tables in a new file; refuses a file that is not ours or is newer than this program.
    static func prepareSchema(_ connection: SQLiteConnection, path: String, newEpoch: UInt64) throws {
        let found = try connection.query("PRAGMA application_id") { $0.integer(0) }.first ?? 0
        let version = try connection.query("PRAGMA user_version") { $0.integer(0) }.first ?? 0
        if found == applicationID {
            guard version <= schemaVersion else {
                throw StorageError.refused(
                    "\(path) has schema version \(version), this program knows up to \(schemaVersion): "
                        + "start the newer version of heddle that wrote it"
                )
            }
            guard version == schemaVersion else {
                throw StorageError.refused("\(path) is damaged: schema version \(version) has never been written")
            }
            return
        }
        let tableCount = try connection.query("SELECT count(*) FROM sqlite_schema") { $0.integer(0) }.first ?? 0
        guard found == 0, version == 0, tableCount == 0 else {
            throw StorageError.refused("\(path) is not a commit log of heddle, or its header is damaged")
        }
        try connection.transaction { () throws(SQLiteError) in
            try connection.execute(
                """
                CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL,
                    revision INTEGER NOT NULL, hash BLOB NOT NULL, trimmed_revision INTEGER NOT NULL,
                    trimmed_hash BLOB NOT NULL, object_digest BLOB NOT NULL, seal BLOB NOT NULL) STRICT;
                CREATE TABLE commits (revision INTEGER PRIMARY KEY, encoding BLOB NOT NULL, hash BLOB NOT NULL) STRICT;
                CREATE TABLE objects (kind TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL,
                    body BLOB NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID;
                PRAGMA application_id = \(applicationID);
                PRAGMA user_version = \(schemaVersion);
                """
            )
            try StoreMeta(epoch: newEpoch).write(connection)
        }
    }

    /// Reads everything and verifies it: SQLite's own structure, the chain of the kept commits, every object.
    public func load() throws(StorageError) -> StoreContents {
        do {
            let report = try connection.query("PRAGMA quick_check(1)") { $0.text(0) }
            guard report == ["ok"] else { throw damaged(report.first ?? "no answer from quick_check") }
            let history = try verifiedHistory()
            let objects = try verifiedObjects()
            historySizes = ArraySlice(history.map(\.bytes.count))
            historyByteCount = historySizes.reduce(0, +)
            return StoreContents(epoch: meta.epoch, revision: meta.revision, objects: objects, history: history)
        } catch let error as SQLiteError {
            throw Self.openingError(error, path: path)
        } catch let error as StorageError {
            throw error
        } catch {
            throw .refused("\(path): \(error)")
        }
    }

    /// The encodings of the commits after `revision` that are still kept, in order.
    public func tail(after revision: UInt64, limit: Int) throws(StorageError) -> [LogEncoding] {
        var entries: [LogEncoding] = []
        do {
            try connection.prepare(
                "SELECT revision, encoding FROM commits WHERE revision > ? ORDER BY revision LIMIT ?"
            )
            .run([.revision(revision), .integer(Int64(limit))]) { row in
                entries.append(LogEncoding(revision: UInt64(bitPattern: row.integer(0)), bytes: row.bytes(1)))
            }
        } catch {
            throw Self.openingError(error, path: path)
        }
        return entries
    }

    private func verifiedHistory() throws -> [LogEncoding] {
        var revision = meta.trimmedRevision
        var hash = meta.trimmedHash
        var broken: UInt64?
        let history = try connection.query("SELECT revision, encoding, hash FROM commits ORDER BY revision") { row in
            let entry = LogEncoding(revision: UInt64(bitPattern: row.integer(0)), bytes: row.bytes(1))
            hash = SHA256.hash([hash, entry.bytes])
            if broken == nil, entry.revision != revision &+ 1 || hash != row.bytes(2) { broken = entry.revision }
            revision = entry.revision
            return entry
        }
        if let broken { throw damaged("commit \(broken) does not match the hash chain") }
        guard revision == meta.revision, hash == meta.hash else {
            throw damaged("the log ends at commit \(revision) where \(meta.revision) is recorded as the last")
        }
        return history
    }

    private func verifiedObjects() throws -> [StoredObject] {
        var sum = StoreMeta(epoch: meta.epoch)
        var broken: StoredObject?
        let sql = "SELECT kind, id, revision, body, hash FROM objects ORDER BY kind, id"
        let objects = try connection.query(sql) { row in
            let object = StoredObject(
                kind: row.text(0),
                id: row.text(1),
                revision: UInt64(bitPattern: row.integer(2)),
                bytes: row.bytes(3)
            )
            let hash = object.hash
            if broken == nil, hash != row.bytes(4) { broken = object }
            sum.addObject(hash: hash)
            return object
        }
        if let broken { throw damaged("object \(broken.kind) \(broken.id) does not match its hash") }
        guard sum.objectDigest == meta.objectDigest else {
            throw damaged("an object is missing, or there is one too many")
        }
        return objects
    }

    private func damaged(_ what: String) -> StorageError {
        .refused("\(path) is damaged: \(what); put back a backup of the file, or move it away to start empty")
    }

    /// What a failure while opening or reading means to the one who starts central.
    static func openingError(_ error: SQLiteError, path: String) -> StorageError {
        switch error.code & 0xff {
        case SQLITE_BUSY, SQLITE_LOCKED: .refused("\(path) is open in another process: stop that one first")
        case SQLITE_NOTADB: .refused("\(path) is not a commit log of heddle, or its header is damaged")
        case SQLITE_CORRUPT:
            .refused(
                "\(path) is damaged: \(error.text); put back a backup of the file, or move it away to start empty"
            )
        case SQLITE_FULL: .refused("\(path) cannot be opened: the disk is full")
        default: .refused("\(path) cannot be opened: \(error.text)")
        }
    }
}
