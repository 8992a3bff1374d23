import JSON
import Wire

extension PortBinding {
    /// The canonical JSON: `{"id","logical_port","datapath","tunnel_key","addresses":[{"mac","ips"}],"unknown",
    /// "port_security":[{"mac","prefixes"}],"enabled","answers_neighbors","requested_chassis",
    /// "locations":[{"chassis","bind_seq","state"}]}`.
    public var json: JSONValue {
        [
            "id": .string(id.description),
            "logical_port": .string(logicalPort),
            "datapath": .string(datapath.description),
            "tunnel_key": .integer(Int64(tunnelKey)),
            "addresses": .array(addresses.map(\.json)),
            "unknown": .bool(hasUnknown),
            "port_security": .array(portSecurity.map(\.json)),
            "enabled": .bool(isEnabled),
            "answers_neighbors": .bool(answersNeighbors),
            "requested_chassis": .array(requestedChassis.map { .string($0) }),
            "locations": .array(locations.map(\.json)),
        ]
    }

    /// The port that a JSON object stands for; unknown members are ignored.
    public init(json: JSONValue) throws(RecordError) {
        let reader = RecordReader(kind: "port_binding", json: json)
        self.init(
            id: try reader.id("id"),
            logicalPort: try reader.string("logical_port"),
            datapath: try reader.id("datapath"),
            tunnelKey: try reader.integer("tunnel_key", in: 1...Self.tunnelKeyMaximum),
            addresses: try reader.list("addresses") { (entry: JSONValue) throws(RecordError) in
                try PortAddress(json: entry)
            },
            hasUnknown: try reader.bool("unknown"),
            portSecurity: try reader.list("port_security") { (entry: JSONValue) throws(RecordError) in
                try PortSecurityEntry(json: entry)
            },
            isEnabled: try reader.bool("enabled"),
            answersNeighbors: try reader.bool("answers_neighbors"),
            requestedChassis: try reader.strings("requested_chassis"),
            locations: try reader.list("locations") { (entry: JSONValue) throws(RecordError) in
                try Location(json: entry)
            }
        )
    }
}

extension PortBinding.Location {
    var json: JSONValue {
        [
            "chassis": .string(chassis),
            "bind_seq": .integer(Int64(clamping: bindSeq)),
            "state": .string(state.rawValue),
        ]
    }

    init(json: JSONValue) throws(RecordError) {
        let reader = RecordReader(kind: "port_binding", json: json)
        guard let state = State(rawValue: try reader.string("state")) else { throw reader.failure("state") }
        self.init(
            chassis: try reader.string("chassis"),
            bindSeq: try reader.integer("bind_seq", in: 0...UInt64(Int64.max)),
            state: state
        )
    }
}

extension PortAddress {
    var json: JSONValue {
        ["mac": .string(mac.description), "ips": .array(ips.map { .string($0.description) })]
    }

    init(json: JSONValue) throws(RecordError) {
        let reader = RecordReader(kind: "port_binding", json: json)
        guard let mac = MACAddress(try reader.string("mac")) else { throw reader.failure("mac") }
        self.init(
            mac: mac,
            ips: try reader.list("ips") { (value: JSONValue) throws(RecordError) in
                guard let text = value.stringValue, let ip = IPAddress(text) else { throw reader.failure("ips") }
                return ip
            }
        )
    }
}

extension PortSecurityEntry {
    var json: JSONValue {
        ["mac": .string(mac.description), "prefixes": .array(prefixes.map { .string($0.description) })]
    }

    init(json: JSONValue) throws(RecordError) {
        let reader = RecordReader(kind: "port_binding", json: json)
        guard let mac = MACAddress(try reader.string("mac")) else { throw reader.failure("mac") }
        self.init(
            mac: mac,
            prefixes: try reader.list("prefixes") { (value: JSONValue) throws(RecordError) in
                guard let text = value.stringValue, let prefix = IPPrefix(text) else {
                    throw reader.failure("prefixes")
                }
                return prefix
            }
        )
    }
}
