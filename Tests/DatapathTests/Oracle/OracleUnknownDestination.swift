import Southbound
import Wire

@testable import Datapath

extension UnknownDestination: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep {
        let records = context.records
        let members = context.ports.filter { $0.isEnabled && $0.hasUnknown }
        let isReachable = members.contains {
            records.isHereAndPlugged($0) && !$0.isVirtual || !records.places(of: $0).isEmpty
        }
        let key = [UInt64(context.datapath.tunnelKey), context.frame.destination.rawValue]
        if isReachable, let id = context.learnt?.ports[key], let port = members.first(where: { $0.id == id }),
            SourceLearning.learns(port), records.exit(of: port) != nil || !records.places(of: port).isEmpty
        {
            return port.id == context.port.id ? .drop(.hairpin) : .output([port], key: port.tunnelKey)
        }
        return isReachable ? .output(members, key: 32769) : .drop(.unknownDestination)
    }
}
