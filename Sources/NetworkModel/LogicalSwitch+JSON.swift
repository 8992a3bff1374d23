import JSON
import Wire

extension LogicalSwitch {
    private static let members: Set<String> = ["name", "labels", "vlan_passthru"]

    /// What a user says of the switch, whole: a body that makes it again.
    public var userJSON: JSONValue {
        ["name": .string(name), "labels": labelsJSON(labels), "vlan_passthru": .bool(vlanPassthru)]
    }

    /// Reads a body or a merge patch (RFC 7396).
    static func body(_ json: JSONValue, isPatch: Bool = false) -> ObjectBody<LogicalSwitch> {
        ObjectBody(
            json,
            noun: isPatch ? "A patch of a switch" : "A switch",
            known: members,
            parent: nil,
            isPatch: isPatch,
            blank: LogicalSwitch(name: "", status: Status(tunnelKey: 0))
        ) { (reader, value) throws(Refusal) in
            if reader.decides("labels") { value.labels = try reader.map("labels") }
            if reader.decides("vlan_passthru") {
                value.vlanPassthru = try reader.bool("vlan_passthru", default: false)
            }
        }
    }

    /// The switch that a body asks for: a new one, or the one that takes the place of `current`.
    /// - Parameter name: the name in the path, if the switch is new and the path has one.
    init(_ body: ObjectBody<Self>, replacing current: Stored<LogicalSwitch>?, name: String?) throws(Refusal) {
        try body.checkIdentity(current?.id)
        let name = try body.name(fixed: current?.value.name ?? name, isCreation: current == nil)
        try body.check(.others)
        self = body.value
        self.name = name
        if let current { status = current.value.status }
    }

    /// The switch that a merge patch of `current` asks for.
    init(patch: ObjectBody<Self>, of current: Stored<LogicalSwitch>) throws(Refusal) {
        self = current.value
        try patch.checkIdentity(current.id)
        _ = try patch.name(fixed: name, isCreation: false)
        if patch.decides("labels") { labels = try patch.map("labels", patch.value.labels, of: labels) }
        if patch.decides("vlan_passthru") { vlanPassthru = patch.value.vlanPassthru }
        try patch.check(.others)
    }
}

extension Stored where Value == LogicalSwitch {
    /// The canonical JSON: `{"name","labels","vlan_passthru","id","owner","revision","config_revision",
    /// "created_at","updated_at","status":{"tunnel_key"}}`.
    var json: JSONValue {
        .object(
            withServerMembers(
                [
                    ("name", .string(value.name)),
                    ("labels", labelsJSON(value.labels)),
                    ("vlan_passthru", .bool(value.vlanPassthru)),
                ],
                status: ["tunnel_key": .integer(Int64(value.status.tunnelKey))]
            )
        )
    }

    /// The switch that canonical JSON stands for, as the log keeps it.
    init(canonical bytes: [UInt8]) throws(StoredError) {
        let reader = try StoredReader(bytes)
        let value = LogicalSwitch(
            name: try reader.string("name"),
            labels: try reader.map("labels"),
            vlanPassthru: try reader.bool("vlan_passthru"),
            status: LogicalSwitch.Status(tunnelKey: try reader.status().integer("tunnel_key"))
        )
        try self.init(reader, value: value, bytes: bytes)
    }
}
