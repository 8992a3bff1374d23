import JSON
import Persistent
import Southbound
import Wire

extension LogicalSwitchPort {
    /// True if others' ARP and ND requests for the port's addresses are answered on its behalf.
    public var answersNeighbors: Bool {
        options[PortOption.disablesResponder.rawValue] != "true" && !isVirtual
            && !addresses.contains(LogicalAddress.unknown.description)
    }

    static func type(_ reader: BodyReader) throws(Refusal) -> String {
        let type = try reader.string("type") ?? ""
        guard ["", virtualType, localnetType, l2GatewayType].contains(type) else {
            throw Refusal(
                .unsupported,
                "Ports of the type \(quoted(type)) are not in this version; it has \"\(virtualType)\", "
                    + "\"\(localnetType)\", \"\(l2GatewayType)\", and \"\" for interfaces of VMs and containers.",
                pointer: reader.pointer("type")
            )
        }
        return type
    }

    static func requestedChassis(_ reader: BodyReader) throws(Refusal) -> [String] {
        try names(reader, "requested_chassis", of: "chassis", atMost: Limits.requestedChassisCountMaximum)
    }

    /// The names of a list, each once.
    static func names(
        _ reader: BodyReader,
        _ field: String,
        of noun: String,
        atMost maximum: Int
    ) throws(Refusal) -> [String] {
        let names = try reader.strings(field, atMost: maximum)
        for (index, name) in names.enumerated() {
            if let problem = ObjectName.problem(name) {
                throw Refusal(
                    .invalidValue,
                    "\(quoted(name)) cannot be a \(noun): \(problem).",
                    pointer: reader.pointer(field, "\(index)")
                )
            }
            guard !names[..<index].contains(name) else {
                throw Refusal(
                    .invalidValue,
                    "The \(noun) \"\(name)\" appears twice.",
                    pointer: reader.pointer(field, "\(index)")
                )
            }
        }
        return names
    }

    static func activationStrategy(_ reader: BodyReader) throws(Refusal) -> [ActivationFrame] {
        let words = try reader.strings("activation_strategy", atMost: ActivationFrame.allCases.count)
        var frames: [ActivationFrame] = []
        for (index, word) in words.enumerated() {
            guard let frame = ActivationFrame(rawValue: word), !frames.contains(frame) else {
                throw Refusal(
                    .invalidValue,
                    "\(quoted(word)) is no frame that tells that a guest runs, or appears twice; write some of "
                        + "\"rarp\", \"garp\" and \"na\".",
                    pointer: reader.pointer("activation_strategy", "\(index)")
                )
            }
            frames.append(frame)
        }
        return frames
    }

    /// Checks that no other port of the switch has one of the port's addresses, and that port security has something
    /// to stand for.
    public static func check(
        _ port: Stored<LogicalSwitchPort>,
        in database: NorthboundDatabase
    ) throws(Refusal) {
        if port.value.dynamicAddress == nil,
            let number = port.value.portSecurity.firstIndex(of: PortSecurityRule.dynamic)
        {
            throw Refusal(
                .invalidValue,
                "\"dynamic\" in \"port_security\" is for ports with a dynamic address; write the addresses.",
                pointer: "/port_security/\(number)"
            )
        }
        try check(port.value.dhcpv4Options, is: .v4, "dhcpv4_options", database)
        try check(port.value.dhcpv6Options, is: .v6, "dhcpv6_options", database)
        try checkVirtual(port, database)
        try checkNested(port, database)
        try checkPhysicalNetwork(port, database)
        try checkTrunk(port, database)
        for (number, id) in port.value.mirrors.enumerated() {
            guard let mirror = database.mirrors[id]?.value, mirror.type == .logicalPort,
                mirror.sink == port.value.name
            else { continue }
            let detail = "The mirror \"\(mirror.name)\" would copy the port's frames to the port itself."
            throw Refusal(.invalidValue, detail, pointer: "/mirror_rules/\(number)")
        }
        for (number, address) in port.value.logicalAddresses.enumerated() {
            guard case .known(let mac, let ips) = address else { continue }
            var place: String { "/addresses/\(number)" }
            let macHolder = database.ports.index.byMAC[OnSwitch(switchID: port.value.switchID, address: mac)]
            if let macHolder, macHolder != port.id {
                throw conflict(.macConflict, mac.description, macHolder, database, place)
            }
            for ip in ips {
                let holder = database.ports.index.byIP[OnSwitch(switchID: port.value.switchID, address: ip)]
                if let holder, holder != port.id {
                    throw conflict(.ipConflict, ip.description, holder, database, place)
                }
            }
        }
    }

    private static func check(
        _ options: ObjectID?,
        is family: DHCPOption.Family,
        _ field: String,
        _ database: NorthboundDatabase
    ) throws(Refusal) {
        guard let options = options.flatMap({ database.dhcpOptions[$0]?.value }), options.family != family else {
            return
        }
        let detail =
            "The options \"\(options.name)\" are for \(options.cidr); \"\(field)\" needs those of an "
            + "\(family == .v4 ? "IPv4" : "IPv6") network."
        throw Refusal(.invalidValue, detail, pointer: "/\(field)")
    }

    static func conflict(
        _ code: Refusal.Code,
        _ address: String,
        _ holder: ObjectID,
        _ database: NorthboundDatabase,
        _ pointer: String
    ) -> Refusal {
        let port = database.ports[holder]
        let name = port?.value.name ?? ""
        let switchName = port.flatMap { database.switches[$0.value.switchID] }?.value.name ?? ""
        return Refusal(
            code,
            "The port \"\(name)\" on the switch \"\(switchName)\" has the address \(address) already.",
            pointer: pointer,
            conflictsWith: "/v1/ports/\(name)"
        )
    }
}
