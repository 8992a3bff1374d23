/// Keeps a trunk port from sending frames of other VLANs than its own, and puts the tag of its native VLAN into those
/// that it sends without one. OVN has no trunk ports.
enum IngressTrunk: Stage {
    static var name: StaticString { "ls_in_trunk" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        let port = context.ingress
        guard port.pointee.flags.contains(.isTrunk) else { return .next }
        let native = port.pointee.nativeVLAN
        guard native != 0, context.vlan == 0 else {
            return context.isOfTrunk(port, tables) ? .next : .drop(.vlanNotAllowed)
        }
        // Nobody on such a switch expects tags.
        guard context.datapath.pointee.isVLANPassthru else { return .drop(.vlanTagged) }
        var edit = Edit()
        let priority = context.tagWord & 0xe000
        if context.tagByteCount > 0 { edit.removeTag() }
        edit.addTag(priority | native)
        return .rewrite(edit)
    }
}

extension Context {
    /// True if a frame, as it is on the switch, is of a VLAN of a trunk port.
    ///
    /// The tag of the native VLAN is taken off, so that one behind it would take its place: such frames are of none.
    mutating func isOfTrunk(_ port: UnsafePointer<PortRow>, _ tables: Tables) -> Bool {
        guard let vlan else { return false }
        let native = port.pointee.nativeVLAN
        if native != 0, vlan == native { return !hasTwoTags }
        let words = tables.rows(UInt64.self, port.pointee.vlans)
        let index = Int(vlan &>> 6)
        return index < words.count && words[index] &>> UInt64(vlan & 63) & 1 != 0
    }
}
