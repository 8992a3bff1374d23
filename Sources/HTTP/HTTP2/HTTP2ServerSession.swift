import CNghttp2
import HTTPTypes

/// The server's side of one HTTP/2 connection (RFC 9113), without I/O: libnghttp2 does frames, header compression and
/// windows; here are requests, answers, limits and times.
///
/// Bodies are taken as they come and bounded by `bodyLimit`. Answers are pulled as windows open. Arrivals are processed
/// outside of libnghttp2's callbacks, which only record them.
public final class HTTP2ServerSession: HTTPServerSession {
    let limits: HTTPLimits
    let judge: (HTTPRequest, _ mayAnswer: Bool) -> HeadVerdict
    let problem: (RequestError) -> (AnswerHead, [UInt8])
    /// `nil` only if there is no memory for it; the connection is closed then.
    private(set) var frames: OpaquePointer?

    var streams: [Int32: HTTP2Stream] = [:]
    /// Streams whose requests are whole and wait for a handler, in the order in which they became whole.
    var ready: [Int32] = []
    /// Requests that handlers have, those of streams that are gone included.
    var underWay: Set<RequestID> = []
    var abandoned: [RequestID] = []
    /// Answers that have not been handed to libnghttp2.
    var answers: [(id: Int32, head: AnswerHead, body: HTTPBody)] = []
    /// Streams whose answers stay open and have nothing more to send yet.
    var deferred: Set<Int32> = []
    /// Streams whose answers come in slices and wait for their turn to make the next, in this order.
    var makers: [Int32] = []
    /// The stream whose turn it is; `nil` once it has had it, and while nobody waits.
    var maker: Int32?
    /// True if a slice has been made since the output was last prepared.
    var hasMade = false
    /// True if an answer has more to make than the last output has.
    public var makesMore: Bool { !makers.isEmpty }
    var requestCount = 0
    /// At least ``answerByteCount``, if that was counted since the last output: not once for each request.
    var answerByteCountBound: Int?

    var clientResets: RemainingBudget
    var serverResets: RemainingBudget
    var controlFrames: RemainingBudget
    var scanner = FrameScanner()
    /// CONTINUATION frames of the head that is being read.
    var continuationCount = 0
    /// The newest stream of the client.
    var lastOpened: Int32 = 0
    /// Numbers of streams that the client has passed over, the last ones: they can never be used (RFC 9113 section
    /// 5.1.1).
    var passedOver: [Range<Int32>] = []
    /// The streams that were reset here last; their client may not have heard of it.
    var resetHere: [Int32] = []
    /// True if the DATA frame that is being read has brought bytes.
    var dataFrameHasBytes = false

    var outputBuffer: [UInt8] = []
    var outputStart = 0
    /// The time of the call that is being served.
    var now: Duration
    /// The time when a head began that has not ended; at first, when the connection did.
    var headStart: Duration?
    var idleSince: Duration
    /// When the client last took something, while there is something to take.
    var writeProgress: Duration?
    /// The bytes that it has taken since.
    var takenByteCount = 0
    var inputEnded: Duration?
    /// When the shutdown was announced, until no further requests are taken.
    var noticeSent: Duration?
    var isDraining = false
    /// True if the last GOAWAY is on its way and nothing that the client says counts any more.
    var isTerminated = false
    /// True if a budget is used up, or more has come than any honest client sends.
    public private(set) var isFlooded = false
    /// True if a GOAWAY with an error has been sent.
    public internal(set) var hasErred = false
    var lingeringSince: Duration?
    var droppedByteCount = 0
    /// The phase of the connection's life.
    public internal(set) var phase = HTTPSessionPhase.open

    /// A connection that is about to send its preface; one that has sent some of it hands that in by
    /// ``receive(_:now:)``.
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
        self.now = now
        headStart = now
        idleSince = now
        clientResets = RemainingBudget(limits.http2.clientResets, now: now)
        serverResets = RemainingBudget(limits.http2.serverResets, now: now)
        controlFrames = RemainingBudget(limits.http2.controlFrames, now: now)
        frames = Self.makeFrames(limits, owner: Unmanaged.passUnretained(self).toOpaque())
        submitSettings()
        if frames == nil { phase = .closed }
    }

    deinit {
        nghttp2_session_del(frames)
    }

    private func submitSettings() {
        func entry(_ id: nghttp2_settings_id, _ value: Int) -> nghttp2_settings_entry {
            nghttp2_settings_entry(settings_id: Int32(bitPattern: id.rawValue), value: UInt32(clamping: value))
        }
        let settings = [
            entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.http2.streamMaximum),
            entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.http2.streamWindowByteCount),
            entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.headByteCountMaximum),
            entry(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, limits.http2.headerTableByteCount),
            entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),
        ]
        let flags = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        nghttp2_submit_settings(frames, flags, settings, settings.count)
        let window = Int32(clamping: limits.http2.connectionWindowByteCount)
        nghttp2_session_set_local_window_size(frames, flags, 0, window)
    }

    public var heldByteCount: Int {
        streams.values.reduce(answerByteCount) { $0 + $1.head.byteCount + $1.body.count }
    }

    /// Bytes of answers that the client has not taken.
    var answerByteCount: Int {
        let waiting = answers.reduce(outputBuffer.count - outputStart) { $0 + $1.body.heldByteCount }
        return streams.values.reduce(waiting) { $0 + $1.content.heldByteCount }
    }

    /// Answers a request. An unknown, answered or abandoned one gets nothing.
    public func respond(to id: RequestID, _ head: AnswerHead, body: HTTPBody) {
        forget(id)
        let number = Int32(truncatingIfNeeded: id)
        guard let stream = streams[number], stream.isHandedOut, !stream.isAnswered else { return }
        answer(stream, number, head, body)
    }

    /// No answer to an abandoned request will come.
    public func forget(_ id: RequestID) {
        underWay.remove(id)
    }

    /// Refuses the connection itself: GOAWAY, before any request was taken.
    public func refuse(_ error: RequestError) {
        terminate(NGHTTP2_ENHANCE_YOUR_CALM)
    }

    func answer(_ stream: HTTP2Stream, _ id: Int32, _ head: AnswerHead, _ body: HTTPBody) {
        stream.isAnswered = true
        stream.isHandedOut = true
        stream.bodyStart = nil
        stream.body = []
        answers.append((id, head, body))
        answerByteCountBound = answerByteCountBound.map { $0 + body.heldByteCount }
    }

    func refuse(_ stream: HTTP2Stream, _ id: Int32, _ error: RequestError) {
        guard !stream.isHandedOut else { return }
        let (head, body) = problem(error)
        answer(stream, id, head, .bytes(body))
    }

    /// Takes no further requests; closes when those under way are answered. The client is told first and given time for
    /// what it has sent meanwhile (RFC 9113 section 6.8).
    public func drain(now: Duration) {
        self.now = now
        guard phase == .open, !isDraining else { return }
        isDraining = true
        noticeSent = now
        nghttp2_submit_shutdown_notice(frames)
    }

    /// Says which request is the last one.
    func endNotice() {
        guard noticeSent != nil else { return }
        noticeSent = nil
        let last = nghttp2_session_get_last_proc_stream_id(frames)
        nghttp2_submit_goaway(frames, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, NGHTTP2_NO_ERROR.rawValue, nil, 0)
    }

    /// Ends the connection of a client that is beyond a budget.
    func endFlood() {
        isFlooded = true
        terminate(NGHTTP2_ENHANCE_YOUR_CALM)
    }

    /// Ends the connection: GOAWAY with a reason; requests under way are abandoned.
    func terminate(_ reason: nghttp2_error_code) {
        guard !isTerminated else { return }
        isTerminated = true
        abandoned += streams.filter { $1.isAwaited }.map { RequestID($0.key) }.sorted()
        streams = [:]
        ready = []
        answers = []
        nghttp2_session_terminate_session(frames, reason.rawValue)
    }

    /// The number of streams reset here that are remembered: as many as may be open at once.
    static let resetHereMaximum = 128
    /// The number of gaps between the client's streams that are remembered; after older ones a stream counts as closed.
    static let passedOverMaximum = 16
    static let noticePing: [UInt8] = Array("shutdown".utf8)
}
