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
        return isReachable ? .output(members, key: 32769) : .drop(.unknownDestination)
    }
}
