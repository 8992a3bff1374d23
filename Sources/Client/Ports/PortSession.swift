import AgentCore
import HTTP
import JSON
import Wire

/// The output format of `heddle port list`.
public enum PortFormat: String, CaseIterable, Sendable {
    case table
    /// The agent's answer, indented.
    case json
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

    /// Plugs a port; what to tell the user. What the user left out is left to the agent.
    /// - Parameters:
    ///   - name: the port's name on this host.
    ///   - logicalPort: the logical port that it is plugged into.
    ///   - device: the kind of device that the interface is.
    ///   - interface: the interface's name.
    ///   - socket: the path of a vhost-user port's socket.
    ///   - netns: the name or path of the network namespace that the interface goes to.
    ///   - mac: the interface's MAC address.
    ///   - addresses: the interface's addresses, `IP/LENGTH`.
    ///   - mtu: the interface's MTU in bytes.
    /// - Throws: ``ClientError`` if the agent refuses or the port failed. A pending port is no error.
    public func add(
        _ name: String,
        to logicalPort: String,
        device: DeviceKind = .tap,
        interface: String? = nil,
        socket: String? = nil,
        netns: String? = nil,
        mac: String? = nil,
        addresses: [String] = [],
        mtu: Int64? = nil
    ) throws(ClientError) -> String {
        var body = JSONObject()
        body["logical_port"] = .string(logicalPort)
        // Left out for a TAP, so that an older agent takes it.
        body["device"] = device == .tap ? nil : .string(device.rawValue)
        body["interface"] = interface.map { .string($0) }
        body["socket"] = socket.map { .string($0) }
        body["netns"] = netns.map { .string($0) }
        body["mac"] = mac.map { .string($0) }
        if !addresses.isEmpty { body["addresses"] = .array(addresses.map { .string($0) }) }
        body["mtu"] = mtu.map { .integer($0) }
        let reply = try caller.require(Call(.put, path(name), body: .object(body)))
        guard let port = reply.body, port["state"]?.stringValue != nil else {
            throw .badAnswer(caller.server, "its answer does not say what state the port is in")
        }
        let (state, detail) = (port.text("state"), port.text("detail"))
        let text = detail.isEmpty ? "\(name): \(state)" : "\(name): \(state): \(detail)"
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
        case 404: throw Self.missing(name)
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
        return PortTable.ports(of: reply.body ?? .null).map { $0.text("name") }
    }

    /// The refusal of a port that is not there, with the remedy.
    static func missing(_ name: String) -> ClientError {
        .refused("\(name.printable): no port of this name on this host; see 'heddle port list'")
    }

    private func path(_ name: String) -> String { "/v1/ports/" + percentEncoded(name) }
}
