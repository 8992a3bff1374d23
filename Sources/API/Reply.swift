import HTTP
import HTTPTypes
import JSON
import NetworkModel

/// An answer, ready for the connection.
public struct Reply {
    /// Status and fields.
    public var head: AnswerHead
    /// The content. A HEAD has the content of its GET; the connection leaves it out.
    public var body: HTTPBody
    /// The commit that the answer speaks of, if it is not the last of the request's network.
    private(set) var stamp: CommitPlace?
    /// The route, if the request found one.
    public internal(set) var endpoint: Endpoint?

    init(_ status: HTTPResponse.Status, _ body: HTTPBody = .none, type: String? = nil) {
        head = AnswerHead(status)
        self.body = body
        if let type { head.add(.contentType, type) }
    }

    static func json(_ status: HTTPResponse.Status, _ bytes: [UInt8]) -> Reply {
        Reply(status, .bytes(bytes), type: "application/json")
    }

    static func text(_ status: HTTPResponse.Status, _ text: String) -> Reply {
        Reply(status, .bytes(Array(text.utf8)), type: "text/plain; charset=utf-8")
    }

    static func problem(_ problem: Problem, requestID: String?) -> Reply {
        var reply = Reply(
            problem.status,
            .bytes(problem.json(requestID: requestID).bytes),
            type: "application/problem+json"
        )
        if problem.status == .unauthorized {
            reply.head.add(.wwwAuthenticate, "Bearer realm=\"heddle\"")
        }
        if let field = problem.field { reply.head.add(field.name, field.value) }
        // A central that is full or stopping now may answer in a moment.
        if problem.status == .serviceUnavailable { reply.head.add(.retryAfter, "1") }
        return reply
    }

    /// Returns the reply to the same request if it is refused after all.
    public func refused(_ refusal: Refusal) -> Reply {
        var answer = Reply.problem(Problem(refusal), requestID: requestID)
        answer.endpoint = endpoint
        for name in [.heddleRevision, .heddleEpoch, .heddleHash, .requestID] as [HTTPField.Name] {
            if let value = head[name] { answer.head.add(name, value) }
        }
        return answer
    }

    /// The same answer, saying which commit it speaks of.
    func stamped(_ place: CommitPlace) -> Reply {
        var reply = self
        reply.stamp = place
        return reply
    }

    /// The same answer, saying which network it was made from.
    func stamped(_ network: Network) -> Reply { stamped(CommitPlace(network)) }

    /// The same answer with an entity tag.
    func tagged(_ revision: UInt64) -> Reply {
        var reply = self
        reply.head.add(.eTag, decimal: revision, isQuoted: true)
        return reply
    }
}

/// A revision, and the hash of its commit if that is known.
struct CommitPlace {
    var revision: UInt64
    var hash: CommitHash?

    init(_ revision: UInt64, _ hash: CommitHash?) {
        self.revision = revision
        self.hash = hash
    }

    /// The last commit of a network.
    init(_ network: Network) { self.init(network.revision, network.hash) }
}

extension Reply {
    public var requestID: String { head[.requestID] ?? "" }
}

extension HTTPField.Name {
    static let heddleRevision = known("Heddle-Revision")
    static let heddleEpoch = known("Heddle-Epoch")
    static let heddleHash = known("Heddle-Hash")
    static let requestID = known("X-Request-Id")
    static let plainRequestID = known("Request-Id")
    static let lastEventID = known("Last-Event-ID")
    static let idempotencyKey = known("Idempotency-Key")
    static let idempotentReplayed = known("Idempotent-Replayed")
    static let dryRun = known("Heddle-Dry-Run")
    static let acceptPatch = known("Accept-Patch")
    static let accelBuffering = known("X-Accel-Buffering")

    static func known(_ text: String) -> Self {
        guard let name = Self(text) else { preconditionFailure("\(text) is a field name") }
        return name
    }
}
