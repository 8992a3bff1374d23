import HTTP
import HTTPTypes
import NetworkModel
import Southbound

extension Problem {
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

    init(_ code: Code, _ detail: String) {
        let status: HTTPResponse.Status =
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
        self.init(status, code: code.rawValue, detail: detail)
    }

    init(_ code: Refusal.Code, _ detail: String) { self.init(Refusal(code, detail)) }

    public init(_ refusal: Refusal, operationIndex: Int? = nil) {
        self.init(
            Self.status(of: refusal.code),
            code: refusal.code.rawValue,
            detail: refusal.detail,
            pointer: refusal.pointer ?? operationIndex.map { "/ops/\($0)" }
        )
        conflictsWith = refusal.conflictsWith
        deletionCount = refusal.deletionCount
        others = refusal.others.map { Problem($0) }
    }

    /// The refusal of a body that is none of those that hosts send.
    init(_ error: SyncRequestError) {
        self.init(Refusal(error.isMissing ? .missingField : .invalidValue, error.detail, pointer: error.pointer))
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
        case .nameConflict, .macConflict, .ipConflict, .tagConflict, .idConflict, .ownerConflict, .switchHasPorts,
            .objectInUse,
            .chassisConflict, .chassisElsewhere, .staleSequence, .addressesExhausted, .addressesInUse,
            .migrationConflict, .deletionsUnconfirmed, .portNotBound:
            .conflict
        case .resyncRequired, .historyDiffers: .gone
        case .preconditionFailed: .preconditionFailed
        case .commitTooLarge: .contentTooLarge
        case .hostUnreachable: .gatewayTimeout
        case .storageFull, .unavailable: .serviceUnavailable
        }
    }
}
