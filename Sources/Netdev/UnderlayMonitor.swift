import CLinux
import Reactor

/// Tells when devices, addresses or routes of the namespace have changed in which it was made. The listener asks for
/// the changes itself: news that come too fast are lost.
public final class UnderlayMonitor {
    /// Datagrams taken in one turn of the loop: a change of a whole table must not keep others waiting.
    private static let datagramsPerTurnMaximum = 64

    private let socket: Descriptor
    private var registration: Registration?
    private var buffer = [UInt8](repeating: 0, count: 1 << 12)

    /// Begins to listen.
    /// - Parameter changed: Called on the loop, once for what has come together.
    public init(loop: EventLoop, changed: @escaping () -> Void) throws(SystemError) {
        socket = Descriptor(owning: Int32(try systemCall("socket netlink") { clinux_netlink_monitor() }))
        registration = try loop.register(socket.raw, reads: true, writes: false) { [weak self] _ in
            self?.drain()
            changed()
        }
    }

    deinit {
        registration?.cancel()
    }

    private func drain() {
        for _ in 0..<Self.datagramsPerTurnMaximum {
            var isFromKernel: Int32 = 0
            // ENOBUFS is news, too: some were lost.
            let count = clinux_netlink_receive(socket.raw, &buffer, buffer.count, &isFromKernel)
            if count == -Int(EAGAIN) { return }
        }
    }
}
