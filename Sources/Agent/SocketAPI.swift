import AgentCore
import HTTP
import HTTPTransport
import HTTPTypes
import JSON

/// The agent's socket: HTTP/1.1 and JSON for `heddle port`, `heddle agent accept` and `heddle agent stop`.
///
/// | request | answer |
/// | --- | --- |
/// | `PUT /v1/ports/{name}` | the port, when its device is there and its claim on disk |
/// | `DELETE /v1/ports/{name}` | 204, when its device is gone or given back |
/// | `GET /v1/ports[?stats=true]` | `{"ports": [...], "paths": [...], "underlay"?, "drops"?, "pollers"?, "held"?}` |
/// | `GET /v1/ports/{name}/capture[?snap=&count=&bytes=&seconds=&filter=]` | its frames as pcapng, until a limit |
/// | `GET /metrics` | what goes to other hosts in one piece, and what was dropped, for Prometheus |
/// | `GET /v1/status` | how the agent is |
/// | `GET /v1/macs[?switch=&port=&mac=]` | `{"macs": [...]}`, which the host has learnt |
/// | `DELETE /v1/macs[?switch=&port=&mac=]` | `{"forgotten"}`, how many of them are forgotten |
/// | `GET /v1/connections[?switch=&port=&after=]` | `{"connections": [...], "next"?}`, a page of those tracked here |
/// | `DELETE /v1/connections[?switch=&port=]` | `{"forgotten"}`, how many of them are forgotten |
/// | `GET /v1/acls[?switch=]` | `{"acls": [...]}`, how often those of this host have decided |
/// | `GET /v1/multicast-groups[?switch=&port=]` | `{"groups": [...], "switches": [...]}`, their members |
/// | `POST /v1/accept` | what is held is gone by, when that is on disk |
/// | `POST /v1/stop[?all=true]` | the agent ends; with `all` the forwarder first |
enum SocketAPI {
    /// The longest body: a port with all its addresses.
    static let bodyByteCountMaximum = 64 << 10

    /// A request to the agent.
    enum Call {
        /// Something that the core answers.
        case event((Ticket) -> Event)
        /// MACs that were learnt.
        case learntMACs(LearntMACFilter)
        /// The members of multicast groups.
        case groups(MulticastGroupFilter)
        /// The end of MACs that were learnt.
        case forget(LearntMACFilter)
        /// A page of the connections of ports.
        case connections(ConnectionFilter)
        /// The end of connections.
        case forgetConnections(ConnectionFilter)
        /// The counters of the ACLs of a switch, or of all.
        case filterCounters(switchName: String?)
        /// The end of the agent, and with `all` of the forwarder.
        case stop(all: Bool)
    }

    /// A request to the agent.
    /// - Throws: the reason why it asks for nothing that there is.
    static func call(method: HTTPRequest.Method, target: String, body: [UInt8]) throws(Problem) -> Call {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts.first.map(String.init) ?? ""
        let query = parts.count > 1 ? String(parts[1]) : ""
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        switch (method, Array(segments)) {
        case (.get, ["v1", "ports"]):
            let withStatistics = try flag("stats", in: query)
            return .event { .portList($0, withStatistics: withStatistics) }
        case (.put, let segments) where segments.count == 3 && segments.starts(with: ["v1", "ports"]):
            let name = try name(segments[2])
            let request = try PortRequest(name: name, body: try json(body))
            return .event { .portAdd($0, request) }
        case (.delete, let segments) where segments.count == 3 && segments.starts(with: ["v1", "ports"]):
            let name = try name(segments[2])
            return .event { .portDelete($0, name: name) }
        case (.get, let segments)
        where segments.count == 4 && segments.starts(with: ["v1", "ports"]) && segments[3] == "capture":
            let request = try CaptureRequest(port: try name(segments[2]), query: query)
            return .event { .capture($0, request) }
        case (.get, ["metrics"]):
            return .event { .portList($0, withStatistics: true) }
        case (.get, ["v1", "macs"]):
            return .learntMACs(try LearntMACFilter(parameters: parameters(query)))
        case (.delete, ["v1", "macs"]):
            return .forget(try LearntMACFilter(parameters: parameters(query)))
        case (.get, ["v1", "connections"]):
            return .connections(try ConnectionFilter(parameters: parameters(query)))
        case (.delete, ["v1", "connections"]):
            return .forgetConnections(try ConnectionFilter(parameters: parameters(query)))
        case (.get, ["v1", "acls"]):
            return .filterCounters(switchName: try switchName(in: query))
        case (.get, ["v1", "multicast-groups"]):
            return .groups(try MulticastGroupFilter(parameters: parameters(query)))
        case (.get, ["v1", "status"]):
            return .event { .status($0) }
        case (.post, ["v1", "accept"]):
            return .event { .accept($0) }
        case (.post, ["v1", "stop"]):
            return .stop(all: try flag("all", in: query))
        default:
            throw Problem(.notFound, code: "not_found", detail: "The agent does not know \(method.rawValue) \(path).")
        }
    }

    private static func name(_ segment: Substring) throws(Problem) -> String {
        guard let name = percentDecoded(Array(segment.utf8)[...]) else {
            throw Problem(.badRequest, code: "malformed_path", detail: "The port's name in the path is badly encoded.")
        }
        return name
    }

    private static func json(_ body: [UInt8]) throws(Problem) -> JSONValue {
        do throws(JSONError) {
            return try JSONParser.parse(request: body)
        } catch {
            throw Problem(.badRequest, code: "malformed_json", detail: "The body is not JSON: \(error).")
        }
    }

    private static func parameters(_ query: String) throws(Problem) -> [(name: String, value: String)] {
        var parameters: [(name: String, value: String)] = []
        for part in query.split(separator: "&") {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2, let value = percentDecoded(Array(sides[1].utf8)[...]) else {
                throw Problem(.badRequest, code: "invalid_parameter", detail: "\(part) is no NAME=VALUE.")
            }
            parameters.append((String(sides[0]), value))
        }
        return parameters
    }

    private static func switchName(in query: String) throws(Problem) -> String? {
        var name: String?
        for parameter in try parameters(query) {
            guard parameter.name == "switch" else {
                let detail = "The only parameter here is switch=NAME."
                throw Problem(.badRequest, code: "unknown_parameter", detail: detail)
            }
            name = parameter.value
        }
        return name
    }

    private static func flag(_ name: String, in query: String) throws(Problem) -> Bool {
        switch query {
        case "", "\(name)=false": return false
        case "\(name)=true": return true
        default:
            let detail = "The only parameter here is \(name)=true or \(name)=false."
            throw Problem(.badRequest, code: "unknown_parameter", detail: detail)
        }
    }

    /// The answer to whoever still waits when the agent ends, and to the one who ended it.
    static let ending = HTTPResponse(status: .noContent)

    /// The response that carries an answer to a request for `target`.
    static func response(_ answer: Answer, to target: String = "") -> (HTTPResponse, HTTPBody) {
        if target == "/metrics", let text = answer.metrics {
            let fields: HTTPFields = [.contentType: "text/plain; version=0.0.4"]
            return (HTTPResponse(status: .ok, headerFields: fields), .bytes(Array(text.utf8)))
        }
        let status: HTTPResponse.Status
        var fields = HTTPFields()
        switch answer {
        case .port, .ports, .status, .accepted, .learntMACs, .connections, .filterCounters,
            .multicastGroups, .forgotten:
            status = .ok
            fields[.contentType] = "application/json"
        case .deleted: status = .noContent
        case .refused(let problem):
            status = problem.status
            fields[.contentType] = "application/problem+json"
        }
        let response = HTTPResponse(status: status, headerFields: fields)
        guard let json = answer.json else { return (response, .none) }
        return (response, .bytes(json.bytes + [UInt8(ascii: "\n")]))
    }
}
