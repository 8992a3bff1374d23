import AgentCore
import Glibc
import Netdev
import Reactor
import Wire

/// The host's end of the tunnels: an address, its device's MTU, a UDP socket.
enum Underlay {
    /// Geneve's UDP port (RFC 8926 section 3.3).
    static let port: UInt16 = 6081
    /// The socket's buffers: some ten thousand small frames, which bridges a restart of the forwarder.
    static let bufferByteCount: Int32 = 8 << 20

    /// The longest inner packet over the device that has the address.
    /// - Throws: if no device of this host has it, or its MTU is too small.
    static func innerMTU(at address: IPAddress) throws(AgentFailure) -> Int {
        let what = "cannot find the device of \(address)"
        guard let mtu = try explaining(what, { () throws(SystemError) in try Link.mtu(ofAddress: address) }) else {
            let own = try explaining(what) { () throws(SystemError) in try Link.addresses() }
                .map(\.prefix.address).filter(isUsable)
            let list = own.isEmpty ? "it has none" : "it has \(own.map(\.description).joined(separator: ", "))"
            throw AgentFailure("--encap-ip \(address) is not an address of this host; \(list)")
        }
        guard let inner = Configuration.innerMTU(underlayMTU: mtu, encapIP: address) else {
            throw AgentFailure("the MTU \(mtu) of the device that has \(address) is too small for tunnels; raise it")
        }
        return inner
    }

    private static func isUsable(_ address: IPAddress) -> Bool {
        switch address {
        case .v4(let address): !address.isLoopback
        case .v6(let address): !address.isLoopback && !address.isLinkLocal
        }
    }

    /// Sockets bound to the address, each of which gets its share of the flows; `nil` if the port is taken there.
    static func open(at address: IPAddress, count: Int) throws(AgentFailure) -> [Descriptor]? {
        let place = SocketAddress.ip(address, port: port)
        do throws(SystemError) {
            let alone = try UDPSocket(boundTo: place, bufferByteCount: bufferByteCount)
            guard count > 1 else { return [alone.descriptor] }
        } catch {
            return try Self.refused(address, error)
        }
        // A socket that does not share the port shows first that nobody else has it.
        do throws(SystemError) {
            var sockets: [Descriptor] = []
            for _ in 0..<count {
                sockets.append(
                    try UDPSocket(boundTo: place, sharesPort: true, bufferByteCount: bufferByteCount).descriptor
                )
            }
            return sockets
        } catch {
            return try Self.refused(address, error)
        }
    }

    private static func refused(_ address: IPAddress, _ error: SystemError) throws(AgentFailure) -> [Descriptor]? {
        if error.errno == EADDRINUSE { return nil }
        throw AgentFailure("cannot open the underlay's socket at \(address): \(error)")
    }

    /// The reason why there can be no tunnels if the port is taken.
    static func isTaken(at address: IPAddress) -> AgentFailure {
        AgentFailure(
            "UDP port \(port) at \(address) is taken by another process; "
                + "see which with 'ss -ulnp sport = \(port)' and stop it"
        )
    }
}
