/// Table `ls_out_qos`: the QoS rules of the direction `to-lport`, for each port that the frame goes to.
enum EgressMarking: Stage {
    static var name: StaticString { "ls_out_qos" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        let rules = context.datapath.pointee.markingToPort
        guard rules.rules.count > 0 else { return .next }
        return context.marking(rules, tables)
    }
}
