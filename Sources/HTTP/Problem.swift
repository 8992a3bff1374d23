import HTTPTypes
import JSON

/// A problem document (RFC 9457): why a request was refused. Nothing was changed.
public struct Problem: Error, Hashable, Sendable {
    public var status: HTTPResponse.Status
    /// The stable reason, `name_conflict`; empty if the answer came from something else, a proxy for example.
    public var code: String
    /// One sentence for a person, with the remedy.
    public var detail: String
    /// The JSON pointer (RFC 6901) of the member at fault in the request's content.
    public var pointer: String?
    /// The path of the object in conflict.
    public var conflictsWith: String?
    /// The number of objects that the request would delete, and has to confirm.
    public var deletionCount: Int?
    /// A field of the answer's head that belongs to the document, such as `Allow`.
    public var field: HTTPField?
    /// The refusals of other objects of the same request.
    public var others: [Problem] = []

    public init(_ status: HTTPResponse.Status, code: String, detail: String, pointer: String? = nil) {
        self.status = status
        self.code = code
        self.detail = detail
        self.pointer = pointer
    }

    /// The problem of a request that is no HTTP, or beyond a limit of it.
    public init(_ error: RequestError) {
        self.init(error.status, code: error.code, detail: error.detail)
    }

    /// Reads an answer's content; what is not a problem document is shown by its status alone.
    public init(status: Int, body: JSONValue?) {
        let errors = body?["errors"]?.arrayValue ?? []
        self.init(
            HTTPResponse.Status(code: status),
            code: body?["code"]?.stringValue ?? "",
            detail: body?["detail"]?.stringValue ?? body?["title"]?.stringValue ?? "it answered with status \(status)",
            pointer: body?["pointer"]?.stringValue ?? errors.first?["pointer"]?.stringValue
        )
        deletionCount = body?["confirm_deletes"]?.integerValue.flatMap(Int.init(exactly:))
        others = errors.dropFirst().map { Problem(status: status, body: $0) }
    }

    public func json(requestID: String? = nil) -> JSONValue {
        var document = JSONObject()
        document["type"] = .string("urn:heddle:problem:" + code)
        document["title"] = .string(status.reasonPhrase)
        document["status"] = .integer(Int64(status.code))
        for (name, value) in entry.members { document[name] = value }
        if !others.isEmpty { document["errors"] = .array(([self] + others).map { .object($0.entry) }) }
        document["request_id"] = requestID.map { .string($0) }
        return .object(document)
    }

    /// One of several, as `errors` lists them.
    private var entry: JSONObject {
        var entry = JSONObject()
        entry["code"] = .string(code)
        entry["detail"] = .string(detail)
        entry["pointer"] = pointer.map { .string($0) }
        entry["conflicts_with"] = conflictsWith.map { .string($0) }
        entry["confirm_deletes"] = deletionCount.map { .integer(Int64($0)) }
        return entry
    }
}

extension HTTPResponse.Status {
    /// 507, of RFC 4918 section 11.5.
    public static var insufficientStorage: Self { Self(code: 507, reasonPhrase: "Insufficient Storage") }
}
