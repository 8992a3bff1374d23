import HTTPTypes

/// The server's side of one HTTP/1.1 connection (RFC 9112), without I/O.
///
/// Requests of one connection are handed out in order. Several are under way at a time only if all of them are GET
/// or HEAD, so that a pipelined read sees the write before it; answers leave in the order of the requests.
public final class HTTP1ServerConnection: HTTPServerSession {
    /// A request that is being answered.
    struct Exchange {
        let id: RequestID
        let isHEAD: Bool
        let isSafe: Bool
        let minorVersion: Int
        /// Bytes of the head, which is kept until the answer.
        let byteCount: Int
        var closes: Bool
        var answer: (head: AnswerHead, body: HTTPBody)?
    }

    /// The part of the message that the next bytes belong to.
    enum Reading {
        case head
        case fixedBody(remaining: Int)
        case chunkedBody
        /// No request is read any more; what arrives is dropped.
        case stopped
    }

    /// A head that was read: what it says is a function of its bytes.
    final class KnownHead {
        let bytes: [UInt8]
        let head: RequestHead
        let request: HTTPRequest

        init(_ bytes: [UInt8], _ head: RequestHead, _ request: HTTPRequest) {
            self.bytes = bytes
            self.head = head
            self.request = request
        }
    }

    /// A request whose body is being read.
    struct PendingRequest {
        let request: HTTPRequest
        let exchange: Exchange
        let bodyByteCountMaximum: Int
        /// When the body began, and when a piece of it last came.
        let start: Duration
        var lastProgress: Duration
    }

    let limits: HTTPLimits
    let judge: (HTTPRequest, _ mayAnswer: Bool) -> HeadVerdict
    let problem: (RequestError) -> (AnswerHead, [UInt8])

    /// Bytes received; those before `inputStart` are done with.
    var input: [UInt8] = []
    var inputStart = 0
    var inputEnded: Duration?
    var reading = Reading.head
    // A head that was read in part is here and not in `reading`, so that it is changed in place.
    var head = RequestHead()
    var lastHead: KnownHead?
    var pending: PendingRequest?
    var body: [UInt8] = []
    var decoder: ChunkedDecoder
    /// The time when the first byte of the head that is being read came; on a new connection, when that was opened.
    var headStart: Duration?
    /// True if the request whose body is being read is the last.
    var isDraining = false
    /// Requests handed out and not yet written, oldest first.
    var exchanges: [Exchange] = []
    var requestCount: UInt64 = 0

    var outputBuffer: [UInt8] = []
    var outputStart = 0
    var encoder: ResponseEncoder?
    /// True if an answer has more to make than the last output has.
    public internal(set) var makesMore = false
    var closesAfterEncoder = false
    /// When the client last took something, while there is something to take.
    var writeProgress: Duration?
    /// The bytes that it has taken since.
    var takenByteCount = 0

    var idleSince: Duration
    var lingeringSince: Duration?
    var droppedByteCount = 0
    /// The phase of the connection's life.
    public internal(set) var phase = HTTPSessionPhase.open

    /// A connection that was just accepted.
    /// - Parameters:
    ///   - judge: Asked when the head of a request with a body is there; a short body is read in any case, and then
    ///     only its limit is of interest.
    ///   - problem: Makes the answer to a request that is refused here.
    public init(
        limits: HTTPLimits,
        now: Duration,
        judge: @escaping (HTTPRequest, _ mayAnswer: Bool) -> HeadVerdict,
        problem: @escaping (RequestError) -> (AnswerHead, [UInt8])
    ) {
        self.limits = limits
        self.judge = judge
        self.problem = problem
        decoder = ChunkedDecoder(limits: limits)
        headStart = now
        idleSince = now
    }

    /// True if nothing is under way: no request read in part, none unanswered, nothing left to write.
    var isIdle: Bool {
        guard case .head = reading, inputStart == input.count else { return false }
        return exchanges.isEmpty && encoder == nil && !hasOutput
    }

    /// True if there is something that the client could take now.
    var hasOutput: Bool { outputStart < outputBuffer.count || encoder?.isWaiting == false }

    public var heldByteCount: Int {
        input.count - inputStart + body.count + exchanges.reduce(0) { $0 + $1.byteCount } + answerByteCount
    }

    /// Bytes of answers that the client has not taken.
    var answerByteCount: Int {
        let waiting = exchanges.reduce(0) { $0 + ($1.answer?.body.heldByteCount ?? 0) }
        return waiting + outputBuffer.count - outputStart + (encoder?.heldByteCount ?? 0)
    }

    /// Answers a request. An unknown or answered one is left alone.
    public func respond(to id: RequestID, _ answer: AnswerHead, body: HTTPBody) {
        guard let index = exchanges.firstIndex(where: { $0.id == id }), exchanges[index].answer == nil else { return }
        exchanges[index].answer = (answer, body)
    }

    /// Takes no further requests; closes when those under way are answered.
    public func drain(now: Duration) {
        if isIdle {
            phase = .closed
            return
        }
        switch reading {
        case .head:
            // Bytes that are not a request yet will not become one.
            stopReading()
            if let last = exchanges.indices.last { exchanges[last].closes = true }
            finishIfDone(now: now)
        case .fixedBody, .chunkedBody:
            isDraining = true
        case .stopped:
            break
        }
    }

    /// Refuses the connection itself, before it has sent anything.
    public func refuse(_ error: RequestError) {
        refuse(error, isHEAD: false)
    }

    func refuse(_ error: RequestError, isHEAD: Bool) {
        let (answer, body) = problem(error)
        end(with: answer, body, isHEAD: isHEAD)
    }

    /// Answers the request that is being read and reads no more.
    func end(with answer: AnswerHead, _ body: [UInt8], isHEAD: Bool) {
        stopReading()
        exchanges.append(
            Exchange(
                id: requestCount,
                isHEAD: isHEAD,
                isSafe: true,
                minorVersion: 1,
                byteCount: 0,
                closes: true,
                answer: (answer, .bytes(body))
            )
        )
        requestCount += 1
    }

    func stopReading() {
        reading = .stopped
        droppedByteCount += input.count - inputStart
        input = []
        inputStart = 0
        headStart = nil
        pending = nil
        body = []
    }

    /// Ends the connection when it has said everything that it will.
    func finishIfDone(now: Duration) {
        guard phase == .open, case .stopped = reading, exchanges.isEmpty, encoder == nil, !hasOutput else {
            return
        }
        if inputEnded != nil || droppedByteCount > limits.lingeringByteCountMaximum {
            phase = .closed
        } else {
            phase = .lingering
            lingeringSince = now
        }
    }
}
