import CLinux
import Glibc

/// Accepts the connections of a listening socket on a loop.
///
/// When the process has no descriptor left, a reserve is given up to accept and close the waiting connections: the
/// clients learn at once, and the listener does not stay readable for ever.
public final class Acceptor {
    /// Connections accepted at once, so that a flood of them does not starve those that are there.
    public static let acceptCountMaximum = 64
    /// The longest time that it accepts at once, for the same reason; one connection in any case.
    public static let acceptTimeMaximum: Duration = .microseconds(50)
    /// The pause without accepting after a failure of the machine (no memory, no descriptor to reserve).
    public static let pauseAfterFailure: Duration = .milliseconds(100)

    private let loop: EventLoop
    private let listener: Descriptor
    private let receive: (Descriptor, SocketAddress) -> Void
    private var reserve: Descriptor?
    private var registration: Registration?
    private var pause: TimerHandle?
    /// Connections closed because no descriptor was left.
    public private(set) var refusedCount = 0

    /// Begins to accept.
    /// - Parameters:
    ///   - loop: where `receive` is called; it keeps the acceptor until `cancel`.
    ///   - listener: a socket of `Descriptor.listen`.
    ///   - whenWaiting: called in every turn in which connections wait, in place of accepting them: that is then done
    ///     by ``acceptWaiting()``, when there is time for it.
    ///   - receive: gets each connection, non-blocking, TCP without delay, and where it comes from.
    public init(
        loop: EventLoop,
        listener: Descriptor,
        whenWaiting: (() -> Void)? = nil,
        _ receive: @escaping (Descriptor, SocketAddress) -> Void
    ) throws(SystemError) {
        self.loop = loop
        self.listener = listener
        self.receive = receive
        reserve = try Self.makeReserve()
        registration = try loop.register(listener.raw, reads: true, writes: false) { _ in
            if let whenWaiting { whenWaiting() } else { self.acceptWaiting() }
        }
    }

    /// A descriptor that takes no file: there are processes that may open none.
    private static func makeReserve() throws(SystemError) -> Descriptor {
        Descriptor(owning: Int32(try systemCall("eventfd") { clinux_eventfd() }))
    }

    /// Ends the accepting; the listener itself goes with its last reference. May be repeated.
    public func cancel() {
        registration?.cancel()
        registration = nil
        pause?.cancel()
        pause = nil
    }

    /// Accepts some of the connections that wait, if there are any.
    public func acceptWaiting() {
        let end = Clock.monotonic() + Self.acceptTimeMaximum
        for count in 0..<Self.acceptCountMaximum where registration != nil {
            guard count == 0 || Clock.monotonic() < end else { return }
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let result = clinux_accept(listener.raw, &storage, &length)
            guard result >= 0 else {
                if proceed(after: Int32(-result)) { continue }
                return
            }
            let connection = Descriptor(owning: Int32(result))
            let address = SocketAddress(&storage, length: length) ?? .unix(path: "")
            // Refused only by a socket that is already dead; its owner will see.
            if case .ip = address { try? connection.setOption(CLINUX_IPPROTO_TCP, TCP_NODELAY, 1) }
            receive(connection, address)
        }
    }

    /// True if accepting goes on after a failure: accept(2) also reports errors of the connection it would have
    /// returned.
    private func proceed(after error: Int32) -> Bool {
        switch error {
        case EAGAIN:
            return false
        case EMFILE, ENFILE:
            return refuseOne()
        case ENOBUFS, ENOMEM:
            rest()
            return false
        case EBADF, EFAULT, EINVAL, ENOTSOCK, EOPNOTSUPP:
            preconditionFailure(SystemError(call: "accept", errno: error).description)
        default:
            return true
        }
    }

    private func refuseOne() -> Bool {
        guard reserve != nil else {
            reserve = try? Self.makeReserve()
            rest()
            return false
        }
        reserve = nil
        let result = clinux_accept(listener.raw, nil, nil)
        if result >= 0 {
            _ = clinux_close(Int32(result))
            refusedCount += 1
        }
        reserve = try? Self.makeReserve()
        return result >= 0
    }

    private func rest() {
        try? registration?.update(reads: false, writes: false)
        pause = loop.schedule(after: Self.pauseAfterFailure) {
            try? self.registration?.update(reads: true, writes: false)
        }
    }
}
