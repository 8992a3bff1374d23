import CLinux
import Glibc
import Reactor
import Wire

/// Asks other hosts, by pings that may not be cut into fragments, whether packets of a size reach them.
public struct PathProbe {
    /// The probes of one host that were answered.
    public enum Outcome: Hashable, Sendable {
        /// To packets of the full size.
        case carriesAll
        /// To small packets, but not to those of the full size.
        case carriesSmallOnly
        /// To none.
        case silent
        /// Packets cannot be sent to it, and why.
        case failed(String)
    }

    /// The bytes of a small ping after the IP header: ICMP's own (RFC 792) and a little.
    private static let smallByteCount = 16

    private let socket: Descriptor
    private let isIPv6: Bool
    private let identifier = UInt16.random(in: 1 ... .max)

    /// Probes several hosts at once.
    /// - Parameters:
    ///   - hosts: All of the family of `source`; at most 32,767.
    ///   - source: The address of this host that packets start from.
    ///   - byteCounts: The size of the IP packets to each host.
    ///   - patience: The longest wait for answers.
    /// - Returns: The outcome for each host, in the order of `hosts`.
    /// - Throws: EPERM if the caller may not open a raw socket.
    public static func run(
        _ hosts: [IPAddress],
        from source: IPAddress,
        byteCounts: [Int],
        patience: Duration
    ) throws(SystemError) -> [Outcome] {
        var probe = try PathProbe(from: source)
        return probe.run(hosts, byteCounts: byteCounts, patience: patience)
    }

    private init(from source: IPAddress) throws(SystemError) {
        let address = SocketAddress.ip(source, port: 0)
        isIPv6 = address.family == AF_INET6
        let (family, transport) = (address.family, isIPv6 ? Int32(IPPROTO_ICMPV6) : Int32(IPPROTO_ICMP))
        let raw = try systemCall("socket ICMP") { clinux_socket(family, CLINUX_SOCK_RAW, transport) }
        socket = Descriptor(owning: Int32(raw))
        // Whole or not at all, whatever the kernel remembers about the path.
        if isIPv6 {
            try socket.setOption(Int32(IPPROTO_IPV6), IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE)
            try socket.setOption(Int32(IPPROTO_IPV6), IPV6_DONTFRAG, 1)
        } else {
            try socket.setOption(Int32(IPPROTO_IP), IP_MTU_DISCOVER, IP_PMTUDISC_PROBE)
        }
        try address.withStorage { (storage, length) throws(SystemError) in
            _ = try systemCall("bind \(source)") { clinux_bind(socket.raw, storage, length) }
        }
    }

    private mutating func run(_ hosts: [IPAddress], byteCounts: [Int], patience: Duration) -> [Outcome] {
        let end = Clock.monotonic() + patience
        var failures: [Int: String] = [:]
        var waiting: Set<UInt16> = []
        for (index, (host, byteCount)) in zip(hosts, byteCounts).enumerated() {
            let fullByteCount = max(byteCount - (isIPv6 ? 40 : 20), Self.smallByteCount)
            for (offset, size) in [Self.smallByteCount, fullByteCount].enumerated() {
                let sequence = UInt16(index * 2 + offset)
                do throws(SystemError) {
                    try send(sequence, byteCount: size, to: host)
                    waiting.insert(sequence)
                } catch {
                    // A packet that is too big for the first device is one that the path does not carry.
                    if error.errno != EMSGSIZE { failures[index] = String(cString: strerror(error.errno)) }
                }
            }
        }
        let sent = waiting
        while !waiting.isEmpty, let sequence = receive(before: end) { waiting.remove(sequence) }
        return hosts.indices.map { index in
            if let failure = failures[index] { return .failed(failure) }
            func isAnswered(_ sequence: UInt16) -> Bool { sent.contains(sequence) && !waiting.contains(sequence) }
            if isAnswered(UInt16(index * 2 + 1)) { return .carriesAll }
            return isAnswered(UInt16(index * 2)) ? .carriesSmallOnly : .silent
        }
    }

    /// Sends an echo request (RFC 792, RFC 4443 section 4.1); of ICMPv6 the kernel makes the checksum.
    private func send(_ sequence: UInt16, byteCount: Int, to host: IPAddress) throws(SystemError) {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        bytes[0] = isIPv6 ? 128 : 8
        for (offset, word) in [(4, identifier), (6, sequence)] {
            bytes[offset] = UInt8(word >> 8)
            bytes[offset + 1] = UInt8(truncatingIfNeeded: word)
        }
        if !isIPv6 {
            var checksum = InternetChecksum()
            checksum.add(bytes.span)
            bytes[2] = UInt8(checksum.value >> 8)
            bytes[3] = UInt8(truncatingIfNeeded: checksum.value)
        }
        let content = bytes
        try SocketAddress.ip(host, port: 0).withStorage { (storage, length) throws(SystemError) in
            _ = try systemCall("sendto \(host)") {
                content.withUnsafeBytes { clinux_send_to(socket.raw, $0.baseAddress, $0.count, storage, length) }
            }
        }
    }

    /// The number of the next request of ours that is answered; `nil` when the time is over.
    private func receive(before end: Duration) -> UInt16? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let left = end - Clock.monotonic()
            guard left > .zero else { return nil }
            var events = pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0)
            _ = poll(&events, 1, Int32(left / .milliseconds(1)) + 1)
            let count = recv(socket.raw, &buffer, buffer.count, 0)
            guard count > 0 else { continue }
            if let sequence = sequence(ofReply: buffer[..<count]) { return sequence }
        }
    }

    /// The number in an echo reply to us. A raw socket of IPv4 shows the IP header, one of IPv6 does not.
    private func sequence(ofReply packet: ArraySlice<UInt8>) -> UInt16? {
        var message = packet
        if !isIPv6 {
            guard let first = message.first else { return nil }
            message = message.dropFirst(Int(first & 15) * 4)
        }
        let bytes = Array(message.prefix(8))
        guard bytes.count == 8, bytes[0] == (isIPv6 ? 129 : 0), bytes[1] == 0,
            UInt16(bytes[4]) << 8 | UInt16(bytes[5]) == identifier
        else { return nil }
        return UInt16(bytes[6]) << 8 | UInt16(bytes[7])
    }
}
