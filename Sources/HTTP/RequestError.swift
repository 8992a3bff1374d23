import HTTPTypes
import JSON

/// The reason why a request was refused by the server itself. Where its bytes or its time are at fault, the connection
/// is closed after the answer.
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
    /// The client's address has as many connections as one may have.
    case tooManyConnectionsOfAddress
    /// The server holds as many bytes of requests and answers as it may.
    case tooManyBytesHeld
    /// The client's address has shown more wrong tokens than one may.
    case tooManyWrongTokens
    /// Its Content-Encoding is neither gzip nor identity.
    case unsupportedContentCoding
    /// Its content is not what its Content-Encoding says.
    case corruptContent
    /// Its content is much longer than its coding makes believe.
    case contentBomb
    /// It takes its answer neither in gzip nor in identity.
    case noAcceptableCoding

    public var status: HTTPResponse.Status {
        switch self {
        case .message(let error): Self.status(of: error)
        case .headTimeout, .bodyTimeout: .requestTimeout
        case .unsupportedExpectation: .expectationFailed
        case .tooManyConnections, .tooManyBytesHeld: .serviceUnavailable
        case .tooManyConnectionsOfAddress, .tooManyWrongTokens: .tooManyRequests
        case .unsupportedContentCoding: .unsupportedMediaType
        case .corruptContent: .badRequest
        case .contentBomb: .contentTooLarge
        case .noAcceptableCoding: .notAcceptable
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
        case .tooManyConnections, .tooManyConnectionsOfAddress: "too_many_connections"
        case .tooManyBytesHeld: "unavailable"
        case .tooManyWrongTokens: "too_many_attempts"
        case .unsupportedContentCoding: "unsupported_content_coding"
        case .corruptContent: "malformed_content"
        case .contentBomb: "body_too_large"
        case .noAcceptableCoding: "not_acceptable"
        }
    }

    /// One clause for a person.
    public var detail: String {
        switch self {
        case .message(let error): error.description
        case .headTimeout: "the request's head did not arrive in time"
        case .bodyTimeout: "the request's body did not arrive in time"
        case .unsupportedExpectation: "the only expectation known here is 100-continue"
        case .tooManyConnections: "the server has the maximum number of connections; try again later"
        case .tooManyBytesHeld: "the server has no room for further requests; try again in a moment"
        case .tooManyConnectionsOfAddress: "your address has the maximum number of connections; close some"
        case .tooManyWrongTokens: "your address has sent too many wrong tokens; try again in a moment with a valid one"
        case .unsupportedContentCoding: "Content-Encoding must be gzip or identity"
        case .corruptContent: "the content is not gzip, though its Content-Encoding says so"
        case .contentBomb: "the content is compressed to less than a hundredth, which is refused"
        case .noAcceptableCoding: "Accept-Encoding refuses both gzip and identity, the only codings available"
        }
    }

    private static func status(of error: MessageError) -> HTTPResponse.Status {
        switch error {
        case .bodyTooLong: .contentTooLarge
        case .startLineTooLong: .uriTooLong
        case .fieldLineTooLong, .tooManyFields, .headTooLong, .trailersTooLong: .requestHeaderFieldsTooLarge
        case .unsupportedVersion: .httpVersionNotSupported
        case .unsupportedTransferEncoding, .unsupportedMethod: .notImplemented
        case .bareLineFeed, .badStartLine, .badMethod, .badTarget, .badVersion, .badStatus, .badFieldName,
            .confusableFieldName, .foldedField, .badFieldValue, .missingHost, .duplicateHost, .badHost,
            .badContentLength, .duplicateContentLength, .contentLengthWithTransferEncoding,
            .transferEncodingInHTTP10, .badTransferEncoding, .badChunkSize, .badChunkExtension, .badChunkEnd,
            .chunkExtensionsTooLong:
            .badRequest
        }
    }
}

extension RequestError {
    /// The answer as a problem document (RFC 9457), for servers that have no form of their own.
    public var problem: (AnswerHead, [UInt8]) {
        var head = AnswerHead(status)
        head.add(.contentType, "application/problem+json")
        return (head, Problem(self).json().bytes)
    }
}
