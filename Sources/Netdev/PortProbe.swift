import CLinux
import Glibc
import Reactor
import Wire

/// Asks if a host refuses datagrams for a UDP port. An open port and one whose datagrams are dropped silently look
/// alike.
public enum PortProbe {
    /// A Geneve header (RFC 8926 section 3.4) of a control packet, which every forwarder counts and drops.
    private static let datagram: [UInt8] = [0, 0x80, 0x65, 0x58, 0, 0, 0, 0]

    /// Probes several hosts at once.
    /// - Parameters:
    ///   - source: The address of this host that datagrams start from, of the family of all hosts.
    ///   - patience: The longest wait for refusals.
    /// - Returns: The refusal of each host, in the order of `hosts`; `nil` if there was none.
    public static func run(
        _ hosts: [IPAddress],
        from source: IPAddress,
        port: UInt16,
        patience: Duration
    ) -> [String?] {
        let end = Clock.monotonic() + patience
        var refusals = [String?](repeating: nil, count: hosts.count)
        let sockets = hosts.enumerated().map { index, host -> UDPSocket? in
            do throws(SystemError) {
                let socket = try UDPSocket(boundTo: .ip(source, port: 0))
                // ICMP errors are told to connected sockets only (udp(7)).
                try SocketAddress.ip(host, port: port).withStorage { (storage, length) throws(SystemError) in
                    _ = try systemCall("connect \(host)") { clinux_connect(socket.descriptor.raw, storage, length) }
                }
                try send(on: socket)
                return socket
            } catch {
                refusals[index] = String(cString: strerror(error.errno))
                return nil
            }
        }
        while refusals.contains(where: { $0 == nil }), Clock.monotonic() < end {
            for (index, socket) in sockets.enumerated() where refusals[index] == nil {
                guard let socket, let number = pendingError(of: socket) else { continue }
                refusals[index] = String(cString: strerror(number))
            }
            usleep(5000)
        }
        return refusals
    }

    private static func send(on socket: UDPSocket) throws(SystemError) {
        _ = try systemCall("send") {
            datagram.withUnsafeBytes { clinux_send(socket.descriptor.raw, $0.baseAddress, $0.count, 0) }
        }
    }

    private static func pendingError(of socket: UDPSocket) -> Int32? {
        var number: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(socket.descriptor.raw, SOL_SOCKET, SO_ERROR, &number, &length) == 0 else { return nil }
        return number == 0 ? nil : number
    }
}
