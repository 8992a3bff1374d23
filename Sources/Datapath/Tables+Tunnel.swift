import Wire

extension Tables {
    /// Decides on a frame that came through a tunnel. The ingress pipeline ran where the frame came from; what is
    /// checked here is that the sender is entitled to the ingress key (see `OriginRow`).
    /// - Parameters:
    ///   - packet: the Geneve header.
    ///   - frame: what follows the header.
    ///   - source: the outer source address.
    ///   - now: the time of `TableInput.now`'s clock.
    public func processTunnel(
        _ packet: TunnelPacket,
        frame: Frame,
        from source: IPAddress,
        now: Duration
    ) -> Verdict {
        if let failure = packet.failure { return .drop(failure) }
        let sender = chassis(encap: source)
        guard sender >= 0 else { return .drop(.unknownTunnelSource) }
        guard let datapath = datapath(vni: packet.vni) else { return .drop(.unknownDatapath) }
        let ingress = port(key: packet.ingressKey, in: datapath)
        guard let ingress, isOrigin(sender, of: ingress, now: now) else {
            let isMember = hasChassis(sender, datapath)
            return .drop(isMember ? .ingressKeyNotThere : .unknownTunnelSource)
        }
        guard frame.network != .malformed else { return .drop(.malformedFrame) }
        return lookUpEgress(of: packet, from: ingress, in: datapath)
    }

    private func lookUpEgress(
        of packet: TunnelPacket,
        from ingress: UnsafePointer<PortRow>,
        in datapath: UnsafePointer<DatapathRow>
    ) -> Verdict {
        let locals: Extent
        switch packet.egressKey {
        case GroupKey.flood, GroupKey.floodL2: locals = datapath.pointee.flood.locals
        case GroupKey.unknown: locals = datapath.pointee.unknown.locals
        default:
            guard let egress = port(key: packet.egressKey, in: datapath), egress.pointee.locals.count > 0 else {
                return .drop(.unknownEgressKey)
            }
            if !egress.pointee.flags.contains(.enabled) { return .drop(.destinationDisabled) }
            if egress == ingress { return .drop(.hairpin) }
            locals = egress.pointee.locals
        }
        guard hasMember(locals, besides: ingress) else { return .drop(.noLocalMember) }
        return Verdict(
            dropReason: nil,
            vni: packet.vni,
            ingressKey: packet.ingressKey,
            egressKey: packet.egressKey,
            ingressSlot: slot(of: ingress),
            locals: locals,
            // What came through a tunnel never enters another one.
            remotes: .empty
        )
    }

    /// Whether frames of the port are taken from the chassis: it is there, or was until a moment ago.
    private func isOrigin(_ chassis: Int, of port: UnsafePointer<PortRow>, now: Duration) -> Bool {
        for origin in rows(OriginRow.self, port.pointee.origins) where Int(origin.chassis) == chassis {
            return !origin.hasDeadline || now < origin.deadline
        }
        return false
    }

    /// Whether any port of the datapath is bound at the chassis.
    private func hasChassis(_ chassis: Int, _ datapath: UnsafePointer<DatapathRow>) -> Bool {
        rows(UInt32.self, datapath.pointee.chassis).contains { Int($0) == chassis }
    }

    private func hasMember(_ locals: Extent, besides port: UnsafePointer<PortRow>) -> Bool {
        rows(UInt16.self, locals).contains { $0 != slot(of: port) }
    }

    /// The slot of a port; none is as high as where it has none.
    private func slot(of port: UnsafePointer<PortRow>) -> UInt16 {
        port.pointee.locals.count > 0 ? port.pointee.slot : .max
    }
}
