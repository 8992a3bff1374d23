import Southbound
import Wire

/// Port security as ovn-nb(5) and controller/lflow.c have it, without VRRPv3.
struct OraclePortSecurity {
    let entries: [PortSecurityEntry]

    init(_ port: PortBinding) {
        entries = port.portSecurity
    }

    // MARK: from the port

    func lets(inFromPort frame: OracleFrame) -> Bool {
        if entries.isEmpty { return true }
        let own = entries.filter { $0.mac == frame.source }
        if frame.etherType == 0x0806 { return own.contains { allowsARP(frame, $0) } }
        if own.contains(where: { allowsAtOnce(frame, $0) }) { return true }
        guard own.contains(where: { advancesToNeighborCheck(frame, $0) }) else { return false }
        return passesNeighborCheck(frame, own)
    }

    /// `arp.sha == M`, and `arp.spa` one of the IPv4 addresses, if the entry has any, or, in a request to all, none; an
    /// entry with IPv6 ones only allows no ARP.
    private func allowsARP(_ frame: OracleFrame, _ entry: PortSecurityEntry) -> Bool {
        guard let arp = frame.arp, arp.senderMAC == entry.mac else { return false }
        if entry.prefixes.isEmpty { return true }
        if arp.senderIP == .any, arp.operation == 1, frame.destination == .broadcast { return !ipv4(entry).isEmpty }
        return ipv4(entry).contains { matches(.v4(arp.senderIP), $0) }
    }

    private func allowsAtOnce(_ frame: OracleFrame, _ entry: PortSecurityEntry) -> Bool {
        if let header = frame.ipv4, !ipv4(entry).isEmpty {
            if ipv4(entry).contains(where: { matches(.v4(header.source), $0) }) { return true }
            let ports = frame.transport.map { Array($0.prefix(4)) }
            let hasHeader = (frame.transport?.count ?? 0) >= 8
            return header.source == .any && header.destination == .broadcast && header.protocolNumber == 17
                && hasHeader && ports == [0, 68, 0, 67]
        }
        if let header = frame.ipv6, !ipv6(entry).isEmpty, let icmp = frame.icmpv6 {
            return header.source == .any && header.destination.groups[0] == 0xff02 && icmp[1] == 0
                && (icmp[0] == 131 || icmp[0] == 143)
        }
        return false
    }

    private func advancesToNeighborCheck(_ frame: OracleFrame, _ entry: PortSecurityEntry) -> Bool {
        if entry.prefixes.isEmpty { return true }
        guard let header = frame.ipv6, !ipv6(entry).isEmpty else { return false }
        if let type = frame.icmpv6?[0], type == 134 || type == 137 {
            guard ipv6(entry).contains(where: { $0.hasZeroHostBits && $0.length < 128 }) else { return false }
        }
        if ipv6(entry).contains(where: { matches(.v6(header.source), $0) }) { return true }
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
    private func passesNeighborCheck(_ frame: OracleFrame, _ own: [PortSecurityEntry]) -> Bool {
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
            return ipv6(entry).isEmpty || options.address == entry.mac.linkLocalAddress
                || ipv6(entry).contains { matches(.v6(options.address), $0) }
        }
    }

    // MARK: to the port

    func lets(outToPort frame: OracleFrame) -> Bool {
        if entries.isEmpty { return true }
        let own = entries.filter { $0.mac == frame.destination }
        let restricting = own.filter { !$0.prefixes.isEmpty }
        if let header = frame.ipv4, !restricting.isEmpty {
            return restricting.contains { entry in
                !ipv4(entry).isEmpty
                    && (header.destination == .broadcast || header.destination.isMulticast
                        || ipv4(entry).contains {
                            matches(.v4(header.destination), $0) || broadcast(of: $0) == header.destination
                        })
            }
        }
        if let header = frame.ipv6, !restricting.isEmpty {
            return restricting.contains { entry in
                !ipv6(entry).isEmpty
                    && (header.destination.isMulticast || header.destination == entry.mac.linkLocalAddress
                        || ipv6(entry).contains { matches(.v6(header.destination), $0) })
            }
        }
        return !own.isEmpty
    }

    // MARK: prefixes

    private func ipv4(_ entry: PortSecurityEntry) -> [IPPrefix] { entry.prefixes.filter { $0.address.bitCount == 32 } }
    private func ipv6(_ entry: PortSecurityEntry) -> [IPPrefix] { entry.prefixes.filter { $0.address.bitCount == 128 } }

    /// Host bits zero: the whole subnet; else exactly that address. Bit by bit.
    private func matches(_ address: IPAddress, _ prefix: IPPrefix) -> Bool {
        let length = prefix.hasZeroHostBits ? prefix.length : prefix.address.bitCount
        return zip(bits(of: address), bits(of: prefix.address)).prefix(length).allSatisfy { $0 == $1 }
    }

    private func broadcast(of prefix: IPPrefix) -> IPv4Address? {
        guard !prefix.hasZeroHostBits, case .v4(let address) = prefix.address else { return nil }
        return IPv4Address((0..<32 - prefix.length).reduce(address.rawValue) { $0 | 1 << UInt32($1) })
    }

    private func bits(of address: IPAddress) -> [Bool] {
        switch address {
        case .v4(let address): (0..<32).reversed().map { address.rawValue >> UInt32($0) & 1 == 1 }
        case .v6(let address):
            [address.high, address.low].flatMap { half in (0..<64).reversed().map { half >> UInt64($0) & 1 == 1 } }
        }
    }
}

/// The options of a neighbor message; `nil` where they contradict themselves, which OVN would not notice: what one
/// reader takes, another may not.
struct OracleNeighborOptions {
    var address: IPv6Address
    var source: MACAddress?
    var target: MACAddress?

    init?(_ message: [UInt8]) {
        guard message.count >= 24 else { return nil }
        let halves = [message[8..<16], message[16..<24]].map { $0.reduce(0 as UInt64) { $0 << 8 | UInt64($1) } }
        address = IPv6Address(high: halves[0], low: halves[1])
        var rest = message[24...]
        while !rest.isEmpty {
            let option = Array(rest)
            guard option.count >= 8, option[1] > 0, option.count >= Int(option[1]) * 8 else { return nil }
            if option[0] == 1 || option[0] == 2 {
                guard option[1] == 1, (option[0] == 1 ? source : target) == nil else { return nil }
                let mac = MACAddress(truncating: option[2..<8].reduce(0) { $0 << 8 | UInt64($1) })
                if option[0] == 1 { source = mac } else { target = mac }
            }
            rest = rest.dropFirst(Int(option[1]) * 8)
        }
    }
}
