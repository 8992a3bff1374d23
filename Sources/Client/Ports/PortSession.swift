import JSON
import Wire

/// The request of `heddle port add` to this host's agent.
public struct PlugRequest: Equatable, Sendable {
    /// The port's name on this host.
    public var name: String
    /// The logical port that it is plugged into.
    public var logicalPort: String
    /// The interface's name; `nil` is the port's name.
    public var interface: String?
    /// The name or path of the network namespace that the interface goes to; `nil` leaves it with the agent.
    public var netns: String?
    /// The interface's MAC address; `nil` lets the kernel choose.
    public var mac: String?
    /// The interface's addresses, `IP/LENGTH`.
    public var addresses: [String]
    /// The interface's MTU in bytes; `nil` is what fits through the tunnels.
    public var mtu: Int64?

    /// A request; see the members.
    public init(
        name: String,
        logicalPort: String,
        interface: String? = nil,
        netns: String? = nil,
        mac: String? = nil,
        addresses: [String] = [],
        mtu: Int64? = nil
    ) {
        self.name = name
        self.logicalPort = logicalPort
        self.interface = interface
        self.netns = netns
        self.mac = mac
        self.addresses = addresses
        self.mtu = mtu
    }

    /// The request's body; what the user did not say is left to the agent.
    var body: JSONValue {
        var object = JSONObject()
        object["logical_port"] = .string(logicalPort)
        if let interface { object["interface"] = .string(interface) }
        if let netns { object["netns"] = .string(netns) }
        if let mac { object["mac"] = .string(mac) }
        if !addresses.isEmpty { object["addresses"] = .array(addresses.map { .string($0) }) }
        if let mtu { object["mtu"] = .integer(mtu) }
        return .object(object)
    }
}

/// The output format of `heddle port list`.
public enum PortFormat: String, CaseIterable, Sendable {
    /// A table for people.
    case table
    /// The agent's answer, indented.
    case json
    /// The same as YAML.
    case yaml
    /// `port/NAME`, one a line, for scripts.
    case name
}

/// Carries `heddle port` to this host's agent.
public struct PortSession {
    private let caller: any Caller

    public init(caller: any Caller) {
        self.caller = caller
    }

    /// Plugs a port; what to tell the user.
    /// - Throws: ``ClientError`` if the agent refuses or the port failed. A pending port is no error.
    public func add(_ request: PlugRequest) throws(ClientError) -> String {
        let reply = try caller.require(Call(.put, path(request.name), body: request.body))
        guard let port = reply.body, port["state"]?.stringValue != nil else {
            throw .badAnswer(caller.server, "its answer does not say what state the port is in")
        }
        let (state, detail) = (port.text("state"), port.text("detail"))
        let text = detail.isEmpty ? "\(request.name): \(state)" : "\(request.name): \(state): \(detail)"
        if state == "failed" { throw .refused(text) }
        return text + "\n"
    }

    /// Unplugs a port.
    /// - Throws: ``ClientError`` if the agent refuses, or does not know the port and that matters.
    public func delete(_ name: String, ifExists: Bool) throws(ClientError) {
        let reply = try caller.send(Call(.delete, path(name)))
        switch reply.status {
        case 200...299: break
        case 404 where ifExists: break
        case 404: throw .refused("\(name): no port of this name on this host; see 'heddle port list'")
        default: throw .problem(Problem(status: reply.status, body: reply.body))
        }
    }

    /// The ports, with their counters where `withStatistics`: as a table, or the agent's answer as it is.
    public func list(withStatistics: Bool, as format: PortFormat = .table) throws(ClientError) -> String {
        let reply = try caller.require(Call(.get, withStatistics ? "/v1/ports?stats=true" : "/v1/ports"))
        let answer = reply.body ?? .null
        return switch format {
        case .table: withStatistics ? PortTable.statistics(answer) : PortTable.list(answer)
        case .json: answer.indentedText
        case .yaml: try answer.yaml()
        case .name: PortTable.ports(of: answer).map { "port/\($0.text("name").printable)\n" }.joined()
        }
    }

    /// The names of the ports on this host, in order.
    public func names() throws(ClientError) -> [String] {
        let reply = try caller.require(Call(.get, "/v1/ports"))
        return (reply.body?["ports"]?.arrayValue ?? []).map { $0.text("name") }.sorted { $0.utf8Precedes($1) }
    }

    private func path(_ name: String) -> String { "/v1/ports/" + percentEncoded(name) }
}
