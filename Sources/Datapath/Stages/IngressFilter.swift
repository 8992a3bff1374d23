/// Table `ls_in_acl_eval`: the ACLs of the direction `from-lport`.
enum IngressFilter: Stage {
    static var name: StaticString { "ls_in_acl_eval" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        let filter = context.datapath.pointee.fromPort
        if context.datapath.pointee.services.contains(.connections) {
            return context.judgeConnection(filter, isFromPort: true, tables)
        }
        guard filter.rules.count > 0 else { return .next }
        return context.refusal(filter, tables).map { .drop($0) } ?? .next
    }
}
