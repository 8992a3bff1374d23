import CLinux
import Glibc

/// The service manager that started this process, and hears how it is doing (sd_notify(3)); without one, nothing
/// happens.
public final class ServiceManager: Sendable {
    /// A message to the service manager.
    public enum State: Hashable, Sendable {
        /// It serves; with a line for `systemctl status`.
        case ready(status: String)
        /// It reads its configuration anew, and will be ready again.
        case reloading
        case stopping
    }

    /// Connected to the manager: a process that has confined itself can make no such socket any more.
    private let socket: Descriptor?

    /// The manager that NOTIFY_SOCKET names.
    ///
    /// The variable is removed: a child of ours would speak in our name. Call it before other threads start.
    public convenience init() {
        let path = getenv("NOTIFY_SOCKET").map { String(cString: $0) }
        unsetenv("NOTIFY_SOCKET")
        self.init(path: path)
    }

    /// The manager that listens at a path, or with an `@` in front at an abstract name; `nil` is none.
    init(path: String?) {
        socket = path.flatMap { path in
            path.hasPrefix("/") || path.hasPrefix("@") ? try? Self.connect(to: path) : nil
        }
    }

    /// Tells it. A manager that has gone away is no reason to do anything else.
    public func tell(_ state: State) {
        let text =
            switch state {
            case .ready(let status): "READY=1\nSTATUS=\(status.split(separator: "\n").joined(separator: " "))"
            case .reloading: "RELOADING=1\nMONOTONIC_USEC=\(Int64(Clock.monotonic() / .microseconds(1)))"
            case .stopping: "STOPPING=1"
            }
        guard let socket else { return }
        _ = try? SeqPacket.send(Array(text.utf8), over: socket)
    }

    private static func connect(to path: String) throws(SystemError) -> Descriptor {
        let raw = try systemCall("socket") { clinux_socket(AF_UNIX, CLINUX_SOCK_DGRAM, 0) }
        let socket = Descriptor(owning: Int32(raw))
        let address = SocketAddress.unix(path: path.hasPrefix("@") ? "\0" + path.dropFirst() : path)
        try address.withStorage { (storage, length) throws(SystemError) in
            _ = try systemCall("connect \(address)") { clinux_connect(socket.raw, storage, length) }
        }
        return socket
    }
}
