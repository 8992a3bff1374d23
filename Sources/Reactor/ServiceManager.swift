import CLinux
import Glibc

/// Tells the service manager that started this process how it is doing (sd_notify(3)); without one, nothing happens.
public final class ServiceManager: Sendable {
    /// What there is to tell.
    public enum State: Hashable, Sendable {
        /// It serves; with a line for `systemctl status`.
        case ready(status: String)
        /// It reads its configuration anew, and will be ready again.
        case reloading
        /// It is about to end.
        case stopping
    }

    private let path: String?

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
        self.path = path.flatMap { $0.hasPrefix("/") || $0.hasPrefix("@") ? $0 : nil }
    }

    /// Tells it. A manager that has gone away is no reason to do anything else.
    public func tell(_ state: State) {
        guard let path else { return }
        let text =
            switch state {
            case .ready(let status): "READY=1\nSTATUS=\(status.split(separator: "\n").joined(separator: " "))"
            case .reloading: "RELOADING=1\nMONOTONIC_USEC=\(Int64(Clock.monotonic() / .microseconds(1)))"
            case .stopping: "STOPPING=1"
            }
        let name = path.hasPrefix("@") ? "\0" + path.dropFirst() : path
        try? Self.send(Array(text.utf8), to: .unix(path: name))
    }

    private static func send(_ bytes: [UInt8], to address: SocketAddress) throws(SystemError) {
        let raw = try systemCall("socket") { clinux_socket(AF_UNIX, CLINUX_SOCK_DGRAM, 0) }
        let socket = Descriptor(owning: Int32(raw))
        try address.withStorage { (storage, length) throws(SystemError) in
            _ = try systemCall("sendto \(address)") {
                bytes.withUnsafeBytes { clinux_send_to(socket.raw, $0.baseAddress, $0.count, storage, length) }
            }
        }
    }
}
