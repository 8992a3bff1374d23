import HTTP
import HTTPTypes
import JSON

/// The failure of a call by a container runtime, as the Container Network Interface tells it (CNI 1.1.0, "Error").
public struct CNIError: Error, Equatable, Sendable {
    /// The codes of the specification, and from 100 on our own.
    public enum Code: Int64, Sendable {
        case incompatibleVersion = 1
        case unsupportedField = 2
        case unknownContainer = 3
        case invalidEnvironment = 4
        case inputFailure = 5
        case undecodableContent = 6
        case invalidConfiguration = 7
        /// The runtime should try again later.
        case tryAgainLater = 11
        /// STATUS: no ADD can be served now.
        case notAvailable = 50
        /// Central or this host's agent refuses.
        case refused = 100
        /// CHECK: the container is not connected as it should be.
        case notAsExpected = 101
    }

    public var code: Code
    /// One short sentence.
    public var message: String
    /// More about it; may be empty.
    public var details: String

    public init(_ code: Code, _ message: String, details: String = "") {
        self.code = code
        self.message = message
        self.details = details
    }

    /// The failure of a request to central or the agent.
    init(_ error: ClientError, _ message: String) {
        let code: Code =
            switch error {
            case .usage: .invalidConfiguration
            case .unreachable, .timedOut: .tryAgainLater
            case .problem(let problem) where problem.status.kind == .serverError: .tryAgainLater
            case .problem, .refused, .insecure, .badAnswer: .refused
            }
        self.init(code, message, details: error.message)
    }

    /// The object that a runtime reads.
    public func text(version: String) -> String {
        let object: JSONValue = [
            "cniVersion": .string(version), "code": .integer(code.rawValue), "msg": .string(message),
            "details": .string(details),
        ]
        return object.indentedText
    }
}
