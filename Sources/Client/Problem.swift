import JSON

/// A problem document (RFC 9457): how a server says that it refuses.
public struct Problem: Equatable, Sendable {
    /// The HTTP status, 400 ... 599.
    public var status: Int
    /// The stable reason, `name_conflict`; empty where the answer came from something else, a proxy say.
    public var code: String
    /// One sentence for a person.
    public var detail: String
    /// The JSON pointer (RFC 6901) into the request's body, where one member is at fault.
    public var pointer: String?

    /// A refusal as a server words it.
    public init(status: Int, code: String, detail: String, pointer: String? = nil) {
        self.status = status
        self.code = code
        self.detail = detail
        self.pointer = pointer
    }

    /// Reads an answer's body; what is not a problem document is shown by its status alone.
    public init(status: Int, body: JSONValue?) {
        self.status = status
        code = body?["code"]?.stringValue ?? ""
        detail = body?["detail"]?.stringValue ?? body?["title"]?.stringValue ?? "it answered with status \(status)"
        let first = body?["errors"]?.arrayValue?.first
        pointer = body?["pointer"]?.stringValue ?? first?["pointer"]?.stringValue
    }

    /// The sentence that a user sees.
    public var sentence: String { detail.last == "." ? String(detail.dropLast()) : detail }

    /// The operation of a transaction that is at fault, counted from 0: the N of `/ops/N/...`.
    var operationIndex: Int? {
        guard let parts = pointer?.split(separator: "/"), parts.count >= 2, parts[0] == "ops" else { return nil }
        return Int(parts[1])
    }
}
