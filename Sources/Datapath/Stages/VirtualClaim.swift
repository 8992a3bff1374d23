import Wire

/// Table `ls_in_arp_rsp`, priority 100 (OVN's action `bind_vport`): notes that a parent of a virtual port announces its
/// address, by a gratuitous ARP request, an ARP reply or a neighbor advertisement. The frame goes on as any other.
///
/// A port that is no parent claims nothing, whatever it announces; that it cannot deceive other guests either is a
/// matter of port security.
enum VirtualClaim: Stage {
    static var name: StaticString { "ls_in_arp_rsp_virtual" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        guard context.datapath.pointee.services.contains(.virtualPorts), !context.isFromWire,
            let port = announced(&context, tables), port.pointee.flags.contains(.enabled)
        else { return .next }
        let sender = context.ingress.pointee.slot
        let isKnown = tables.rows(UInt16.self, port.pointee.locals).contains(sender)
        if !isKnown, tables.rows(UInt16.self, port.pointee.parents).contains(sender) { context.claimed = port }
        return .next
    }

    /// The virtual port whose address a frame announces.
    private static func announced(_ context: inout Context, _ tables: Tables) -> UnsafePointer<PortRow>? {
        switch context.network {
        case .arp:
            let frame = context.contents
            let isRequest = frame.arpOperation == ARPPacket.request
            guard isRequest ? frame.arpTargetIP == frame.arpSenderIP : frame.arpOperation == ARPPacket.reply else {
                return nil
            }
            return tables.virtualPort(ipv4: frame.arpSenderIP, in: context.datapath)
        case .ipv6 where context.isICMPv6:
            let frame = context.contents
            guard frame.hasICMPv6, frame.icmpType == ICMPv6Header.neighborAdvertisement, frame.hopLimit == 255,
                let message = try? NeighborMessage(parsing: frame.transportOctets.span), message.code == 0
            else { return nil }
            return tables.virtualPort(ipv6: message.target, in: context.datapath)
        case .ipv4, .ipv6, .foreignARP, .opaque, .malformed: return nil
        }
    }
}
