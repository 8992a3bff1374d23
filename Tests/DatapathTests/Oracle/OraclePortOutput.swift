import Southbound
import Wire

@testable import Datapath

extension PortOutput: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep {
        guard let port = context.destination else { return .drop(.hairpin) }
        let isOfGuest = context.records.isHere(context.port) && !context.port.isLocalnet
        return port.isLocalnet && !isOfGuest ? .drop(.hairpin) : .output([port], key: port.tunnelKey)
    }
}
