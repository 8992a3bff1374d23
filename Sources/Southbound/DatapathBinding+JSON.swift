import JSON
import Wire

extension DatapathBinding {
    /// The canonical JSON: `{"id","name","tunnel_key","vlan_passthru"}`.
    public var json: JSONValue {
        [
            "id": .string(id.description),
            "name": .string(name),
            "tunnel_key": .integer(Int64(tunnelKey)),
            "vlan_passthru": .bool(vlanPassthru),
        ]
    }

    /// The datapath that a JSON object stands for; unknown members are ignored.
    public init(json: JSONValue) throws(RecordError) {
        let reader = RecordReader(kind: "datapath_binding", json: json)
        self.init(
            id: try reader.id("id"),
            name: try reader.string("name"),
            tunnelKey: try reader.integer("tunnel_key", in: 1...Self.tunnelKeyMaximum),
            vlanPassthru: try reader.bool("vlan_passthru")
        )
    }
}
