import Wire

/// Table `ls_in_apply_port_sec` (OVN's `check_in_port_sec`: controller/lflow.c, consider_port_sec_flows): port
/// security looks at what a port sends.
///
/// Entries are alternatives. What differs from OVN, for a port that may have certain IP addresses only:
/// - An ND message with contradictory options is refused; OVN lets it through.
/// - An ARP probe, whose sender has no address yet, passes (RFC 5227): hosts look for duplicates with it before they
///   use an address. OVN drops it, so that duplicates are not found.
/// - Probes of both families must go to the group that the owner of the address listens to, so that those for known
///   addresses are answered on the spot and no guest can keep another from using its address.
/// - Router advertisements and redirects pass only if the port may have a whole subnet's addresses: a host that sends
///   from its own addresses alone routes nothing.
/// - RARP that asks for the sender's own address passes: hypervisors announce a moved guest by it. OVN's pages say that
///   it does; its code drops it.
enum IngressPortSecurity: Stage {
    static var name: StaticString { "ls_in_apply_port_sec" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        passes(&context, tables) ? .next : .drop(.ingressPortSecurity)
    }

    private static func passes(_ context: inout Context, _ tables: Tables) -> Bool {
        let security = SecurityEntries(of: context.ingress, tables)
        if !security.isThere { return true }
        var needsNeighborCheck = false
        let source = context.source
        for entry in security.entries where entry.matches(source) || entry.owner == source {
            let isVirtual = entry.isVirtual
            switch isVirtual ? virtualOpinion(&context, security, entry) : opinion(&context, security, entry) {
            case .refused: continue
            case .allowed: return true
            case .allowedAfterNeighborCheck: needsNeighborCheck = true
            }
        }
        return needsNeighborCheck && passesNeighborCheck(&context, security)
    }

    enum Opinion {
        case refused
        case allowed
        case allowedAfterNeighborCheck
    }

    /// Table `in_port_sec`, priorities 90 and 95, for an entry with the frame's source MAC.
    private static func opinion(
        _ context: inout Context,
        _ security: SecurityEntries,
        _ entry: SecurityRow
    ) -> Opinion {
        let hasIPv4 = entry.ipv4.count > 0
        let hasIPv6 = entry.ipv6.count > 0
        switch context.network {
        case .malformed, .foreignARP:
            return .refused
        case .arp:
            let frame = context.contents
            guard frame.arpSenderMAC == entry.mac else { return .refused }
            if !hasIPv4 { return hasIPv6 ? .refused : .allowed }
            let isOwn = security.contains(frame.arpSenderIP, entry.ipv4)
            return isOwn || isARPProbe(frame) ? .allowed : .refused
        case .opaque:
            if !hasIPv4, !hasIPv6 { return .allowed }
            return context.contents.isAnnouncement(of: entry.mac) ? .allowed : .refused
        case .ipv4:
            if !hasIPv4 { return hasIPv6 ? .refused : .allowed }
            let isOwn = security.contains(context.ipv4Source, entry.ipv4)
            return isOwn || isDHCPDiscovery(&context) ? .allowed : .refused
        case .ipv6:
            if !hasIPv6 { return hasIPv4 ? .refused : .allowedAfterNeighborCheck }
            if isRouterMessage(&context), !security.hasSubnet(entry) { return .refused }
            let source = context.ipv6Source
            if security.contains(source, entry.ipv6) || source == security.linkLocal(entry.mac) {
                return .allowedAfterNeighborCheck
            }
            return source == .any ? unspecifiedSourceOpinion(&context) : .refused
        }
    }

    /// A host without an address asks all whether anybody has it (RFC 5227 section 1.1).
    private static func isARPProbe(_ frame: Frame) -> Bool {
        frame.arpSenderIP == 0 && frame.arpOperation == ARPPacket.request
            && frame.destination == MACAddress.broadcast.rawValue
    }

    /// True if it is a message that only routers have to send; receivers ignore it with another hop limit than 255.
    private static func isRouterMessage(_ context: inout Context) -> Bool {
        guard context.isICMPv6 else { return false }
        let frame = context.contents
        return frame.hasICMPv6
            && (frame.icmpType == ICMPv6Header.routerAdvertisement || frame.icmpType == ICMPv6Header.redirect)
    }

    /// A client without an address asks for one: `0.0.0.0` to `255.255.255.255`, UDP 68 to 67.
    private static func isDHCPDiscovery(_ context: inout Context) -> Bool {
        context.ipv4Source == 0 && context.ipv4Destination == ~0 && context.transport == IPProtocol.udp
            && context.ports == 68 << 16 | 67
    }

    /// A host without an address joins groups (MLD) and asks whether its address-to-be is taken (NS), on the link only.
    private static func unspecifiedSourceOpinion(_ context: inout Context) -> Opinion {
        guard context.ipv6Destination.high >> 48 == 0xff02, context.isICMPv6 else { return .refused }
        let frame = context.contents
        guard frame.hasICMPv6, frame.icmpv6Code == 0 else { return .refused }
        switch frame.icmpType {
        case ICMPv6Header.multicastListenerReport, ICMPv6Header.multicastListenerReportV2: return .allowed
        case ICMPv6Header.neighborSolicitation: return isNeighborProbe(frame) ? .allowedAfterNeighborCheck : .refused
        default: return .refused
        }
    }

    /// True if a solicitation goes to the group of the address that it asks for, as duplicate address detection does
    /// (RFC 4862 section 5.4.2).
    private static func isNeighborProbe(_ frame: Frame) -> Bool {
        guard frame.transportByteCount >= NeighborMessage.minimumByteCount, frame.destination >> 32 == 0x3333 else {
            return false
        }
        return frame.ipv6Destination == frame.neighborTarget.solicitedNodeAddress
    }

    /// Table `in_port_sec_nd`: what a solicitation or advertisement says about its sender must be true. Those with
    /// another hop limit than 255 pass, as every receiver drops them (RFC 4861 section 7.1).
    private static func passesNeighborCheck(_ context: inout Context, _ security: SecurityEntries) -> Bool {
        guard context.isICMPv6 else { return true }
        let frame = context.contents
        guard frame.hasICMPv6, frame.hopLimit == 255, NeighborMessage.Kind(rawValue: frame.icmpType) != nil else {
            return true
        }
        guard let message = try? NeighborMessage(parsing: frame.transportOctets.span), message.code == 0 else {
            return false
        }
        for entry in security.entries where entry.mac == frame.source && !entry.isVirtual {
            if allows(message, security, entry) { return true }
        }
        return false
    }

    private static func allows(
        _ message: NeighborMessage,
        _ security: SecurityEntries,
        _ entry: SecurityRow
    ) -> Bool {
        switch message.kind {
        case .solicitation:
            return isOwn(message.sourceMAC, entry)
        case .advertisement:
            guard isOwn(message.targetMAC, entry) else { return false }
            return entry.ipv6.count == 0 || message.target == security.linkLocal(entry.mac)
                || security.contains(message.target, entry.ipv6)
        }
    }

    /// An address option that is absent or zero says nothing.
    private static func isOwn(_ mac: MACAddress?, _ entry: SecurityRow) -> Bool {
        guard let mac else { return true }
        return mac.isZero || mac.rawValue == entry.mac
    }
}

extension Frame {
    /// True if it is a RARP request (RFC 903) in which a host asks for the address that belongs to its own MAC address.
    fileprivate func isAnnouncement(of mac: UInt64) -> Bool {
        let offset = networkOffset
        guard bytes.integer16(at: offset - 2) == EtherType.rarp, byteCount - offset >= ARPPacket.byteCount,
            bytes.integer32(at: offset) == 0x0001_0800, bytes.integer32(at: offset + 4) == 0x0604_0003
        else { return false }
        return bytes.macAddress(at: offset + 8) == mac && bytes.macAddress(at: offset + 18) == mac
    }
}
