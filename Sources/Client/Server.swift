import HTTPTransport

/// A server that a command speaks to.
public enum Server: Equatable, Sendable {
    /// Central's northbound port, by its URL.
    case central(url: String)
    /// The agent of this host, by the path of its socket.
    case agent(socket: String)

    /// Central's URL unless `HEDDLE_NB` gives another.
    public static let defaultNorthbound = "http://127.0.0.1:6641"
    /// The data directory of central unless it was told otherwise.
    public static let defaultDataDirectory = "/var/lib/heddle/central"
    /// The socket at which root reaches the central of this host, whatever it listens at.
    public static let defaultNorthboundSocket = defaultDataDirectory + "/northbound.sock"
    /// The agent's socket unless `HEDDLE_AGENT_SOCKET` gives another.
    public static let defaultAgentSocket = "/var/lib/heddle/agent/agent.sock"

    /// Central as the environment names it.
    public static func central(from environment: (String) -> String?) -> Server {
        .central(url: environment("HEDDLE_NB") ?? defaultNorthbound)
    }

    /// The central of this host with this data directory, by its socket.
    public static func central(inDataDirectory directory: String) -> Server {
        let path = directory.hasPrefix("/") ? directory : "./" + directory
        return .central(url: "unix:\(path)/northbound.sock")
    }

    /// The agent as the environment names it.
    public static func agent(from environment: (String) -> String?) -> Server {
        .agent(socket: environment("HEDDLE_AGENT_SOCKET") ?? defaultAgentSocket)
    }

    /// The token that identifies the user to central, if the environment has one.
    public static func token(from environment: (String) -> String?) -> String? {
        environment("HEDDLE_TOKEN")
    }

    /// The file of the authorities whose servers are believed, if the environment names one.
    public static func authorities(from environment: (String) -> String?) -> String? {
        environment("HEDDLE_CA")
    }

    /// That a port was tried which its URL does not name; empty if it names one.
    func defaultPortNote(_ endpoint: HTTPEndpoint) -> String {
        guard case .central(let url) = self else { return "" }
        let port: UInt16
        switch endpoint {
        case .tcp(_, let number), .tls(_, let number): port = number
        case .unix: return ""
        }
        let authority = url.hasSuffix("/") ? url.dropLast() : url[...]
        guard !authority.hasSuffix(":\(port)") else { return "" }
        return " (port \(port), since the URL has none; central uses 6641 by default)"
    }

    var title: String {
        switch self {
        case .central(let url): "central at \(url)"
        case .agent(let socket): "the agent at \(socket)"
        }
    }

    /// The remedy if another program answers.
    var identityRemedy: String {
        switch self {
        case .central: "set HEDDLE_NB to the northbound port of a central, 6641 by default"
        case .agent: "set HEDDLE_AGENT_SOCKET to the socket of an agent, agent.sock in its state directory"
        }
    }

    /// The beginning of the reason if the name in its URL cannot be resolved.
    static let unknownName = "its name cannot be resolved here"

    /// The remedy if it cannot be reached.
    func remedy(for reason: String) -> String {
        if reason == "Permission denied" { return permissionRemedy }
        if reason.hasPrefix(Self.unknownName) {
            return "check that HEDDLE_NB has the right name, and that this host can resolve it: 'getent hosts NAME'"
        }
        return remedy
    }

    /// The remedy if its socket may not be used.
    var permissionRemedy: String {
        switch self {
        case .central: "run this as root or as the user that central runs as, or set HEDDLE_NB to its URL"
        case .agent: "run this as root or as the user that the agent runs as"
        }
    }

    /// The remedy if it does not run.
    var remedy: String {
        switch self {
        case .central: "start it with 'heddle central' or set HEDDLE_NB"
        case .agent: "start it with 'heddle agent' or set HEDDLE_AGENT_SOCKET"
        }
    }
}
