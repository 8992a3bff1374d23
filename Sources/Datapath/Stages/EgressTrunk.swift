/// Keeps frames of other VLANs than its own from a trunk port. The tag of the native VLAN goes at the end
/// (`PortOutput`): until then frames are what they are on the switch.
enum EgressTrunk: Stage {
    static var name: StaticString { "ls_out_trunk" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        guard let port = context.egress, port.pointee.flags.contains(.isTrunk) else { return .next }
        return context.isOfTrunk(port, tables) ? .next : .drop(.vlanNotAllowed)
    }
}
