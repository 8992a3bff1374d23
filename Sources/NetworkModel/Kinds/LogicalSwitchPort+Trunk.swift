import Southbound

/// Trunk ports: a guest's port that sends and receives frames of certain VLANs, with their tags. OVN has none.
extension LogicalSwitchPort {
    /// The VLANs of a trunk port; `nil` for other ports.
    public var trunk: Trunk? {
        let (list, native) = (options[PortOption.trunkVLANs.rawValue], options[PortOption.nativeVLAN.rawValue])
        guard list != nil || native != nil else { return nil }
        // They were checked when they were written.
        return Trunk(vlans: list.flatMap { VLANList($0) } ?? VLANList(), native: native.flatMap { UInt16($0) })
    }

    /// Checks that a trunk port can be one: it has a device, and its switch passes tags.
    static func checkTrunk(_ stored: Stored<LogicalSwitchPort>, _ database: NorthboundDatabase) throws(Refusal) {
        let port = stored.value
        guard let trunk = port.trunk else { return }
        let option = [PortOption.trunkVLANs, .nativeVLAN].first { port.options[$0.rawValue] != nil } ?? .trunkVLANs
        let pointer = "/options/\(option.rawValue)"
        guard port.type.isEmpty || port.isL2Gateway else {
            let detail =
                "\"\(option.rawValue)\" is for ports with one device, which those of the type \"\(port.type)\" do not "
                + "have."
            throw Refusal(.invalidValue, detail, pointer: pointer)
        }
        if trunk.native != nil, trunk.vlans.contains(0) {
            let detail =
                "Frames without a tag are of \"\(PortOption.nativeVLAN.rawValue)\", so 0 cannot be among "
                + "\"\(PortOption.trunkVLANs.rawValue)\"; leave one of the two out."
            throw Refusal(.invalidValue, detail, pointer: "/options/\(PortOption.trunkVLANs.rawValue)")
        }
        guard let home = database.switches[port.switchID]?.value, !home.vlanPassthru else { return }
        let detail =
            "The switch \"\(home.name)\" drops frames with tags, so it can have no trunk ports; set its "
            + "\"vlan_passthru\" first."
        throw Refusal(.invalidValue, detail, pointer: pointer)
    }
}
