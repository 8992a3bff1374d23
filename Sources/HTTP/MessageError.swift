/// A fault in the bytes of an HTTP/1.1 message (RFC 9112), a request or a response.
public enum MessageError: Error, Equatable, Sendable {
    /// A line ended by LF alone (RFC 9112 section 2.2 lets a server refuse it, and proxies differ about it).
    case bareLineFeed
    /// The first line is not three parts with one space between.
    case badStartLine
    case badMethod
    /// The request target has a form or a byte that the grammar does not have for this method.
    case badTarget
    /// The version is not `HTTP/1.` and a digit.
    case badVersion
    /// A well-formed version other than HTTP/1.
    case unsupportedVersion
    /// A method that needs a tunnel.
    case unsupportedMethod
    /// A status code that is not three digits from 100 to 599.
    case badStatus
    /// A field line without a colon, with an empty name or one that is no token, or with space before the colon.
    case badFieldName
    /// A field name that differs from a framing field only by `_` for `-`, which gateways confuse.
    case confusableFieldName
    /// A field line that starts with space (obs-fold).
    case foldedField
    /// A control character in a field's value.
    case badFieldValue
    /// No Host if one is due.
    case missingHost
    case duplicateHost
    /// A Host, or the authority of the target, that is not `name[:port]`.
    case badHost
    /// A Content-Length that is not 1*DIGIT.
    case badContentLength
    case duplicateContentLength
    case contentLengthWithTransferEncoding
    /// Transfer-Encoding in an HTTP/1.0 message.
    case transferEncodingInHTTP10
    /// A Transfer-Encoding that is not a list of tokens, or one given twice.
    case badTransferEncoding
    /// A transfer coding other than chunked.
    case unsupportedTransferEncoding
    /// A chunk's size that is not 1 to 15 hex digits followed by CRLF or an extension.
    case badChunkSize
    /// A control character in a chunk extension.
    case badChunkExtension
    /// Something other than CRLF after a chunk's bytes.
    case badChunkEnd
    /// More bytes of chunk extensions than allowed.
    case chunkExtensionsTooLong
    /// More bytes of trailers than allowed.
    case trailersTooLong
    case startLineTooLong
    case fieldLineTooLong
    /// More field lines than allowed.
    case tooManyFields
    case headTooLong
    /// A body longer than this many bytes.
    case bodyTooLong(maximum: Int)
}

extension MessageError: CustomStringConvertible {
    /// One clause, for a person.
    public var description: String {
        switch self {
        case .bareLineFeed: "a line must end with CR LF"
        case .badStartLine: "the first line must have three parts with one space between them"
        case .badMethod: "the method has a character that methods do not have"
        case .badTarget: "the request target is not a path or URL in RFC 3986 characters"
        case .badVersion: "the version must be HTTP/1.1 or HTTP/1.0"
        case .unsupportedVersion: "only HTTP/1.1 and HTTP/1.0 are supported"
        case .unsupportedMethod: "CONNECT is not supported"
        case .badStatus: "the status code is not three digits from 100 to 599"
        case .badFieldName: "a field line must be a name, a colon right after it, and a value"
        case .confusableFieldName: "a field name imitates one that delimits messages"
        case .foldedField: "a field value must not be folded over lines"
        case .badFieldValue: "a field value has a control character"
        case .missingHost: "a Host field is required"
        case .duplicateHost: "there must be only one Host field"
        case .badHost: "Host must be a name or address with an optional port"
        case .badContentLength: "Content-Length must be decimal digits"
        case .duplicateContentLength: "there must be only one Content-Length field"
        case .contentLengthWithTransferEncoding: "Content-Length and Transfer-Encoding exclude each other"
        case .transferEncodingInHTTP10: "HTTP/1.0 has no Transfer-Encoding"
        case .badTransferEncoding: "Transfer-Encoding must be one field with the value chunked"
        case .unsupportedTransferEncoding: "the only transfer coding supported is chunked"
        case .badChunkSize: "a chunk must start with its size in 1 to 15 hexadecimal digits"
        case .badChunkExtension: "a chunk extension has a control character"
        case .badChunkEnd: "a chunk must end with CR LF right after its bytes"
        case .chunkExtensionsTooLong: "the chunk extensions are too long"
        case .trailersTooLong: "the trailer section is too long"
        case .startLineTooLong: "the first line is too long"
        case .fieldLineTooLong: "a field line is too long"
        case .tooManyFields: "there are too many fields"
        case .headTooLong: "the head is too long"
        case .bodyTooLong(let maximum): "the body is longer than \(maximum) bytes"
        }
    }
}

extension MessageError {
    /// True if it makes a request malformed in the sense of RFC 9113 section 8.1.1: a field that no field may be. Other
    /// faults are those of what fields say.
    package var isMalformed: Bool {
        self == .badFieldName || self == .badFieldValue
    }
}
