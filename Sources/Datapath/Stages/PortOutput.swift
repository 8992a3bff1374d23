/// Table `ls_out_apply_port_sec`: the frame goes to the port's device. Only what guests of this host have sent goes to
/// a physical network: the rest has come from there, or its own host has sent it there. A trunk port gets the frames of
/// its native VLAN without their tag.
enum PortOutput: Stage {
    static var name: StaticString { "ls_out_apply_port_sec" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        guard let port = context.egress, !port.pointee.flags.isDisjoint(with: [.isLocalnet, .isTrunk]) else {
            return .output
        }
        if port.pointee.flags.contains(.isLocalnet) {
            let isOfGuest = context.ingress.pointee.flags.contains(.boundHere) && !context.isFromWire
            if !isOfGuest { return .drop(.hairpin) }
        }
        guard port.pointee.nativeVLAN != 0, context.vlan == port.pointee.nativeVLAN else { return .output }
        var edit = Edit()
        edit.removeTag()
        return .rewrite(edit)
    }
}
