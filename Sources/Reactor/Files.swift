import CLinux
import Glibc

/// Writes a file so that a crash at any moment leaves the old bytes or the new ones, never a mixture.
///
/// The bytes go to `path` + `.new`, are synced and renamed, and the directory is synced.
/// - Parameter mode: the permissions of the new file.
public func writeFile(_ bytes: [UInt8], replacing path: String, mode: UInt32 = 0o600) throws(SystemError) {
    _ = try replaceFile(path, mode: mode) { file throws(SystemError) in try file.writeAll(bytes, to: path) }
}

/// Writes a file in pieces so that a crash at any moment leaves the old bytes or the new ones, never a mixture.
///
/// - Parameter write: writes all bytes.
/// - Returns: the file, open for writing at its end.
public func replaceFile(
    _ path: String,
    mode: UInt32 = 0o600,
    _ write: (Descriptor) throws(SystemError) -> Void
) throws(SystemError) -> Descriptor {
    let temporary = path + ".new"
    let file = try Descriptor.open(temporary, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
    try write(file)
    try file.sync(temporary)
    try systemCall("rename \(temporary)") { clinux_rename(temporary, path) }
    try Descriptor.open(directoryName(of: path), flags: O_RDONLY | O_DIRECTORY).sync(directoryName(of: path))
    return file
}

extension Descriptor {
    /// Writes all bytes; blocks until the kernel has taken them.
    /// - Parameter path: the file's name, for the error.
    public func writeAll(_ bytes: [UInt8], to path: String) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            written += try systemCall("write \(path)") {
                bytes.withUnsafeBytes { clinux_write(raw, $0.baseAddress?.advanced(by: written), $0.count - written) }
            }
        }
    }

    /// Has the disk take all that was written.
    /// - Parameter path: the file's name, for the error.
    public func sync(_ path: String) throws(SystemError) {
        try systemCall("fsync \(path)") { clinux_sync(raw) }
    }
}

/// The bytes of a file.
/// - Throws: ENOENT when there is none; EFBIG when it holds more than `maximum` bytes.
public func readFile(_ path: String, maximum: Int = 1 << 30) throws(SystemError) -> [UInt8] {
    let file = try Descriptor.open(path, flags: O_RDONLY)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = try systemCall("read \(path)") { clinux_read(file.raw, &chunk, chunk.count) }
        if count == 0 { return bytes }
        guard bytes.count + count <= maximum else { throw SystemError(call: "read \(path)", errno: EFBIG) }
        bytes.append(contentsOf: chunk[..<count])
    }
}

/// Removes a file; one that is not there is no concern.
public func removeFile(_ path: String) throws(SystemError) {
    do throws(SystemError) {
        try systemCall("unlink \(path)") { clinux_unlink(path) }
    } catch  where error.errno == ENOENT {
        return
    }
}

/// Makes a directory and those above it; one that is there stays as it is.
/// - Parameter mode: the permissions of each one that is made.
public func makeDirectory(_ path: String, mode: UInt32 = 0o700) throws(SystemError) {
    do throws(SystemError) {
        try systemCall("mkdir \(path)") { clinux_mkdir(path, mode) }
    } catch  where error.errno == EEXIST {
        return
    } catch  where error.errno == ENOENT && directoryName(of: path) != path {
        try makeDirectory(directoryName(of: path), mode: mode)
        try systemCall("mkdir \(path)") { clinux_mkdir(path, mode) }
    }
}

/// Makes a symbolic link, in place of another one.
/// - Throws: EISDIR if a directory is in its place.
public func makeLink(_ path: String, to target: String) throws(SystemError) {
    var former = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = readlink(path, &former, former.count - 1)
    if count >= 0 {
        if String(decoding: former[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) == target { return }
    } else if errno != ENOENT {
        throw SystemError(call: "link \(path)", errno: errno == EINVAL ? EISDIR : errno)
    }
    try removeFile(path)
    try systemCall("symlink \(path)") { clinux_link(target, path) }
}

/// The name of this machine, as `hostname` prints it.
public func hostName() throws(SystemError) -> String {
    var name = [CChar](repeating: 0, count: 256)
    try systemCall("gethostname") { clinux_hostname(&name, name.count - 1) }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

private func directoryName(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}
