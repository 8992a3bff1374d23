import CSQLite
import Northd
import Security

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
                    revision INTEGER NOT NULL, hash BLOB NOT NULL, folded_revision INTEGER NOT NULL,
                    folded_hash BLOB NOT NULL, row_digest BLOB NOT NULL, seal BLOB NOT NULL) STRICT;
                CREATE TABLE commits (revision INTEGER PRIMARY KEY, encoding BLOB NOT NULL, hash BLOB NOT NULL) STRICT;
                CREATE TABLE objects (kind TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL,
                    object BLOB NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID;
                PRAGMA application_id = \(applicationID);
                PRAGMA user_version = \(schemaVersion);
                """
            )
            try StoreMeta(epoch: newEpoch).write(by: connection.prepare(StoreMeta.replacement))
        }
    }

    /// Reads everything and verifies it: SQLite's own structure, the chain of the kept commits, every row.
    public func load() throws(StorageError) -> StoreContents {
        do {
            let report = try connection.query("PRAGMA quick_check(1)") { $0.text(0) }
            guard report == ["ok"] else { throw damaged(report.first ?? "no answer from quick_check") }
            let (encodings, hashes) = try verifiedHistory()
            historySizes = ArraySlice(encodings.map(\.count))
            historyByteCount = historySizes.reduce(0, +)
            var network = try Network(epoch: meta.epoch, revision: meta.foldedRevision, rows: verifiedRows())
            if meta.foldedRevision > 0 { network.hash = CommitHash(chain: meta.foldedHash) }
            let history = try encodings.map { try Commit(decoding: $0) }
            return StoreContents(network: network, history: history, hashes: hashes)
        } catch let error as SQLiteError {
            throw Self.openingError(error, path: path)
        } catch let error as CommitError {
            throw damaged(error.description)
        } catch let error as StorageError {
            throw error
        } catch {
            throw damaged("\(error)")
        }
    }

    /// The commits after `revision` that are still kept, in order.
    public func tail(after revision: UInt64, limit: Int) throws(StorageError) -> [Commit] {
        do {
            var encodings: [[UInt8]] = []
            try connection.prepare("SELECT encoding FROM commits WHERE revision > ? ORDER BY revision LIMIT ?")
                .run([.revision(revision), .integer(Int64(limit))]) { encodings.append($0.bytes(0)) }
            return try encodings.map { try Commit(decoding: $0) }
        } catch let error as SQLiteError {
            throw .broken(error.text)
        } catch {
            throw .broken("\(error)")
        }
    }

    private func verifiedHistory() throws -> (encodings: [[UInt8]], hashes: [CommitHash]) {
        var revision = meta.foldedRevision
        var hash = meta.foldedHash
        var broken: UInt64?
        var hashes: [CommitHash] = []
        let sql = "SELECT revision, encoding, hash FROM commits ORDER BY revision"
        let encodings = try connection.query(sql) { row in
            let encoding = row.bytes(1)
            let next = UInt64(bitPattern: row.integer(0))
            hash = SHA256.hash([hash, encoding])
            if broken == nil, next != revision &+ 1 || hash != row.bytes(2) { broken = next }
            revision = next
            hashes.append(CommitHash(chain: hash))
            return encoding
        }
        if let broken { throw damaged("commit \(broken) does not match the hash chain") }
        guard revision == meta.revision, hash == meta.hash else {
            throw damaged("the log ends at commit \(revision) where \(meta.revision) is recorded as the last")
        }
        return (encodings, hashes)
    }

    private func verifiedRows() throws -> [StoredRow] {
        var sum = StoreMeta(epoch: meta.epoch)
        var broken: String?
        let rows = try connection.query("SELECT kind, id, revision, object, hash FROM objects") { row in
            let stored = CommitChange.Kind(rawValue: row.text(0)).map { kind in
                StoredRow(
                    kind: kind,
                    id: row.text(1),
                    revision: UInt64(bitPattern: row.integer(2)),
                    object: row.bytes(3)
                )
            }
            guard let stored, stored.hash == row.bytes(4) else {
                broken = broken ?? "\(row.text(0)) \(row.text(1))"
                return stored
            }
            sum.toggleRow(hash: stored.hash)
            return stored
        }
        if let broken { throw damaged("the row of \(broken) does not match its hash") }
        guard sum.rowDigest == meta.rowDigest else { throw damaged("a row is missing, or there is one too many") }
        return rows.compactMap { $0 }
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
