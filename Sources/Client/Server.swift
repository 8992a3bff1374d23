import HTTPTransport

/// Whom a command speaks to.
public enum Server: Equatable, Sendable {
    /// Central's northbound port, by its URL.
    case central(url: String)
    /// The agent of this host, by the path of its socket.
    case agent(socket: String)

    /// Where central is found unless `HEDDLE_NB` says otherwise.
    public static let defaultNorthbound = "http://127.0.0.1:6641"
    /// The data directory of central unless it was told otherwise.
    public static let defaultDataDirectory = "/var/lib/heddle/central"
    /// Where root reaches the central of this host, whatever it listens at.
    public static let defaultNorthboundSocket = defaultDataDirectory + "/northbound.sock"
    /// Where the agent is found unless `HEDDLE_AGENT_SOCKET` says otherwise.
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

    /// What proves to central who asks, where the environment has it.
    public static func token(from environment: (String) -> String?) -> String? {
        environment("HEDDLE_TOKEN")
    }

    /// The file of the authorities whose servers are believed, where the environment names one.
    public static func authorities(from environment: (String) -> String?) -> String? {
        environment("HEDDLE_CA")
    }

    /// That a port was tried which its URL does not name; empty where it names one.
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

    /// How a message names it.
    var title: String {
        switch self {
        case .central(let url): "central at \(url)"
        case .agent(let socket): "the agent at \(socket)"
        }
    }

    /// What to do when something else answers.
    var identityRemedy: String {
        switch self {
        case .central: "set HEDDLE_NB to the northbound port of a central, 6641 by default"
        case .agent: "set HEDDLE_AGENT_SOCKET to the socket of an agent, agent.sock in its state directory"
        }
    }

    /// How the reason begins where nobody knows the name in its URL.
    static let unknownName = "its name cannot be resolved here"

    /// What to do when it cannot be reached.
    func remedy(for reason: String) -> String {
        if reason == "Permission denied" { return permissionRemedy }
        if reason.hasPrefix(Self.unknownName) {
            return "check that HEDDLE_NB has the right name, and that this host can resolve it: 'getent hosts NAME'"
        }
        return remedy
    }

    /// What to do when its socket may not be used.
    var permissionRemedy: String {
        switch self {
        case .central: "run this as root or as the user that central runs as, or set HEDDLE_NB to its URL"
        case .agent: "run this as root or as the user that the agent runs as"
        }
    }

    /// What to do when it is not there.
    var remedy: String {
        switch self {
        case .central: "start it with 'heddle central' or set HEDDLE_NB"
        case .agent: "start it with 'heddle agent' or set HEDDLE_AGENT_SOCKET"
        }
    }
}
