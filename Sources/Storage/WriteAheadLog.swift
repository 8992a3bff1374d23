import Glibc
import Reactor

/// The write-ahead log beside a database file, as a start finds it, before SQLite looks at it.
///
/// A process reads the kernel's page cache. After a failed sync the kernel takes pages for clean that never
/// reached the disk: the next process sees them, no sync of its own writes them any more, and whatever it appends
/// after them is lost with them when power goes. Nobody can note reliably that a sync has failed, so every log that a
/// start finds gets the same care: it is written once more, to other places of the disk, before it is believed.
///
/// The database file needs none of this. Only checkpoints write it, the log is not begun anew before a checkpoint's
/// sync has succeeded, and a start knows nothing of earlier checkpoints: all pages that may be in doubt are in the
/// log, are read from there, and are written again by the next checkpoint.
enum WriteAheadLog {
    /// The bytes that are copied at once.
    private static let chunkByteCount = 1 << 20

    /// Makes sure that the disk holds the log of a database as this machine sees it.
    /// - Throws: ``StorageError/refused(_:)`` if it cannot be; the log is as it was then.
    static func secure(of path: String) throws(StorageError) {
        let log = path + "-wal"
        let copy = log + ".new"
        do throws(SystemError) {
            // Of an earlier start that did not get to its end.
            try removeFile(copy)
            guard try fileSize(log) ?? 0 > 0 else { return }
            do throws(SystemError) {
                try copyFile(from: log, to: copy)
                try systemCall("rename \(copy)") { rename(copy, log) < 0 ? -Int(errno) : 0 }
                try syncFolder(of: log)
            } catch  where error.isLackOfRoom {
                try? removeFile(copy)
                try rewrite(log)
            }
        } catch {
            throw .refused(
                "\(log) cannot be rewritten (\(error)), and until then nobody knows how much of it is on the disk: "
                    + "repair or replace the disk, then start again"
            )
        }
    }

    /// Copies a file with its permissions and its owner, and syncs the copy. The folder is the caller's concern.
    static func copyFile(from source: String, to copy: String) throws(SystemError) {
        let input = try Descriptor.open(source, flags: O_RDONLY)
        let output = try Descriptor.open(copy, flags: O_WRONLY | O_CREAT | O_TRUNC)
        var status = stat()
        try systemCall("fstat \(source)") { fstat(input.raw, &status) < 0 ? -Int(errno) : 0 }
        // Root may start what another user goes on with.
        if geteuid() == 0 {
            try systemCall("fchown \(copy)") { fchown(output.raw, status.st_uid, status.st_gid) < 0 ? -Int(errno) : 0 }
        }
        try copyBytes(from: input, to: output, named: source)
    }

    /// Writes the bytes of a file over themselves: the disk without room for a copy has room for this.
    private static func rewrite(_ path: String) throws(SystemError) {
        let file = try Descriptor.open(path, flags: O_RDWR)
        try copyBytes(from: file, to: file, named: path)
    }

    private static func copyBytes(
        from input: Descriptor,
        to output: Descriptor,
        named name: String
    ) throws(SystemError) {
        var chunk = [UInt8](repeating: 0, count: chunkByteCount)
        var offset = 0
        while true {
            let count = try systemCall("read \(name)") {
                let count = pread(input.raw, &chunk, chunk.count, off_t(offset))
                return count < 0 ? -Int(errno) : count
            }
            if count == 0 { break }
            var written = 0
            while written < count {
                written += try systemCall("write \(name)") {
                    let done = chunk.withUnsafeBytes {
                        pwrite(
                            output.raw,
                            $0.baseAddress?.advanced(by: written),
                            count - written,
                            off_t(offset + written)
                        )
                    }
                    return done < 0 ? -Int(errno) : done
                }
            }
            offset += count
        }
        try systemCall("fsync \(name)") { fsync(output.raw) < 0 ? -Int(errno) : 0 }
    }
}

/// The bytes of a file; `nil` if there is none.
func fileSize(_ path: String) throws(SystemError) -> Int? {
    var status = stat()
    do throws(SystemError) {
        try systemCall("stat \(path)") { stat(path, &status) < 0 ? -Int(errno) : 0 }
    } catch  where error.errno == ENOENT {
        return nil
    }
    return Int(status.st_size)
}

func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// Makes the names of a folder's files durable.
func syncFolder(of path: String) throws(SystemError) {
    let folder = folder(of: path)
    let descriptor = try Descriptor.open(folder, flags: O_RDONLY | O_DIRECTORY)
    try systemCall("fsync \(folder)") { fsync(descriptor.raw) < 0 ? -Int(errno) : 0 }
}

extension SystemError {
    /// True if a disk, a quota or a limit for files is exhausted.
    var isLackOfRoom: Bool { [ENOSPC, EDQUOT, EFBIG].contains(errno) }
}
