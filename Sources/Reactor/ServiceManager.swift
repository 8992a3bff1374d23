import CLinux
import Glibc

/// The service manager that started this process: hears how it is doing and keeps descriptors for the next process of
/// the unit (sd_notify(3)); without one, nothing happens.
public final class ServiceManager: Sendable {
    /// A message to the service manager.
    public enum State: Hashable, Sendable {
        /// It serves; with a line for `systemctl status`.
        case ready(status: String)
        /// It reads its configuration anew, and will be ready again.
        case reloading
        /// It is about to end.
        case stopping
    }

    /// The number of the first descriptor that a manager passes on (sd_listen_fds(3)).
    private static let firstPassed: Int32 = 3
    /// The most descriptors of a manager's that are looked at.
    static let passedCountMaximum = 16

    /// The descriptors that earlier processes of the unit have left with it, by name.
    public let kept: [String: Descriptor]
    /// Connected to the manager: a process that has confined itself can make no such socket any more.
    private let socket: Descriptor?

    /// The manager that NOTIFY_SOCKET names.
    ///
    /// The variables are removed: a child of ours would speak in our name. Call it before other threads start.
    public convenience init() {
        func take(_ name: String) -> String? {
            defer { unsetenv(name) }
            return getenv(name).map { String(cString: $0) }
        }
        let process = take("LISTEN_PID").flatMap { Int32($0) }
        let count = take("LISTEN_FDS").flatMap { Int($0) }
        let names = take("LISTEN_FDNAMES")
        let isOurs = process == getpid()
        self.init(
            path: take("NOTIFY_SOCKET"),
            kept: isOurs ? Self.passed(count ?? 0, names: names ?? "", first: Self.firstPassed) : [:]
        )
    }

    /// The manager that listens at a path, or with an `@` in front at an abstract name; `nil` is none.
    init(path: String?, kept: [String: Descriptor] = [:]) {
        socket = path.flatMap { path in
            path.hasPrefix("/") || path.hasPrefix("@") ? try? Self.connect(to: path) : nil
        }
        self.kept = kept
    }

    /// Takes over what was passed on; of several with one name the last one counts.
    static func passed(_ count: Int, names: String, first: Int32) -> [String: Descriptor] {
        let names = names.split(separator: ":", omittingEmptySubsequences: false)
        var kept: [String: Descriptor] = [:]
        for index in 0..<max(0, min(count, names.count, passedCountMaximum)) {
            let raw = first + Int32(index)
            guard clinux_set_close_on_exec(raw) >= 0 else { continue }
            kept[String(names[index])] = Descriptor(owning: raw)
        }
        return kept
    }

    /// Gives a descriptor to keep for the next process of the unit, in place of what it had by this name. A unit that
    /// keeps none leaves it aside (FileDescriptorStoreMax=).
    public func keep(_ descriptor: Descriptor, named name: String) {
        guard kept[name] !== descriptor else { return }
        send("FDSTOREREMOVE=1\nFDNAME=\(name)")
        send("FDSTORE=1\nFDNAME=\(name)", [descriptor])
    }

    /// Tells it. A manager that has gone away is no reason to do anything else.
    public func tell(_ state: State) {
        let text =
            switch state {
            case .ready(let status): "READY=1\nSTATUS=\(status.split(separator: "\n").joined(separator: " "))"
            case .reloading: "RELOADING=1\nMONOTONIC_USEC=\(Int64(Clock.monotonic() / .microseconds(1)))"
            case .stopping: "STOPPING=1"
            }
        send(text)
    }

    private func send(_ text: String, _ descriptors: [Descriptor] = []) {
        guard let socket else { return }
        _ = try? SeqPacket.send(Array(text.utf8), descriptors: descriptors, over: socket)
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
