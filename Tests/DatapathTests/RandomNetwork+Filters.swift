import Southbound
import TestSupport
import Wire

// Random ACLs over the few addresses and ports that frames have.

extension RandomNetwork {
    /// Three switches in four have no ACLs: what they stop meets no other stage.
    mutating func filter() -> PacketFilter? {
        guard chance(25) else { return nil }
        var filter = PacketFilter(acls: [])
        // Some have so many that rules of one kind are looked up.
        let count = chance(70) ? Int.random(in: 1...6, using: &generator) : 40
        for number in 0..<count {
            let direction: PacketFilter.Direction = chance(50) ? .fromPort : .toPort
            filter.acls.append(
                PacketFilter.Rule(
                    name: "acl\(number)",
                    direction: direction,
                    tier: UInt8(3 * number / max(count, 7)),
                    match: match(direction),
                    action: PacketFilter.Action.allCases.randomElement(using: &generator) ?? .drop
                )
            )
        }
        for number in 0..<(chance(30) ? Int.random(in: 1...12, using: &generator) : 0) {
            let direction: PacketFilter.Direction = chance(50) ? .fromPort : .toPort
            filter.markings.append(
                MarkingRule(
                    name: "qos\(number)",
                    direction: direction,
                    match: match(direction),
                    dscp: UInt8.random(in: 0...63, using: &generator)
                )
            )
        }
        filter.ports = ["@few": 4, "p1": 1, "p2": UInt16.random(in: 1...8, using: &generator)]
        filter.portGroups = ["few": [2, 3], "many": [1, 2, 4, 5, 6, 7, 8], "empty": []]
        filter.addressSets = [
            "hosts": [1, 2, 5].flatMap { [IPPrefix(host: .v4(ipv4($0))), IPPrefix(host: .v6(ipv6($0)))] },
            "net": [IPPrefix(address: .v4(ipv4(0)), length: 30), IPPrefix(address: .v6(ipv6(4)), length: 126)]
                .compactMap { $0 }, "nothing": [],
        ]
        return filter
    }

    /// ACLs with members more and less in the sets and groups that they name.
    mutating func withOtherMembers(_ filter: PacketFilter?) -> PacketFilter? {
        guard var filter else { return nil }
        for name in filter.addressSets.keys.sorted() where chance(50) {
            let number = Int.random(in: 1...8, using: &generator)
            let length = chance(80) ? 32 : 30
            let prefixes = [
                IPPrefix(address: .v4(ipv4(number & ~(length == 32 ? 0 : 3))), length: length),
                IPPrefix(host: .v6(ipv6(number))),
            ].compactMap { $0 }
            for prefix in prefixes where chance(60) {
                let members = Set(filter.addressSets[name] ?? [])
                filter.addressSets[name] = members.symmetricDifference([prefix]).sorted()
            }
        }
        for name in filter.portGroups.keys.sorted() where chance(30) {
            let key = UInt16.random(in: 1...8, using: &generator)
            filter.portGroups[name] = Set(filter.portGroups[name] ?? []).symmetricDifference([key]).sorted()
        }
        return filter
    }

    private mutating func match(_ direction: PacketFilter.Direction) -> String {
        let count = Int.random(in: 1...3, using: &generator)
        let terms = (0..<count).map { _ in (chance(20) ? "!" : "") + "(\(test(direction)))" }
        return chance(3) ? "what is this" : terms.joined(separator: chance(60) ? " && " : " || ")
    }

    private mutating func test(_ direction: PacketFilter.Direction) -> String {
        let comparison = chance(75) ? "==" : "!="
        let order = ["<", "<=", ">", ">=", "==", "!="].randomElement(using: &generator) ?? "<"
        let end = chance(50) ? "src" : "dst"
        let number = Int.random(in: 1...8, using: &generator)
        let port = [53, 67, 68, 546, 547, 4000, 80, 443].randomElement(using: &generator) ?? 53
        let side = direction == .toPort && chance(60) ? "outport" : "inport"
        let texts = [
            "ip", "ip4", "ip6", "arp", "tcp", "udp", "icmp", "nd", "ip.is_frag", "ip.later_frag", "vlan.present", "1",
            "0", "eth.bcast", "eth.mcast", "\(side) \(comparison) @few", "\(side) \(comparison) {@many, \"p1\"}",
            "\(side) \(comparison) \"p2\"", "\(side) \(comparison) \"@few\"", "\(side) \(comparison) @empty",
            "ip4.\(end) \(comparison) $hosts",
            "ip6.\(end) \(comparison) {$hosts, $net}", "ip4.\(end) \(comparison) {$net, 10.0.0.\(number)}",
            "ip4.\(end) \(comparison) $nothing", "ip4.\(end) \(order) 10.0.0.\(number)", "ip4.dst == 10.0.0.0/29",
            "ip4.src == 10.0.0.0/255.0.0.255", "ip4.dst[0..3] \(order) \(number)",
            "ip6.dst[0..2] \(order) \(number % 8)",
            "udp.\(end) \(order) \(port)", "tcp.\(end) \(order) \(port)", "udp.dst == {53, 67, \(port)}",
            "1000 < tcp.src <= 5000", "eth.\(end) \(comparison) 02:00:00:00:00:0\(number)", "eth.dst[40]",
            "eth.type \(comparison) 0x\(["800", "806", "86dd", "8035", "5ff"][number % 5])",
            "ip.proto \(comparison) \([1, 6, 17, 58, 132][number % 5])",
            "ip.ttl \(comparison) \([64, 255, 1][number % 3])",
            "ip.dscp == 0", "ip.dscp != \(number * 7)", "ip.ecn != 1", "icmp6.type == {133, 134, 135, 136}",
            "icmp4.type == 8",
            "arp.op == \(number % 3)",
            "arp.tpa == $hosts", "arp.spa \(order) 10.0.0.\(number)", "tcp.flags[1]", "tcp.flags == 2/2",
            "ip6.label \(order) 1", "vlan.vid == 0", "arp.sha == 02:00:00:00:00:0\(number)", "sctp.dst == 80",
        ]
        return texts.randomElement(using: &generator) ?? "ip"
    }
}
