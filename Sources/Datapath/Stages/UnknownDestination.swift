/// Table `ls_in_l2_unknown`: a frame to a MAC that no port has goes to the ports which take such frames.
enum UnknownDestination: Stage {
    static var name: StaticString { "ls_in_l2_unknown" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        let group = context.datapath.pointee.unknown
        guard group.locals.count + group.remotes.count > 0 else { return .drop(.unknownDestination) }
        return context.flood(to: group, key: GroupKey.unknown)
    }
}
