import JSON
import Persistent
import Southbound
import Wire

/// A rule of a switch that marks packets for the networks on their way (OVN_Northbound `QoS`).
public struct QoSRule: Hashable, Sendable {
    /// 1 ... 128 bytes of `[A-Za-z0-9._:@-]`, not shaped like a UUID, fixed at creation, unique in the project.
    public var name: String
    /// The switch that it is of; there always.
    public var homeSwitch: ObjectID?
    public var direction = PacketFilter.Direction.fromPort
    /// 0 ... ``priorityMaximum``; a higher one is asked first, and of equal ones that whose name comes first.
    public var priority = 0
    public var match = ACLMatch(stored: "")
    /// The differentiated services code point that IP packets get: 0 ... ``MarkingRule/codePointMaximum``.
    public var dscp: UInt8 = 0
    /// The user's own marks; at most 64.
    public var labels: [String: String] = [:]
    /// The server knows nothing of a QoS rule.
    public var status = NoStatus()

    /// OVN's.
    public static let priorityMaximum = 32_767
}

extension QoSRule: Kind {
    public static let kind = ObjectKind.qosRule
    public static let names = KindNames(
        row: "qos_rule",
        singular: "qos-rule",
        plural: "qos-rules",
        aliases: ["qos"],
        noun: "QoS rule",
        nouns: "QoS rules"
    )
    public static var table: WritableKeyPath<NorthboundDatabase, Table<QoSRule>> { \.qosRules }
    public static let fields = Fields<QoSRule>([
        .name,
        .reference("switch", { $0.homeSwitch }, { $0.homeSwitch = $1 }, to: LogicalSwitch.self),
        Field("direction", "string", { $0.direction }, { $0.direction = $1 }, .word) { (reader) throws(Refusal) in
            try reader.word("direction")
        },
        Field("priority", "integer", { $0.priority }, { $0.priority = $1 }, .integer(in: 0...priorityMaximum)) {
            (reader) throws(Refusal) in
            try reader.integer("priority", in: 0...priorityMaximum)
        },
        Field("match", "string", { $0.match }, { $0.match = $1 }, ACLMatch.codec) {
            (reader) throws(Refusal) in try reader.match()
        },
        Field("dscp", "integer", { $0.dscp }, { $0.dscp = $1 }, .integer(in: 0...MarkingRule.codePointMaximum)) {
            (reader) throws(Refusal) in
            try reader.integer("dscp", in: 0...MarkingRule.codePointMaximum)
        },
        .texts("labels", { $0.labels }, { $0.labels = $1 }),
    ])
    public static let blank = QoSRule(name: "")
    public static let reachesOthers = true
    public static let otherReferredKinds: Set<ObjectKind> = [.portGroup, .addressSet]

    /// Checks what it is of, and the names in its match.
    public static func check(_ stored: Stored<QoSRule>, in database: NorthboundDatabase) throws(Refusal) {
        guard stored.value.homeSwitch != nil else {
            let detail = "A QoS rule needs \"switch\", the switch that it is of."
            throw Refusal(.missingField, detail, pointer: "/switch")
        }
        try stored.value.match.check(stored.value.direction, in: database)
    }

    /// As hosts are told.
    var marking: MarkingRule { MarkingRule(name: name, direction: direction, match: match.text, dscp: dscp) }

    /// An index that finds QoS rules by their switches and by the names in their matches.
    public struct Index: KindIndex {
        private(set) var bySwitch: OrderedMap<ObjectID, OrderedMap<ObjectID, Void>> = OrderedMap()
        private(set) var byName: OrderedMap<NamedObject, OrderedMap<ObjectID, Void>> = OrderedMap()

        public init() {}

        public mutating func insert(_ stored: Stored<QoSRule>) { note(stored, isPresent: true) }
        public mutating func remove(_ stored: Stored<QoSRule>) { note(stored, isPresent: false) }
        /// A rule has nothing that no other one may have.
        public mutating func release(_ stored: Stored<QoSRule>) {}

        private mutating func note(_ stored: Stored<QoSRule>, isPresent: Bool) {
            if let id = stored.value.homeSwitch { bySwitch.note(stored.id, under: id, isPresent) }
            for name in stored.value.match.names { byName.note(stored.id, under: name, isPresent) }
        }
    }

    public func isIndexed(like other: QoSRule) -> Bool {
        homeSwitch == other.homeSwitch && match.names == other.match.names
    }
}
