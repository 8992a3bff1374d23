import AgentCore
import CLinux
import ForwarderProtocol
import Glibc
import Reactor
import Wire

/// The sockets over which copies of frames go to collectors: GRE over IPv4 and over IPv6, made when they are needed.
/// The forwarder, which sends by them, may make none itself.
final class CollectorSockets {
    /// GRE among the protocols of IP (RFC 2784).
    private static let protocolNumber: Int32 = 47
    /// Octets that may wait to be sent: some thousand frames.
    private static let bufferByteCount: Int32 = 2 << 20

    private let encapIP: IPAddress
    private var sockets: [Bool: Descriptor] = [:]
    /// The families for which there can be none, which was logged.
    private var failed: Set<Bool> = []

    /// - Parameter encapIP: the address that copies come from, if the collector's is of the same family.
    init(encapIP: IPAddress) {
        self.encapIP = encapIP
    }

    /// A message with the sockets that it needs, in their order: those of mirrors need some.
    func complete(_ message: ForwarderMessage) -> (message: ForwarderMessage, descriptors: [Descriptor]) {
        guard case .mirrors(let orders) = message else { return (message, []) }
        var needed: [Descriptor] = []
        for isIPv6 in [false, true] where orders.contains(where: { $0.sink.address?.isIPv6 == isIPv6 }) {
            if let socket = socket(isIPv6: isIPv6) { needed.append(socket) }
        }
        let possible = orders.filter { order in order.sink.address.map { sockets[$0.isIPv6] != nil } ?? true }
        return (.mirrors(possible), needed)
    }

    private func socket(isIPv6: Bool) -> Descriptor? {
        if let socket = sockets[isIPv6] { return socket }
        do throws(SystemError) {
            let socket = try open(isIPv6: isIPv6)
            sockets[isIPv6] = socket
            failed.remove(isIPv6)
            return socket
        } catch {
            if failed.insert(isIPv6).inserted {
                Log.write(.error, "frames cannot be copied to collectors over IPv\(isIPv6 ? 6 : 4): \(error)")
            }
            return nil
        }
    }

    private func open(isIPv6: Bool) throws(SystemError) -> Descriptor {
        let raw = try systemCall("socket GRE") {
            clinux_socket(isIPv6 ? AF_INET6 : AF_INET, CLINUX_SOCK_RAW, Self.protocolNumber)
        }
        let socket = Descriptor(owning: Int32(raw))
        try systemCall("setsockopt SO_ATTACH_FILTER") { clinux_refuse_input(socket.raw) }
        try socket.setOption(SOL_SOCKET, SO_SNDBUF, Self.bufferByteCount)
        // A copy that is longer than the path arrives as fragments.
        if isIPv6 {
            try socket.setOption(CLINUX_IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT)
        } else {
            try socket.setOption(CLINUX_IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
        }
        if encapIP.isIPv6 == isIPv6 {
            try SocketAddress.ip(encapIP, port: 0).withStorage { (storage, length) throws(SystemError) in
                _ = try systemCall("bind \(encapIP)") { clinux_bind(socket.raw, storage, length) }
            }
        }
        return socket
    }
}
