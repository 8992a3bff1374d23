import JSON
import Wire

extension Chassis {
    /// The members of the JSON, in their order.
    static let members: [JSONMember<Chassis>] = [
        JSONMember("name", { $0.name }, { $0.name = $1 }, .text),
        JSONMember("chassis_id", { $0.chassisID }, { $0.chassisID = $1 }, .text),
        JSONMember("hostname", { $0.hostname }, { $0.hostname = $1 }, .text),
        JSONMember("encaps", { $0.encaps }, { $0.encaps = $1 }, .list(JSONCodec(json: \.json) { Encap(json: $0) })),
        JSONMember(unlessEmpty: "tunnel_keys", { $0.tunnelKeys }, { $0.tunnelKeys = $1 }, keys),
        JSONMember(
            unlessEmpty: "physical_networks",
            { $0.physicalNetworks },
            { $0.physicalNetworks = $1 },
            .list(.text)
        ),
    ]

    /// A member that cannot be a key is left out: without one nothing is tagged, and no tag demanded.
    private static let keys = JSONCodec<[String]>(json: { .array($0.map { .string($0) }) }) { json in
        (json.arrayValue ?? []).compactMap(\.stringValue).filter(isTunnelKey).suffix(tunnelKeyCountMaximum).map { $0 }
    }

    /// A chassis that members are read into.
    static let blank = Chassis(name: "", chassisID: "", hostname: "", encaps: [])
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
