import HTTPCore
import HTTPTypes
import JSON

/// An answer, ready for the connection.
public struct Reply {
    /// Status and fields.
    public var response: HTTPResponse
    /// The content. A HEAD has the content of its GET; the connection leaves it out.
    public var body: HTTPBody
    /// The revision that the answer was made from, where it is not that of the request's network.
    private(set) var stamp: UInt64?
    /// The route, where the request found one.
    public internal(set) var endpoint: Endpoint?

    /// Fields of an ordinary answer, those that the connection adds not counted.
    private static let usualFieldCount = 6

    init(_ status: HTTPResponse.Status, _ body: HTTPBody = .none, type: String? = nil) {
        response = HTTPResponse(status: status)
        self.body = body
        response.headerFields.reserveCapacity(Self.usualFieldCount)
        if let type { add(.contentType, type) }
    }

    /// Adds a field that the answer does not have yet. Assigning by name would look for one.
    mutating func add(_ name: HTTPField.Name, _ value: String) {
        response.headerFields.append(HTTPField(name: name, value: value))
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
            reply.response.headerFields[.wwwAuthenticate] = "Bearer realm=\"heddle\""
        }
        // What is full or stopping now may do in a moment.
        if problem.status == .serviceUnavailable { reply.response.headerFields[.retryAfter] = "1" }
        return reply
    }

    /// The same answer, saying which revision it was made from.
    func stamped(_ revision: UInt64) -> Reply {
        var reply = self
        reply.stamp = revision
        return reply
    }

    /// The same answer with an entity tag.
    func tagged(_ revision: UInt64) -> Reply {
        var reply = self
        reply.add(.eTag, EntityTag.text(revision))
        return reply
    }
}

extension Reply {
    /// The identity of the request.
    public var requestID: String { response.headerFields.value(of: .requestID) ?? "" }
}

extension HTTPFields {
    /// The value of a field, as the subscript gives it, for the usual case of one such field at most without the
    /// sequences that the subscript goes through.
    func value(of name: HTTPField.Name) -> String? {
        var found: String?
        for field in self where field.name == name {
            guard found == nil else { return self[name] }
            found = field.value
        }
        return found
    }
}

extension HTTPField.Name {
    static let heddleRevision = known("Heddle-Revision")
    static let heddleEpoch = known("Heddle-Epoch")
    static let requestID = known("X-Request-Id")
    static let plainRequestID = known("Request-Id")
    static let lastEventID = known("Last-Event-ID")
    static let idempotencyKey = known("Idempotency-Key")
    static let idempotentReplayed = known("Idempotent-Replayed")
    static let dryRun = known("Heddle-Dry-Run")
    static let acceptPatch = known("Accept-Patch")

    private static func known(_ text: String) -> Self {
        guard let name = Self(text) else { preconditionFailure("\(text) is a field name") }
        return name
    }
}
