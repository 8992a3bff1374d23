import Datapath
import Southbound
import Wire

/// One frame and where it comes from.
enum Arrival {
    case device(slot: UInt16, bytes: [UInt8])
    case tunnel(source: IPAddress, vni: UInt32, ingress: UInt16, egress: UInt16, bytes: [UInt8], after: Duration)

    static func random(in input: TableInput, _ network: inout RandomNetwork) -> Arrival {
        let slots = input.plugged.map(\.slot) + [63]
        let slot = slots.randomElement(using: &network.generator) ?? 0
        let port = input.ports.randomElement(using: &network.generator)
        guard network.chance(35), let port else {
            let name = input.plugged.first { $0.slot == slot }?.logicalPort
            let owner = input.ports.first { $0.logicalPort == name }
            let number = owner?.addresses.first.map { Int($0.mac.rawValue & 0xff) } ?? 5
            return .device(slot: slot, bytes: network.frame(from: number))
        }
        let datapath = input.datapaths.first { $0.id == port.datapath }
        let host = Int.random(in: 1...5, using: &network.generator)
        let egress =
            [32768, 32769, 32772, 32773, 32773, 32770, 0]
            + input.ports.filter { $0.datapath == port.datapath }.map { Int($0.tunnelKey) }
        let number = port.addresses.first.map { Int($0.mac.rawValue & 0xff) } ?? 5
        return .tunnel(
            source: network.chance(85)
                ? .v4(IPv4Address(0x0a7f_0000 + UInt32(host)))
                : .v6(IPv6Address(high: 0xfd7f << 48, low: UInt64(host))),
            vni: network.chance(95) ? datapath?.tunnelKey ?? 1 : 77,
            ingress: network.chance(95) ? port.tunnelKey : 9,
            egress: UInt16(egress.randomElement(using: &network.generator) ?? 0),
            bytes: network.frame(from: number),
            after: .milliseconds([0, 1, 500, 999, 1000, 1500].randomElement(using: &network.generator) ?? 0)
        )
    }

    /// The datagram of a frame from a tunnel.
    fileprivate static func datagram(_ vni: UInt32, _ ingress: UInt16, _ egress: UInt16, _ bytes: [UInt8]) -> [UInt8] {
        FrameBuilder.geneve(vni: vni, ingress: ingress, egress: egress, frame: bytes)
    }
}

extension OraclePipeline {
    func outcomes(of arrival: Arrival) -> [Outcome] {
        switch arrival {
        case .device(let slot, let bytes): outcomes(of: bytes, from: slot)
        case .tunnel(let source, let vni, let ingress, let egress, let bytes, let after):
            outcomes(vni: vni, ingress: ingress, egress: egress, inner: bytes, from: source, now: input.now + after)
        }
    }
}

extension ForwardingTables {
    func outcomes(of arrival: Arrival, _ input: TableInput, learnt: LearntMACs? = nil) -> [Outcome] {
        switch arrival {
        case .device(let slot, let bytes): return outcomes(of: bytes, from: slot, learnt: learnt, now: input.now)
        case .tunnel(let source, let vni, let ingress, let egress, let bytes, let after):
            let datagram = Arrival.datagram(vni, ingress, egress, bytes)
            return outcomes(ofDatagram: datagram, from: source, learnt: learnt, now: input.now + after)
        }
    }

    /// Returns the decision from the cache if it is kept there.
    func keptOutcomes(
        of arrival: Arrival,
        _ input: TableInput,
        learnt: LearntMACs? = nil,
        _ cache: borrowing FlowCache
    ) -> [Outcome] {
        switch arrival {
        case .device(let slot, let bytes):
            return keptOutcomes(of: bytes, from: slot, learnt: learnt, now: input.now, cache)
        case .tunnel(let source, let vni, let ingress, let egress, let bytes, let after):
            let datagram = Arrival.datagram(vni, ingress, egress, bytes)
            return keptOutcomes(ofDatagram: datagram, from: source, learnt: learnt, now: input.now + after, cache)
        }
    }
}
