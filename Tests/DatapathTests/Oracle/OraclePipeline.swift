import Southbound
import Wire

@testable import Datapath

/// A second pipeline, straight over the records: written from OVN's pages (ovn-northd(8), ovn-nb(5) "port_security",
/// controller/lflow.c), not from the first, so that a mistake must be made twice to go unseen.
///
/// It goes through the lists of `Pipeline` and asks, for each stage, its plain twin.
struct OraclePipeline {
    let records: OracleRecords
    private let learnt: OracleLearntMACs?
    private let connections: OracleConnections?

    var input: TableInput { records.input }

    /// - Parameters:
    ///   - learnt: the MACs that earlier frames have taught; without it, frames teach nothing.
    ///   - connections: those that earlier frames have begun; without it, none are remembered.
    init(history: [TableInput], learnt: OracleLearntMACs? = nil, connections: OracleConnections? = nil) {
        self.learnt = learnt
        self.connections = connections
        records = OracleRecords(history: history)
    }

    /// Returns the outcomes for a frame from a device.
    func outcomes(of bytes: [UInt8], from slot: UInt16) -> [Outcome] {
        guard let port = records.port(in: slot), let datapath = records.datapath(of: port) else {
            return [.drop(.portNotBound)]
        }
        var context = OracleContext(records, OracleFrame(bytes), from: port, in: datapath, learnt: learnt)
        context.connections = connections
        var walk = OracleWalk(context)
        _ = SwitchIngress.walk(&walk)
        return outcomes(of: walk)
    }

    /// Returns the outcomes for a frame from the underlay.
    func outcomes(
        vni: UInt32,
        ingress: UInt16,
        egress: UInt16,
        inner: [UInt8],
        from source: IPAddress,
        now: Duration
    ) -> [Outcome] {
        guard records.isKnownEncap(source, now: now) else { return [.drop(.unknownTunnelSource)] }
        guard let datapath = input.datapaths.first(where: { $0.tunnelKey == vni }) else {
            return [.drop(.unknownDatapath)]
        }
        let all = records.ports(of: datapath)
        guard let sender = all.first(where: { $0.tunnelKey == ingress }), records.takes(sender, from: source, now: now)
        else {
            let chassis = input.chassis.first { $0.encaps.contains { $0.ip == source } }?.name
            let shares = chassis != nil && all.contains { records.chassis(of: $0).contains { $0 == chassis } }
            return [.drop(shares ? .ingressKeyNotThere : .unknownTunnelSource)]
        }
        var context = OracleContext(records, OracleFrame(inner), from: sender, in: datapath, learnt: learnt)
        context.tunnelKey = egress
        context.connections = connections
        var walk = OracleWalk(context)
        _ = TunnelIngress.walk(&walk)
        return outcomes(of: walk)
    }

    private func outcomes(of walk: OracleWalk) -> [Outcome] {
        let context = walk.context
        switch walk.end {
        case .next, .rewrite: return []
        case .drop(let reason): return [.drop(reason)]
        case .answer(let bytes): return [.reply(bytes)]
        case .reports(let locals, let all):
            let copies = localCopies(to: locals, key: GroupKey.members, context)
            let places = Set(all.flatMap(records.places))
            if copies.isEmpty, places.isEmpty { return [.drop(.hairpin)] }
            return copies + places.flatMap { remoteCopies(to: $0, key: GroupKey.members, context) }
        case .output(let members, let key):
            let copies = localCopies(to: members, key: key, context)
            // A frame that came through a tunnel never enters another one.
            let places = context.tunnelKey == nil ? Set(members.flatMap(records.places)) : []
            if copies.isEmpty, places.isEmpty { return [.drop(context.tunnelKey == nil ? .hairpin : .noLocalMember)] }
            return copies + places.flatMap { remoteCopies(to: $0, key: key, context) }
        }
    }

    private func localCopies(to members: [PortBinding], key: UInt16, _ context: OracleContext) -> [Outcome] {
        // Floods reach a virtual port's parent as a port of its own.
        members.filter { key < GroupKey.flood || !$0.isVirtual }.compactMap { member in
            // Floods reach ports of other hosts as frames for the wire.
            let isOne = key < GroupKey.flood
            guard member.id != context.port.id, isOne || records.isHere(member),
                let slot = isOne ? records.exit(of: member) : records.slot(of: member),
                slot != records.exit(of: context.port), let receiver = records.port(in: slot)
            else { return nil }
            var egress = context
            egress.destination = receiver
            var walk = OracleWalk(egress)
            _ = SwitchEgress.walk(&walk)
            if case .drop(let reason) = walk.end { return .copyDropped(reason, slot: slot) }
            return .local(slot: slot)
        }
    }

    private func remoteCopies(to place: IPAddress, key: UInt16, _ context: OracleContext) -> [Outcome] {
        let frame = context.arrived
        let tunnel = Outcome.tunnel(
            to: place,
            vni: context.datapath.tunnelKey,
            ingress: context.port.tunnelKey,
            egress: key
        )
        guard frame.bytes.count - 14 > input.innerMTU else { return [tunnel] }
        let oversize = OracleOversize(mtu: input.innerMTU)
        guard !oversize.mayBeFragmented(frame) else { return [.fragments(tunnel)] }
        let reply = frame.destination.isMulticast ? nil : oversize.tooBigReply(to: frame)
        return (reply.map { [.reply($0)] } ?? []) + [.tooLong(to: place)]
    }
}
