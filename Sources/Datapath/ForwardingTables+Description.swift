import Southbound
import Wire

extension ForwardingTables: CustomStringConvertible {
    /// The tables as text, for tests and for people who look for a fault: read back from the memory that the packet
    /// path reads, in order of VNI, key and address, with names in the place of numbers.
    public var description: String {
        var lines = ["epoch \(epoch), inner MTU \(view.innerMTU)"]
        lines += chassisLines()
        var rows: [DatapathRow] = []
        file.forEach(in: root.datapaths) { _, reference in rows.append(file.load(DatapathRow.self, at: reference)) }
        for datapath in rows.sorted(by: { $0.vni < $1.vni }) {
            lines += datapathLines(datapath)
            file.forEach(in: datapath.ports) { _, reference in
                lines += portLines(file.load(PortRow.self, at: reference))
            }
            lines += addressLines(of: datapath)
        }
        lines += slotLines()
        return lines.map { $0 + "\n" }.joined()
    }

    private func keys(in trie: Reference) -> [KeyRow] {
        var keys: [KeyRow] = []
        file.forEachKey(in: trie) { keys.append($0) }
        return keys.sorted { ($0.kind, $0.high, $0.low) < ($1.kind, $1.high, $1.low) }
    }

    private func chassisLines() -> [String] {
        var encaps: [String: [IPAddress]] = [:]
        for key in keys(in: root.keys) {
            guard let address = key.address else { continue }
            encaps[chassis[key.value].name, default: []].append(address)
        }
        return encaps.sorted { $0.key < $1.key }.map { name, addresses in
            let place = chassis.number(of: name).flatMap { view.place(Int($0)) }
            let texts = addresses.map { "\($0)" + ($0 == place ? " (tunnels)" : "") }
            return "chassis \(name): \(texts.joined(separator: ", "))"
        }
    }

    private func datapathLines(_ row: DatapathRow) -> [String] {
        let name = datapathsByIndex[Int(row.index)]?.record.name ?? "?"
        let passthru = row.isVLANPassthru ? ", VLAN passthru" : ""
        return [
            "datapath \(row.vni) \(name)\(passthru)", "  flood: \(members(of: row.flood))",
            "  unknown: \(members(of: row.unknown))",
            "  services: \(row.services.rawValue), router: \(file.routerText(row.router))",
        ] + multicastLines(row)
    }

    private func multicastLines(_ row: DatapathRow) -> [String] {
        guard row.services.contains(.snooping) else { return [] }
        let reporters = GroupRow(locals: row.reporters, remotes: .empty)
        let querier = row.querier == 0 ? "none" : "\(file.load(QuerierRow.self, at: row.querier))"
        let lines = [
            "  multicast routers: \(members(of: row.multicastRouters))", "  reports: \(members(of: reporters))",
            "  querier: \(querier)",
        ]
        return lines
            + keys(in: row.groups).map { key in
                let group = file.load(GroupRow.self, at: Reference(truncatingIfNeeded: key.mac))
                return "  group \(key.address.map { "\($0)" } ?? "?"): \(members(of: group))"
            }
    }

    private func members(of group: GroupRow) -> String {
        let locals = file.load(UInt16.self, group.locals).map { slot in
            view.port(atSlot: slot).map { name(of: $0.pointee) } ?? "?"
        }
        let all = locals + names(group.remotes)
        return all.isEmpty ? "nobody" : all.joined(separator: ", ")
    }

    private func names(_ chassis: Extent) -> [String] {
        file.load(UInt32.self, chassis).map { self.chassis[$0].name }.sorted()
    }

    private func portLines(_ port: PortRow) -> [String] {
        var states = [port.flags.contains(.enabled) ? "enabled" : "disabled"]
        if port.flags.contains(.hasUnknown) { states.append("unknown") }
        if port.flags.contains(.boundHere) { states.append("bound here") }
        if port.flags.contains(.isLocalnet) { states.append("localnet") }
        if port.flags.contains(.isTrunk) { states.append("trunk") }
        if port.flags.contains(.guardsRouters) { states.append("no router") }
        if port.flags.contains(.guardsDHCP) { states.append("no DHCP server") }
        if port.locals.count > 0 { states.append("slot \(port.slot)") }
        let parents = file.load(UInt16.self, port.parents).map(String.init).joined(separator: " ")
        if !parents.isEmpty { states.append("parents in \(parents)") }
        if port.tag != 0 { states.append("tag \(port.tag) of slot \(port.parentSlot)") }
        let nested = file.load(NestedRow.self, port.nested).map { "\($0.tag) in \($0.slot)" }
        if !nested.isEmpty { states.append("tags \(nested.joined(separator: ", "))") }
        if port.isStandby { states.append("standby") }
        states += names(port.remotes).map { "to \($0)" }
        states += file.load(OriginRow.self, port.origins).map { origin in
            let name = chassis[origin.chassis].name
            return origin.hasDeadline ? "from \(name) until \(origin.deadline)" : "from \(name)"
        }
        return ["  port \(port.key) \(name(of: port)): \(states.joined(separator: ", "))"]
            + file.securityTexts(port.security).map { "    allows \($0)" }
            + [("DHCPv4", port.dhcpv4), ("DHCPv6", port.dhcpv6)].filter { $0.1 != 0 }
            .map { "    \($0): \(file.dhcpText($1))" }
    }

    private func addressLines(of datapath: DatapathRow) -> [String] {
        let keys = keys(in: datapath.keys)
        // Keys of names are in the order of their hashes.
        let names = keys.filter { $0.kind == KeyKind.name.rawValue }.map { "  " + file.nameText($0) }.sorted()
        let addresses = keys.filter { $0.kind != KeyKind.name.rawValue }.map { key in
            let owner = portName(file.element(Int(key.value), of: datapath.ports))
            guard let address = key.address else { return "  \(MACAddress(truncating: key.low)) -> \(owner)" }
            if key.isVirtual { return "  \(address) is that of \(owner)" }
            return "  \(address) is at \(MACAddress(truncating: key.mac)), \(owner)"
        }
        return addresses + names
    }

    private func slotLines() -> [String] {
        file.load(Reference.self, root.slots).enumerated().map { "slot \($0): \($1 == 0 ? "nothing" : portName($1))" }
    }

    private func portName(_ reference: Reference) -> String {
        reference == 0 ? "?" : name(of: file.load(PortRow.self, at: reference))
    }

    private func name(of row: PortRow) -> String {
        port(ObjectID(high: row.idHigh, low: row.idLow))?.logicalPort ?? "?"
    }
}

extension KeyRow {
    /// True if it is the address of a virtual port.
    fileprivate var isVirtual: Bool { kind == KeyKind.virtualIPv4.rawValue || kind == KeyKind.virtualIPv6.rawValue }

    /// The IP address that it is, if any.
    fileprivate var address: IPAddress? {
        switch KeyKind(rawValue: kind) {
        case .ipv4Neighbor, .ipv4Encap, .virtualIPv4: .v4(IPv4Address(UInt32(truncatingIfNeeded: low)))
        case .ipv6Neighbor, .ipv6Encap, .virtualIPv6: .v6(IPv6Address(high: high, low: low))
        case .multicastGroup:
            high == 0 ? .v4(IPv4Address(UInt32(truncatingIfNeeded: low))) : .v6(IPv6Address(high: high, low: low))
        case .vni, .mac, .name, nil: nil
        }
    }
}
