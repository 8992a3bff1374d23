import CLinux
import Glibc
import Reactor
import Wire

/// The sockets that tunnels leave from. There are several, since a socket has one port, and the port is what tells one
/// flow from another to everybody who spreads packets between here and there (RFC 8926 section 3.3).
///
/// They are made while the process still may have large buffers, and bound when an address is known.
final class SenderPool {
    /// Sockets of an address for each queue of the forwarder. Frames of many flows that wait together leave in so many
    /// trains at least: with four they are forwarded a sixth faster than with sixteen, and no slower than with one.
    static let socketCountPerQueue = 4
    static let socketCountMaximum = 64
    /// Sockets of an address; a power of two.
    let socketCount: Int
    /// The buffer of each: many trains, so that a burst waits for the device instead of being dropped.
    static let bufferByteCount: Int32 = 8 << 20

    private var prepared: [Bool: [Descriptor]] = [:]

    /// Makes sockets of both families; without privileges buffers are as large as net.core.wmem_max lets them be. Of a
    /// family that the host does not have there are none.
    /// - Parameter queueCount: of the forwarder: with more of them there are more processors to spread flows over.
    init(queueCount: Int = 1) {
        var count = Self.socketCountPerQueue
        while count < Self.socketCountPerQueue * queueCount, count < Self.socketCountMaximum { count *= 2 }
        socketCount = count
        for isIPv6 in [false, true] { prepared[isIPv6] = try? make(isIPv6: isIPv6) }
    }

    /// Sockets bound to an address, each to a port of its own, that take nothing in.
    func bind(to address: IPAddress) throws(SystemError) -> [Descriptor] {
        let isIPv6 = if case .v6 = address { true } else { false }
        // Sockets are bound once; those for another address are new ones.
        let ready = prepared.removeValue(forKey: isIPv6)
        let sockets: [Descriptor]
        if let ready { sockets = ready } else { sockets = try make(isIPv6: isIPv6) }
        for socket in sockets {
            try SocketAddress.ip(address, port: 0).withStorage { (storage, length) throws(SystemError) in
                _ = try systemCall("bind \(address)") { clinux_bind(socket.raw, storage, length) }
            }
            try Self.forbidFragments(socket, isIPv6: isIPv6)
        }
        return sockets
    }

    /// The don't-fragment bit: what does not fit the path is cut or answered here, not reassembled there.
    ///
    /// The kernel's memory of the path is left aside (the "probe" mode of ip(7) and ipv6(7)): anybody who guesses
    /// four port numbers may tell it, by a forged ICMP message, that next to nothing comes through. What paths carry is
    /// known from probes that are answered, and from the routes, of which this mode heeds the device's MTU only.
    static func forbidFragments(_ socket: Descriptor, isIPv6: Bool) throws(SystemError) {
        if isIPv6 {
            try socket.setOption(CLINUX_IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE)
        } else {
            try socket.setOption(CLINUX_IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE)
        }
    }

    private func make(isIPv6: Bool) throws(SystemError) -> [Descriptor] {
        var sockets: [Descriptor] = []
        for _ in 0..<socketCount {
            let raw = try systemCall("socket") { clinux_socket(isIPv6 ? AF_INET6 : AF_INET, CLINUX_SOCK_DGRAM, 0) }
            let socket = Descriptor(owning: Int32(raw))
            do throws(SystemError) {
                try socket.setOption(SOL_SOCKET, SO_SNDBUFFORCE, Self.bufferByteCount)
            } catch {
                try socket.setOption(SOL_SOCKET, SO_SNDBUF, Self.bufferByteCount)
            }
            try systemCall("setsockopt SO_ATTACH_FILTER") { clinux_refuse_input(socket.raw) }
            sockets.append(socket)
        }
        return sockets
    }
}
