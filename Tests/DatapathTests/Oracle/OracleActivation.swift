import Southbound
import Wire

@testable import Datapath

/// Without a forwarder's memory nothing is activated: the announcement passes, and nothing else.
extension IngressActivation: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep {
        guard context.records.isStandbyHere(context.port) else { return .next }
        let frame = context.frame
        let isAnnouncement = context.port.activationStrategy.contains { kind in
            switch kind {
            case .rarp: frame.etherType == 0x8035
            case .garp: frame.arp.map { $0.senderIP == $0.targetIP && $0.senderIP.rawValue != 0 } ?? false
            case .na:
                frame.protocolNumber == 58 && frame.ipv6?.hopLimit == 255
                    && frame.transport.map { $0.count >= 4 && $0[0] == 136 && $0[1] == 0 } ?? false
            }
        }
        return isAnnouncement ? .next : .drop(.portStandby)
    }
}

extension EgressActivation: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep {
        guard let port = context.destination, context.records.isStandbyHere(port) else { return .next }
        return .drop(.portStandby)
    }
}
