import Southbound
import Wire

@testable import Datapath

extension PortOutput: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep {
        context.destination.map { .output([$0], key: $0.tunnelKey) } ?? .drop(.hairpin)
    }
}
