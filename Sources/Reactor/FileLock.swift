import CLinux
import Glibc

/// An exclusive lock on a file that holds the process id of the holder: one agent per state directory.
///
/// It lasts until the object goes or the process ends, however that happens; the file stays.
public final class FileLock: Sendable {
    /// The reason why the lock was not got.
    public enum Failure: Error, Equatable, Sendable {
        /// Another process has it; its id if the file tells.
        case held(byProcess: pid_t?)
        /// The file could not be opened or written.
        case system(SystemError)
    }

    private let descriptor: Descriptor

    /// Takes the lock without waiting; the file is made if missing, its directory is not.
    public init(path: String) throws(Failure) {
        do throws(SystemError) {
            descriptor = try .open(path, flags: O_RDWR | O_CREAT)
        } catch {
            throw .system(error)
        }
        let file = descriptor.raw
        do throws(SystemError) {
            if case .done = try systemIO("flock \(path)", { clinux_flock_exclusive(file) }) {
                let text = Array("\(getpid())\n".utf8)
                try systemCall("ftruncate \(path)") { clinux_truncate(file, 0) }
                try systemCall("write \(path)") { clinux_write(file, text, text.count) }
                return
            }
        } catch {
            throw .system(error)
        }
        throw .held(byProcess: Self.process(named: file))
    }

    private static func process(named file: Int32) -> pid_t? {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = clinux_read(file, &bytes, bytes.count)
        guard count > 0 else { return nil }
        return pid_t(String(decoding: bytes[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
    }
}
