import Southbound
import Wire

extension TableCompiler {
    /// Lays a port's row, its addresses and its security.
    mutating func compile(_ port: PortBinding, of datapath: DatapathBinding, index: Int, datapathOffset: Int) {
        let portIndex = portNames.count
        let rowOffset = offset(ofPort: portIndex)
        portNames.append(port.logicalPort)
        let presence = presences[port.id]
        let local = input.localChassis
        let elsewhere = presence?.present.map(\.chassis).filter { $0 != local } ?? []
        var flags: PortFlags = []
        if port.isEnabled { flags.insert(.enabled) }
        if port.hasUnknown { flags.insert(.hasUnknown) }
        if isBoundHere(port) { flags.insert(.boundHere) }
        if !elsewhere.isEmpty { flags.insert(.boundElsewhere) }
        let slot = pluggedSlot(of: port)
        let row = PortRow(
            datapath: datapathOffset,
            security: layOut(port.portSecurity),
            origins: arena.append(origins(of: presence)),
            locals: slot == nil ? .empty : arena.append([rowOffset]),
            remotes: arena.append(chassis.places(of: elsewhere)),
            index: UInt32(portIndex),
            key: port.tunnelKey,
            slot: slot ?? 0,
            flags: flags
        )
        arena.store(row, in: portRows, at: portIndex)
        insert(.portKey, datapath: index, low: UInt64(port.tunnelKey), value: rowOffset)
        for address in port.addresses {
            insert(.mac, datapath: index, low: address.mac.rawValue, value: rowOffset)
            if port.answersNeighbors, !port.hasUnknown, !datapath.vlanPassthru {
                insertNeighbors(address, datapath: index, owner: rowOffset)
            }
        }
    }

    /// The members of a group that are plugged in here, and the places of the others.
    mutating func group(of members: [PortBinding], firstPortIndex: Int, all ports: [PortBinding]) -> GroupRow {
        var locals: [Int] = []
        let wanted = Set(members.map(\.tunnelKey))
        for (index, port) in ports.enumerated() where wanted.contains(port.tunnelKey) && pluggedSlot(of: port) != nil {
            locals.append(offset(ofPort: firstPortIndex + index))
        }
        let remotes = chassis.places(numbered: remoteChassis(of: members))
        return GroupRow(locals: arena.append(locals), remotes: arena.append(remotes))
    }

    /// The sorted numbers of the other chassis where one of the ports is bound.
    func remoteChassis(of members: [PortBinding]) -> [Int] {
        var numbers: Set<Int> = []
        for port in members {
            for place in presences[port.id]?.present ?? [] where place.chassis != input.localChassis {
                if let number = chassis.number(of: place.chassis) { numbers.insert(number) }
            }
        }
        return numbers.sorted()
    }

    private func isBoundHere(_ port: PortBinding) -> Bool {
        let local = input.localChassis
        return presences[port.id]?.present.contains { $0.chassis == local } ?? false
    }

    /// The slot of the port's device, if the port is bound here.
    private func pluggedSlot(of port: PortBinding) -> UInt16? {
        isBoundHere(port) ? slots[port.logicalPort] : nil
    }

    private func origins(of presence: PortPresence?) -> [OriginRow] {
        guard let presence else { return [] }
        var rows: [OriginRow] = []
        for place in presence.present {
            guard let number = chassis.number(of: place.chassis) else { continue }
            rows.append(OriginRow(chassis: UInt32(number), hasDeadline: false, deadline: .zero))
        }
        for past in presence.past {
            guard let number = chassis.number(ofPast: past.place) else { continue }
            rows.append(OriginRow(chassis: UInt32(number), hasDeadline: true, deadline: past.deadline))
        }
        return rows
    }

    private mutating func insertNeighbors(_ address: PortAddress, datapath: Int, owner: Int) {
        let row = NeighborRow(mac: address.mac.rawValue, port: owner)
        for ip in address.ips {
            let offset = arena.append([row]).offset
            switch ip {
            case .v4(let ip): insert(.ipv4Neighbor, datapath: datapath, low: UInt64(ip.rawValue), value: offset)
            case .v6(let ip):
                insert(.ipv6Neighbor, datapath: datapath, high: ip.high, low: ip.low, value: offset)
            }
        }
    }

    private mutating func layOut(_ entries: [PortSecurityEntry]) -> Extent {
        var rows: [SecurityRow] = []
        for entry in entries {
            let ipv4 = entry.prefixes.compactMap(Self.ipv4Row)
            let ipv6 = entry.prefixes.compactMap(Self.ipv6Row)
            rows.append(
                SecurityRow(mac: entry.mac.rawValue, ipv4: arena.append(ipv4), ipv6: arena.append(ipv6))
            )
        }
        return arena.append(rows)
    }

    private static func ipv4Row(_ prefix: IPPrefix) -> IPv4PrefixRow? {
        guard case .v4(let address) = prefix.address else { return nil }
        let mask: UInt32 = prefix.length == 0 ? 0 : ~0 << UInt32(32 - prefix.length)
        if prefix.hasZeroHostBits { return IPv4PrefixRow(network: address.rawValue, mask: mask, broadcast: 0) }
        return IPv4PrefixRow(network: address.rawValue, mask: ~0, broadcast: address.rawValue | ~mask)
    }

    private static func ipv6Row(_ prefix: IPPrefix) -> IPv6PrefixRow? {
        guard case .v6(let address) = prefix.address else { return nil }
        let length = prefix.hasZeroHostBits ? UInt64(prefix.length) : 128
        return IPv6PrefixRow(
            networkHigh: address.high,
            networkLow: address.low,
            maskHigh: length == 0 ? 0 : ~0 << (64 - min(length, 64)),
            maskLow: length <= 64 ? 0 : ~0 << (128 - length)
        )
    }
}
