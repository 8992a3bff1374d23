import Wire

/// Table `ls_in_arp_rsp`, priorities 50 and 100: requests for known addresses are answered where they are asked, also
/// for ports that are down or disabled (OVN's `ignore_lsp_down`): what is sent to those is dropped and says why.
///
/// A request from a physical network is answered by the host that has the port: all hosts there hear it.
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
            isAnswered(neighbor, to: context.ingress, &context, tables)
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
            isAnswered(neighbor, to: context.ingress, &context, tables)
        else { return 0 }
        return writeAdvertisement(
            of: message.target,
            at: MACAddress(truncating: neighbor.pointee.mac),
            to: frame,
            into: reply
        )
    }

    /// True if a request of this port is answered in the place of the neighbor. The owner asks for its own address to
    /// find out whether another host has it.
    private static func isAnswered(
        _ neighbor: UnsafePointer<KeyRow>,
        to asker: UnsafePointer<PortRow>,
        _ context: inout Context,
        _ tables: Tables
    ) -> Bool {
        let key = UInt16(truncatingIfNeeded: neighbor.pointee.value)
        guard asker.pointee.flags.contains(.isLocalnet) else { return key != asker.pointee.key }
        guard let owner = tables.port(key: key, in: context.datapath), owner.pointee.flags.contains(.boundHere),
            owner.pointee.locals.count > 0, owner.pointee.slot != asker.pointee.slot
        else { return false }
        return !owner.pointee.isStandby || context.isActivated(owner, tables)
    }

    private static func writeAdvertisement(
        of target: IPv6Address,
        at mac: MACAddress,
        to frame: Frame,
        into reply: Reply
    ) -> Int {
        let message = NeighborMessage(
            kind: .advertisement,
            // An answer to a host without an address is unsolicited (RFC 4861 section 7.2.4).
            isSolicited: frame.ipv6Source != .any,
            overrides: true,
            target: target,
            targetMAC: mac
        )
        var octets = reply.octets(at: Reply.discoveryOffset, count: message.byteCount).mutableSpan
        message.write(to: &octets)
        return reply.finishDiscovery(count: message.byteCount, from: target, at: mac, to: frame)
    }
}
