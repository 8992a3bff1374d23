import Southbound
import Wire

@testable import Datapath

/// The ports where MACs were seen, by datapath and MAC: the newest counts.
final class OracleLearntMACs {
    var ports: [[UInt64]: ObjectID] = [:]
}

extension SourceLearning: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep {
        let source = context.frame.source
        if let learnt = context.learnt, learns(context.port), context.frame.bytes.count >= 14, !source.isMulticast,
            source.rawValue != 0, !isKnownOfGuest(source, context)
        {
            learnt.ports[[UInt64(context.datapath.tunnelKey), source.rawValue]] = context.port.id
        }
        return .next
    }

    /// Ports with `unknown` and without port security (ovn-nb(5), northd's build_lswitch_learn_fdb_op).
    static func learns(_ port: PortBinding) -> Bool {
        port.isEnabled && port.hasUnknown && port.portSecurity.isEmpty && port.learnsMACs
    }

    /// True if a frame of a physical network has a MAC that a guest's port has taught.
    private static func isKnownOfGuest(_ source: MACAddress, _ context: OracleContext) -> Bool {
        let id = context.learnt?.ports[[UInt64(context.datapath.tunnelKey), source.rawValue]]
        guard context.port.isLocalnet, let port = context.ports.first(where: { $0.id == id }) else { return false }
        return learns(port) && !port.isLocalnet
    }
}
