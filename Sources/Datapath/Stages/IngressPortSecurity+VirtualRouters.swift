import Wire

/// VRRPv3 (RFC 9568): an entry for virtual routers lets them send anything from their addresses but ARP and ND, which
/// the host's own MAC sends about them. The host's own MAC sends nothing else by such an entry.
extension IngressPortSecurity {
    /// The opinion of an entry for virtual routers on a frame from one of them, or from the MAC that owns them.
    static func virtualOpinion(
        _ context: inout Context,
        _ security: SecurityEntries,
        _ entry: SecurityRow
    ) -> Opinion {
        let isAllowed =
            entry.matches(context.source)
            ? allowsRouter(&context, security, entry) : allowsOwner(&context, security, entry)
        return isAllowed ? .allowed : .refused
    }

    private static func allowsRouter(
        _ context: inout Context,
        _ security: SecurityEntries,
        _ entry: SecurityRow
    ) -> Bool {
        let isAnyIP = entry.ipv4.count + entry.ipv6.count == 0
        switch context.network {
        case .arp, .foreignARP, .malformed: return false
        case .opaque: return isAnyIP
        case .ipv4: return isAnyIP || entry.isOfIPv4Routers && security.contains(context.ipv4Source, entry.ipv4)
        case .ipv6:
            if neighborKind(&context) != nil { return false }
            if isAnyIP { return true }
            guard !entry.isOfIPv4Routers, entry.ipv6.count > 0 else { return false }
            let source = context.ipv6Source
            return security.contains(source, entry.ipv6) || source == security.linkLocal(context.source)
        }
    }

    private static func allowsOwner(
        _ context: inout Context,
        _ security: SecurityEntries,
        _ entry: SecurityRow
    ) -> Bool {
        switch context.network {
        case .arp:
            let frame = context.contents
            guard entry.isOfIPv4Routers, entry.matches(frame.arpSenderMAC) else { return false }
            return entry.ipv4.count == 0 ? entry.ipv6.count == 0 : security.contains(frame.arpSenderIP, entry.ipv4)
        case .ipv6:
            guard !entry.isOfIPv4Routers, let kind = neighborKind(&context) else { return false }
            return allowsNeighborMessage(kind, context.contents, security, entry)
        case .ipv4, .foreignARP, .opaque, .malformed: return false
        }
    }

    private static func allowsNeighborMessage(
        _ kind: NeighborMessage.Kind,
        _ frame: Frame,
        _ security: SecurityEntries,
        _ entry: SecurityRow
    ) -> Bool {
        guard let message = try? NeighborMessage(parsing: frame.transportOctets.span), message.code == 0,
            let mac = kind == .solicitation ? message.sourceMAC : message.targetMAC, entry.matches(mac.rawValue)
        else { return false }
        guard entry.ipv6.count > 0 else { return entry.ipv4.count == 0 }
        func isOwn(_ address: IPv6Address) -> Bool {
            security.contains(address, entry.ipv6) || address == mac.linkLocalAddress
                || address == security.linkLocal(entry.owner)
        }
        return isOwn(frame.ipv6Source) && (kind == .solicitation || isOwn(message.target))
    }

    /// The kind of a message by which neighbors learn; `nil` for other frames, and for another hop limit than 255.
    private static func neighborKind(_ context: inout Context) -> NeighborMessage.Kind? {
        guard context.isICMPv6 else { return nil }
        let frame = context.contents
        guard frame.hasICMPv6, frame.hopLimit == 255 else { return nil }
        return NeighborMessage.Kind(rawValue: frame.icmpType)
    }
}
