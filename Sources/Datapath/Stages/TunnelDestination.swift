/// OVN's `OFTABLE_LOCAL_OUTPUT`: a frame from a tunnel goes to the port of this host that its egress key says, or to
/// the members of the group on this host. It never enters another tunnel.
enum TunnelDestination: Stage {
    static var name: StaticString { "local_output" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        if context.network == .malformed { return .drop(.malformedFrame) }
        let datapath = context.datapath
        let ingress = context.ingress
        switch context.destinations.key {
        case GroupKey.flood, GroupKey.floodL2: context.destinations.locals = datapath.pointee.flood.locals
        case GroupKey.members:
            let (locals, reason) = MulticastLookup.locals(&context, tables)
            guard tables.hasMember(locals, besides: ingress) else { return .drop(reason) }
            context.destinations.locals = locals
        case GroupKey.unknown: context.destinations.locals = datapath.pointee.unknown.locals
        default:
            guard let port = tables.port(key: context.destinations.key, in: datapath), port.pointee.locals.count > 0
            else { return .drop(.unknownEgressKey) }
            if !port.pointee.flags.contains(.enabled) { return .drop(.destinationDisabled) }
            if port.pointee.key == ingress.pointee.key { return .drop(.hairpin) }
            context.destinations.locals = port.pointee.locals
        }
        return tables.hasMember(context.destinations.locals, besides: ingress) ? .output : .drop(.noLocalMember)
    }
}

extension Tables {
    /// True if any port of a list of slots is here, but for the one that has sent the frame.
    func hasMember(_ locals: Extent, besides port: UnsafePointer<PortRow>) -> Bool {
        rows(UInt16.self, locals).contains {
            // A port that is not here is no member here.
            (port.pointee.locals.count == 0 || $0 != port.pointee.slot) && self.port(atSlot: $0) != nil
        }
    }
}
