import CLinux
import Glibc
import Wire

/// Stream sockets: all are non-blocking and close-on-exec.
extension Descriptor {
    /// Connections the kernel keeps for a listener until they are accepted; it lowers this to net.core.somaxconn.
    public static let listenBacklog: Int32 = 4096

    /// A listening stream socket.
    ///
    /// At a Unix path, what is left of an earlier socket is removed: hold a `FileLock` that says the place is yours.
    /// - Parameters:
    ///   - sharesPort: lets several sockets listen at one address, each with its share of the connections.
    ///   - mode: the permissions of a Unix socket.
    public static func listen(
        on address: SocketAddress,
        sharesPort: Bool = false,
        mode: UInt32 = 0o600
    ) throws(SystemError) -> Descriptor {
        let socket = try bound(CLINUX_SOCK_STREAM, to: address, sharesPort: sharesPort, mode: mode)
        try systemCall("listen \(address)") { clinux_listen(socket.raw, listenBacklog) }
        return socket
    }

    /// Begins to connect a stream socket: when it is writable, `connectionError` says how it went.
    /// - Throws: what is known at once, as ENOENT and ECONNREFUSED of Unix sockets, whose connecting never waits.
    public static func connect(to address: SocketAddress) throws(SystemError) -> Descriptor {
        let socket = try socket(address.family, CLINUX_SOCK_STREAM)
        if case .ip = address { try socket.setOption(CLINUX_IPPROTO_TCP, TCP_NODELAY, 1) }
        try address.withStorage { (storage, length) throws(SystemError) in
            let result = clinux_connect(socket.raw, storage, length)
            // An interrupted connect goes on by itself, as one in progress.
            guard result < 0, result != -Int(EINPROGRESS), result != -Int(EINTR) else { return }
            throw SystemError(call: "connect \(address)", errno: Int32(-result))
        }
        return socket
    }

    /// The failure of a connecting that was under way; `nil` when the socket is connected.
    public func connectionError() throws(SystemError) -> SystemError? {
        let error = try option(SOL_SOCKET, SO_ERROR)
        return error == 0 ? nil : SystemError(call: "connect", errno: error)
    }

    /// The address that the socket is bound to: tells the port when it was bound to port 0.
    public func localAddress() throws(SystemError) -> SocketAddress {
        try address("getsockname") { clinux_local_address(raw, $0, $1) }
    }

    /// The address of the other side.
    /// - Throws: ENOTCONN.
    public func peerAddress() throws(SystemError) -> SocketAddress {
        try address("getpeername") { clinux_peer_address(raw, $0, $1) }
    }

    /// The user that the process on the other side of a Unix socket ran as when it connected; `nil` for other sockets.
    public func peerUser() throws(SystemError) -> UInt32? {
        guard try option(SOL_SOCKET, SO_DOMAIN) == AF_UNIX else { return nil }
        return try peerCredentials().user
    }

    /// The process on the other side of a Unix socket, as the kernel knows it: the one that connected, or that
    /// listened.
    public func peerProcess() throws(SystemError) -> pid_t { try peerCredentials().process }

    private func peerCredentials() throws(SystemError) -> clinux_credentials {
        var peer = clinux_credentials()
        try systemCall("getsockopt SO_PEERCRED") { clinux_peer_credentials(raw, &peer) }
        return peer
    }

    public func setOption(_ level: Int32, _ name: Int32, _ value: Int32) throws(SystemError) {
        try systemCall("setsockopt \(level)/\(name)") { clinux_set_option(raw, level, name, value) }
    }

    /// Has the kernel ask the peer of a quiet TCP connection whether it is still there, and give up a connection whose
    /// bytes are not acknowledged. What a listener accepts inherits it; other sockets are left as they are.
    /// - Parameters:
    ///   - interval: The time of silence before each question, in whole seconds.
    ///   - limit: The time that bytes or questions may stay unanswered.
    public func askWhetherPeersLive(every interval: Duration, within limit: Duration) throws(SystemError) {
        guard case .ip = try localAddress() else { return }
        let seconds = Int32(clamping: interval.components.seconds)
        try setOption(SOL_SOCKET, SO_KEEPALIVE, 1)
        try setOption(CLINUX_IPPROTO_TCP, TCP_KEEPIDLE, seconds)
        try setOption(CLINUX_IPPROTO_TCP, TCP_KEEPINTVL, seconds)
        try setOption(CLINUX_IPPROTO_TCP, TCP_USER_TIMEOUT, Int32(clamping: limit.components.seconds * 1000))
    }

    /// Has the kernel take no more bytes for a TCP connection than this beyond those under way (TCP_NOTSENT_LOWAT), so
    /// that a peer that does not read costs no more. What a listener accepts inherits it; other sockets are left as
    /// they are.
    public func boundUnsentBytes(to byteCount: Int) throws(SystemError) {
        guard case .ip = try localAddress() else { return }
        try setOption(CLINUX_IPPROTO_TCP, TCP_NOTSENT_LOWAT, Int32(clamping: byteCount))
    }

    /// The value of an integer option of a socket.
    public func option(_ level: Int32, _ name: Int32) throws(SystemError) -> Int32 {
        var value: Int32 = 0
        try systemCall("getsockopt \(level)/\(name)") { clinux_get_option(raw, level, name, &value) }
        return value
    }

    /// Sends bytes from `buffer` over a connected socket, maybe not all of them. Never raises SIGPIPE.
    /// - Throws: EPIPE and ECONNRESET when the other side has gone.
    public func send(_ buffer: UnsafeRawBufferPointer) throws(SystemError) -> IOResult<Int> {
        try systemIO("send") { clinux_send(raw, buffer.baseAddress, buffer.count, 0) }
    }

    /// Says that nothing more will be sent; the other side may go on sending.
    public func shutdownWrites() throws(SystemError) {
        try systemCall("shutdown") { clinux_shutdown_writes(raw) }
    }

    static func socket(_ family: Int32, _ type: Int32) throws(SystemError) -> Descriptor {
        Descriptor(owning: Int32(try systemCall("socket") { clinux_socket(family, type, 0) }))
    }

    /// A socket of `type` bound to `address`.
    static func bound(
        _ type: Int32,
        to address: SocketAddress,
        sharesPort: Bool,
        mode: UInt32 = 0o600
    ) throws(SystemError) -> Descriptor {
        let socket = try socket(address.family, type)
        switch address {
        case .ip(let host, _):
            if type == CLINUX_SOCK_STREAM { try socket.setOption(SOL_SOCKET, SO_REUSEADDR, 1) }
            if sharesPort { try socket.setOption(SOL_SOCKET, SO_REUSEPORT, 1) }
            if case .v6 = host { try socket.setOption(CLINUX_IPPROTO_IPV6, IPV6_V6ONLY, 1) }
        case .unix(let path):
            try removeFile(path)
            // bind makes the file with the permissions of the socket: there is no moment in which others may connect.
            try systemCall("fchmod \(path)") { clinux_set_mode(socket.raw, mode) }
        }
        try address.withStorage { (storage, length) throws(SystemError) in
            _ = try systemCall("bind \(address)") { clinux_bind(socket.raw, storage, length) }
        }
        return socket
    }

    private func address(
        _ call: String,
        _ body: (UnsafeMutablePointer<sockaddr_storage>, UnsafeMutablePointer<socklen_t>) -> Int
    ) throws(SystemError) -> SocketAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        try systemCall(call) { body(&storage, &length) }
        guard let address = SocketAddress(&storage, length: length) else {
            throw SystemError(call: call, errno: EAFNOSUPPORT)
        }
        return address
    }
}
