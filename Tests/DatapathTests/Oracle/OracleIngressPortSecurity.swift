import Southbound
import Wire

@testable import Datapath

/// Port security as ovn-nb(5) and controller/lflow.c have it.
extension IngressPortSecurity: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep {
        lets(context.frame, in: context.port.portSecurity) ? .next : .drop(.ingressPortSecurity)
    }

    private static func lets(_ frame: OracleFrame, in entries: [PortSecurityEntry]) -> Bool {
        if entries.isEmpty { return true }
        if entries.contains(where: { OracleVirtualRouters.lets(frame, in: $0) }) { return true }
        let own = entries.filter { $0.mac == frame.source && $0.virtualMACs.isEmpty }
        if frame.etherType == 0x0806 { return own.contains { allowsARP(frame, $0) } }
        if frame.etherType == 0x8035, announcesItself(frame) { return !own.isEmpty }
        if own.contains(where: { allowsAtOnce(frame, $0) }) { return true }
        guard own.contains(where: { advancesToNeighborCheck(frame, $0) }) else { return false }
        return passesNeighborCheck(frame, own)
    }

    /// `arp.sha == M`, and `arp.spa` one of the IPv4 addresses, if the entry has any, or, in a request to all, none; an
    /// entry with IPv6 ones only allows no ARP.
    private static func allowsARP(_ frame: OracleFrame, _ entry: PortSecurityEntry) -> Bool {
        guard let arp = frame.arp, arp.senderMAC == entry.mac else { return false }
        if entry.prefixes.isEmpty { return true }
        if arp.senderIP == .any, arp.operation == 1, frame.destination == .broadcast {
            return !OraclePrefixes.ipv4(of: entry).isEmpty
        }
        return OraclePrefixes.ipv4(of: entry).contains { OraclePrefixes.matches(.v4(arp.senderIP), $0) }
    }

    /// A reverse request of a host for itself.
    private static func announcesItself(_ frame: OracleFrame) -> Bool {
        let packet = Array(frame.bytes[frame.start...])
        let mac = frame.source.octets
        return packet.count >= 28 && Array(packet[0..<8]) == [0, 1, 8, 0, 6, 4, 0, 3] && Array(packet[8..<14]) == mac
            && Array(packet[18..<24]) == mac
    }

    private static func allowsAtOnce(_ frame: OracleFrame, _ entry: PortSecurityEntry) -> Bool {
        if let header = frame.ipv4, !OraclePrefixes.ipv4(of: entry).isEmpty {
            if OraclePrefixes.ipv4(of: entry).contains(where: { OraclePrefixes.matches(.v4(header.source), $0) }) {
                return true
            }
            let ports = frame.transport.map { Array($0.prefix(4)) }
            let hasHeader = (frame.transport?.count ?? 0) >= 8
            return header.source == .any && header.destination == .broadcast && header.protocolNumber == 17
                && hasHeader && ports == [0, 68, 0, 67]
        }
        if let header = frame.ipv6, !OraclePrefixes.ipv6(of: entry).isEmpty, let icmp = frame.icmpv6 {
            return header.source == .any && header.destination.groups[0] == 0xff02 && icmp[1] == 0
                && (icmp[0] == 131 || icmp[0] == 143)
        }
        return false
    }

    private static func advancesToNeighborCheck(_ frame: OracleFrame, _ entry: PortSecurityEntry) -> Bool {
        if entry.prefixes.isEmpty { return true }
        guard let header = frame.ipv6, !OraclePrefixes.ipv6(of: entry).isEmpty else { return false }
        if let type = frame.icmpv6?[0], type == 134 || type == 137 {
            guard OraclePrefixes.ipv6(of: entry).contains(where: { $0.hasZeroHostBits && $0.length < 128 }) else {
                return false
            }
        }
        if OraclePrefixes.ipv6(of: entry).contains(where: { OraclePrefixes.matches(.v6(header.source), $0) }) {
            return true
        }
        if header.source == entry.mac.linkLocalAddress { return true }
        guard let icmp = frame.icmpv6, icmp.count >= 24, frame.destination.octets.prefix(2) == [0x33, 0x33] else {
            return false
        }
        let halves = [icmp[8..<16], icmp[16..<24]].map { $0.reduce(0 as UInt64) { $0 << 8 | UInt64($1) } }
        let target = IPv6Address(high: halves[0], low: halves[1])
        return header.source == .any && header.destination == target.solicitedNodeAddress && icmp[0] == 135
            && icmp[1] == 0
    }

    /// NS and NA with hop limit 255 must be true; all else passes.
    private static func passesNeighborCheck(_ frame: OracleFrame, _ own: [PortSecurityEntry]) -> Bool {
        guard let icmp = frame.icmpv6, frame.ipv6?.hopLimit == 255, icmp[0] == 135 || icmp[0] == 136 else {
            return true
        }
        guard icmp[1] == 0, let options = OracleNeighborOptions(icmp) else { return false }
        let zero = MACAddress(truncating: 0)
        if icmp[0] == 135 {
            return own.contains { options.source ?? zero == zero || options.source == $0.mac }
        }
        return own.contains { entry in
            guard options.target ?? zero == zero || options.target == entry.mac else { return false }
            return OraclePrefixes.ipv6(of: entry).isEmpty || options.address == entry.mac.linkLocalAddress
                || OraclePrefixes.ipv6(of: entry).contains { OraclePrefixes.matches(.v6(options.address), $0) }
        }
    }
}
