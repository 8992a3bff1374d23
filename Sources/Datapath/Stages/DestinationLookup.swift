import Wire

/// Table `ls_in_l2_lkup`: groups for multicast frames, the port that has the MAC for others.
enum DestinationLookup: Stage {
    static var name: StaticString { "ls_in_l2_lkup" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        if context.isMulticast {
            let key = isForRouters(&context) ? GroupKey.flood : GroupKey.floodL2
            return context.flood(to: context.datapath.pointee.flood, key: key)
        }
        guard let port = tables.port(mac: context.destination, in: context.datapath) else { return .next }
        if let reason = deliveryFailure(to: port, from: context.ingress) { return .drop(reason) }
        let mayComeBack = port.pointee.flags.contains(.isVirtual) || context.isFromWire
        if mayComeBack, !isApart(port, from: context.ingress, tables) {
            return .drop(.hairpin)
        }
        context.send(to: port)
        return .output
    }

    /// True if frames for a port go to another place than the one that the sender's come from: not to the parent that
    /// has sent them, nor back to the wire.
    static func isApart(
        _ port: UnsafePointer<PortRow>,
        from sender: UnsafePointer<PortRow>,
        _ tables: Tables
    ) -> Bool {
        let isHere = sender.pointee.locals.count > 0
        return port.pointee.remotes.count > 0
            || tables.rows(UInt16.self, port.pointee.locals).contains {
                tables.port(atSlot: $0) != nil && !(isHere && $0 == sender.pointee.slot)
            }
    }

    /// True if routers want a multicast frame: priorities 71 (ARP) and 72 (NA, RS, RA).
    private static func isForRouters(_ context: inout Context) -> Bool {
        switch context.network {
        case .arp, .foreignARP: true
        case .ipv6: isNeighborDiscoveryForRouters(&context)
        case .ipv4, .opaque, .malformed: false
        }
    }

    /// OVN's predicates `nd_na`, `nd_rs` and `nd_ra`: the type, code 0 and hop limit 255.
    private static func isNeighborDiscoveryForRouters(_ context: inout Context) -> Bool {
        guard context.isICMPv6 else { return false }
        let frame = context.contents
        guard frame.hasICMPv6, frame.icmpv6Code == 0, frame.hopLimit == 255 else { return false }
        switch frame.icmpType {
        case ICMPv6Header.routerSolicitation, ICMPv6Header.routerAdvertisement, ICMPv6Header.neighborAdvertisement:
            return true
        default: return false
        }
    }

    private static func deliveryFailure(
        to destination: UnsafePointer<PortRow>,
        from port: UnsafePointer<PortRow>
    ) -> DropReason? {
        if !destination.pointee.flags.contains(.enabled) { return .destinationDisabled }
        if destination.pointee.key == port.pointee.key { return .hairpin }
        if destination.pointee.locals.count + destination.pointee.remotes.count > 0 { return nil }
        if destination.pointee.flags.contains(.boundElsewhere) { return .destinationUnreachable }
        return destination.pointee.flags.contains(.boundHere) ? .destinationNotPlugged : .destinationNotBound
    }
}

extension Context {
    /// Sends the frame to one port.
    mutating func send(to port: UnsafePointer<PortRow>) {
        destinations = Destinations(
            key: port.pointee.key,
            locals: port.pointee.locals,
            remotes: port.pointee.remotes
        )
    }

    /// True if the port that has sent the frame is a member of a group, as far as the group's key tells.
    func isMember(ofGroup key: UInt16) -> Bool {
        switch key {
        case GroupKey.unknown: ingress.pointee.flags.contains(.hasUnknown)
        case GroupKey.members: false
        default: true
        }
    }

    /// Sends the frame to a group, whose members do not get what they have sent themselves.
    mutating func flood(to group: GroupRow, key: UInt16) -> Step {
        let isMember = isMember(ofGroup: key)
        guard group.locals.count + group.remotes.count > (isMember ? 1 : 0) else { return .drop(.hairpin) }
        destinations = Destinations(key: key, locals: group.locals, remotes: group.remotes)
        return .output
    }
}
