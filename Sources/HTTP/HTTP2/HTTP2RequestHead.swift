import HTTPTypes

/// Makes a request of the fields of an HTTP/2 HEADERS block (RFC 9113 section 8.3).
///
/// The frame layer has seen to the order and number of pseudo-fields and to the bytes of names and values; here is what
/// it does not know: our limits, the grammar of targets, and that Host and `:authority` agree.
package struct HTTP2RequestHead {
    private var method: String?
    private var scheme: String?
    private var authority: String?
    private var host: String?
    private var path: String?
    private var fields = HTTPFields()
    /// Its length by the measure of SETTINGS_MAX_HEADER_LIST_SIZE.
    package private(set) var byteCount = 0
    private var fieldCount = 0
    package private(set) var contentLength: Int?
    /// True if Expect is `100-continue`.
    package private(set) var expectsContinue = false
    /// True if Expect is anything else.
    package private(set) var expectsOther = false
    /// The first fault in the fields so far.
    package var error: MessageError?

    package init() {}

    /// True if content must not be sent with the answer.
    package var isHEAD: Bool { method == "HEAD" }

    /// Counts a field by the measure of SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113 section 6.5.2), 32 bytes beyond its
    /// text, and by number.
    /// - Returns: True if it is still within the limits; if not, its text need not be looked at.
    package mutating func admits(byteCount count: Int, limits: HTTPLimits) -> Bool {
        byteCount += count + 32
        fieldCount += 1
        guard error == nil else { return false }
        if byteCount > limits.headByteCountMaximum { error = .headTooLong }
        if fieldCount > limits.fieldCountMaximum + Self.pseudoFieldCount { error = .tooManyFields }
        return error == nil
    }

    /// Takes a field; the name is in small letters.
    package mutating func add(_ name: String, _ value: String, limits: HTTPLimits) {
        if name.utf8.count + value.utf8.count > limits.lineByteCountMaximum {
            error = name == ":path" ? .startLineTooLong : .fieldLineTooLong
            return
        }
        switch name {
        case ":method": method = value
        case ":scheme": scheme = value
        case ":authority": authority = value
        case ":path": path = value
        case "host":
            if host != nil { error = .duplicateHost }
            host = value
        case "content-length": contentLength = value.utf8.reduce(0) { Self.appending($1, to: $0) }
        case "expect":
            if value.lowercased() == "100-continue" { expectsContinue = true } else { expectsOther = true }
        case "te": break
        default:
            guard let field = HTTPField.Name(name) else { return error = .badFieldName }
            fields.append(HTTPField(name: field, value: value))
        }
    }

    package func request() throws(MessageError) -> HTTPRequest {
        if let error { throw error }
        guard let text = method, let method = text == "GET" ? .get : HTTPRequest.Method(text) else { throw .badMethod }
        guard method != .connect else { throw .unsupportedMethod }
        guard let path, let scheme, scheme == "http" || scheme == "https" else { throw .badTarget }
        if path != "*" || method != .options {
            guard path.utf8.first == UInt8(ascii: "/") else { throw .badTarget }
            let bytes = Array(path.utf8)
            try RequestTarget.checkPath(bytes.indices, in: bytes)
        }
        guard let authority = authority ?? host else { throw .missingHost }
        let bytes = Array(authority.utf8)
        try RequestTarget.checkAuthority(bytes.indices, in: bytes)
        if let host, host.lowercased() != authority.lowercased() { throw .badHost }
        return HTTPRequest(method: method, scheme: scheme, authority: authority, path: path, headerFields: fields)
    }

    /// More digits than an `Int` holds count as the greatest length there is.
    private static func appending(_ digit: UInt8, to length: Int) -> Int {
        let (product, overflows) = length.multipliedReportingOverflow(by: 10)
        let (sum, overflowsToo) = product.addingReportingOverflow(Int(digit & 0x0f))
        return overflows || overflowsToo ? .max : sum
    }

    /// `:method`, `:scheme`, `:authority` and `:path`.
    private static let pseudoFieldCount = 4
}
