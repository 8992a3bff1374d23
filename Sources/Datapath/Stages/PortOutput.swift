/// Table `ls_out_apply_port_sec`: the frame goes to the port's device.
enum PortOutput: Stage {
    static var name: StaticString { "ls_out_apply_port_sec" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step { .output }
}
