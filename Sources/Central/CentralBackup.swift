import Glibc
import Reactor
import Storage

/// `heddle central backup` and `heddle central restore`: a central's whole state as one file.
public enum CentralBackup {
    /// The extent of a backup or restore.
    public struct Summary: Sendable {
        public var revision: UInt64
        public var byteCount: Int
        /// Under which names the files are kept that were there before.
        public var kept: [String] = []
    }

    /// Saves the log of a data directory, with the authority, in a file; central may run or not.
    ///
    /// It is made under another name, `FILE.tmp`, verified and synced before it gets its own.
    /// - Parameters:
    ///   - replaces: True if a file that is there is replaced.
    ///   - progress: Is told how much of the log is copied, from 0 to 1.
    public static func save(
        _ directory: String,
        to file: String,
        replaces: Bool,
        progress: @escaping (Double) -> Void
    ) throws(CentralError) -> Summary {
        umask(0o077)
        if !replaces, access(file, F_OK) == 0 {
            throw CentralError("\(file) is there already; choose another name, or replace it with --force")
        }
        let temporary = file + ".tmp"
        let data = DataDirectory(path: directory)
        do {
            for suffix in ["", "-wal", "-lock"] { try removeFile(temporary + suffix) }
            if let central = try connect(to: directory) {
                try BackupClient(central, progress: progress).receive(into: temporary)
            } else {
                try copy(data, to: temporary, progress: progress)
            }
            let contents = try SQLiteStore.completeBackup(at: temporary, with: try data.companionFiles())
            let byteCount = try putInPlace(temporary, at: file)
            return Summary(revision: contents.revision, byteCount: byteCount)
        } catch {
            for suffix in ["", "-wal", "-lock"] { try? removeFile(temporary + suffix) }
            if let error = error as? CentralError { throw error }
            throw CentralError("no backup was made: \(error)")
        }
    }

    /// Puts a backup in the place of the log of a data directory whose central does not run. Hosts and watchers fetch
    /// everything again, because of a new epoch. The existing files are kept under other names.
    /// - Parameter forcesHosts: True if hosts use it even if it takes plugged ports or most of the network from them.
    public static func restore(
        _ file: String,
        to directory: String,
        forcesHosts: Bool = false
    ) throws(CentralError) -> Summary {
        let data = DataDirectory(path: directory)
        let lock = try data.lock(isMade: true)
        defer { withExtendedLifetime(lock) {} }
        let prepared = data.store + ".restored"
        let suffix = ".before-" + timeStamp()
        do {
            var kept: [String] = []
            let contents = try SQLiteStore.prepareRestore(
                of: file,
                at: prepared,
                newEpoch: .random(in: 1 ... .max),
                forcesHosts: forcesHosts
            )
            for (name, mode) in DataDirectory.companions {
                guard let saved = contents.files.first(where: { $0.name == name }) else { continue }
                let path = directory + "/" + name
                let there = try data.companionFiles().first { $0.name == name }
                guard there != saved else { continue }
                if there != nil {
                    try systemCall("rename \(path)") { rename(path, path + suffix) < 0 ? -Int(errno) : 0 }
                    kept.append(path + suffix)
                }
                try writeFile(saved.bytes, replacing: path, mode: mode)
            }
            try data.giveToOwner()
            if access(data.store, F_OK) == 0 { kept.append(data.store + suffix) }
            try SQLiteStore.putInPlace(prepared, at: data.store, keeping: data.store + suffix)
            try data.giveToOwner()
            return Summary(revision: contents.revision, byteCount: 0, kept: kept)
        } catch {
            for suffix in ["", "-wal", "-lock"] { try? removeFile(prepared + suffix) }
            throw CentralError("\(file) was not restored: \(error)")
        }
    }

    /// The way to the central that runs on a directory; `nil` if none does.
    private static func connect(to directory: String) throws(SystemError) -> Descriptor? {
        do throws(SystemError) {
            return try SeqPacket.connect(path: directory + "/" + BackupServer.socketName)
        } catch  where error.errno == ENOENT || error.errno == ECONNREFUSED {
            return nil
        }
    }

    /// Copies the log of a central that does not run.
    private static func copy(_ data: DataDirectory, to file: String, progress: (Double) -> Void) throws {
        let lock = try data.lock(isMade: false)
        defer { withExtendedLifetime(lock) {} }
        guard !SQLiteStore.isMissing(at: data.store) else { throw CentralError("there is no log at \(data.store)") }
        let store = try SQLiteStore(path: data.store, newEpoch: 1, keepsEvidence: false)
        let backup = try store.beginBackup(to: file)
        while case let step = try backup.step(), !step.isComplete {
            progress(Double(step.done) / Double(max(1, step.total)))
        }
        try data.giveToOwner()
    }

    private static func putInPlace(_ temporary: String, at file: String) throws(SystemError) -> Int {
        let descriptor = try Descriptor.open(temporary, flags: O_RDWR)
        var status = stat()
        try systemCall("fsync \(temporary)") { fsync(descriptor.raw) < 0 ? -Int(errno) : 0 }
        try systemCall("fstat \(temporary)") { fstat(descriptor.raw, &status) < 0 ? -Int(errno) : 0 }
        try systemCall("rename \(temporary)") { rename(temporary, file) < 0 ? -Int(errno) : 0 }
        let folder = file.lastIndex(of: "/").map { $0 == file.startIndex ? "/" : String(file[..<$0]) } ?? "."
        let directory = try Descriptor.open(folder, flags: O_RDONLY | O_DIRECTORY)
        try systemCall("fsync \(folder)") { fsync(directory.raw) < 0 ? -Int(errno) : 0 }
        return Int(status.st_size)
    }

    /// The time as `20261129T094500Z`.
    private static func timeStamp() -> String {
        var seconds = time_t(Clock.wallSeconds())
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var text = [CChar](repeating: 0, count: 32)
        let count = strftime(&text, text.count, "%Y%m%dT%H%M%SZ", &parts)
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
