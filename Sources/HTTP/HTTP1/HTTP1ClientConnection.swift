import HTTPTypes

/// The client's side of one HTTP/1.1 connection, without I/O: one request at a time.
public struct HTTP1ClientConnection {
    /// The part of the message that the next bytes belong to.
    private enum Reading {
        /// Nothing: no request is unanswered.
        case idle
        case head
        case fixedBody(remaining: Int)
        case chunkedBody
        case bodyUntilEnd
    }

    /// Interim responses (1xx) taken before the final one, so that a server cannot go on with them for ever.
    static let interimResponseMaximum = 16

    private let limits: HTTPLimits
    private var reading = Reading.idle
    private var input: [UInt8] = []
    private var head = ResponseHead()
    private var decoder: ChunkedDecoder
    private var response = HTTPResponse(status: .ok)
    private var body: [UInt8] = []
    private var isHEAD = false
    private var interimResponseCount = 0
    /// True if a byte of the present answer has come.
    public private(set) var hasAnswerBegun = false
    /// True if the connection may carry another request now.
    public private(set) var isReusable = true

    /// A new connection.
    /// - Parameter limits: Of these, the ones of heads, chunks and ``HTTPLimits/bodyByteCountMaximum``.
    public init(limits: HTTPLimits) {
        self.limits = limits
        decoder = ChunkedDecoder(limits: limits)
    }

    /// A request with this method has been sent; its answer comes next.
    public mutating func begin(_ method: HTTPRequest.Method) {
        reading = .head
        head = ResponseHead()
        body = []
        isHEAD = method == .head
        interimResponseCount = 0
        hasAnswerBegun = false
        isReusable = false
    }

    /// Takes bytes that the server has sent.
    /// - Returns: The answer, once it is whole.
    /// - Throws: Its first fault; the connection is then of no further use.
    public mutating func receive(_ bytes: ArraySlice<UInt8>) throws(MessageError) -> HTTPClientResponse? {
        guard !bytes.isEmpty else { return nil }
        hasAnswerBegun = true
        input += bytes
        if case .head = reading {
            guard try readHead() else { return nil }
        }
        switch reading {
        case .idle, .head:
            // Bytes that answer nothing: the connection is out of step.
            isReusable = false
            return nil
        case .fixedBody(let remaining):
            let count = min(remaining, input.count)
            body += input[..<count]
            input.removeSubrange(..<count)
            reading = .fixedBody(remaining: remaining - count)
            return count == remaining ? end(isDelimited: true) : nil
        case .chunkedBody:
            let maximum = limits.bodyByteCountMaximum
            let count = try decoder.decode(input, from: 0, into: &body, maximum: maximum)
            input.removeSubrange(..<count)
            return decoder.isDone ? end(isDelimited: true) : nil
        case .bodyUntilEnd:
            guard body.count + input.count <= limits.bodyByteCountMaximum else {
                throw .bodyTooLong(maximum: limits.bodyByteCountMaximum)
            }
            body += input
            input.removeAll()
            return nil
        }
    }

    /// The status of the answer, from its head on.
    public var answerStatus: Int? {
        if case .idle = reading { return nil }
        if case .head = reading { return nil }
        return response.status.code
    }

    /// Takes the content that has come so far; the answer will have the rest.
    public mutating func takeContent() -> [UInt8] {
        let content = body
        body = []
        return content
    }

    /// The server has ended its stream.
    /// - Returns: The answer, if this end is what delimits it; else it is cut short, if one was due at all.
    public mutating func receiveEnd() -> HTTPClientResponse? {
        isReusable = false
        guard case .bodyUntilEnd = reading else { return nil }
        return end(isDelimited: false)
    }

    /// - Returns: True if the final head is there.
    private mutating func readHead() throws(MessageError) -> Bool {
        while true {
            guard let length = try head.advance(in: input, from: 0, limits: limits) else { return false }
            if head.statusCode < 200 {
                // 101 would be the answer to an Upgrade, which nobody asked for.
                guard head.statusCode != 101, interimResponseCount < Self.interimResponseMaximum else {
                    throw .badStatus
                }
                interimResponseCount += 1
                input.removeSubrange(..<length)
                head = ResponseHead()
                continue
            }
            response = head.response(in: input, from: 0)
            input.removeSubrange(..<length)
            try beginBody()
            return true
        }
    }

    /// RFC 9112 section 6.3.
    private mutating func beginBody() throws(MessageError) {
        if isHEAD || head.statusCode == 204 || head.statusCode == 304 {
            reading = .fixedBody(remaining: 0)
        } else if head.fields.isChunked {
            decoder = ChunkedDecoder(limits: limits)
            reading = .chunkedBody
        } else if let length = head.fields.contentLength {
            guard length <= limits.bodyByteCountMaximum else {
                throw .bodyTooLong(maximum: limits.bodyByteCountMaximum)
            }
            reading = .fixedBody(remaining: length)
        } else {
            reading = .bodyUntilEnd
        }
    }

    private mutating func end(isDelimited: Bool) -> HTTPClientResponse {
        reading = .idle
        isReusable = isDelimited && input.isEmpty && !head.fields.closes && head.minorVersion > 0
        let whole = HTTPClientResponse(response: response, body: body)
        body = []
        return whole
    }
}
