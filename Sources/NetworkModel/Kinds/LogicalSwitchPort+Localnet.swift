import JSON
import Persistent
import Southbound
import Wire

/// Localnet ports: a switch joined to a physical network, on every host that has a device of it.
extension LogicalSwitchPort {
    /// The value of `type`.
    static let localnetType = "localnet"
    /// The VLANs that a frame can be of (IEEE 802.1Q table 9-2).
    private static let vlanRange: ClosedRange<UInt16> = 1...4094
    /// The most localnet ports of one switch: a host opens a socket for each, and sends each of them what is for all.
    static let localnetCountMaximum = 64

    public var isLocalnet: Bool { type == Self.localnetType }

    /// The physical network that a localnet port joins its switch to, once it says one; `nil` for other ports.
    public var physicalNetwork: String? { isLocalnet ? options[PortOption.physicalNetwork.rawValue] : nil }

    /// Checks that a localnet port says nothing of a guest, which it does not have, and that others say nothing of
    /// physical networks.
    static func checkLocalnet(_ stored: Stored<LogicalSwitchPort>, _ database: NorthboundDatabase) throws(Refusal) {
        let port = stored.value
        guard port.isLocalnet else {
            let option = PortOption.physicalNetwork.rawValue
            guard port.options[option] != nil else { return }
            throw Refusal(
                .invalidValue,
                "Only ports of the type \"\(localnetType)\" have \"\(option)\"; set \"type\", too.",
                pointer: "/options/\(option)"
            )
        }
        if let tag = port.tagRequest, !vlanRange.contains(tag) {
            let detail = "A VLAN is a number from \(vlanRange.lowerBound) to \(vlanRange.upperBound), not \(tag)."
            throw Refusal(.invalidValue, detail, pointer: "/tag_request")
        }
        if let place = port.addressList.values.firstIndex(where: { $0 != .unknown }) {
            throw Refusal(
                .invalidValue,
                "A localnet port has the addresses that no other port has; write \"unknown\", or leave \"addresses\" "
                    + "empty.",
                pointer: "/addresses/\(place)"
            )
        }
        let ofGuests: [(String, Bool)] = [
            ("port_security", !port.portSecurity.isEmpty), ("requested_chassis", !port.requestedChassis.isEmpty),
            ("activation_strategy", !port.activationStrategy.isEmpty), ("dhcpv4_options", port.dhcpv4Options != nil),
            ("dhcpv6_options", port.dhcpv6Options != nil),
        ]
        if let field = ofGuests.first(where: \.1)?.0 {
            let detail = "\"\(field)\" is for ports of guests, and a localnet port has none; leave it out."
            throw Refusal(.invalidValue, detail, pointer: "/\(field)")
        }
        try checkJoinsOnce(stored, database)
    }

    /// Checks that no other port joins the switch to the same VLAN of the network: every frame would be there twice.
    private static func checkJoinsOnce(
        _ stored: Stored<LogicalSwitchPort>,
        _ database: NorthboundDatabase
    ) throws(Refusal) {
        let port = stored.value
        guard let network = port.physicalNetwork else { return }
        let joined = database.ports.index.physicalNetworks[port.switchID] ?? OrderedMap()
        guard joined.count < localnetCountMaximum || joined[stored.id] != nil else {
            let detail = "The switch has \(localnetCountMaximum) localnet ports, which is the maximum."
            throw Refusal(.limitExceeded, detail, pointer: "/options/\(PortOption.physicalNetwork.rawValue)")
        }
        for (id, name) in joined where id != stored.id && name == network {
            guard let other = database.ports[id]?.value, other.tagRequest == port.tagRequest else { continue }
            let vlan = port.tagRequest.map { "VLAN \($0)" } ?? "the frames without a tag"
            throw Refusal(
                .tagConflict,
                "The port \"\(other.name)\" joins the switch to \(vlan) of \"\(network)\" already; use another tag, or "
                    + "that port.",
                pointer: "/tag_request",
                conflictsWith: "/v1/ports/\(other.name)"
            )
        }
    }
}

extension NorthboundDatabase {
    /// The physical networks that a switch is joined to, in order: a host of its ports has to have one of them.
    public func physicalNetworks(ofSwitch id: ObjectID) -> [String] {
        guard let networks = ports.index.physicalNetworks[id] else { return [] }
        return Set(networks.map(\.value)).sorted()
    }
}

extension Transaction {
    /// The switches that are joined to other physical networks than before.
    func switchesWithOtherNetworks() -> Set<ObjectID> {
        let databases = [base.northbound, network.northbound]
        guard databases.contains(where: { !$0.ports.index.physicalNetworks.isEmpty }) else { return [] }
        var ids: Set<ObjectID> = []
        for id in touched(.logicalSwitchPort) {
            let ports = databases.compactMap { $0.ports[id]?.value }
            guard ports.contains(where: { $0.physicalNetwork != nil }) else { continue }
            ids.formUnion(ports.map(\.switchID))
        }
        return ids.filter { id in
            databases[0].physicalNetworks(ofSwitch: id) != databases[1].physicalNetworks(ofSwitch: id)
        }
    }
}
