import Wire

// OVN's `check_in_port_sec` and `check_out_port_sec` (controller/lflow.c, consider_port_sec_flows), without VRRPv3.
// Entries are alternatives. What differs from OVN, for a port that may have certain IP addresses only:
// - An ND message with contradictory options is refused; OVN lets it through.
// - An ARP probe, whose sender has no address yet, passes (RFC 5227): hosts look for duplicates with it before they use
//   an address. OVN drops it, so that duplicates are not found.
// - Probes of both families must go to the group that the owner of the address listens to, so that those for known
//   addresses are answered on the spot and no guest can keep another from using its address.
// - Router advertisements and redirects pass only if the port may have a whole subnet's addresses: a host that sends
//   from its own addresses alone routes nothing.
// As in OVN, RARP, by which hypervisors announce a moved guest, does not pass: nothing here learns from it.

extension Tables {
    /// Whether port security lets a frame in from the port.
    func passesIngressSecurity(_ frame: Frame, _ port: UnsafePointer<PortRow>) -> Bool {
        if port.pointee.security.count == 0 { return true }
        let entries = rows(SecurityRow.self, port.pointee.security)
        var needsNeighborCheck = false
        for entry in entries where entry.mac == frame.source {
            switch ingressDecision(frame, entry) {
            case .refused: continue
            case .allowed: return true
            case .allowedAfterNeighborCheck: needsNeighborCheck = true
            }
        }
        return needsNeighborCheck && passesNeighborCheck(frame, entries)
    }

    /// Whether port security lets a frame out to the port.
    func passesEgressSecurity(_ frame: Frame, _ port: UnsafePointer<PortRow>) -> Bool {
        if port.pointee.security.count == 0 || frame.isMulticast { return true }
        let entries = rows(SecurityRow.self, port.pointee.security)
        var isKnown = false
        var isRestricted = false
        for entry in entries where entry.mac == frame.destination {
            isKnown = true
            guard entry.ipv4.count + entry.ipv6.count > 0 else { continue }
            switch frame.network {
            case .ipv4:
                if allowsDestination(ipv4: frame.ipv4Destination, entry) { return true }
                isRestricted = true
            case .ipv6:
                if allowsDestination(ipv6: frame.ipv6Destination, entry) { return true }
                isRestricted = true
            case .arp, .foreignARP, .opaque, .malformed: continue
            }
        }
        return isKnown && !isRestricted
    }

    private enum IngressDecision {
        case refused
        case allowed
        case allowedAfterNeighborCheck
    }

    /// Table `in_port_sec`, priorities 90 and 95, for an entry with the frame's source MAC.
    private func ingressDecision(_ frame: Frame, _ entry: SecurityRow) -> IngressDecision {
        let hasIPv4 = entry.ipv4.count > 0
        let hasIPv6 = entry.ipv6.count > 0
        switch frame.network {
        case .malformed, .foreignARP:
            return .refused
        case .arp:
            guard frame.arpSenderMAC == entry.mac else { return .refused }
            if !hasIPv4 { return hasIPv6 ? .refused : .allowed }
            return contains(frame.arpSenderIP, entry.ipv4) || isARPProbe(frame) ? .allowed : .refused
        case .opaque:
            return hasIPv4 || hasIPv6 ? .refused : .allowed
        case .ipv4:
            if !hasIPv4 { return hasIPv6 ? .refused : .allowed }
            return contains(frame.ipv4Source, entry.ipv4) || isDHCPDiscovery(frame) ? .allowed : .refused
        case .ipv6:
            if !hasIPv6 { return hasIPv4 ? .refused : .allowedAfterNeighborCheck }
            if isRouterMessage(frame), !hasSubnet(entry) { return .refused }
            let source = frame.ipv6Source
            if contains(source, entry.ipv6) || source == linkLocal(entry) { return .allowedAfterNeighborCheck }
            return source == .any ? unspecifiedSourceDecision(frame) : .refused
        }
    }

    /// A host without an address asks all whether anybody has it (RFC 5227 section 1.1).
    private func isARPProbe(_ frame: Frame) -> Bool {
        frame.arpSenderIP == 0 && frame.arpOperation == ARPPacket.request
            && frame.destination == MACAddress.broadcast.rawValue
    }

    /// What only routers have to say; receivers ignore it with another hop limit than 255.
    private func isRouterMessage(_ frame: Frame) -> Bool {
        frame.hasICMPv6
            && (frame.icmpType == ICMPv6Header.routerAdvertisement || frame.icmpType == ICMPv6Header.redirect)
    }

    private func hasSubnet(_ entry: SecurityRow) -> Bool {
        rows(IPv6PrefixRow.self, entry.ipv6).contains { $0.maskLow != ~0 }
    }

    /// A client without an address asks for one: `0.0.0.0` to `255.255.255.255`, UDP 68 to 67.
    private func isDHCPDiscovery(_ frame: Frame) -> Bool {
        frame.ipv4Source == 0 && frame.ipv4Destination == ~0 && frame.udpPorts == 68 << 16 | 67
    }

    /// A host without an address joins groups (MLD) and asks whether its address-to-be is taken (NS), on the link only.
    private func unspecifiedSourceDecision(_ frame: Frame) -> IngressDecision {
        guard frame.ipv6Destination.high >> 48 == 0xff02, frame.hasICMPv6, frame.icmpv6Code == 0 else {
            return .refused
        }
        switch frame.icmpType {
        case ICMPv6Header.multicastListenerReport, ICMPv6Header.multicastListenerReportV2: return .allowed
        case ICMPv6Header.neighborSolicitation: return isNeighborProbe(frame) ? .allowedAfterNeighborCheck : .refused
        default: return .refused
        }
    }

    /// Whether a solicitation goes to the group of the address that it asks for, as duplicate address detection does
    /// (RFC 4862 section 5.4.2).
    private func isNeighborProbe(_ frame: Frame) -> Bool {
        guard frame.transportByteCount >= NeighborMessage.minimumByteCount, frame.destination >> 32 == 0x3333 else {
            return false
        }
        return frame.ipv6Destination == frame.neighborTarget.solicitedNodeAddress
    }

    /// Table `in_port_sec_nd`: what a solicitation or advertisement says about its sender must be true. Those with
    /// another hop limit than 255 pass, as every receiver drops them (RFC 4861 section 7.1).
    private func passesNeighborCheck(
        _ frame: Frame,
        _ entries: UnsafeBufferPointer<SecurityRow>
    ) -> Bool {
        guard frame.hasICMPv6, frame.hopLimit == 255, NeighborMessage.Kind(rawValue: frame.icmpType) != nil else {
            return true
        }
        guard let message = try? NeighborMessage(parsing: frame.transportOctets.span), message.code == 0 else {
            return false
        }
        for entry in entries where entry.mac == frame.source {
            if allows(message, entry) { return true }
        }
        return false
    }

    private func allows(_ message: NeighborMessage, _ entry: SecurityRow) -> Bool {
        switch message.kind {
        case .solicitation:
            return isOwn(message.sourceMAC, entry)
        case .advertisement:
            guard isOwn(message.targetMAC, entry) else { return false }
            return entry.ipv6.count == 0 || message.target == linkLocal(entry)
                || contains(message.target, entry.ipv6)
        }
    }

    /// An address option that is absent or zero says nothing.
    private func isOwn(_ mac: MACAddress?, _ entry: SecurityRow) -> Bool {
        guard let mac else { return true }
        return mac.isZero || mac.rawValue == entry.mac
    }

    private func linkLocal(_ entry: SecurityRow) -> IPv6Address {
        MACAddress(truncating: entry.mac).linkLocalAddress
    }

    /// The entry has IP addresses. Without IPv4 ones among them no IPv4 is let out, as in OVN.
    private func allowsDestination(ipv4 address: UInt32, _ entry: SecurityRow) -> Bool {
        for prefix in rows(IPv4PrefixRow.self, entry.ipv4) where prefix.broadcast != 0 && prefix.broadcast == address {
            return true
        }
        if entry.ipv4.count > 0 && (address == ~0 || address >> 28 == 0xe) { return true }
        return contains(address, entry.ipv4)
    }

    private func allowsDestination(ipv6 address: IPv6Address, _ entry: SecurityRow) -> Bool {
        guard entry.ipv6.count > 0 else { return false }
        return address.isMulticast || address == linkLocal(entry) || contains(address, entry.ipv6)
    }

    private func contains(_ address: UInt32, _ extent: Extent) -> Bool {
        rows(IPv4PrefixRow.self, extent).contains { address & $0.mask == $0.network }
    }

    private func contains(_ address: IPv6Address, _ extent: Extent) -> Bool {
        rows(IPv6PrefixRow.self, extent).contains { prefix in
            address.high & prefix.maskHigh == prefix.networkHigh && address.low & prefix.maskLow == prefix.networkLow
        }
    }
}
