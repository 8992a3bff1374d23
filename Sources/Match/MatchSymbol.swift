/// A name that a match expression can use.
enum MatchSymbol: Sendable {
    case bits(MatchBits)
    case port(PortSide)
    /// Another expression under a name, prerequisites included.
    case predicate(MatchTerm)
}

/// A symbol, and the place of its name in the text.
struct NamedSymbol {
    var symbol: MatchSymbol
    var place: Range<Int>
}

/// A field or bits of one, and what has to be true if they are to be read.
struct MatchBits: Sendable {
    var field: MatchField
    var range: ClosedRange<Int>
    var prerequisite: MatchTerm?
    /// The name in the user's words.
    var name: String

    var isWhole: Bool { range == 0...field.bitCount - 1 }
}

/// All names, as OVN has them (ovn-sb(5), "Symbol Table"), but for registers, flags and connections.
struct MatchSymbols: Sendable {
    private(set) var byName: [String: MatchSymbol] = [:]

    /// The whole table.
    static let all = MatchSymbols()

    private init() {
        for side in PortSide.allCases { byName[side.rawValue] = .port(side) }
        for field in MatchField.allCases where field.prerequisite == nil { add(field) }
        for (name, text) in Self.predicates {
            define(name, text)
            for field in MatchField.allCases where field.prerequisite == name { add(field) }
        }
        for field in MatchField.allCases where field.prerequisite == "arp" {
            add(field, name: "r" + field.rawValue, prerequisite: "rarp")
        }
        subfield("eth.mcast", of: .ethernetDestination, 40...40)
        subfield("vlan.pcp", of: .vlanTag, 13...15, prerequisite: "vlan.present")
        subfield("vlan.vid", of: .vlanTag, 0...11, prerequisite: "vlan.present")
    }

    private mutating func add(_ field: MatchField, name: String? = nil, prerequisite: String? = nil) {
        subfield(
            name ?? field.rawValue,
            of: field,
            0...field.bitCount - 1,
            prerequisite: prerequisite ?? field.prerequisite
        )
    }

    private mutating func subfield(
        _ name: String,
        of field: MatchField,
        _ range: ClosedRange<Int>,
        prerequisite: String? = nil
    ) {
        var term: MatchTerm?
        if let prerequisite, case .predicate(let expansion)? = byName[prerequisite] { term = expansion }
        byName[name] = .bits(MatchBits(field: field, range: range, prerequisite: term, name: name))
    }

    private mutating func define(_ name: String, _ text: String) {
        var parser = MatchParser(Array(text.utf8), symbols: self)
        // The texts are ours; a test defines each of them.
        if let term = try? parser.wholeExpression() { byName[name] = .predicate(term) }
    }

    /// Names and their expansions; each uses only those before it, and fields whose prerequisites are before it.
    static let predicates: [(name: String, text: String)] = [
        ("eth.bcast", "eth.dst == ff:ff:ff:ff:ff:ff"),
        ("eth.mcastv6", "eth.dst[32..47] == 0x3333"),
        ("vlan.present", "vlan.tci[12]"),
        ("ip4", "eth.type == 0x800"),
        ("ip6", "eth.type == 0x86dd"),
        ("ip", "eth.type == {0x800, 0x86dd}"),
        ("arp", "eth.type == 0x806"),
        ("rarp", "eth.type == 0x8035"),
        ("ip4.src_mcast", "ip4.src[28..31] == 0xe"),
        ("ip4.mcast", "eth.dst[40] && ip4.dst[28..31] == 0xe"),
        ("ip.is_frag", "ip.frag[0]"),
        ("ip.later_frag", "ip.frag[1]"),
        ("ip.first_frag", "ip.is_frag && !ip.later_frag"),
        ("icmp4", "ip4 && ip.proto == 1"),
        ("icmp6", "ip6 && ip.proto == 58"),
        ("icmp", "icmp4 || icmp6"),
        ("igmp", "ip4.mcast && ip.proto == 2"),
        ("ip6.mcast_rsvd", "ip6.dst[116..127] == 0xff0 && ip6.dst[0..111] == 0"),
        ("ip6.mcast_all_nodes", "ip6.dst == {ff01::1, ff02::1}"),
        ("ip6.mcast_all_rtrs", "ip6.dst == {ff01::2, ff02::2, ff05::2}"),
        ("ip6.mcast_sol_node", "ip6.dst == ff02::1:ff00:0/104"),
        (
            "ip6.mcast_flood",
            "eth.mcastv6 && (ip6.mcast_rsvd || ip6.mcast_all_nodes || ip6.mcast_all_rtrs || ip6.mcast_sol_node)"
        ),
        ("ip6.mcast", "eth.mcastv6 && ip6.dst[120..127] == 0xff"),
        ("nd", "icmp6.type == {135, 136} && icmp6.code == 0 && ip.ttl == 255"),
        ("nd_ns", "icmp6.type == 135 && icmp6.code == 0 && ip.ttl == 255"),
        ("nd_ns_mcast", "ip6.mcast && icmp6.type == 135 && icmp6.code == 0 && ip.ttl == 255"),
        ("nd_na", "icmp6.type == 136 && icmp6.code == 0 && ip.ttl == 255"),
        ("nd_rs", "icmp6.type == 133 && icmp6.code == 0 && ip.ttl == 255"),
        ("nd_ra", "icmp6.type == 134 && icmp6.code == 0 && ip.ttl == 255"),
        ("mldv1", "eth.mcastv6 && ip6.src == fe80::/10 && icmp6.type == {130, 131, 132}"),
        ("mldv2", "eth.mcastv6 && ip6.dst == ff02::16 && icmp6.type == 143"),
        ("tcp", "ip.proto == 6"),
        ("udp", "ip.proto == 17"),
        ("sctp", "ip.proto == 132"),
    ]

    /// The reason why a name of OVN's cannot be used, as one clause; `nil` for names that OVN has not, either.
    static func refusal(of name: String) -> String? {
        if name.hasPrefix("ct.") || name.hasPrefix("ct_") {
            return "needs tracked connections, which Heddle does not have yet; match fields of the packet"
        }
        let isRegister = ["reg", "xreg", "xxreg"].contains { name.hasPrefix($0) && name.last?.isNumber == true }
        if isRegister || name == "flags" || name.hasPrefix("flags.") || name == "pkt.mark" {
            return "is inside of OVN's pipeline and not in a packet; match fields of the packet"
        }
        if name == "is_chassis_resident" {
            return "asks which host has a port, and a match knows the packet alone; match fields of the packet"
        }
        if name == "icmp4.frag_mtu" || name == "icmp6.frag_mtu" { return "can be written by OVN, but not be matched" }
        return nil
    }
}
