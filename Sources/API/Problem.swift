import HTTP
import HTTPTypes
import JSON
import NetworkModel

/// A problem document (RFC 9457): why a request was not carried out. Nothing was changed.
public struct Problem: Error, Equatable, Sendable {
    /// The reasons that the API itself has, beside those of ``Refusal/Code`` and of HTTP's framing.
    public enum Code: String, Sendable, CaseIterable {
        /// 400: the content is not JSON.
        case malformedJSON = "malformed_json"
        /// 400: the target is not a path with parameters.
        case malformedTarget = "malformed_target"
        /// 400: a query parameter that the path does not know, or one given twice.
        case unknownParameter = "unknown_parameter"
        /// 400: a value that the query parameter cannot have.
        case invalidParameter = "invalid_parameter"
        /// 400: a field of the head that cannot be understood.
        case invalidHeader = "invalid_header"
        /// 403: a browser sent the request for a page of another site.
        case crossSite = "cross_site"
        /// 403: the request came through a proxy, and nobody has shown who asks.
        case proxied = "proxied"
        /// 421: the request was meant for another host.
        case misdirectedRequest = "misdirected_request"
        /// 404: nothing is served under the path.
        case pathNotFound = "path_not_found"
        /// 405: the path does not have the method.
        case methodNotAllowed = "method_not_allowed"
        /// 410: the revision that the pages belong to is no longer kept.
        case pageExpired = "page_expired"
        /// 415: the content is of another media type.
        case unsupportedMediaType = "unsupported_media_type"
        /// 503: the revision has not been reached in time.
        case revisionNotReached = "revision_not_reached"
    }

    public let status: HTTPResponse.Status
    /// The stable reason.
    public let code: String
    /// One sentence for a person.
    public let detail: String
    /// The JSON pointer of the member at fault in the request's content.
    public var pointer: String?
    /// The path of the object in conflict.
    public var conflictsWith: String?
    /// A field of the answer beside the document.
    var field: HTTPField?
    /// The other problems, if a request's objects are checked one by one.
    public var others: [Problem] = []

    init(_ code: Code, _ detail: String) {
        status =
            switch code {
            case .malformedJSON, .malformedTarget, .unknownParameter, .invalidParameter, .invalidHeader: .badRequest
            case .crossSite, .proxied: .forbidden
            case .misdirectedRequest: .misdirectedRequest
            case .pathNotFound: .notFound
            case .methodNotAllowed: .methodNotAllowed
            case .pageExpired: .gone
            case .unsupportedMediaType: .unsupportedMediaType
            case .revisionNotReached: .serviceUnavailable
            }
        self.code = code.rawValue
        self.detail = detail
    }

    init(_ code: Refusal.Code, _ detail: String) { self.init(Refusal(code, detail)) }

    public init(_ refusal: Refusal, operationIndex: Int? = nil) {
        status = Self.status(of: refusal.code)
        code = refusal.code.rawValue
        detail = refusal.detail
        pointer = refusal.pointer ?? operationIndex.map { "/ops/\($0)" }
        conflictsWith = refusal.conflictsWith
        others = refusal.others.map { Problem($0) }
    }

    /// The problem of a request that is no HTTP, or beyond a limit of it.
    public init(_ error: RequestError) {
        status = error.status
        code = error.code
        detail = error.detail
    }

    /// The core answered something else than it was asked.
    static var unexpected: Problem { Problem(.unavailable, "Central gave no answer; ask again.") }

    static func status(of code: Refusal.Code) -> HTTPResponse.Status {
        switch code {
        case .unknownField: .badRequest
        case .invalidValue, .missingField, .referenceNotFound, .immutableField, .unsupported, .limitExceeded,
            .idempotencyKeyReused:
            .unprocessableContent
        case .unauthenticated: .unauthorized
        case .forbidden: .forbidden
        case .notFound: .notFound
        case .nameConflict, .macConflict, .ipConflict, .idConflict, .ownerConflict, .switchHasPorts, .chassisConflict,
            .chassisElsewhere, .staleSequence:
            .conflict
        case .resyncRequired, .historyDiffers: .gone
        case .preconditionFailed: .preconditionFailed
        case .commitTooLarge: .contentTooLarge
        case .storageFull, .unavailable: .serviceUnavailable
        }
    }

    /// The document.
    public func json(requestID: String?) -> JSONValue {
        var document = JSONObject()
        document["type"] = .string("urn:heddle:problem:" + code)
        document["title"] = .string(status.reasonPhrase)
        document["status"] = .integer(Int64(status.code))
        document["code"] = .string(code)
        document["detail"] = .string(detail)
        document["pointer"] = pointer.map { .string($0) }
        document["conflicts_with"] = conflictsWith.map { .string($0) }
        if !others.isEmpty { document["errors"] = .array(([self] + others).map(\.entry)) }
        document["request_id"] = requestID.map { .string($0) }
        return .object(document)
    }

    /// One of several, as `errors` lists them.
    private var entry: JSONValue {
        var entry = JSONObject()
        entry["code"] = .string(code)
        entry["detail"] = .string(detail)
        entry["pointer"] = pointer.map { .string($0) }
        entry["conflicts_with"] = conflictsWith.map { .string($0) }
        return .object(entry)
    }
}
