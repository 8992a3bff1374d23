import JSON

extension LogicalSwitchPort.Status {
    /// `{"up","chassis","tunnel_key","reason","waiting"?:[{"chassis","reason"}]}`; nobody waits for most ports.
    var json: JSONValue {
        let json: JSONValue = [
            "up": .bool(isUp),
            "chassis": chassis.map { .string($0) } ?? .null,
            "tunnel_key": .integer(Int64(tunnelKey)),
            "reason": reason.map { .string($0.rawValue) } ?? .null,
        ]
        guard !waiting.isEmpty else { return json }
        let list = waiting.map { waiting -> JSONValue in
            ["chassis": .string(waiting.chassis), "reason": .string(waiting.reason.rawValue)]
        }
        return json.merged(with: ["waiting": .array(list)])
    }

    /// The reason that a word of the log stands for.
    static func reason(_ text: String) throws(StoredError) -> Reason {
        guard let reason = Reason(rawValue: text) else { throw StoredError("a port with the reason \"\(text)\"") }
        return reason
    }

    /// The chassis that wait, as the log has them.
    static func waiting(_ readers: [StoredReader]) throws(StoredError) -> [Waiting] {
        var waiting: [Waiting] = []
        for reader in readers {
            let reason = try reason(reader.string("reason"))
            waiting.append(Waiting(chassis: try reader.string("chassis"), reason: reason))
        }
        return waiting
    }
}
