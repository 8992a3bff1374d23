import Wire

/// Table `ls_in_arp_rsp`, priorities 50 and 100: requests for known addresses are answered where they are asked, also
/// for ports that are down or disabled (OVN's `ignore_lsp_down`): what is sent to those is dropped and says why.
///
/// Switches with `vlan_passthru` have no known addresses: a request here has no tag but one for VLAN 0, and its answer
/// none.
enum NeighborReply: Stage {
    static var name: StaticString { "ls_in_arp_rsp" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        guard context.isMulticast, let reply = Reply(context.reply) else { return .next }
        let byteCount: Int
        switch context.network {
        case .arp: byteCount = answerRequest(&context, tables, into: reply)
        case .ipv6 where context.isICMPv6: byteCount = answerSolicitation(&context, tables, into: reply)
        case .ipv4, .ipv6, .foreignARP, .opaque, .malformed: byteCount = 0
        }
        return byteCount > 0 ? .answer(.neighbor, byteCount: byteCount) : .next
    }

    /// Answers broadcast requests only: unicast ones are probes whether the owner lives.
    /// - Returns: the octets written to `reply`; 0 if the frame is to be forwarded.
    private static func answerRequest(_ context: inout Context, _ tables: Tables, into reply: Reply) -> Int {
        let frame = context.contents
        guard frame.arpOperation == ARPPacket.request, frame.destination == MACAddress.broadcast.rawValue,
            let neighbor = tables.neighbor(ipv4: frame.arpTargetIP, in: context.datapath),
            // The owner asks for its own address to find out whether another host has it.
            neighbor.pointee.value != UInt32(context.ingress.pointee.key)
        else { return 0 }
        let mac = MACAddress(truncating: neighbor.pointee.mac)
        let ethernet = EthernetHeader(
            destination: MACAddress(truncating: frame.source),
            source: mac,
            etherType: EtherType.arp
        )
        let packet = ARPPacket(
            operation: ARPPacket.reply,
            senderMAC: mac,
            senderIP: IPv4Address(frame.arpTargetIP),
            targetMAC: MACAddress(truncating: frame.arpSenderMAC),
            targetIP: IPv4Address(frame.arpSenderIP)
        )
        let start = EthernetHeader.untaggedByteCount
        var octets = reply.octets(at: 0, count: start).mutableSpan
        ethernet.write(to: &octets)
        octets = reply.octets(at: start, count: ARPPacket.byteCount).mutableSpan
        packet.write(to: &octets)
        return start + ARPPacket.byteCount
    }

    /// Answers solicitations to the solicited-node group only (`nd_ns_mcast`), for the same reason.
    private static func answerSolicitation(_ context: inout Context, _ tables: Tables, into reply: Reply) -> Int {
        let frame = context.contents
        guard frame.hasICMPv6, frame.icmpType == ICMPv6Header.neighborSolicitation, frame.hopLimit == 255,
            frame.destination >> 32 == 0x3333,
            let message = try? NeighborMessage(parsing: frame.transportOctets.span), message.code == 0,
            frame.ipv6Destination == message.target.solicitedNodeAddress,
            let neighbor = tables.neighbor(ipv6: message.target, in: context.datapath),
            neighbor.pointee.value != UInt32(context.ingress.pointee.key)
        else { return 0 }
        return writeAdvertisement(
            of: message.target,
            at: MACAddress(truncating: neighbor.pointee.mac),
            to: frame,
            into: reply
        )
    }

    private static func writeAdvertisement(
        of target: IPv6Address,
        at mac: MACAddress,
        to frame: Frame,
        into reply: Reply
    ) -> Int {
        // A host that has no address yet is told through all nodes, unsolicited (RFC 4861 section 7.2.4).
        let isProbe = frame.ipv6Source == .any
        let allNodes = IPv6Address(high: 0xff02 << 48, low: 1)
        let message = NeighborMessage(
            kind: .advertisement,
            isSolicited: !isProbe,
            overrides: true,
            target: target,
            targetMAC: mac
        )
        let ethernet = EthernetHeader(
            destination: MACAddress(truncating: isProbe ? 0x3333_0000_0001 : frame.source),
            source: mac,
            etherType: EtherType.ipv6
        )
        let ip = IPv6Header(
            payloadByteCount: UInt16(message.byteCount),
            nextHeader: IPProtocol.icmpv6,
            hopLimit: 255,
            source: target,
            destination: isProbe ? allNodes : frame.ipv6Source
        )
        let ipStart = EthernetHeader.untaggedByteCount
        let start = ipStart + IPv6Header.byteCount
        var octets = reply.octets(at: 0, count: ipStart).mutableSpan
        ethernet.write(to: &octets)
        octets = reply.octets(at: ipStart, count: IPv6Header.byteCount).mutableSpan
        ip.write(to: &octets)
        octets = reply.octets(at: start, count: message.byteCount).mutableSpan
        message.write(to: &octets)
        reply.finishICMPv6(at: start, count: message.byteCount, source: ip.source, destination: ip.destination)
        return start + message.byteCount
    }
}
