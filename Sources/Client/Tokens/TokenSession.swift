import HTTP
import JSON

/// Makes, lists and revokes tokens at central.
public struct TokenSession {
    private let caller: any Caller

    public init(caller: any Caller) { self.caller = caller }

    public enum Purpose: Equatable, Sendable {
        /// Requests with a role: admin, editor, viewer or metrics.
        case role(String)
        case chassis(String)
    }

    /// Makes a token.
    /// - Parameter lifetime: in seconds; `nil` leaves it to central.
    /// - Returns: the token's text, which is never shown again, and a sentence about it.
    public func create(
        _ purpose: Purpose,
        lifetime: Int64?
    ) throws(ClientError) -> (text: String, sentence: String) {
        var body = JSONObject()
        switch purpose {
        case .role(let role): body["role"] = .string(role)
        case .chassis(let name): body["chassis"] = .string(name)
        }
        body["expires_in"] = lifetime.map { .integer($0) }
        let reply = try caller.require(Call(.post, "/v1/tokens", body: .object(body)))
        guard let token = reply.body, let text = token["token"]?.stringValue else {
            throw .badAnswer(caller.server, "it made no token")
        }
        let use =
            switch purpose {
            case .role(let role): "for requests with the role \(role), as HEDDLE_TOKEN"
            case .chassis(let name): "for the chassis \(name) to join once, with 'heddle agent --join TOKEN'"
            }
        return (text, "token \(token.text("id")), \(use), until \(token.text("expires_at")); it is shown only here")
    }

    /// All tokens as central has them, in JSON.
    public func listAsJSON() throws(ClientError) -> String {
        JSONValue.array(try caller.list("/v1/tokens")).indentedText
    }

    /// A table of all tokens.
    /// - Parameter now: the present time as the table writes times, to tell the expired.
    public func list(now: String) throws(ClientError) -> String {
        let header = ["ID", "FOR", "CREATED", "EXPIRES", "STATE"]
        let rows = try caller.list("/v1/tokens").map { token in
            let chassis = token.text("chassis")
            // Times of one length and form order as text.
            let state =
                token.text("used_at").isEmpty ? (token.text("expires_at") > now ? "valid" : "expired") : "used"
            return [
                token.text("id"), chassis.isEmpty ? token.text("role") : "chassis \(chassis)",
                token.text("created_at"), token.text("expires_at"), state,
            ]
        }
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { $0[column].utf8.count }.max() ?? 0 }
        return all.map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.utf8.count) }
            let line = cells.joined(separator: "  ")
            return String(line[...(line.lastIndex { $0 != " " } ?? line.startIndex)]) + "\n"
        }.joined()
    }

    /// Makes a token worth nothing.
    public func revoke(_ id: String) throws(ClientError) {
        let reply = try caller.send(Call(.delete, "/v1/tokens/" + percentEncoded(id)))
        guard (200...299).contains(reply.status) else {
            if reply.status == 404 { throw .refused("token \(id): not found; 'heddle token list' lists all") }
            throw .problem(Problem(status: reply.status, body: reply.body))
        }
    }
}
