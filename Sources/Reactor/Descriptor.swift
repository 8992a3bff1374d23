import CLinux
import Glibc

/// A file descriptor that is closed when its last reference goes.
///
/// A registration of an `EventLoop` must be cancelled before that.
public final class Descriptor: Sendable {
    /// The number, valid for as long as this object lives: an optimized build lets go of a local array of descriptors
    /// after its last use, not at the end of its scope.
    public let raw: Int32

    /// Takes over `raw`, which nothing else may close from now on.
    public init(owning raw: Int32) {
        self.raw = raw
    }

    deinit {
        // Linux frees the number also where close reports EINTR or EIO; only EBADF is a mistake, ours.
        precondition(clinux_close(raw) != -Int(EBADF), "close: descriptor \(raw) was closed by somebody else")
    }

    /// Another descriptor of the same open file, close-on-exec.
    public func duplicate() throws(SystemError) -> Descriptor {
        Descriptor(owning: Int32(try systemCall("fcntl F_DUPFD_CLOEXEC") { clinux_duplicate(raw) }))
    }

    /// Opens a file, close-on-exec.
    /// - Parameters:
    ///   - flags: as of open(2): `O_RDONLY`, `O_RDWR | O_CREAT` …
    ///   - mode: the permissions of a file that is made.
    public static func open(_ path: String, flags: Int32, mode: UInt32 = 0o600) throws(SystemError) -> Descriptor {
        Descriptor(owning: Int32(try systemCall("open \(path)") { clinux_open(path, flags, mode) }))
    }

    /// Makes reads and writes answer `wouldBlock` if they would wait.
    public func setNonBlocking() throws(SystemError) {
        try systemCall("fcntl O_NONBLOCK") { clinux_set_nonblocking(raw) }
    }

    /// Reads up to `buffer.count` bytes, which must be more than none; nothing more to come is `endOfStream`.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> IOResult<Int> {
        let result = try systemIO("read") { clinux_read(raw, buffer.baseAddress, buffer.count) }
        return result == .done(0) ? .endOfStream : result
    }

    /// Writes bytes from `buffer`, maybe not all of them.
    public func write(_ buffer: UnsafeRawBufferPointer) throws(SystemError) -> IOResult<Int> {
        try systemIO("write") { clinux_write(raw, buffer.baseAddress, buffer.count) }
    }
}
