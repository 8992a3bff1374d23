/// Keeps frames from a port whose guest still runs on another host, which gets them, too: see `IngressActivation`.
enum EgressActivation: Stage {
    static var name: StaticString { "ls_out_activation" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        guard let port = context.egress, port.pointee.isStandby else { return .next }
        return context.isActivated(port, tables) ? .next : .drop(.portStandby)
    }
}
