import CLinux
import Glibc
import Reactor

/// A network namespace, held open.
///
/// Holding one keeps the namespace alive after its name has gone, so hold a guest's no longer than a task takes.
public struct NetworkNamespace: Sendable, CustomStringConvertible {
    /// The directory in which `ip netns` keeps the names.
    public static let directory = "/run/netns"

    /// The name that was given: a name or a path.
    public let description: String
    let descriptor: Descriptor

    /// Opens a namespace by its name under /run/netns, or by a path (what holds a `/`), as /proc/PID/ns/net.
    /// - Throws: ENOENT; EINVAL for a file that is no network namespace; ETIMEDOUT for a file system that hangs.
    public init(_ nameOrPath: String) throws(SystemError) {
        let path = Self.path(of: nameOrPath)
        let descriptor = try Patience.run { () throws(SystemError) in
            // A pipe's other end is not waited for.
            try Descriptor.open(path, flags: O_RDONLY | O_NONBLOCK)
        }
        self.init(descriptor: descriptor, description: nameOrPath)
        // A file that is no namespace is told here, not at the first use.
        try run { () throws(SystemError) in }
    }

    /// Which namespace a name or path leads to now: the number that tells those that are there at the same time apart.
    /// - Throws: ENOENT; ETIMEDOUT for a file system that hangs.
    public static func identity(of nameOrPath: String) throws(SystemError) -> UInt64 {
        let path = path(of: nameOrPath)
        return try Patience.run { () throws(SystemError) in
            var status = stat()
            guard stat(path, &status) == 0 else { throw SystemError(call: "stat \(path)", errno: errno) }
            return UInt64(status.st_ino)
        }
    }

    private static func path(of nameOrPath: String) -> String {
        nameOrPath.utf8.contains(UInt8(ascii: "/")) ? nameOrPath : "\(directory)/\(nameOrPath)"
    }

    /// The namespace of the calling thread.
    public static func current() throws(SystemError) -> NetworkNamespace {
        let path = "/proc/thread-self/ns/net"
        return NetworkNamespace(descriptor: try .open(path, flags: O_RDONLY), description: path)
    }

    init(descriptor: Descriptor, description: String) {
        self.descriptor = descriptor
        self.description = description
    }

    /// True if both are the same namespace, however they were named.
    public func isSame(as other: NetworkNamespace) throws(SystemError) -> Bool {
        try systemCall("fstat \(description)") { clinux_same_inode(descriptor.raw, other.descriptor.raw) } == 1
    }

    /// Runs `body` in this namespace and waits for it.
    ///
    /// It runs on a thread of its own that ends with it, so that no thread of ours ever changes its namespace: what
    /// `body` opens (sockets, /dev/net/tun) belongs to this namespace wherever it is used afterwards.
    /// - Throws: EINVAL when this is no network namespace, EPERM without CAP_SYS_ADMIN; what `body` throws.
    public func run<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Value
    ) throws(SystemError) -> Result<Value, Failure> {
        let answer = OneShot<Result<Result<Value, Failure>, SystemError>>()
        let thread = startThread(named: "netns") { [descriptor, description] in
            do throws(SystemError) {
                try systemCall("setns \(description)") { clinux_setns_network(descriptor.raw) }
                answer.put(.success(Result(catching: body)))
            } catch {
                answer.put(.failure(error))
            }
        }
        // The thread's end, not just its answer: until then it is still in the namespace and keeps it alive.
        thread.join()
        return try answer.take().get()
    }

    /// Runs `body` in this namespace as above; its system errors are thrown as well.
    public func run<Value: Sendable>(
        _ body: @escaping @Sendable () throws(SystemError) -> Value
    ) throws(SystemError) -> Value {
        let result: Result<Value, SystemError> = try run(body)
        return try result.get()
    }
}
