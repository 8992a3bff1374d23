import JSON
import Wire

extension Chassis {
    /// The canonical JSON: `{"name","chassis_id","hostname","encaps":[{"type","ip"}],"tunnel_keys"?}`.
    public var json: JSONValue {
        let json: JSONValue = [
            "name": .string(name),
            "chassis_id": .string(chassisID),
            "hostname": .string(hostname),
            "encaps": .array(encaps.map(\.json)),
        ]
        guard !tunnelKeys.isEmpty else { return json }
        return json.merged(with: ["tunnel_keys": .array(tunnelKeys.map { .string($0) })])
    }

    /// The chassis that a JSON object stands for; unknown members are ignored.
    public init(json: JSONValue) throws(RecordError) {
        let reader = RecordReader(kind: "chassis", json: json)
        self.init(
            name: try reader.string("name"),
            chassisID: try reader.string("chassis_id"),
            hostname: try reader.string("hostname"),
            encaps: try reader.list("encaps") { (encap: JSONValue) throws(RecordError) in
                guard let encap = Encap(json: encap) else { throw reader.failure("encaps") }
                return encap
            },
            // What cannot be a key is left out: without one nothing is tagged, and nothing demanded.
            tunnelKeys: (json["tunnel_keys"]?.arrayValue ?? []).compactMap(\.stringValue).filter(Self.isTunnelKey)
                .suffix(Self.tunnelKeyCountMaximum).map { $0 }
        )
    }
}

extension Encap {
    /// The canonical JSON: `{"type":"geneve","ip":"10.0.0.1"}`.
    public var json: JSONValue { ["type": .string(kind.rawValue), "ip": .string(ip.description)] }

    /// The endpoint that a JSON object stands for, or `nil`.
    public init?(json: JSONValue) {
        guard let type = json["type"]?.stringValue, let kind = Kind(rawValue: type) else { return nil }
        guard let text = json["ip"]?.stringValue, let ip = IPAddress(text) else { return nil }
        self.init(kind: kind, ip: ip)
    }
}
