import JSON
import Wire

extension LogicalSwitch {
    private static let members: Set<String> = ["name", "labels", "vlan_passthru"]

    /// What a user says of the switch, whole: a body that makes it again.
    public var userJSON: JSONValue {
        ["name": .string(name), "labels": labelsJSON(labels), "vlan_passthru": .bool(vlanPassthru)]
    }

    /// The switch that a body asks for: a new one, or what is to stand in the place of `current`.
    /// - Parameters:
    ///   - name: what the path says, where the switch is new and the path has a name.
    ///   - pointer: what stands before the body in the pointers of refusals.
    init(
        body: JSONValue,
        replacing current: Stored<LogicalSwitch>?,
        name: String?,
        pointer: String
    ) throws(Refusal) {
        let reader = try BodyReader(
            body,
            noun: "A switch",
            known: Self.members,
            id: current?.id,
            prefix: pointer
        )
        let name = try reader.name(fixed: current?.value.name ?? name, isCreation: current == nil)
        self.init(name: name, status: current?.value.status ?? Status(tunnelKey: 0))
        try take(reader)
    }

    /// The switch that a merge patch (RFC 7396) of `current` asks for.
    init(patch: JSONValue, of current: Stored<LogicalSwitch>, pointer: String) throws(Refusal) {
        let reader = try BodyReader(
            patch,
            noun: "A patch of a switch",
            known: Self.members,
            id: current.id,
            prefix: pointer,
            isPatch: true
        )
        self = current.value
        _ = try reader.name(fixed: name, isCreation: false)
        try take(reader)
    }

    /// Takes over what a body decides but for the name.
    private mutating func take(_ reader: BodyReader) throws(Refusal) {
        if reader.decides("labels") { labels = try reader.map("labels", patching: labels) }
        if reader.decides("vlan_passthru") { vlanPassthru = try reader.bool("vlan_passthru", default: false) }
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
