@testable import Datapath

extension DHCPReply: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep {
        if context.arrived.isInVLAN { return .next }
        if context.frame.ipv4 != nil { return DHCPv4Reply.twin(context) }
        return context.frame.ipv6 != nil ? DHCPv6Reply.twin(context) : .next
    }
}
