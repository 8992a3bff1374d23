import JSON
import Wire

/// A place that hosts copy frames of ports to, from the `mirrors` of users (OVN_Southbound `Mirror`).
public struct MirrorSession: Hashable, Sendable {
    /// The kind of the place; spelled as OVN does.
    public enum Sink: String, Sendable, CaseIterable {
        /// A collector that takes Ethernet frames in GRE (RFC 2784, with the key of RFC 2890).
        case gre
        /// A collector that takes ERSPAN of version 1, also called type II.
        case erspan
        /// A logical port of the host that the mirrored port is on.
        case logicalPort = "lport"
        /// A port of that host by its name there.
        case local
    }

    /// The direction of the frames that are copied; spelled as OVN does.
    public enum Direction: String, Sendable, CaseIterable {
        /// Those that the port's guest sends.
        case fromPort = "from-lport"
        /// Those that it is given.
        case toPort = "to-lport"
        case both
    }

    /// The identity of the mirror that it is made of.
    public var id: ObjectID
    public var type: Sink
    public var filter: Direction
    /// The collector's address, or the port's name.
    public var sink: String
    /// The key of GRE; of ERSPAN the index, of which the session has the lowest 10 bits.
    public var index: UInt32
    /// The rules about which frames are copied, in their order: the first whose match is true of a frame decides. A
    /// frame that none is true of is copied.
    public var rules: [Rule]

    /// A rule about which frames are copied (OVN_Northbound `Mirror_Rule`).
    public struct Rule: Hashable, Sendable {
        /// The fate of a frame that the match is true of; spelled as OVN does.
        public enum Action: String, Sendable, CaseIterable {
            case mirror
            case skip
        }

        /// 0 ... 32767; of two rules, that with the higher one is first.
        public var priority: UInt16
        /// An expression of the match language.
        public var match: String
        public var action: Action

        public init(priority: UInt16, match: String, action: Action) {
            self.priority = priority
            self.match = match
            self.action = action
        }
    }

    /// The largest index of ERSPAN.
    public static let erspanIndexMaximum: UInt32 = (1 << 20) - 1
    /// The most mirrors of a port: each may be a copy of all its frames.
    public static let perPortMaximum = 4
    /// The most rules of a mirror.
    public static let ruleCountMaximum = 32
    /// The largest priority of a rule, OVN's.
    public static let priorityMaximum: UInt16 = 32_767
    /// The longest match of a rule, in octets: what the greatest weight of a mirror's rules needs with addresses.
    public static let matchByteCountMaximum = 2_048

    public init(id: ObjectID, type: Sink, filter: Direction, sink: String, index: UInt32 = 0, rules: [Rule] = []) {
        self.id = id
        self.type = type
        self.filter = filter
        self.sink = sink
        self.index = index
        self.rules = rules
    }
}

extension MirrorSession {
    /// The members of the JSON, in their order.
    static let members: [JSONMember<MirrorSession>] = [
        JSONMember("id", { $0.id }, { $0.id = $1 }, .spelled { ObjectID($0) }),
        JSONMember("type", { $0.type }, { $0.type = $1 }, .word),
        JSONMember("filter", { $0.filter }, { $0.filter = $1 }, .word),
        JSONMember("sink", { $0.sink }, { $0.sink = $1 }, .text),
        JSONMember("index", { $0.index }, { $0.index = $1 }, .integer(in: 0...UInt32.max)),
        JSONMember(unlessEmpty: "rules", { $0.rules }, { $0.rules = $1 }, .list(Rule.codec)),
    ]

    /// A record that members are read into.
    static let blank = MirrorSession(id: .zero, type: .gre, filter: .both, sink: "")
}

extension MirrorSession.Rule {
    /// A rule as JSON: `{"priority":200,"match":"tcp.dst == 443","action":"skip"}`.
    public static let codec = JSONCodec<MirrorSession.Rule>
        .object(
            [
                JSONMember("priority", { $0.priority }, { $0.priority = $1 }, .integer(in: 0...UInt16.max)),
                JSONMember("match", { $0.match }, { $0.match = $1 }, .text),
                JSONMember("action", { $0.action }, { $0.action = $1 }, .word),
            ],
            into: MirrorSession.Rule(priority: 0, match: "", action: .mirror)
        )
}
