import Wire

/// The keys of OVN's multicast groups (lib/mcast-group-index.h).
enum GroupKey {
    /// `_MC_flood`: every enabled port.
    static let flood: UInt16 = 32768
    /// `_MC_unknown`: the ports that take frames for MACs nobody is known to have.
    static let unknown: UInt16 = 32769
    /// `_MC_flood_l2`: every enabled port but those of routers.
    static let floodL2: UInt16 = 32772
}

extension Tables {
    /// Runs the ingress pipeline for a frame that the device in `slot` has sent: admission, port security, ARP and ND
    /// responder, L2 lookup, in OVN's order (ovn-northd(8), "Logical Switch Datapaths").
    /// - Parameter reply: where an answer is written; room for `Verdict.replyByteCountMaximum` octets, with less
    ///   there is no answer.
    public func process(
        _ frame: Frame,
        from slot: UInt16,
        reply: UnsafeMutableRawBufferPointer
    ) -> Verdict {
        guard let port = port(atSlot: slot), let datapath = datapath(of: port) else { return .drop(.portNotBound) }
        if let reason = admissionFailure(of: frame, from: port, in: datapath) { return .drop(reason) }
        guard passesIngressSecurity(frame, port) else { return .drop(.ingressPortSecurity) }
        let replyByteCount = neighborReply(to: frame, from: port, in: datapath, into: reply)
        if replyByteCount > 0 { return .reply(byteCount: replyByteCount) }
        return lookUpDestination(of: frame, from: port, in: datapath)
    }

    /// Table `ls_in_check_port_sec`, priority 100. A tag that only tells a priority makes a frame no tagged one, as IEEE
    /// 802.1Q has it; OVN drops those, too.
    private func admissionFailure(
        of frame: Frame,
        from port: UnsafePointer<PortRow>,
        in datapath: UnsafePointer<DatapathRow>
    ) -> DropReason? {
        if !port.pointee.flags.contains(.enabled) { return .portDisabled }
        if frame.isShort { return .malformedFrame }
        if frame.tagByteCount > 0, !datapath.pointee.isVLANPassthru, !frame.isPriorityTagged { return .vlanTagged }
        if frame.hasMulticastSource { return .multicastSource }
        if frame.network == .malformed { return .malformedFrame }
        return nil
    }

    /// Tables `ls_in_l2_lkup` and `ls_in_l2_unknown`.
    private func lookUpDestination(
        of frame: Frame,
        from port: UnsafePointer<PortRow>,
        in datapath: UnsafePointer<DatapathRow>
    ) -> Verdict {
        if frame.isMulticast {
            let key = isForRouters(frame) ? GroupKey.flood : GroupKey.floodL2
            return multicast(from: port, in: datapath, to: datapath.pointee.flood, key: key)
        }
        guard let destination = self.port(mac: frame.destination, in: datapath) else {
            let group = datapath.pointee.unknown
            guard group.locals.count + group.remotes.count > 0 else { return .drop(.unknownDestination) }
            return multicast(from: port, in: datapath, to: group, key: GroupKey.unknown)
        }
        if let reason = deliveryFailure(to: destination, from: port) { return .drop(reason) }
        return Verdict(
            dropReason: nil,
            vni: datapath.pointee.vni,
            ingressKey: port.pointee.key,
            egressKey: destination.pointee.key,
            ingressSlot: port.pointee.slot,
            locals: destination.pointee.locals,
            remotes: destination.pointee.remotes
        )
    }

    /// Whether routers want a multicast frame: priorities 71 (ARP) and 72 (NA, RS, RA) of `ls_in_l2_lkup`.
    private func isForRouters(_ frame: Frame) -> Bool {
        switch frame.network {
        case .arp, .foreignARP: true
        case .ipv6: isNeighborDiscoveryForRouters(frame)
        case .ipv4, .opaque, .malformed: false
        }
    }

    /// OVN's predicates `nd_na`, `nd_rs` and `nd_ra`: the type, code 0 and hop limit 255.
    private func isNeighborDiscoveryForRouters(_ frame: Frame) -> Bool {
        guard frame.hasICMPv6, frame.icmpv6Code == 0, frame.hopLimit == 255 else { return false }
        switch frame.icmpType {
        case ICMPv6Header.routerSolicitation, ICMPv6Header.routerAdvertisement, ICMPv6Header.neighborAdvertisement:
            return true
        default: return false
        }
    }

    private func deliveryFailure(
        to destination: UnsafePointer<PortRow>,
        from port: UnsafePointer<PortRow>
    ) -> DropReason? {
        if !destination.pointee.flags.contains(.enabled) { return .destinationDisabled }
        if destination == port { return .hairpin }
        if destination.pointee.locals.count + destination.pointee.remotes.count > 0 { return nil }
        if destination.pointee.flags.contains(.boundElsewhere) { return .destinationUnreachable }
        return destination.pointee.flags.contains(.boundHere) ? .destinationNotPlugged : .destinationNotBound
    }

    private func multicast(
        from port: UnsafePointer<PortRow>,
        in datapath: UnsafePointer<DatapathRow>,
        to group: GroupRow,
        key: UInt16
    ) -> Verdict {
        let isMember = key != GroupKey.unknown || port.pointee.flags.contains(.hasUnknown)
        guard group.locals.count + group.remotes.count > (isMember ? 1 : 0) else { return .drop(.hairpin) }
        return Verdict(
            dropReason: nil,
            vni: datapath.pointee.vni,
            ingressKey: port.pointee.key,
            egressKey: key,
            ingressSlot: port.pointee.slot,
            locals: group.locals,
            remotes: group.remotes
        )
    }
}
