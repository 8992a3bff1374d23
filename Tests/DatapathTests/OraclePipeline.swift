import Datapath
import Southbound
import Wire

/// A second pipeline, straight over the records, with a linear scan for everything: written from OVN's pages
/// (ovn-northd(8), ovn-nb(5) "port_security", controller/lflow.c), not from the first, so that a mistake must be made
/// twice to go unseen.
struct OraclePipeline {
    /// All inputs that tables were compiled from, oldest first: where ports were counts for a second.
    var history: [TableInput]

    var input: TableInput { history[history.count - 1] }

    // MARK: from a device

    func outcomes(of bytes: [UInt8], from slot: UInt16) -> [Outcome] {
        guard let port = port(in: slot), let datapath = datapath(of: port) else { return [.drop(.portNotBound)] }
        let frame = OracleFrame(bytes)
        if !port.isEnabled { return [.drop(.portDisabled)] }
        if bytes.count < 14 { return [.drop(.malformedFrame)] }
        if frame.isTagged, !frame.isPriorityTagged, !datapath.vlanPassthru { return [.drop(.vlanTagged)] }
        if frame.source.isMulticast { return [.drop(.multicastSource)] }
        if frame.isMalformed { return [.drop(.malformedFrame)] }
        if !OraclePortSecurity(port).lets(inFromPort: frame) { return [.drop(.ingressPortSecurity)] }
        if let reply = neighborReply(to: frame, from: port, in: datapath) { return [.reply(reply)] }
        return forward(frame, from: port, in: datapath)
    }

    private func forward(_ frame: OracleFrame, from port: PortBinding, in datapath: DatapathBinding) -> [Outcome] {
        let all = ports(of: datapath)
        if frame.destination.isMulticast {
            let members = all.filter(\.isEnabled)
            return deliver(frame, from: port, to: members, key: frame.wantsRouters ? 32768 : 32772, in: datapath)
        }
        guard let owner = all.first(where: { $0.addresses.contains { $0.mac == frame.destination } }) else {
            let members = all.filter { $0.isEnabled && $0.hasUnknown }
            if !members.contains(where: { isHereAndPlugged($0) || !places(of: $0).isEmpty }) {
                return [.drop(.unknownDestination)]
            }
            return deliver(frame, from: port, to: members, key: 32769, in: datapath)
        }
        if !owner.isEnabled { return [.drop(.destinationDisabled)] }
        if owner.id == port.id { return [.drop(.hairpin)] }
        if !isHereAndPlugged(owner), places(of: owner).isEmpty {
            if activeChassis(of: owner).contains(where: { $0 != input.localChassis }) {
                return [.drop(.destinationUnreachable)]
            }
            return [.drop(isHere(owner) ? .destinationNotPlugged : .destinationNotBound)]
        }
        return deliver(frame, from: port, to: [owner], key: owner.tunnelKey, in: datapath)
    }

    private func deliver(
        _ frame: OracleFrame,
        from port: PortBinding,
        to members: [PortBinding],
        key: UInt16,
        in datapath: DatapathBinding
    ) -> [Outcome] {
        var outcomes = localCopies(of: frame, from: port, to: members)
        let remotes = Set(members.flatMap(places))
        if outcomes.isEmpty, remotes.isEmpty { return [.drop(.hairpin)] }
        for place in remotes {
            let tunnel = Outcome.tunnel(
                to: place,
                vni: datapath.tunnelKey,
                ingress: port.tunnelKey,
                egress: key
            )
            guard frame.bytes.count - 14 > input.innerMTU else {
                outcomes.append(tunnel)
                continue
            }
            guard !mayBeFragmented(frame) else {
                outcomes.append(.fragments(tunnel))
                continue
            }
            if !frame.destination.isMulticast, let reply = tooBigReply(to: frame) { outcomes.append(.reply(reply)) }
            outcomes.append(.tooLong(to: place))
        }
        return outcomes
    }

    private func localCopies(of frame: OracleFrame, from port: PortBinding, to members: [PortBinding]) -> [Outcome] {
        members.compactMap { member in
            guard member.id != port.id, isHere(member), let slot = slot(of: member) else { return nil }
            let passes = frame.destination.isMulticast || OraclePortSecurity(member).lets(outToPort: frame)
            return passes ? .local(slot: slot) : .copyDropped(.egressPortSecurity, slot: slot)
        }
    }

    // MARK: from the underlay; `keys` are nil where the header has none

    func outcomes(
        vni: UInt32,
        ingress: UInt16,
        egress: UInt16,
        inner: [UInt8],
        from source: IPAddress,
        now: Duration
    ) -> [Outcome] {
        guard isKnownEncap(source, now: now) else { return [.drop(.unknownTunnelSource)] }
        guard let datapath = input.datapaths.first(where: { $0.tunnelKey == vni }) else {
            return [.drop(.unknownDatapath)]
        }
        let all = ports(of: datapath)
        guard let sender = all.first(where: { $0.tunnelKey == ingress }), takes(sender, from: source, now: now) else {
            let chassis = input.chassis.first { $0.encaps.contains { $0.ip == source } }?.name
            let shares = chassis != nil && all.contains { activeChassis(of: $0).contains { $0 == chassis } }
            return [.drop(shares ? .ingressKeyNotThere : .unknownTunnelSource)]
        }
        let frame = OracleFrame(inner)
        if frame.isMalformed { return [.drop(.malformedFrame)] }
        let members: [PortBinding]
        switch egress {
        case 32768, 32772: members = all.filter(\.isEnabled)
        case 32769: members = all.filter { $0.isEnabled && $0.hasUnknown }
        default:
            guard let port = all.first(where: { $0.tunnelKey == egress }), isHereAndPlugged(port) else {
                return [.drop(.unknownEgressKey)]
            }
            if !port.isEnabled { return [.drop(.destinationDisabled)] }
            if port.id == sender.id { return [.drop(.hairpin)] }
            members = [port]
        }
        let copies = localCopies(of: frame, from: sender, to: members)
        return copies.isEmpty ? [.drop(.noLocalMember)] : copies
    }

    // MARK: records

    private func ports(of datapath: DatapathBinding) -> [PortBinding] {
        input.ports.filter { $0.datapath == datapath.id }.sorted { $0.tunnelKey < $1.tunnelKey }
    }

    private func datapath(of port: PortBinding) -> DatapathBinding? {
        input.datapaths.first { $0.id == port.datapath }
    }

    private func port(in slot: UInt16) -> PortBinding? {
        guard let name = input.plugged.first(where: { $0.slot == slot })?.logicalPort else { return nil }
        return input.ports.first { $0.logicalPort == name && isHere($0) && self.slot(of: $0) == slot }
    }

    private func slot(of port: PortBinding) -> UInt16? {
        input.plugged.last { $0.logicalPort == port.logicalPort }?.slot
    }

    private func activeChassis(of port: PortBinding) -> [String] {
        port.locations.filter { $0.state == .active }.map(\.chassis)
    }

    private func isHere(_ port: PortBinding) -> Bool { activeChassis(of: port).contains(input.localChassis) }

    private func isHereAndPlugged(_ port: PortBinding) -> Bool { isHere(port) && slot(of: port) != nil }

    /// Where tunnels for the port go.
    private func places(of port: PortBinding) -> [IPAddress] {
        activeChassis(of: port).filter { $0 != input.localChassis }.compactMap { name in
            input.chassis.first { $0.name == name }?.encaps.map(\.ip)
                .first { $0.bitCount == input.localEncap.bitCount }
        }
    }

    /// Whether the chassis with this encap is known, or was that of a port which left it a moment ago.
    private func isKnownEncap(_ source: IPAddress, now: Duration) -> Bool {
        input.chassis.contains { $0.name != input.localChassis && $0.encaps.contains { $0.ip == source } }
            || input.ports.contains { pastEncaps(of: $0, at: input.now).contains(source) }
    }

    private func takes(_ port: PortBinding, from source: IPAddress, now: Duration) -> Bool {
        let current = activeChassis(of: port).filter { $0 != input.localChassis }
        let encaps = input.chassis.filter { current.contains($0.name) }.flatMap(\.encaps).map(\.ip)
        return encaps.contains(source) || pastEncaps(of: port, at: now).contains(source)
    }

    /// The encaps of the places that the port has left by a newer binding, within the second after that.
    private func pastEncaps(of port: PortBinding, at now: Duration) -> [IPAddress] {
        var left: [String: (deadline: Duration, encaps: [IPAddress])] = [:]
        for (older, newer) in zip(history, history.dropFirst()) {
            guard let after = newer.ports.first(where: { $0.id == port.id }) else {
                left = [:]
                continue
            }
            left = left.filter { $0.value.deadline > newer.now }
            let before = older.ports.first { $0.id == port.id }
            if let before, newestFence(of: after) > newestFence(of: before) {
                for name in activeChassis(of: before) where left[name] == nil {
                    let encaps = older.chassis.first { $0.name == name }?.encaps.map(\.ip) ?? []
                    left[name] = (newer.now + .seconds(1), encaps)
                }
            }
            for name in activeChassis(of: after) + [newer.localChassis] { left[name] = nil }
        }
        return left.filter { now < $0.value.deadline }.flatMap { name, past in
            input.chassis.first { $0.name == name }?.encaps.map(\.ip) ?? past.encaps
        }
    }

    private func newestFence(of port: PortBinding) -> UInt64 { port.locations.map(\.bindSeq).max() ?? 0 }
}
