import Southbound
import Wire

/// VRRPv3 as ovn-nb(5) has it: virtual routers send all but ARP and ND, which their owner sends about them.
enum OracleVirtualRouters {
    static func contains(_ range: MACRange, _ mac: MACAddress) -> Bool {
        let shift = UInt64(48 - range.length)
        return mac.rawValue >> shift == range.address.rawValue >> shift
    }

    /// The MACs that an entry is for.
    static func macs(of entry: PortSecurityEntry) -> [MACRange] {
        entry.virtualMACs.isEmpty
            ? [MACRange(address: entry.mac, length: 48)].compactMap(\.self) : entry.virtualMACs
    }

    static func lets(_ frame: OracleFrame, in entry: PortSecurityEntry) -> Bool {
        entry.virtualMACs.contains { range in
            let isIPv4 = range.address.octets[4] == 1
            if contains(range, frame.source) { return letsRouter(frame, isIPv4, entry) }
            return frame.source == entry.mac && letsOwner(frame, range, isIPv4, entry)
        }
    }

    private static func neighborType(_ frame: OracleFrame) -> UInt8? {
        guard let type = frame.icmpv6?[0], frame.ipv6?.hopLimit == 255, type == 135 || type == 136 else { return nil }
        return type
    }

    private static func letsRouter(_ frame: OracleFrame, _ isIPv4: Bool, _ entry: PortSecurityEntry) -> Bool {
        if frame.etherType == 0x0806 || neighborType(frame) != nil { return false }
        if entry.prefixes.isEmpty { return true }
        if let header = frame.ipv4 {
            return isIPv4 && OraclePrefixes.ipv4(of: entry).contains { OraclePrefixes.matches(.v4(header.source), $0) }
        }
        guard let header = frame.ipv6, !isIPv4, !OraclePrefixes.ipv6(of: entry).isEmpty else { return false }
        return header.source == frame.source.linkLocalAddress
            || OraclePrefixes.ipv6(of: entry).contains { OraclePrefixes.matches(.v6(header.source), $0) }
    }

    private static func letsOwner(
        _ frame: OracleFrame,
        _ range: MACRange,
        _ isIPv4: Bool,
        _ entry: PortSecurityEntry
    ) -> Bool {
        let ipv4 = OraclePrefixes.ipv4(of: entry)
        let ipv6 = OraclePrefixes.ipv6(of: entry)
        if let arp = frame.arp {
            guard isIPv4, contains(range, arp.senderMAC) else { return false }
            return ipv4.isEmpty ? ipv6.isEmpty : ipv4.contains { OraclePrefixes.matches(.v4(arp.senderIP), $0) }
        }
        guard let type = neighborType(frame), !isIPv4, let message = frame.icmpv6, message[1] == 0,
            let options = OracleNeighborOptions(message), let mac = type == 135 ? options.source : options.target,
            contains(range, mac), let source = frame.ipv6?.source
        else { return false }
        if ipv6.isEmpty { return ipv4.isEmpty }
        return [source, type == 135 ? source : options.address].allSatisfy { address in
            address == mac.linkLocalAddress || address == entry.mac.linkLocalAddress
                || ipv6.contains { OraclePrefixes.matches(.v6(address), $0) }
        }
    }
}
