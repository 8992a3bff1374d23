import Glibc
import HTTP
import Reactor
import Security

/// The reason why a call has no answer.
public enum HTTPClientError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The host has no address; the reason is the resolver's.
    case cannotResolve(HTTPEndpoint, reason: String)
    /// No address of the host could be connected to; this is the last one's error.
    case cannotConnect(HTTPEndpoint, errno: Int32)
    /// No TLS with the server: one clause says why. The request has not been carried out.
    case insecure(HTTPEndpoint, SecurityError)
    /// The connection ended before the answer did. The request may have been carried out.
    case connectionLost(HTTPEndpoint)
    /// No whole answer within this time. The request may have been carried out.
    case timedOut(HTTPEndpoint, Duration)
    /// The answer is not HTTP/1.1 or exceeds a limit.
    case badResponse(HTTPEndpoint, MessageError)
    /// The request cannot be written.
    case badRequest(MessageError)
    /// As many calls wait for a connection as may.
    case tooManyCalls(HTTPEndpoint)

    /// One sentence: `connect to 127.0.0.1:6641: Connection refused`.
    public var description: String {
        switch self {
        case .cannotResolve(let endpoint, let reason): "connect to \(endpoint): \(reason)"
        case .cannotConnect(let endpoint, let errno): "connect to \(endpoint): \(String(cString: strerror(errno)))"
        case .insecure(let endpoint, let error): "no secure connection to \(endpoint): \(error)"
        case .connectionLost(let endpoint): "\(endpoint) closed the connection before its answer was whole"
        case .timedOut(let endpoint, let time): "\(endpoint) did not answer within \(Self.text(time))"
        case .badResponse(let endpoint, let error): "\(endpoint) does not answer as an HTTP server: \(error)"
        case .badRequest(let error): "the request cannot be sent: \(error)"
        case .tooManyCalls(let endpoint): "too many requests to \(endpoint) are waiting"
        }
    }

    private static func text(_ time: Duration) -> String {
        let (seconds, attoseconds) = time.components
        let milliseconds = attoseconds / 1_000_000_000_000_000
        return seconds > 0 && milliseconds == 0 ? "\(seconds) s" : "\(seconds * 1000 + milliseconds) ms"
    }
}
