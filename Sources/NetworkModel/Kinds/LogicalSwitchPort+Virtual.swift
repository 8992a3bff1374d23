import Persistent
import Wire

/// Virtual ports: an address that moves among several ports, as VRRP has it (OVN's type `virtual`, whose options
/// `virtual-ip` and `virtual-parents` are fields here).
extension LogicalSwitchPort {
    /// The value of `type`.
    static let virtualType = "virtual"
    /// The most parents of one virtual port: each is compared with the sender of an announcement.
    static let virtualParentCountMaximum = 32

    public var isVirtual: Bool { type == Self.virtualType }

    /// True if the port may be at a host by this parent there, which only virtual ports have.
    public func mayBe(by parent: String?) -> Bool {
        parent.map(virtualParents.contains) ?? (!isVirtual && !isLocalnet && !isL2Gateway)
    }

    static func virtualIP(_ reader: BodyReader) throws(Refusal) -> IPAddress? {
        guard let text = try reader.optionalString("virtual_ip") else { return nil }
        guard let address = IPAddress(text), address.isOfOneHost else {
            let detail = "\(quoted(text)) is not the IP address of one host, such as 10.0.0.10 or fd00::10."
            throw Refusal(.invalidValue, detail, pointer: reader.pointer("virtual_ip"))
        }
        if let reason = address.reasonAgainstGuest {
            throw Refusal(
                .invalidValue,
                "\(address) cannot be a port's: \(reason).",
                pointer: reader.pointer("virtual_ip")
            )
        }
        return address
    }

    static func virtualParents(_ reader: BodyReader) throws(Refusal) -> [String] {
        try names(reader, "virtual_parents", of: "port", atMost: virtualParentCountMaximum)
    }

    /// Checks that a virtual port says its address and its parents, that other ports do not, and that the address is
    /// nobody else's.
    static func checkVirtual(_ stored: Stored<LogicalSwitchPort>, _ database: NorthboundDatabase) throws(Refusal) {
        let port = stored.value
        guard port.isVirtual else {
            guard port.virtualIP == nil, port.virtualParents.isEmpty else {
                throw Refusal(
                    .invalidValue,
                    "Only ports of the type \"virtual\" have \"virtual_ip\" and \"virtual_parents\".",
                    pointer: port.virtualIP == nil ? "/virtual_parents" : "/virtual_ip"
                )
            }
            return
        }
        guard let ip = port.virtualIP, !port.virtualParents.isEmpty else {
            let field = port.virtualIP == nil ? "virtual_ip" : "virtual_parents"
            let meaning = port.virtualIP == nil ? "the address that moves" : "the ports that may announce the address"
            throw Refusal(.missingField, "A virtual port needs \"\(field)\": \(meaning).", pointer: "/\(field)")
        }
        if let place = port.virtualParents.firstIndex(of: port.name) {
            let detail = "A virtual port cannot be its own parent."
            throw Refusal(.invalidValue, detail, pointer: "/virtual_parents/\(place)")
        }
        for (place, address) in port.addressList.values.enumerated() {
            if case .known = address { continue }
            throw Refusal(
                .invalidValue,
                "\"\(address)\" is not for virtual ports; write a MAC address, or leave \"addresses\" empty.",
                pointer: "/addresses/\(place)"
            )
        }
        let holder = database.ports.index.byIP[OnSwitch(switchID: port.switchID, address: ip)]
        if let holder, holder != stored.id {
            throw conflict(.ipConflict, ip.description, holder, database, "/virtual_ip")
        }
    }
}
