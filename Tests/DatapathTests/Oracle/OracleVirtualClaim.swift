@testable import Datapath

/// No decision: `VirtualClaimTests` look at what the stage notes.
extension VirtualClaim: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep { .next }
}
