import JSON
import Wire

/// The ACLs of a logical switch and of the port groups that have ports on it, with the meaning of the names in them
/// (OVN_Northbound `ACL`).
public struct PacketFilter: Hashable, Sendable {
    /// The ACLs in the order in which they are asked: by tier, then by priority, the higher first, then what stops
    /// frames first, then by name.
    public var acls: [Rule]
    /// The rules that mark packets, in the order in which they are asked: by priority, the higher first, then by name.
    public var markings: [MarkingRule] = []
    /// The keys of the ports of the switch that matches name.
    public var ports: [String: UInt16]
    /// The keys of the ports of the switch in each port group that matches name, ascending.
    public var portGroups: [String: [UInt16]]
    /// The addresses of each set that matches name, ascending; those of port groups' ports are `GROUP_ip4` and
    /// `GROUP_ip6`.
    public var addressSets: [String: [IPPrefix]]

    /// An ACL.
    public struct Rule: Hashable, Sendable {
        /// The name, for people.
        public var name: String
        public var direction: Direction
        /// 0 ... ``tierMaximum``; a lower one is asked first.
        public var tier: UInt8
        /// An expression of the match language. A host that cannot read it takes it for one that is always true, and
        /// the action for ``Action/drop``.
        public var match: String
        public var action: Action
        /// The severity under which hosts log what it decides; `nil` if they do not.
        public var log: Severity?

        public init(
            name: String,
            direction: Direction,
            tier: UInt8,
            match: String,
            action: Action,
            log: Severity? = nil
        ) {
            self.log = log
            self.name = name
            self.direction = direction
            self.tier = tier
            self.match = match
            self.action = action
        }
    }

    /// The importance of what is logged, by OVN's words.
    public enum Severity: String, Sendable, CaseIterable {
        case alert
        case warning
        case notice
        case info
        case debug
    }

    /// The side of the switch at which an ACL is asked, by OVN's words.
    public enum Direction: String, Sendable, CaseIterable {
        /// The frames that a port sends, on its host.
        case fromPort = "from-lport"
        /// The frames that go out to a port, on its host, for each port that they go to.
        case toPort = "to-lport"
    }

    /// The fate of a frame that an ACL is true of, by OVN's words.
    public enum Action: String, Sendable, CaseIterable {
        case allow
        /// The same, and connections are tracked on the switch: what `allow` lets begin, too.
        case allowRelated = "allow-related"
        /// The same, and comes before all that track: no connection is tracked of the frame.
        case allowStateless = "allow-stateless"
        case drop
        /// The frame goes nowhere, and its sender is told.
        case reject
        /// The ACLs of the next tier are asked.
        case pass

        /// The place among ACLs of one priority: what stops frames comes first, what leaves the tier last.
        public var rank: Int {
            switch self {
            case .drop: 0
            case .reject: 1
            case .allow, .allowRelated, .allowStateless: 2
            case .pass: 3
            }
        }
    }

    public static let tierMaximum: UInt8 = 3

    /// True if hosts track the connections of the switch's ports, as in OVN for any ACL of the action `allow-related`.
    public var tracksConnections: Bool { acls.contains { $0.action == .allowRelated } }

    /// The features that a host of the switch's ports needs for it.
    public var neededFeatures: [String] {
        let rejections = acls.contains { $0.action == .reject } ? Feature.rejections : nil
        let markings = markings.isEmpty ? nil : Feature.markings
        return [Feature.filter, tracksConnections ? Feature.connections : nil, rejections, markings].compactMap(\.self)
    }

    public init(
        acls: [Rule],
        ports: [String: UInt16] = [:],
        portGroups: [String: [UInt16]] = [:],
        addressSets: [String: [IPPrefix]] = [:]
    ) {
        self.acls = acls
        self.ports = ports
        self.portGroups = portGroups
        self.addressSets = addressSets
    }
}

extension PacketFilter {
    /// The members of the JSON, in their order.
    static let members: [JSONMember<PacketFilter>] = [
        JSONMember("acls", { $0.acls }, { $0.acls = $1 }, .list(.object(Rule.members, into: Rule.blank))),
        JSONMember("ports", { $0.ports }, { $0.ports = $1 }, .map(.integer(in: 1...UInt16.max)), default: [:]),
        JSONMember(
            "port_groups",
            { $0.portGroups },
            { $0.portGroups = $1 },
            .map(.list(.integer(in: 1...UInt16.max))),
            default: [:]
        ),
        JSONMember(
            "address_sets",
            { $0.addressSets },
            { $0.addressSets = $1 },
            .map(.list(.spelled { IPPrefix($0) })),
            default: [:]
        ),
        JSONMember(
            unlessEmpty: "qos_rules",
            { $0.markings },
            { $0.markings = $1 },
            .list(.object(MarkingRule.members, into: .blank))
        ),
    ]

    /// A filter that members are read into.
    static let blank = PacketFilter(acls: [])
}

extension PacketFilter.Rule {
    static let members: [JSONMember<PacketFilter.Rule>] = [
        JSONMember("name", { $0.name }, { $0.name = $1 }, .text),
        JSONMember("direction", { $0.direction }, { $0.direction = $1 }, .word),
        JSONMember("tier", { $0.tier }, { $0.tier = $1 }, .integer(in: 0...PacketFilter.tierMaximum), default: 0),
        JSONMember("match", { $0.match }, { $0.match = $1 }, .text),
        JSONMember("action", { $0.action }, { $0.action = $1 }, .word),
        JSONMember("log", { $0.log }, { $0.log = $1 }, .optional(.word), default: nil),
    ]

    /// A number that tells the ACL, by its name, from others: FNV-1a of 64 bits.
    public var identity: UInt64 {
        name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    static let blank = PacketFilter.Rule(name: "", direction: .fromPort, tier: 0, match: "", action: .drop)
}
