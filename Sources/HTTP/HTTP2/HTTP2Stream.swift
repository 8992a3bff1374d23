import HTTPTypes

/// One request of an HTTP/2 connection and its answer.
final class HTTP2Stream {
    var head = HTTP2RequestHead()
    /// The head as a whole; `nil` until it is there and found right.
    var request: HTTPRequest?
    var body: [UInt8] = []
    var bodyByteCountMaximum = 0
    /// When the body began, and when a piece of it last came; `nil` while none is awaited.
    var bodyStart: Duration?
    var bodyProgress = Duration.zero
    /// True if a handler has the request, or the answer came without one.
    var isHandedOut = false
    var isAnswered = false
    /// True if its end is of interest to a handler: it has not answered, or its answer stays open.
    var isAwaited: Bool { isHandedOut && !isAnswered || content.isStream }
    /// True if the request breaks the rules of its own version of HTTP, so that the stream is reset after the answer.
    var isMalformed = false
    var content = AnswerContent.none
    /// When the answer had left while the client was still sending, until it is told to stop; what it has sent since.
    var answerEnd: Duration?
    var unwantedByteCount = 0
    /// The time when the client last took enough of the answer; `nil` while there is none.
    var answerProgress: Duration?
    /// The bytes that it has taken since.
    var takenByteCount = 0
}

/// The rest of an answer.
enum AnswerContent {
    case none
    case bytes([UInt8], offset: Int)
    case slices(() -> [UInt8]?, current: [UInt8], offset: Int)
    case stream(BodyStream, current: [UInt8], offset: Int)

    var isStream: Bool {
        if case .stream = self { true } else { false }
    }

    /// Bytes that are kept until they are sent; of slices, a guess.
    var heldByteCount: Int {
        switch self {
        case .none: 0
        case .bytes(let bytes, let offset): bytes.count - offset
        case .slices(let next, _, _): HTTPBody.slices(next).heldByteCount
        case .stream(let stream, let current, let offset): stream.heldByteCount + current.count - offset
        }
    }

    /// True if the next slice has to be made before anything can be sent.
    var needsSlice: Bool {
        if case .slices(_, let current, let offset) = self { offset == current.count } else { false }
    }

    /// Makes the next slice.
    /// - Returns: true if there is one with bytes, or the end; `false`: not yet.
    mutating func makeSlice() -> Bool {
        guard case .slices(let next, _, _) = self else { return true }
        guard let slice = next() else {
            self = .none
            return true
        }
        self = .slices(next, current: slice, offset: 0)
        return !slice.isEmpty
    }

    /// The bytes that can be sent now, and whether the answer ends after them; `nil` if there is nothing yet.
    mutating func available() -> (count: Int, isLast: Bool)? {
        switch self {
        case .none: return (0, true)
        case .bytes(let bytes, let offset): return (bytes.count - offset, true)
        case .slices(_, let current, let offset):
            return offset < current.count ? (current.count - offset, false) : nil
        case .stream(let stream, let current, let offset):
            if offset < current.count { return (current.count - offset, false) }
            switch stream.take() {
            case .nothing: return nil
            case .bytes(let bytes):
                self = .stream(stream, current: bytes, offset: 0)
                return (bytes.count, false)
            case .end:
                self = .none
                return (0, true)
            }
        }
    }

    /// Appends the next `count` bytes to `output`, which must be available.
    mutating func move(_ count: Int, to output: inout [UInt8]) {
        switch self {
        case .none: break
        case .bytes(let bytes, let offset):
            output += bytes[offset..<(offset + count)]
            self = offset + count == bytes.count ? .none : .bytes(bytes, offset: offset + count)
        case .slices(let next, let current, let offset):
            output += current[offset..<(offset + count)]
            let isSpent = offset + count == current.count
            self = .slices(next, current: isSpent ? [] : current, offset: isSpent ? 0 : offset + count)
        case .stream(let stream, let current, let offset):
            output += current[offset..<(offset + count)]
            let isSpent = offset + count == current.count
            self = .stream(stream, current: isSpent ? [] : current, offset: isSpent ? 0 : offset + count)
        }
    }
}
