import Glibc
import Netdev
import Reactor
import Synchronization

/// A namespace with a name under /run/netns, removed with everything in it when the last reference goes.
final class TestNamespace: Sendable {
    private static let count = Mutex(0)

    let name: String
    let namespace: NetworkNamespace

    init(_ purpose: String) throws {
        let number = Self.count.withLock { count in
            count += 1
            return count
        }
        name = "hd-\(purpose)-\(getpid())-\(number)"
        try runIP("netns", "add", name)
        namespace = try NetworkNamespace(name)
    }

    /// Takes the name away; the namespace itself goes with its last user.
    func removeName() {
        try? runIP("netns", "del", name)
    }

    deinit {
        removeName()
    }
}

struct CommandFailed: Error {
    let arguments: [String]
    let code: Int32?
}

/// Runs ip(8) and waits for it.
func runIP(_ arguments: String...) throws {
    let loop = try EventLoop()
    let path = access("/sbin/ip", X_OK) == 0 ? "/sbin/ip" : "/usr/bin/ip"
    let pid = try ChildProcess.start(path, arguments: arguments)
    var code: Int32?
    _ = try loop.onExit(ofProcess: pid) {
        code = $0
        loop.stop()
    }
    loop.run()
    if code != 0 { throw CommandFailed(arguments: arguments, code: code) }
}
