import TestSupport
import Wire

/// An expression by the book: it spells itself, and is evaluated on the fields that a frame was made of, bit by bit.
indirect enum PlainExpression {
    case constant(Bool)
    case predicate(String)
    case bit(String, Int)
    case comparison(String, ClosedRange<Int>?, String, [Constant], isMirrored: Bool)
    case range(String, low: UInt128, lowIncluded: Bool, high: UInt128, highIncluded: Bool)
    case port(String, String, [String])
    case not(PlainExpression)
    case all([PlainExpression])
    case any([PlainExpression])

    enum Constant {
        case value(UInt128, mask: UInt128?)
        case set(String)
    }

    /// Members of address sets, as address, number of ones in the mask and width.
    static let sets: [String: [(address: UInt128, length: Int, width: Int)]] = [
        "office": [(0x0a00_0000, 16, 32), (0xfe80 << 112, 10, 128)],
        "one": [(0x0a01_0001, 32, 32), (0xff02 << 112 | 1, 128, 128)],
        "cards": [(0x0200_0000_0001, 48, 48)],
        "nobody": [],
    ]
    static let groups = ["web": ["vm1", "vm3"], "none": []]

    /// Fields by name: width, and true if they have neither order nor bits.
    static let fields: [(name: String, width: Int, isNominal: Bool)] = [
        ("eth.src", 48, false), ("eth.dst", 48, false), ("eth.type", 16, true), ("vlan.tci", 16, false),
        ("vlan.vid", 12, false), ("vlan.pcp", 3, false), ("ip.proto", 8, true), ("ip.dscp", 6, true),
        ("ip.ecn", 2, true), ("ip.ttl", 8, true), ("ip.frag", 2, false), ("ip4.src", 32, false),
        ("ip4.dst", 32, false), ("ip6.src", 128, false), ("ip6.dst", 128, false), ("ip6.label", 20, false),
        ("icmp4.type", 8, true), ("icmp4.code", 8, true), ("icmp6.type", 8, true), ("icmp6.code", 8, true),
        ("arp.op", 16, true), ("arp.spa", 32, false), ("arp.sha", 48, false), ("arp.tpa", 32, false),
        ("arp.tha", 48, false), ("rarp.op", 16, true), ("rarp.spa", 32, false), ("rarp.sha", 48, false),
        ("rarp.tpa", 32, false), ("rarp.tha", 48, false), ("nd.target", 128, false), ("nd.sll", 48, false),
        ("nd.tll", 48, false), ("tcp.src", 16, false), ("tcp.dst", 16, false), ("tcp.flags", 12, false),
        ("udp.src", 16, false), ("udp.dst", 16, false), ("sctp.src", 16, false), ("sctp.dst", 16, false),
    ]
}

// Truth.
extension PlainExpression {
    /// - Parameter negated: under an odd number of `!`.
    func isTrue(of frame: PlainFrame, negated: Bool = false) -> Bool {
        switch self {
        case .constant(let value): return value != negated
        case .predicate(let name): return (plainPredicates[name]?(frame) ?? false) != negated
        case .bit(let field, let bit):
            guard Self.prerequisite(of: field, frame) else { return false }
            return Self.bits(Self.value(of: field, frame), 128)[bit] != negated
        case .comparison(let field, let range, let sign, let constants, _):
            guard Self.prerequisite(of: field, frame) else { return false }
            let width = Self.width(of: field)
            let range = range ?? 0...width - 1
            let bits = Array(Self.bits(Self.value(of: field, frame), width)[range])
            return Self.compare(bits, sign, constants) != negated
        case .range(let field, let low, let lowIncluded, let high, let highIncluded):
            guard Self.prerequisite(of: field, frame) else { return false }
            let value = Self.value(of: field, frame)
            let isIn = (lowIncluded ? value >= low : value > low) && (highIncluded ? value <= high : value < high)
            return isIn != negated
        case .port(let side, let sign, let names):
            let port = side == "inport" ? frame.inport : frame.outport
            let isIn = names.contains { name in
                name.hasPrefix("@")
                    ? (Self.groups[String(name.dropFirst())] ?? []).contains(port) : name == "\"\(port)\""
            }
            return ((sign == "==") == isIn) != negated
        case .not(let operand): return operand.isTrue(of: frame, negated: !negated)
        case .all(let operands):
            let truths = operands.map { $0.isTrue(of: frame, negated: negated) }
            return negated ? truths.contains(true) : !truths.contains(false)
        case .any(let operands):
            let truths = operands.map { $0.isTrue(of: frame, negated: negated) }
            return negated ? !truths.contains(false) : truths.contains(true)
        }
    }

    static func width(of field: String) -> Int { fields.first { $0.name == field }?.width ?? 1 }

    private static func value(of field: String, _ frame: PlainFrame) -> UInt128 {
        switch field {
        case "vlan.vid": frame["vlan.tci"] & 0xfff
        case "vlan.pcp": frame["vlan.tci"] >> 13
        default: frame[field]
        }
    }

    /// Lowest first.
    private static func bits(_ value: UInt128, _ count: Int) -> [Bool] {
        (0..<count).map { value >> UInt128($0) & 1 == 1 }
    }

    private static func compare(_ field: [Bool], _ sign: String, _ constants: [Constant]) -> Bool {
        let isMember = constants.contains { constant in
            switch constant {
            case .value(let value, let mask):
                zip(field, zip(bits(value, field.count), bits(mask ?? .max, field.count))).allSatisfy {
                    $0 == $1.0 || !$1.1
                }
            case .set(let name):
                (sets[name] ?? []).contains { member in
                    member.width == field.count
                        && field.suffix(member.length) == bits(member.address, member.width).suffix(member.length)
                }
            }
        }
        guard case .value(let value, _)? = constants.first else { return isMember == (sign == "==") }
        var number: UInt128 = 0
        for bit in field.reversed() { number = number * 2 + (bit ? 1 : 0) }
        return switch sign {
        case "==": isMember
        case "!=": !isMember
        case "<": number < value
        case "<=": number <= value
        case ">": number > value
        default: number >= value
        }
    }

    private static func prerequisite(of field: String, _ frame: PlainFrame) -> Bool {
        let predicate: String
        switch field {
        case "vlan.vid", "vlan.pcp": predicate = "vlan.present"
        case "nd.target": predicate = "nd"
        case "nd.sll": predicate = "nd_ns"
        case "nd.tll": predicate = "nd_na"
        case "eth.src", "eth.dst", "eth.mcast", "eth.type", "vlan.tci": return true
        default: predicate = String(field.prefix { $0 != "." })
        }
        return plainPredicates[predicate]?(frame) ?? false
    }
}

/// The predicates, each by hand.
let plainPredicates: [String: @Sendable (PlainFrame) -> Bool] = [
    "eth.bcast": { $0["eth.dst"] == 0xffff_ffff_ffff },
    "eth.mcastv6": { $0["eth.dst"] >> 32 == 0x3333 },
    "vlan.present": { $0.fields["vlan.tci"] != nil },
    "ip4": { isIPv4($0) },
    "ip6": { isIPv6($0) },
    "ip": { isIP($0) },
    "arp": { $0["eth.type"] == 0x806 },
    "rarp": { $0["eth.type"] == 0x8035 },
    "ip4.src_mcast": { isIPv4($0) && $0["ip4.src"] >> 28 == 14 },
    "ip4.mcast": { isIPv4Multicast($0) },
    "ip.is_frag": { isIP($0) && $0["ip.frag"] != 0 },
    "ip.later_frag": { isIP($0) && $0["ip.frag"] == 3 },
    "ip.first_frag": { isIP($0) && $0["ip.frag"] == 1 },
    "icmp4": { isIPv4($0) && $0["ip.proto"] == 1 },
    "icmp6": { isIPv6($0) && $0["ip.proto"] == 58 },
    "icmp": { isIPv4($0) && $0["ip.proto"] == 1 || isIPv6($0) && $0["ip.proto"] == 58 },
    "igmp": { isIPv4Multicast($0) && $0["ip.proto"] == 2 },
    "ip6.mcast_rsvd": { isIPv6($0) && (0xff00...0xff0f).contains(group($0)) && $0["ip6.dst"] << 16 == 0 },
    "ip6.mcast_all_nodes": { isIPv6($0) && [0xff01, 0xff02].contains(group($0)) && tail($0) == 1 },
    "ip6.mcast_all_rtrs": { isIPv6($0) && [0xff01, 0xff02, 0xff05].contains(group($0)) && tail($0) == 2 },
    "ip6.mcast_sol_node": { isIPv6($0) && isSolicitedNode($0) },
    "ip6.mcast_flood": { frame in
        frame["eth.dst"] >> 32 == 0x3333
            && ["ip6.mcast_rsvd", "ip6.mcast_all_nodes", "ip6.mcast_all_rtrs", "ip6.mcast_sol_node"].contains {
                plainPredicates[$0]?(frame) ?? false
            }
    },
    "ip6.mcast": { isIPv6Multicast($0) },
    "nd": { isNeighborDiscovery($0, [135, 136]) },
    "nd_ns": { isNeighborDiscovery($0, [135]) },
    "nd_ns_mcast": { isIPv6Multicast($0) && isNeighborDiscovery($0, [135]) },
    "nd_na": { isNeighborDiscovery($0, [136]) },
    "nd_rs": { isNeighborDiscovery($0, [133]) },
    "nd_ra": { isNeighborDiscovery($0, [134]) },
    "mldv1": { frame in
        frame["eth.dst"] >> 32 == 0x3333 && isIPv6(frame) && frame["ip6.src"] >> 118 == 0xfe80 >> 6
            && frame["ip.proto"] == 58 && (130...132).contains(frame["icmp6.type"])
    },
    "mldv2": { frame in
        frame["eth.dst"] >> 32 == 0x3333 && isIPv6(frame) && group(frame) == 0xff02 && tail(frame) == 0x16
            && frame["ip.proto"] == 58 && frame["icmp6.type"] == 143
    },
    "tcp": { isIP($0) && $0["ip.proto"] == 6 },
    "udp": { isIP($0) && $0["ip.proto"] == 17 },
    "sctp": { isIP($0) && $0["ip.proto"] == 132 },
]

private func isIPv4(_ frame: PlainFrame) -> Bool { frame["eth.type"] == 0x800 }
private func isIPv6(_ frame: PlainFrame) -> Bool { frame["eth.type"] == 0x86dd }
private func isIP(_ frame: PlainFrame) -> Bool { isIPv4(frame) || isIPv6(frame) }
private func group(_ frame: PlainFrame) -> UInt128 { frame["ip6.dst"] >> 112 }
private func tail(_ frame: PlainFrame) -> UInt128 { frame["ip6.dst"] & (1 << 112 - 1) }
private func isIPv6Multicast(_ frame: PlainFrame) -> Bool {
    isIPv6(frame) && frame["eth.dst"] >> 32 == 0x3333 && group(frame) >> 8 == 0xff
}
private func isIPv4Multicast(_ frame: PlainFrame) -> Bool {
    isIPv4(frame) && frame["eth.dst"] >> 40 & 1 == 1 && frame["ip4.dst"] >> 28 == 14
}
private func isSolicitedNode(_ frame: PlainFrame) -> Bool {
    group(frame) == 0xff02 && frame["ip6.dst"] >> 24 & 0xffff_ffff_ffff_ffff_ffff_ff == 0x1ff
}
private func isNeighborDiscovery(_ frame: PlainFrame, _ types: [UInt128]) -> Bool {
    isIPv6(frame) && frame["ip.proto"] == 58 && types.contains(frame["icmp6.type"]) && frame["icmp6.code"] == 0
        && frame["ip.ttl"] == 255
}
