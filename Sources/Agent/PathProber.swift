import AgentCore
import CLinux
import Glibc
import Netdev
import Reactor
import Wire

/// Asks the forwarders of other hosts whether datagrams of some size reach them, and the kernel what it allows.
final class PathProber {
    /// Answers taken in one turn of the loop.
    private static let answersPerTurnMaximum = 256

    private let socket: UDPSocket
    private var registration: Registration?
    private let encapIP: IPAddress
    private let hear: (Event) -> Void
    /// The buffer of a probe; zeros follow its head.
    private var datagram = [UInt8](repeating: 0, count: 65_535)
    private var answer = [UInt8](repeating: 0, count: 256)

    /// - Parameters:
    ///   - encapIP: The address of this host's tunnels.
    ///   - hear: Gets `probeAnswered`.
    init(loop: EventLoop, encapIP: IPAddress, hear: @escaping (Event) -> Void) throws(SystemError) {
        self.encapIP = encapIP
        self.hear = hear
        socket = try UDPSocket(boundTo: .ip(encapIP, port: 0))
        // Whole or not at all, whatever the kernel has been told about the path.
        switch encapIP {
        case .v4: try socket.descriptor.setOption(CLINUX_IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE)
        case .v6: try socket.descriptor.setOption(CLINUX_IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE)
        }
        registration = try loop.register(socket.descriptor.raw, reads: true, writes: false) { [weak self] _ in
            self?.receive()
        }
    }

    deinit {
        registration?.cancel()
    }

    /// Sends the probes that wait. A probe that the kernel refuses does not arrive, which is an answer.
    func send(_ probes: [UnderlayProbe]) {
        for probe in probes {
            let headers = if case .v4 = encapIP { 28 } else { 48 }
            let byteCount = min(max(probe.byteCount - headers, TunnelProbe.byteCount), datagram.count)
            var head = datagram.mutableSpan
            TunnelProbe(isEcho: false, nonce: probe.nonce, payloadByteCount: byteCount).write(to: &head)
            let place = SocketAddress.ip(probe.address, port: Underlay.port)
            datagram.withUnsafeBytes { bytes in
                _ = try? socket.send(UnsafeRawBufferPointer(rebasing: bytes[..<byteCount]), to: place)
            }
        }
    }

    private func receive() {
        for _ in 0..<Self.answersPerTurnMaximum {
            let result = try? answer.withUnsafeMutableBytes { bytes throws(SystemError) in
                try socket.receive(into: bytes)
            }
            guard case .done((let count, let source))? = result else { return }
            guard case .ip(let address, Underlay.port) = source,
                let probe = TunnelProbe(parsing: answer.span.extracting(0..<min(count, answer.count))), probe.isEcho
            else { continue }
            hear(.probeAnswered(address, nonce: probe.nonce))
        }
    }

    /// Asks the kernel; it may take some milliseconds.
    static func measure(_ addresses: [IPAddress], from encapIP: IPAddress) -> PathMeasurement {
        PathMeasurement(
            deviceMTU: (try? Link.mtu(ofAddress: encapIP)) ?? nil,
            pathMTUs: (try? Route.mtus(to: addresses, from: encapIP)) ?? [:]
        )
    }
}
