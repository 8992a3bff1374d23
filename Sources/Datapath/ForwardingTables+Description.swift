import Wire

extension ForwardingTables: CustomStringConvertible {
    /// The tables as text, for tests and for people who look for a fault: read back from the memory that the packet
    /// path reads, in order of VNI, key and address.
    public var description: String {
        var lines = ["epoch \(epoch), inner MTU \(view.header.pointee.innerMTU)"]
        lines += chassisLines()
        let datapaths = view.header.pointee.datapaths
        let entries = hashRows()
        for index in 0..<datapaths.count {
            let datapath = view.rows(DatapathRow.self, datapaths) + index
            lines += datapathLines(datapath)
            lines += portLines(of: datapath)
            lines += addressLines(entries.filter { UInt32(truncatingIfNeeded: $0.scope) == datapath.pointee.index })
        }
        lines += slotLines()
        return lines.map { $0 + "\n" }.joined()
    }

    private func hashRows() -> [HashRow] {
        let table = view.header.pointee.hash
        let rows = UnsafeBufferPointer(start: view.rows(HashRow.self, table), count: table.count)
        return rows.filter { $0.scope != 0 }
            .sorted { ($0.scope, $0.high, $0.low) < ($1.scope, $1.high, $1.low) }
    }

    private func chassisLines() -> [String] {
        let encaps = hashRows().compactMap { row -> (number: Int, address: IPAddress)? in
            switch HashKind(rawValue: row.scope >> 32) {
            case .ipv4Encap: (row.value, .v4(IPv4Address(UInt32(truncatingIfNeeded: row.low))))
            case .ipv6Encap: (row.value, .v6(IPv6Address(high: row.high, low: row.low)))
            case .vni, .portKey, .mac, .ipv4Neighbor, .ipv6Neighbor, nil: nil
            }
        }
        let places = (0..<view.placeCount).map { view.place($0) }
        return chassisNames.enumerated().map { number, name in
            let texts = encaps.filter { $0.number == number }.map { encap in
                "\(encap.address)" + (places.firstIndex(of: encap.address).map { " (place \($0))" } ?? "")
            }
            return "chassis \(number) \(name): \(texts.joined(separator: ", "))"
        }
    }

    private func datapathLines(_ datapath: UnsafePointer<DatapathRow>) -> [String] {
        let row = datapath.pointee
        let passthru = row.isVLANPassthru ? ", VLAN passthru" : ""
        return [
            "datapath \(row.vni) \(datapathNames[Int(row.index)])\(passthru)",
            "  flood: \(members(of: row.flood))",
            "  unknown: \(members(of: row.unknown))",
        ]
    }

    private func members(of group: GroupRow) -> String {
        let locals = rows(Int.self, group.locals).map { portName(at: $0) }
        let remotes = rows(UInt32.self, group.remotes).map { "place \($0)" }
        let all = locals + remotes
        return all.isEmpty ? "nobody" : all.joined(separator: ", ")
    }

    private func portLines(of datapath: UnsafePointer<DatapathRow>) -> [String] {
        let ports = view.header.pointee.ports
        var lines: [String] = []
        for index in 0..<ports.count {
            let port = (view.rows(PortRow.self, ports) + index).pointee
            guard port.datapath == UnsafeRawPointer(datapath) - view.base else { continue }
            let states = states(of: port).joined(separator: ", ")
            lines.append("  port \(port.key) \(portNames[Int(port.index)]): \(states)")
            lines += securityLines(of: port)
        }
        return lines
    }

    private func states(of port: PortRow) -> [String] {
        var states = [port.flags.contains(.enabled) ? "enabled" : "disabled"]
        if port.flags.contains(.hasUnknown) { states.append("unknown") }
        if port.flags.contains(.boundHere) { states.append("bound here") }
        if port.locals.count > 0 { states.append("slot \(port.slot)") }
        states += rows(UInt32.self, port.remotes).map { "to place \($0)" }
        states += rows(OriginRow.self, port.origins).map { origin in
            let name = chassisNames[Int(origin.chassis)]
            return origin.hasDeadline ? "from \(name) until \(origin.deadline)" : "from \(name)"
        }
        return states
    }

    private func securityLines(of port: PortRow) -> [String] {
        rows(SecurityRow.self, port.security).map { entry in
            let ipv4 = rows(IPv4PrefixRow.self, entry.ipv4).map { prefix in
                let broadcast = prefix.broadcast == 0 ? "" : " (broadcast \(IPv4Address(prefix.broadcast)))"
                return "\(IPv4Address(prefix.network))/\(prefix.mask.nonzeroBitCount)\(broadcast)"
            }
            let ipv6 = rows(IPv6PrefixRow.self, entry.ipv6).map { prefix in
                let length = prefix.maskHigh.nonzeroBitCount + prefix.maskLow.nonzeroBitCount
                return "\(IPv6Address(high: prefix.networkHigh, low: prefix.networkLow))/\(length)"
            }
            return "    allows " + (["\(MACAddress(truncating: entry.mac))"] + ipv4 + ipv6).joined(separator: " ")
        }
    }

    private func addressLines(_ entries: [HashRow]) -> [String] {
        entries.compactMap { entry -> String? in
            switch HashKind(rawValue: entry.scope >> 32) {
            case .mac: "  \(MACAddress(truncating: entry.low)) -> \(portName(at: entry.value))"
            case .ipv4Neighbor: neighborLine(.v4(IPv4Address(UInt32(truncatingIfNeeded: entry.low))), entry.value)
            case .ipv6Neighbor: neighborLine(.v6(IPv6Address(high: entry.high, low: entry.low)), entry.value)
            case .vni, .portKey, .ipv4Encap, .ipv6Encap, nil: nil
            }
        }
    }

    private func neighborLine(_ address: IPAddress, _ offset: Int) -> String {
        let neighbor = view.row(NeighborRow.self, at: offset).pointee
        return "  \(address) is at \(MACAddress(truncating: neighbor.mac)), \(portName(at: neighbor.port))"
    }

    private func slotLines() -> [String] {
        rows(Int.self, view.header.pointee.slots).enumerated().map { slot, offset in
            "slot \(slot): \(offset == 0 ? "nothing" : portName(at: offset))"
        }
    }

    private func portName(at offset: Int) -> String {
        portNames[Int(view.row(PortRow.self, at: offset).pointee.index)]
    }

    private func rows<Row: BitwiseCopyable>(_ type: Row.Type, _ extent: Extent) -> [Row] {
        Array(UnsafeBufferPointer(start: view.rows(type, extent), count: extent.count))
    }
}
