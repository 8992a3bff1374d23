import HTTPTypes

/// Why a request was refused before any handler saw it. The connection is closed behind the answer.
public enum RequestError: Error, Equatable, Sendable {
    /// Its bytes are not HTTP/1.1, or exceed a limit.
    case message(MessageError)
    /// Its head did not end in time.
    case headTimeout
    /// Its body stalled or came too slowly.
    case bodyTimeout
    /// It expects something other than `100-continue` (RFC 9110 section 10.1.1).
    case unsupportedExpectation
    /// The server has as many connections as it may have.
    case tooManyConnections

    /// The status of the answer.
    public var status: HTTPResponse.Status {
        switch self {
        case .message(let error): Self.status(of: error)
        case .headTimeout, .bodyTimeout: .requestTimeout
        case .unsupportedExpectation: .expectationFailed
        case .tooManyConnections: .serviceUnavailable
        }
    }

    /// A stable word for programs, in snake_case.
    public var code: String {
        switch self {
        case .message(.bodyTooLong): "body_too_large"
        case .message(.startLineTooLong): "target_too_long"
        case .message(.fieldLineTooLong), .message(.tooManyFields), .message(.headTooLong),
            .message(.trailersTooLong):
            "head_too_large"
        case .message(.unsupportedVersion): "http_version_not_supported"
        case .message(.unsupportedTransferEncoding), .message(.unsupportedMethod): "not_implemented"
        case .message: "malformed_request"
        case .headTimeout, .bodyTimeout: "request_timeout"
        case .unsupportedExpectation: "expectation_failed"
        case .tooManyConnections: "too_many_connections"
        }
    }

    /// One clause for a person.
    public var detail: String {
        switch self {
        case .message(let error): error.description
        case .headTimeout: "the request's head did not arrive in time"
        case .bodyTimeout: "the request's body did not arrive in time"
        case .unsupportedExpectation: "the only expectation known here is 100-continue"
        case .tooManyConnections: "the server has as many connections as it takes; try again later"
        }
    }

    private static func status(of error: MessageError) -> HTTPResponse.Status {
        switch error {
        case .bodyTooLong: .contentTooLarge
        case .startLineTooLong: .uriTooLong
        case .fieldLineTooLong, .tooManyFields, .headTooLong, .trailersTooLong: .requestHeaderFieldsTooLarge
        case .unsupportedVersion: .httpVersionNotSupported
        case .unsupportedTransferEncoding, .unsupportedMethod: .notImplemented
        default: .badRequest
        }
    }
}

extension RequestError {
    /// The answer as a problem document (RFC 9457), for servers that have no form of their own.
    public var problem: (HTTPResponse, [UInt8]) {
        let title = status.reasonPhrase
        // None of these texts has a character that JSON escapes.
        let document =
            #"{"type":"about:blank","title":"\#(title)","status":\#(status.code),"#
            + #""code":"\#(code)","detail":"\#(detail)"}"#
        let fields: HTTPFields = [.contentType: "application/problem+json"]
        return (HTTPResponse(status: status, headerFields: fields), Array(document.utf8))
    }
}
