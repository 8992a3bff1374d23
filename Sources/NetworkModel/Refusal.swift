/// The reason why a request was refused. Nothing was changed.
///
/// `API` turns it into a problem document (RFC 9457); the code alone decides the HTTP status.
public struct Refusal: Error, Equatable, Sendable {
    /// The stable reason. The raw value is the `code` of the problem document.
    public enum Code: String, Sendable, CaseIterable {
        /// 400: a member that the kind does not have.
        case unknownField = "unknown_field"
        /// 422: a value of the wrong JSON type, out of range or of a wrong form.
        case invalidValue = "invalid_value"
        /// 422: a required member is missing.
        case missingField = "missing_field"
        /// 422: a reference in the body names no object.
        case referenceNotFound = "reference_not_found"
        /// 422: a member that may not change after creation.
        case immutableField = "immutable_field"
        /// 422: valid, but this version does not do it.
        case unsupported = "unsupported"
        /// 401: the request has no token that is good, and needs one.
        case unauthenticated = "unauthenticated"
        /// 403: whoever asks may not do that.
        case forbidden = "forbidden"
        /// 404: the object in the path does not exist.
        case notFound = "not_found"
        /// 409: another object of the kind has the name.
        case nameConflict = "name_conflict"
        /// 409: another port of the switch has the MAC address.
        case macConflict = "mac_conflict"
        /// 409: another port of the switch has the IP address.
        case ipConflict = "ip_conflict"
        /// 409: another nested port of the parent has the tag.
        case tagConflict = "tag_conflict"
        /// 409: no address is left to be given.
        case addressesExhausted = "addresses_exhausted"
        /// 409: ports have addresses that the switch would no longer give.
        case addressesInUse = "addresses_in_use"
        /// 409: the guest of the port moves to another chassis, or has no chassis to move from or to.
        case migrationConflict = "migration_conflict"
        /// 409: the body's `id` is not the object's.
        case idConflict = "id_conflict"
        /// 409: the object belongs to another topology, or to none.
        case ownerConflict = "owner_conflict"
        /// 422: the idempotency key was used for another request.
        case idempotencyKeyReused = "idempotency_key_reused"
        /// 409: the switch still has ports and the request refuses to take them along.
        case switchHasPorts = "switch_has_ports"
        /// 409: other objects refer to the object.
        case objectInUse = "object_in_use"
        /// 409: a fifth of all objects of a kind would go, or another number of objects than the request confirms.
        case deletionsUnconfirmed = "deletions_unconfirmed"
        /// 409: a chassis name, identity or encap address is held by a live chassis.
        case chassisConflict = "chassis_conflict"
        /// 409: the chassis is live at another address; one of the two hosts has a copy of the other's state directory.
        case chassisElsewhere = "chassis_elsewhere"
        /// 409: a sequence number at or below one already seen.
        case staleSequence = "stale_sequence"
        /// 410: the revision is too old or of another epoch; ask again with `since` 0.
        case resyncRequired = "resync_required"
        /// 410: the revision is of another epoch, or was another commit; a snapshot is of another history than the
        /// host's.
        case historyDiffers = "history_differs"
        /// 412: a precondition does not hold.
        case preconditionFailed = "precondition_failed"
        /// 422: a limit of this version (ports a switch, labels, keys) is reached.
        case limitExceeded = "limit_exceeded"
        /// 413: the commit would be larger than the log takes.
        case commitTooLarge = "commit_too_large"
        /// 409: no host has the port.
        case portNotBound = "port_not_bound"
        /// 504: the host that is asked does not reply.
        case hostUnreachable = "host_unreachable"
        /// 503: the commit log cannot be written.
        case storageFull = "storage_full"
        /// 503: central is stopping or too busy.
        case unavailable = "unavailable"
    }

    public var code: Code
    /// One sentence for a person: what is wrong with which value, and the remedy.
    public var detail: String
    /// The JSON pointer (RFC 6901) of the member in the request's body, if there is one; `""` is the whole body.
    public var pointer: String?
    /// The path of the object in conflict, `/v1/ports/NAME`, if there is one.
    public var conflictsWith: String?
    /// The number of objects that the request would delete, if that has to be confirmed.
    public var deletionCount: Int?
    /// The refusals of other objects of the same request, if each is looked at by itself.
    public var others: [Refusal] = []

    public init(_ code: Code, _ detail: String, pointer: String? = nil, conflictsWith: String? = nil) {
        self.code = code
        self.detail = detail
        self.pointer = pointer
        self.conflictsWith = conflictsWith
    }
}

/// A user's text in quotes as messages repeat it: cut if it is long, so that no answer is as large as its request.
public func quoted(_ text: some StringProtocol) -> String { "\"\(cut(text, at: 64))\"" }

/// The text, or its beginning if it has more bytes than that.
///
/// By scalars: one character of Unicode may go on for as long as somebody writes combining marks.
public func cut(_ text: some StringProtocol, at limit: Int) -> String {
    guard text.utf8.count > limit else { return String(text) }
    var start = String.UnicodeScalarView()
    start.append(contentsOf: text.unicodeScalars.prefix(limit))
    return String(start) + "…"
}
