/// Table `ls_out_acl_eval`: the ACLs of the direction `to-lport`, for each port that the frame goes to.
enum EgressFilter: Stage {
    static var name: StaticString { "ls_out_acl_eval" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        let filter = context.datapath.pointee.toPort
        if context.datapath.pointee.services.contains(.connections) {
            return context.judgeConnection(filter, isFromPort: false, tables)
        }
        guard filter.rules.count > 0 else { return .next }
        return context.refusal(filter, tables).map { .drop($0) } ?? .next
    }
}
