import HTTP
import JSON

/// Carries `heddle connection list` and `heddle connection flush`: the connections that this host tracks.
public struct ConnectionList {
    private let caller: any Caller
    private let parameters: [(name: String, value: String?)]

    /// - Parameters:
    ///   - switchName: the switch that they are of.
    ///   - logicalPort: the port that they are tracked for.
    public init(caller: any Caller, switchName: String?, logicalPort: String?) {
        self.caller = caller
        parameters = [("switch", switchName), ("port", logicalPort)]
    }

    /// The connections, one a line, or as JSON.
    /// - Parameter limit: the most that are printed.
    /// - Throws: ``ClientError`` if the agent does not answer.
    public func text(as format: CountersFormat, limit: Int) throws(ClientError) -> String {
        var connections: [JSONValue] = []
        var place = "0"
        while connections.count <= limit {
            let path = "/v1/connections" + query(of: parameters + [("after", place)])
            let answer = try caller.require(Call(.get, path)).body ?? .null
            connections += (answer["connections"]?.arrayValue ?? [])
            guard let next = answer["next"]?.integerValue else { break }
            place = String(next)
        }
        let isCut = connections.count > limit
        connections = Array(connections.prefix(max(0, limit)))
        guard format == .table else {
            let object: JSONValue = ["connections": .array(connections), "more": .bool(isCut)]
            return object.indentedText
        }
        var table = TextTable(["SWITCH", "LOGICAL PORT", "PROTOCOL", "SOURCE", "DESTINATION", "STATE", "IDLE SECONDS"])
        for connection in connections {
            let isBlocked = connection["blocked"] == .bool(true)
            table.append(
                ["switch", "logical_port", "protocol"].map { connection.text($0) }
                    + ["source", "destination"].map { Self.end($0, of: connection) }
                    + [isBlocked ? "blocked" : connection.text("state")]
                    + [connection["idle_seconds"]?.integerValue.map { String($0) } ?? ""]
            )
        }
        return table.text + (isCut ? "More than \(limit) are there: raise --limit, or name a --port.\n" : "")
    }

    /// Has the connections forgotten, and returns the message for the user.
    /// - Throws: ``ClientError`` if the agent does not answer.
    public func flush() throws(ClientError) -> String {
        let answer = try caller.require(Call(.delete, "/v1/connections" + query(of: parameters))).body
        let count = answer?["forgotten"]?.integerValue ?? 0
        return "\(count) \(count == 1 ? "connection" : "connections") forgotten\n"
    }

    /// `192.0.2.1:80`, `[2001:db8::1]:80`, or the address alone without a port.
    private static func end(_ name: String, of connection: JSONValue) -> String {
        let address = connection.text(name)
        guard let port = connection[name + "_port"]?.integerValue, port != 0 else { return address }
        return (address.contains(":") ? "[\(address)]" : address) + ":\(port)"
    }
}
