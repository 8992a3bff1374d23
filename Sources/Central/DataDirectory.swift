import Glibc
import Reactor
import Storage

/// The directory of a central that may not run, for the commands that work on it.
struct DataDirectory {
    /// The files that are kept with the log and go with its backups, and their permissions.
    static let companions: KeyValuePairs<String, UInt32> = ["ca.key": 0o600, "ca.crt": 0o644]

    let path: String

    var store: String { path + "/central.db" }

    /// Takes the lock that a central has while it runs.
    /// - Parameter isMade: True if the directory is made if it is missing.
    func lock(isMade: Bool) throws(CentralError) -> FileLock {
        umask(0o077)
        do throws(SystemError) {
            if isMade { try makeDirectory(path) }
        } catch {
            throw CentralError("cannot make the data directory: \(error); choose another with --data-dir")
        }
        do throws(FileLock.Failure) {
            return try FileLock(path: path + "/central.pid")
        } catch {
            switch error {
            case .held(let process):
                let holder = process.map { "another central (process \($0))" } ?? "another central"
                throw CentralError("\(holder) runs on \(path); stop it or choose another with --data-dir")
            case .system(let error):
                throw CentralError("cannot use the data directory: \(error); choose another with --data-dir")
            }
        }
    }

    func companionFiles() throws(SystemError) -> [SQLiteStore.CompanionFile] {
        var files: [SQLiteStore.CompanionFile] = []
        for (name, _) in Self.companions {
            do throws(SystemError) {
                let maximum = CentralAuthority.fileByteCountMaximum
                let bytes = try readFile(path + "/" + name, maximum: maximum)
                files.append(SQLiteStore.CompanionFile(name: name, bytes: bytes))
            } catch  where error.errno == ENOENT {
                continue
            }
        }
        return files
    }

    /// Gives the files that root has made in the directory to its owner, as whom central runs.
    func giveToOwner() throws(SystemError) {
        var status = stat()
        guard geteuid() == 0 else { return }
        try systemCall("stat \(path)") { stat(path, &status) < 0 ? -Int(errno) : 0 }
        guard status.st_uid != 0, let folder = opendir(path) else { return }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name.hasPrefix("central.") || name == "generation" || name.hasPrefix("ca.") else { continue }
            _ = lchown(path + "/" + name, status.st_uid, status.st_gid)
        }
    }
}
