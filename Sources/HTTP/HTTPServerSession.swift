import HTTPTypes

/// Names a request within its connection.
public typealias RequestID = UInt64

/// A request with all of its body.
public struct ReceivedRequest: Sendable {
    public let id: RequestID
    /// Method, authority, path and fields; those that concern the connection alone are not among them.
    public let request: HTTPRequest
    /// The content, without any transfer coding.
    public let body: [UInt8]

    public init(id: RequestID, request: HTTPRequest, body: [UInt8]) {
        self.id = id
        self.request = request
        self.body = body
    }
}

/// The decision about a request with content, made when its head is complete.
public enum HeadVerdict {
    /// The content may come, up to so many bytes.
    case content(byteCountMaximum: Int)
    /// The head decides the answer; the content is not wanted any more.
    case answer(AnswerHead, [UInt8])
}

/// The server's side of one connection, without I/O: bytes come in, requests go out; answers come in, bytes go out.
///
/// Nothing here says that answers leave in the order of the requests: those of HTTP/2 do not. The owner calls
/// ``receive(_:now:)`` with what it has read, hears of lost clients by ``nextAbandoned()`` and takes requests by
/// ``nextRequest(now:)`` until there is none, then calls ``prepareOutput(now:wallClock:)`` and writes ``output``, and
/// obeys ``phase``, ``wantsInput`` and ``deadline`` after each of these. All `now` are monotonic times of one origin.
///
/// For classes: after `any HTTPServerSession` a value would be copied, or guarded, for every property that is read.
public protocol HTTPServerSession: AnyObject {
    /// Takes bytes that the client has sent.
    func receive(_ bytes: ArraySlice<UInt8>, now: Duration)
    /// The client sends nothing more. It may still take answers.
    func receiveEnd(now: Duration)
    /// The next whole request that a handler may see now.
    func nextRequest(now: Duration) -> ReceivedRequest?
    /// A request that was handed out and whose client no longer waits for the answer, told once. The session counts it
    /// as under way until ``respond(to:_:body:)`` or ``forget(_:)``.
    func nextAbandoned() -> RequestID?
    /// Answers a request. An unknown, answered or abandoned one gets nothing.
    func respond(to id: RequestID, _ answer: AnswerHead, body: HTTPBody)
    /// No answer to an abandoned request will come.
    func forget(_ id: RequestID)
    /// Refuses the connection itself, before it has sent anything.
    func refuse(_ error: RequestError)
    /// Fills ``output`` from the answers, up to its bound, with one slice at most of those that come in slices.
    /// - Parameter wallClock: Seconds since 1970, for the Date field.
    func prepareOutput(now: Duration, wallClock: Int64)
    /// True if the last ``prepareOutput(now:wallClock:)`` has stopped before ``output`` was full because a slice of an
    /// answer was made, or tried: there may be more to make, which no event of the socket tells.
    var makesMore: Bool { get }
    /// The bytes to write next.
    var output: ArraySlice<UInt8> { get }
    /// Takes note that the first `count` bytes of ``output`` have been written.
    func didWrite(_ count: Int, now: Duration)
    /// True if more bytes may be read from the client.
    var wantsInput: Bool { get }
    /// True if the connection was ended because its client floods: no honest one does what it has done.
    var isFlooded: Bool { get }
    /// True if the connection was ended for an error of its client, and the client is told: there is nothing more to
    /// hear from it.
    var hasErred: Bool { get }
    /// Bytes that are kept for the client: requests read in part, heads of those that wait, answers not taken.
    var heldByteCount: Int { get }
    /// The time when ``expire(now:)`` is due.
    var deadline: Duration? { get }
    func expire(now: Duration)
    /// Takes no further requests; closes when those under way are answered.
    func drain(now: Duration)
    /// The phase of the connection's life.
    var phase: HTTPSessionPhase { get }
}

/// The phase of a connection's life.
public enum HTTPSessionPhase: Equatable, Sendable {
    /// Reading and writing.
    case open
    /// All has been written: shut down the sending side and read on, so that the client gets the last answer.
    case lingering
    /// Close the connection.
    case closed
}

extension HTTPServerSession {
    /// Never: where requests come one after the other there is nothing to flood with.
    public var isFlooded: Bool { false }

    /// Never: after an error in one request the last answer may still be on its way, and bytes before it.
    public var hasErred: Bool { false }

    /// Nothing: where a connection carries its requests one after the other, the client goes with the connection.
    public func nextAbandoned() -> RequestID? { nil }

    /// Nothing, likewise.
    public func forget(_ id: RequestID) {}
}
