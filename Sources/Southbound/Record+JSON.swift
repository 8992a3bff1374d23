import JSON
import Wire

extension Record {
    /// The canonical JSON of the record.
    public var json: JSONValue {
        switch self {
        case .chassis(let chassis): chassis.json
        case .datapathBinding(let datapath): datapath.json
        case .portBinding(let port): port.json
        }
    }

    /// The record of this kind that a JSON object stands for; members that this version does not know are ignored.
    /// - Throws: ``RecordError`` for a kind that this version does not know, or a member that cannot be.
    public init(kind: String, json: JSONValue) throws(RecordError) {
        switch kind {
        case "chassis": self = .chassis(try Chassis(json: json))
        case "datapath_binding": self = .datapathBinding(try DatapathBinding(json: json))
        case "port_binding": self = .portBinding(try PortBinding(json: json))
        default: throw .unknownKind(kind)
        }
    }
}

extension RecordKey {
    /// The kinds of record, as `features` and the feed spell them, in the order that answers have.
    public static let kinds = ["chassis", "datapath_binding", "port_binding"]

    /// The key with this `kind` and `id` of the feed, or `nil` for a kind that this version does not know.
    public init?(kind: String, id: String) {
        switch kind {
        case "chassis": self = .chassis(id)
        case "datapath_binding":
            guard let id = ObjectID(id) else { return nil }
            self = .datapathBinding(id)
        case "port_binding":
            guard let id = ObjectID(id) else { return nil }
            self = .portBinding(id)
        default: return nil
        }
    }
}

extension RecordKey: Comparable {
    /// Orders chassis by name before datapaths by identity before ports by identity.
    public static func < (left: RecordKey, right: RecordKey) -> Bool {
        switch (left, right) {
        case (.chassis(let left), .chassis(let right)): left < right
        case (.datapathBinding(let left), .datapathBinding(let right)): left < right
        case (.portBinding(let left), .portBinding(let right)): left < right
        default: left.rank < right.rank
        }
    }

    private var rank: Int {
        switch self {
        case .chassis: 0
        case .datapathBinding: 1
        case .portBinding: 2
        }
    }
}
