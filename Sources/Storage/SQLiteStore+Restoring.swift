import CSQLite
import Glibc
import NetworkModel
import Reactor

/// A backup is a log in one file of its own, with the files that belong to it in a table.
extension SQLiteStore {
    /// A file that is kept beside the log and goes with its backups.
    public struct CompanionFile: Equatable, Sendable {
        public var name: String
        public var bytes: [UInt8]

        public init(name: String, bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }
    }

    public struct BackupContents: Sendable {
        public var epoch: UInt64
        public var revision: UInt64
        public var files: [CompanionFile]
    }

    /// Makes a copied log a backup: verifies all of it, adds files, leaves one file that needs no other.
    public static func completeBackup(
        at path: String,
        with files: [CompanionFile]
    ) throws(StorageError) -> BackupContents {
        let contents: StoreContents
        do {
            let store = try SQLiteStore(path: path, newEpoch: 1, keepsEvidence: false)
            contents = try store.load()
            try store.convert { connection throws(SQLiteError) in
                try connection.execute("CREATE TABLE files (name TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT")
                let insert = try connection.prepare("INSERT INTO files (name, content) VALUES (?, ?)")
                for file in files { try insert.run([.text(file.name), .bytes(file.bytes)]) }
            }
            try store.close()
        }
        try removeCompanions(of: path)
        return BackupContents(epoch: contents.network.epoch, revision: contents.revision, files: files)
    }

    /// Makes a log of a backup, or of any other copy of a log: verifies all of it and begins a new epoch.
    /// - Parameters:
    ///   - file: The backup; a `-wal` beside it belongs to it.
    ///   - path: The place at which the log is made; there must be none.
    ///   - forcesHosts: True if hosts use the new epoch whatever it takes from them.
    public static func prepareRestore(
        of file: String,
        at path: String,
        newEpoch: UInt64,
        forcesHosts: Bool = false
    ) throws(StorageError) -> BackupContents {
        do {
            for suffix in ["", "-wal", "-journal"] { try removeFile(path + suffix) }
            guard try fileSize(file) ?? 0 > 0 else { throw StorageError.refused("\(file) is missing or empty") }
            try WriteAheadLog.copyFile(from: file, to: path)
            if try fileSize(file + "-wal") ?? 0 > 0 {
                try WriteAheadLog.copyFile(from: file + "-wal", to: path + "-wal")
            }
            var contents: BackupContents
            do {
                let store = try SQLiteStore(path: path, newEpoch: newEpoch, keepsEvidence: false)
                contents = BackupContents(epoch: newEpoch, revision: try store.load().revision, files: [])
                try store.convert { connection throws(SQLiteError) in
                    let sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'files'"
                    guard try connection.query(sql, { $0.integer(0) }).first ?? 0 > 0 else { return }
                    contents.files = try connection.query("SELECT name, content FROM files ORDER BY name") {
                        CompanionFile(name: $0.text(0), bytes: $0.bytes(1))
                    }
                    try connection.execute("DROP TABLE files")
                }
                try store.beginEpoch(forcesHosts: forcesHosts)
                contents.epoch = store.meta.epoch
                try store.close()
            }
            try removeCompanions(of: path)
            return contents
        } catch let error as StorageError {
            throw error
        } catch {
            throw .refused("\(file) cannot be copied to \(path): \(error)")
        }
    }

    /// Puts a prepared log in the place of another one.
    /// - Parameters:
    ///   - prepared: The log that ``prepareRestore(of:at:newEpoch:)`` made.
    ///   - path: The log's place.
    ///   - kept: The name under which the existing log is kept.
    public static func putInPlace(_ prepared: String, at path: String, keeping kept: String) throws(StorageError) {
        do {
            if try fileSize(path) != nil {
                // If it can still be read, it becomes one file, so that a crash on the way leaves it or the new one.
                if let connection = try? SQLiteConnection(path: path) { try? connection.truncateLog() }
                try systemCall("link \(kept)") { link(path, kept) < 0 ? -Int(errno) : 0 }
            }
            if try fileSize(path + "-wal") != nil {
                try systemCall("rename \(path)-wal") { rename(path + "-wal", kept + "-wal") < 0 ? -Int(errno) : 0 }
            }
            try syncFolder(of: path)
            try systemCall("rename \(prepared)") { rename(prepared, path) < 0 ? -Int(errno) : 0 }
            try syncFolder(of: path)
            let store = try SQLiteStore(path: path, newEpoch: 1, keepsEvidence: false)
            // A crash before this: the start finds another epoch than it knows, and begins one more.
            let now = Generation(
                epoch: store.meta.epoch,
                revision: store.meta.revision,
                hash: CommitHash(chain: store.meta.hash)
            )
            try now.write(to: generationPath(of: path))
        } catch let error as StorageError {
            throw error
        } catch {
            throw .refused("\(path) cannot be replaced: \(error)")
        }
    }

    private func convert(_ body: (SQLiteConnection) throws(SQLiteError) -> Void) throws(StorageError) {
        do {
            try connection.transaction { () throws(SQLiteError) in try body(connection) }
        } catch {
            throw StorageError(writing: error.code, error.text)
        }
    }

    /// Removes what lies beside a log that is closed.
    private static func removeCompanions(of path: String) throws(StorageError) {
        do throws(SystemError) {
            for suffix in ["-wal", "-lock"] { try removeFile(path + suffix) }
        } catch {
            throw .refused("\(path): \(error)")
        }
    }
}
