/// Tables `ls_in_l2_lkup` at priority 0 and `ls_in_l2_unknown`: a frame to a MAC that no port has goes to the port
/// where that MAC was last seen, or else to all ports which take such frames.
enum UnknownDestination: Stage {
    static var name: StaticString { "ls_in_l2_unknown" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        guard context.datapath.pointee.hasUnknown else { return .drop(.unknownDestination) }
        if let port = context.learntDestination(tables) {
            if port.pointee.key == context.ingress.pointee.key { return .drop(.hairpin) }
            if context.isFromWire, !DestinationLookup.isApart(port, from: context.ingress, tables) {
                return .drop(.hairpin)
            }
            context.send(to: port)
            return .output
        }
        return context.flood(to: context.datapath.pointee.unknown, key: GroupKey.unknown)
    }
}

extension DatapathRow {
    /// True if any port takes frames to unknown MACs.
    var hasUnknown: Bool { unknown.locals.count + unknown.remotes.count > 0 }
}
