/// Table `ls_out_apply_port_sec`: the frame goes to the port's device. Only what guests of this host have sent goes to
/// a physical network: the rest has come from there, or its own host has sent it there.
enum PortOutput: Stage {
    static var name: StaticString { "ls_out_apply_port_sec" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        guard let port = context.egress, port.pointee.flags.contains(.isLocalnet) else { return .output }
        let isOfGuest = context.ingress.pointee.flags.contains(.boundHere) && !context.isFromWire
        return isOfGuest ? .output : .drop(.hairpin)
    }
}
