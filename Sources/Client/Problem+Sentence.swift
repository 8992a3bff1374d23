import HTTP
import HTTPTypes
import Wire

extension Problem {
    /// The sentence that a user sees: the server's, with the field that is at fault if it does not name that. It may
    /// repeat what users and hosts have said.
    public var sentence: String { rawSentence.printable }

    private var rawSentence: String {
        var text = detail.last == "." ? String(detail.dropLast()) : detail
        if status == .unauthorized { text += "; heddle sends the one in HEDDLE_TOKEN" }
        if code == "deletions_unconfirmed" { text += "; heddle delete and heddle apply have --confirm-deletes for it" }
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
