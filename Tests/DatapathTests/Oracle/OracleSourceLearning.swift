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
            source.rawValue != 0
        {
            learnt.ports[[UInt64(context.datapath.tunnelKey), source.rawValue]] = context.port.id
        }
        return .next
    }

    /// Ports with `unknown` and without port security (ovn-nb(5), northd's build_lswitch_learn_fdb_op).
    static func learns(_ port: PortBinding) -> Bool { port.isEnabled && port.hasUnknown && port.portSecurity.isEmpty }
}
