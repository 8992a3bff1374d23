import JSON
import Wire

/// A problem document (RFC 9457): how a server says that it refuses.
public struct Problem: Equatable, Sendable {
    /// The HTTP status, 400 ... 599.
    public var status: Int
    /// The stable reason, `name_conflict`; empty if the answer came from something else, a proxy say.
    public var code: String
    /// One sentence for a person.
    public var detail: String
    /// The JSON pointer (RFC 6901) into the request's body, if one member is at fault.
    public var pointer: String?
    /// The refusals of other objects of the same request.
    public var others: [Problem] = []

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
        let errors = body?["errors"]?.arrayValue ?? []
        pointer = body?["pointer"]?.stringValue ?? errors.first?["pointer"]?.stringValue
        others = errors.dropFirst().map { Problem(status: status, body: $0) }
    }

    /// The sentence that a user sees: the server's, with the field that is at fault if it does not name that. It may
    /// repeat what users and hosts have said.
    public var sentence: String { rawSentence.printable }

    private var rawSentence: String {
        var text = detail.last == "." ? String(detail.dropLast()) : detail
        if status == 401 { text += "; heddle sends the one in HEDDLE_TOKEN" }
        guard let (member, field) = fieldAtFault, !text.contains(member) else { return text }
        return "\(text) (field \(field))"
    }

    /// The member of the object that the pointer leads into, and the way from there: `addresses`, `addresses[0]`.
    private var fieldAtFault: (member: String, field: String)? {
        var tokens = (pointer ?? "").split(separator: "/").map(String.init)
        if tokens.count >= 2, tokens[0] == "ops" {
            tokens.removeFirst(tokens.count >= 3 && tokens[2] == "body" ? 3 : 2)
        } else if tokens.count >= 2, ["switches", "ports"].contains(tokens[0]), Int(tokens[1]) != nil {
            tokens.removeFirst(2)
        }
        guard let member = tokens.first else { return nil }
        let rest = tokens.dropFirst().map { Int($0) == nil ? ".\($0)" : "[\($0)]" }
        return (member, member + rest.joined())
    }

    /// The operation of a transaction that is at fault, counted from 0: the N of `/ops/N/...`.
    var operationIndex: Int? {
        guard let parts = pointer?.split(separator: "/"), parts.count >= 2, parts[0] == "ops" else { return nil }
        return Int(parts[1])
    }
}
