import Southbound
import Wire

/// The queries of a switch for members of multicast groups.
struct QuerierRow {
    var mac: UInt64
    /// 0 for no queries of IGMP.
    var ipv4: UInt32
    /// Seconds.
    var interval: UInt32
    var maxResponse: UInt32
    /// The address that queries of MLD are from; 0 for none.
    var high: UInt64
    var low: UInt64
}

extension ForwardingTables {
    /// Lays the queries of a switch.
    /// - Returns: 0 if there are none.
    func layQuerier(_ querier: MulticastSnooping.Querier?) -> Reference {
        guard let querier else { return 0 }
        return file.append(
            QuerierRow(
                mac: querier.mac.rawValue,
                ipv4: querier.ipv4?.rawValue ?? 0,
                interval: querier.interval,
                maxResponse: querier.maxResponse,
                high: querier.ipv6?.high ?? 0,
                low: querier.ipv6?.low ?? 0
            )
        )
    }
}

extension Tables {
    /// True if members of multicast groups are asked for on some switch.
    public var hasQueriers: Bool { root.pointee.querierCount > 0 }

    /// The querier of the switch of the port in a slot: it asks at each interval, and soon after another host has a
    /// port of the switch, which has heard of no members yet.
    public func querier(for slot: UInt16) -> Advertiser? {
        guard let (querier, datapath) = querierRow(for: slot) else { return nil }
        var content = spread(querier.mac, UInt64(querier.ipv4), querier.low ^ querier.high, seed: 1)
        for place in rows(UInt32.self, datapath.pointee.flood.remotes).prefix(Self.placeCountMaximum) {
            content = spread(content, UInt64(place), UInt64(querier.maxResponse), seed: 1)
        }
        let interval = max(1, querier.interval)
        return Advertiser(vni: datapath.pointee.vni, intervals: interval...interval, content: content)
    }

    /// Writes the query of one protocol for all groups, as the port in a slot gets it.
    /// - Returns: the octets of the frame; 0 if there is none.
    public func writeQuery(
        _ family: MembershipMessage.Family,
        for slot: UInt16,
        into room: UnsafeMutableRawBufferPointer
    ) -> Int {
        guard let (row, _) = querierRow(for: slot), let reply = Reply(room) else { return 0 }
        let query = MembershipMessage.Query(maxResponse: row.maxResponse, interval: row.interval)
        switch family {
        case .igmp: return row.ipv4 == 0 ? 0 : Self.writeIGMP(query, row, reply)
        case .mld: return row.high | row.low == 0 ? 0 : Self.writeMLD(query, row, reply)
        }
    }

    private func querierRow(for slot: UInt16) -> (QuerierRow, UnsafePointer<DatapathRow>)? {
        // Other queriers than ours are behind a wire.
        guard let port = port(atSlot: slot), port.pointee.flags.contains(.enabled),
            !port.pointee.flags.contains(.isLocalnet), !port.pointee.isStandby, let datapath = datapath(of: port),
            let querier = row(QuerierRow.self, at: datapath.pointee.querier)
        else { return nil }
        return (querier.pointee, datapath)
    }

    private static func writeIGMP(_ query: MembershipMessage.Query, _ row: QuerierRow, _ reply: Reply) -> Int {
        writeEthernet(row, to: 0x0100_5e00_0001, EtherType.ipv4, reply)
        let start = EthernetHeader.untaggedByteCount
        var header = IPv4Header(
            typeOfService: 0xc0,
            totalByteCount: UInt16(24 + MembershipMessage.Query.igmpByteCount),
            timeToLive: 1,
            protocolNumber: IPProtocol.igmp,
            source: IPv4Address(row.ipv4),
            destination: IPv4Address(0xe000_0001)
        )
        header.optionByteCount = 4
        header.checksum = 0
        var octets = reply.octets(at: start, count: 24)
        var span = octets.mutableSpan
        header.write(to: &span)
        // The router alert (RFC 2113).
        (octets[20], octets[21]) = (0x94, 4)
        var sum = InternetChecksum()
        sum.add(UnsafeBufferPointer(octets).span)
        (octets[10], octets[11]) = (UInt8(sum.value >> 8), UInt8(sum.value & 255))
        octets = reply.octets(at: start + 24, count: MembershipMessage.Query.igmpByteCount)
        span = octets.mutableSpan
        query.write(.igmp, to: &span)
        reply.finishICMPv4(at: start + 24, count: octets.count)
        return start + 24 + octets.count
    }

    private static func writeMLD(_ query: MembershipMessage.Query, _ row: QuerierRow, _ reply: Reply) -> Int {
        writeEthernet(row, to: 0x3333_0000_0001, EtherType.ipv6, reply)
        let start = EthernetHeader.untaggedByteCount
        let count = MembershipMessage.Query.mldByteCount
        let (source, all) = (IPv6Address(high: row.high, low: row.low), IPv6Address(high: 0xff02 << 48, low: 1))
        let header = IPv6Header(
            payloadByteCount: UInt16(8 + count),
            nextHeader: IPProtocol.hopByHop,
            hopLimit: 1,
            source: source,
            destination: all
        )
        var span = reply.octets(at: start, count: IPv6Header.byteCount).mutableSpan
        header.write(to: &span)
        // The router alert for MLD (RFC 2711), padded to 8 octets.
        let alert = reply.octets(at: start + IPv6Header.byteCount, count: 8)
        (alert[0], alert[1], alert[2], alert[3]) = (IPProtocol.icmpv6, 0, 5, 2)
        (alert[4], alert[5], alert[6], alert[7]) = (0, 0, 1, 0)
        let message = start + IPv6Header.byteCount + 8
        span = reply.octets(at: message, count: count).mutableSpan
        query.write(.mld, to: &span)
        reply.finishICMPv6(at: message, count: count, source: source, destination: all)
        return message + count
    }

    private static func writeEthernet(_ row: QuerierRow, to group: UInt64, _ etherType: UInt16, _ reply: Reply) {
        let header = EthernetHeader(
            destination: MACAddress(truncating: group),
            source: MACAddress(truncating: row.mac),
            etherType: etherType
        )
        var span = reply.octets(at: 0, count: EthernetHeader.untaggedByteCount).mutableSpan
        header.write(to: &span)
    }
}
