import JSON
import Persistent
import Southbound
import Wire

/// Ports that join a switch to a physical network: localnet ports on every host that has a device of it, l2gateway
/// ports on one.
extension LogicalSwitchPort {
    /// The value of `type`.
    static let localnetType = "localnet"
    /// Another one.
    static let l2GatewayType = "l2gateway"
    /// The VLANs that a frame can be of (IEEE 802.1Q table 9-2).
    private static let vlanRange: ClosedRange<UInt16> = 1...4094
    /// The most localnet ports of one switch, and the most l2gateway ports: a host opens a socket for each, and sends
    /// each of them what is for all.
    static let localnetCountMaximum = 64

    public var isLocalnet: Bool { type == Self.localnetType }
    public var isL2Gateway: Bool { type == Self.l2GatewayType }

    /// The physical network that a localnet port joins its switch to, once it says one; `nil` for other ports.
    public var physicalNetwork: String? { isLocalnet ? options[PortOption.physicalNetwork.rawValue] : nil }

    /// The physical network that an l2gateway port joins its switch to, once it says one; `nil` for other ports.
    public var gatewayNetwork: String? { isL2Gateway ? options[PortOption.physicalNetwork.rawValue] : nil }

    /// The chassis that an l2gateway port is at, once it says one; `nil` for other ports.
    public var gatewayChassis: String? { isL2Gateway ? options[PortOption.gatewayChassis.rawValue] : nil }

    /// True if the MACs that come from the port are learnt, as far as other rules allow: those of a localnet port only
    /// if it says so, as in OVN.
    var learnsMACs: Bool { !isLocalnet || options[PortOption.learnsFromNetwork.rawValue] == "true" }

    /// Checks that a port of a physical network says nothing of a guest, which it does not have, and that others say
    /// nothing of physical networks.
    static func checkPhysicalNetwork(
        _ stored: Stored<LogicalSwitchPort>,
        _ database: NorthboundDatabase
    ) throws(Refusal) {
        let port = stored.value
        let owners: [(PortOption, [String])] = [
            (.physicalNetwork, [localnetType, l2GatewayType]), (.gatewayChassis, [l2GatewayType]),
            (.learnsFromNetwork, [localnetType]),
        ]
        for (option, types) in owners where port.options[option.rawValue] != nil && !types.contains(port.type) {
            let names = types.map { "\"\($0)\"" }.joined(separator: " and ")
            throw Refusal(
                .invalidValue,
                "Only ports of the type \(names) have \"\(option.rawValue)\"; set \"type\", too.",
                pointer: "/options/\(option.rawValue)"
            )
        }
        guard port.isLocalnet || port.isL2Gateway else { return }
        if let tag = port.tagRequest, !vlanRange.contains(tag) {
            let detail = "A VLAN is a number from \(vlanRange.lowerBound) to \(vlanRange.upperBound), not \(tag)."
            throw Refusal(.invalidValue, detail, pointer: "/tag_request")
        }
        if port.isLocalnet, let place = port.addressList.values.firstIndex(where: { $0 != .unknown }) {
            throw Refusal(
                .invalidValue,
                "A localnet port has the addresses that no other port has; write \"unknown\", or leave \"addresses\" "
                    + "empty.",
                pointer: "/addresses/\(place)"
            )
        }
        let ofGuests: [(String, Bool)] = [
            ("port_security", port.isLocalnet && !port.portSecurity.isEmpty),
            ("requested_chassis", !port.requestedChassis.isEmpty),
            ("activation_strategy", !port.activationStrategy.isEmpty), ("dhcpv4_options", port.dhcpv4Options != nil),
            ("dhcpv6_options", port.dhcpv6Options != nil),
        ]
        if let field = ofGuests.first(where: \.1)?.0 {
            let detail =
                "\"\(field)\" is for ports of guests, and a port of the type \"\(port.type)\" has none; leave it out."
            throw Refusal(.invalidValue, detail, pointer: "/\(field)")
        }
        try checkJoinsOnce(stored, database)
    }

    /// Checks that no other port joins the switch to the same VLAN of the network, as every frame would be there twice,
    /// and that no other one joins it in the other way: hosts of localnet ports use no tunnels.
    private static func checkJoinsOnce(
        _ stored: Stored<LogicalSwitchPort>,
        _ database: NorthboundDatabase
    ) throws(Refusal) {
        let port = stored.value
        guard let network = port.physicalNetwork ?? port.gatewayNetwork else { return }
        let index = database.ports.index
        let (alike, unlike) =
            port.isLocalnet
            ? (index.physicalNetworks, index.gatewayNetworks) : (index.gatewayNetworks, index.physicalNetworks)
        if let other = unlike[port.switchID]?.first(where: { $0.key != stored.id }) {
            let name = database.ports[other.key]?.value.name ?? ""
            throw Refusal(
                .invalidValue,
                "The switch has the \(port.isLocalnet ? l2GatewayType : localnetType) port \"\(name)\", and a switch "
                    + "is joined to physical networks in one way; delete that port first, or use its type.",
                pointer: "/type",
                conflictsWith: "/v1/ports/\(name)"
            )
        }
        let joined = alike[port.switchID] ?? OrderedMap()
        guard joined.count < localnetCountMaximum || joined[stored.id] != nil else {
            let detail = "The switch has \(localnetCountMaximum) \(port.type) ports, which is the maximum."
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
