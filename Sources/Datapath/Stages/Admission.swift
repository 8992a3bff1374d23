/// Table `ls_in_check_port_sec`, priority 100. A tag that only tells a priority makes a frame no tagged one, as IEEE
/// 802.1Q has it; OVN drops those, too.
enum Admission: Stage {
    static var name: StaticString { "ls_in_check_port_sec" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        if !context.ingress.pointee.flags.contains(.enabled) { return .drop(.portDisabled) }
        if context.isShort { return .drop(.malformedFrame) }
        if !context.datapath.pointee.isVLANPassthru, context.isInVLAN { return .drop(.vlanTagged) }
        if context.hasMulticastSource { return .drop(.multicastSource) }
        if context.network == .malformed { return .drop(.malformedFrame) }
        return .next
    }
}
