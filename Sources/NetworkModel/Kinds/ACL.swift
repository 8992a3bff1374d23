import JSON
import Match
import Persistent
import Southbound
import Wire

/// An access control list entry of a switch or of a port group (OVN_Northbound `ACL`).
///
/// One of a port group is asked on every switch that has a port of the group, of all frames there: as in OVN its match
/// says which ports it is about.
public struct ACL: Hashable, Sendable {
    /// 1 ... 128 bytes of `[A-Za-z0-9._:@-]`, not shaped like a UUID, fixed at creation, unique in the project.
    public var name: String
    /// The switch that it is of; `nil` if it is of a port group.
    public var switchID: ObjectID?
    /// The port group that it is of; `nil` if it is of a switch.
    public var portGroup: ObjectID?
    public var direction = PacketFilter.Direction.fromPort
    /// 0 ... ``priorityMaximum``; a higher one is asked first.
    public var priority = 0
    /// 0 ... ``PacketFilter/tierMaximum``; a lower one is asked first.
    public var tier: UInt8 = 0
    public var match = ACLMatch(stored: "")
    public var action = PacketFilter.Action.drop
    /// True if hosts log its decisions.
    public var isLogged = false
    /// The severity that the log says.
    public var severity = PacketFilter.Severity.info
    /// The user's own marks; at most 64.
    public var labels: [String: String] = [:]
    /// The server knows nothing of an ACL.
    public var status = NoStatus()

    /// OVN's: those above are for rules of its own.
    public static let priorityMaximum = 32_767
    /// The most tests and constants of all ACLs that are asked on one switch: what one frame may cost, which is not of
    /// a flow that is kept.
    public static let weightMaximum = 32_768
    /// The most bytes of all ACLs on one switch, with the addresses and ports that they name: what each of its hosts is
    /// told anew with each change of them.
    public static let filterByteCountMaximum = 4 << 20
}

extension ACL: Kind {
    public static let kind = ObjectKind.acl
    public static let names = KindNames(
        row: "acl",
        singular: "acl",
        plural: "acls",
        aliases: [],
        noun: "ACL",
        nouns: "ACLs"
    )
    public static var table: WritableKeyPath<NorthboundDatabase, Table<ACL>> { \.acls }
    public static let fields = Fields<ACL>([
        .name,
        .reference("switch", { $0.switchID }, { $0.switchID = $1 }, to: LogicalSwitch.self),
        .reference("port_group", { $0.portGroup }, { $0.portGroup = $1 }, to: PortGroup.self),
        Field("direction", "string", { $0.direction }, { $0.direction = $1 }, .word) { (reader) throws(Refusal) in
            try reader.word("direction")
        },
        Field("priority", "integer", { $0.priority }, { $0.priority = $1 }, .integer(in: 0...priorityMaximum)) {
            (reader) throws(Refusal) in
            try reader.integer("priority", in: 0...priorityMaximum)
        },
        Field("tier", "integer", { $0.tier }, { $0.tier = $1 }, .integer(in: 0...PacketFilter.tierMaximum)) {
            (reader) throws(Refusal) in
            try reader.integer("tier", in: 0...PacketFilter.tierMaximum, default: 0)
        },
        Field("match", "string", { $0.match }, { $0.match = $1 }, ACLMatch.codec) {
            (reader) throws(Refusal) in try reader.match()
        },
        Field("action", "string", { $0.action }, { $0.action = $1 }, .word) { (reader) throws(Refusal) in
            try reader.word("action")
        },
        .texts("labels", { $0.labels }, { $0.labels = $1 }),
        Field("log", "boolean", { $0.isLogged }, { $0.isLogged = $1 }, .flag, laterThan: false) {
            (reader) throws(Refusal) in
            try reader.bool("log", default: false)
        },
        Field("severity", "string", { $0.severity }, { $0.severity = $1 }, .word, laterThan: .info) {
            (reader) throws(Refusal) in
            try reader.word("severity", default: .info)
        },
    ])
    public static let blank = ACL(name: "")
    public static let reachesOthers = true
    public static let otherReferredKinds: Set<ObjectKind> = [.addressSet]

    /// Checks what it is of, and the names in its match.
    public static func check(_ stored: Stored<ACL>, in database: NorthboundDatabase) throws(Refusal) {
        let acl = stored.value
        guard (acl.switchID == nil) != (acl.portGroup == nil) else {
            let detail = "An ACL is of either a \"switch\" or a \"port_group\"; name one of them."
            throw Refusal(acl.switchID == nil ? .missingField : .invalidValue, detail, pointer: "/switch")
        }
        try acl.match.check(acl.direction, in: database)
    }
}

/// An object that a match names.
struct NamedObject: Hashable, Comparable, Sendable {
    var kind: ObjectKind
    var name: String

    static func < (left: NamedObject, right: NamedObject) -> Bool {
        (left.kind, left.name) < (right.kind, right.name)
    }

    /// The address set that has the addresses of a port group's ports, by the name that ends in `_ip4` or `_ip6`.
    var groupOfAddresses: (group: String, isIPv6: Bool)? {
        guard kind == .addressSet, name.hasSuffix("_ip4") || name.hasSuffix("_ip6") else { return nil }
        return (String(name.dropLast(4)), name.hasSuffix("6"))
    }
}
