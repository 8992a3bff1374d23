import Wire

/// A decision of an ACL that is to be logged, and the beginning of the frame that it is about.
public struct FilterLogLine: Sendable {
    public let decision: FilterDecision
    /// The first octets of the frame.
    let head: [UInt8]
    let frameByteCount: Int

    /// - Parameters:
    ///   - head: the first octets of the frame.
    ///   - frameByteCount: the octets that it had.
    public init(decision: FilterDecision, head: [UInt8], frameByteCount: Int) {
        self.decision = decision
        self.head = head
        self.frameByteCount = frameByteCount
    }

    /// The frame's fields, in the form of OVN's and Open vSwitch's logs: `udp,dl_src=…,dl_dst=…,nw_src=…,nw_dst=…,
    /// tp_src=…,tp_dst=…`. What is behind the octets that are known is left out.
    public var fields: String {
        var bytes = head
        if bytes.count < frameByteCount { bytes += [UInt8](repeating: 0, count: frameByteCount - bytes.count) }
        guard !bytes.isEmpty else { return "eth" }
        return bytes.withUnsafeBytes { memory in
            guard let base = memory.baseAddress else { return "eth" }
            let frame = Frame(base, byteCount: frameByteCount)
            return Self.text(frame, knownByteCount: head.count)
        }
    }

    private static func text(_ frame: Frame, knownByteCount: Int) -> String {
        guard !frame.isShort else { return "eth" }
        var name = "eth"
        var parts = [
            "dl_src=\(MACAddress(truncating: frame.source))", "dl_dst=\(MACAddress(truncating: frame.destination))",
        ]
        switch frame.network {
        case .malformed: name = "malformed"
        case .opaque, .foreignARP:
            let type = String(frame.bytes.integer16(at: frame.networkOffset - 2), radix: 16)
            parts.append("dl_type=0x" + String(repeating: "0", count: 4 - type.count) + type)
        case .arp:
            name = "arp"
            parts += [
                "arp_spa=\(IPv4Address(frame.arpSenderIP))", "arp_tpa=\(IPv4Address(frame.arpTargetIP))",
                "arp_op=\(frame.arpOperation)",
            ]
        case .ipv4:
            name = self.name(frame.transport, isIPv6: false)
            parts += ["nw_src=\(IPv4Address(frame.ipv4Source))", "nw_dst=\(IPv4Address(frame.ipv4Destination))"]
            parts += transport(frame, knownByteCount)
        case .ipv6:
            name = self.name(frame.transport, isIPv6: true)
            parts += ["ipv6_src=\(frame.ipv6Source)", "ipv6_dst=\(frame.ipv6Destination)"]
            parts += transport(frame, knownByteCount)
        }
        return ([name] + parts).joined(separator: ",")
    }

    private static func name(_ transport: UInt8, isIPv6: Bool) -> String {
        switch transport {
        case IPProtocol.tcp: isIPv6 ? "tcp6" : "tcp"
        case IPProtocol.udp: isIPv6 ? "udp6" : "udp"
        case IPProtocol.sctp: isIPv6 ? "sctp6" : "sctp"
        case IPProtocol.icmpv4: isIPv6 ? "ipv6" : "icmp"
        case IPProtocol.icmpv6: isIPv6 ? "icmp6" : "ip"
        default: isIPv6 ? "ipv6" : "ip"
        }
    }

    private static func transport(_ frame: Frame, _ knownByteCount: Int) -> [String] {
        let (offset, bytes) = (frame.transportOffset, frame.bytes)
        let count = min(frame.transportByteCount, knownByteCount - offset)
        if frame.isLaterFragment { return ["nw_proto=\(frame.transport)", "nw_frag=later"] }
        switch frame.transport {
        case IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp:
            guard count >= 4 else { return [] }
            let ports = ["tp_src=\(bytes.integer16(at: offset))", "tp_dst=\(bytes.integer16(at: offset + 2))"]
            guard frame.transport == IPProtocol.tcp, count >= 14 else { return ports }
            return ports + ["tcp_flags=" + flags(bytes.integer8(at: offset + 13))]
        case IPProtocol.icmpv4, IPProtocol.icmpv6:
            guard count >= 2 else { return [] }
            return ["icmp_type=\(bytes.integer8(at: offset))", "icmp_code=\(bytes.integer8(at: offset + 1))"]
        default: return ["nw_proto=\(frame.transport)"]
        }
    }

    /// `syn|ack`, or 0 for none.
    private static func flags(_ flags: UInt8) -> String {
        let names = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"]
        let set = names.enumerated().filter { flags >> UInt8($0.offset) & 1 != 0 }.map(\.element)
        return set.isEmpty ? "0" : set.joined(separator: "|")
    }
}
