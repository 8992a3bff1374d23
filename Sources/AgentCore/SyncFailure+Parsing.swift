import JSON

extension SyncFailure {
    /// The longest text of central's that is kept, in bytes.
    private static let detailByteCountMaximum = 400

    /// Creates the failure of an answer other than 200.
    ///
    /// - Parameters:
    ///   - status: The HTTP status.
    ///   - body: A problem document (RFC 9457), or anything.
    ///   - retryAfter: The `Retry-After` field in seconds, if there is one.
    public init(status: Int, body: [UInt8], retryAfter: Int?) {
        let problem = try? JSONParser.parse(body)
        let detail = problem?["detail"]?.stringValue.map { $0.cut(toByteCount: Self.detailByteCountMaximum) }
        var sentence = detail ?? "central answers with status \(status)"
        if sentence.hasSuffix(".") { sentence.removeLast() }
        switch (status, problem?["code"]?.stringValue) {
        case (410, "history_differs"?): self = .historyDiffers
        case (410, _): self = .resyncRequired
        case (409, "chassis_elsewhere"?): self = .chassisElsewhere(sentence)
        case (409, "chassis_conflict"?): self = .chassisConflict(sentence)
        case (409, "stale_sequence"?): self = .staleSequence(sentence)
        case (429, _), (500..., _):
            self = .unavailable(sentence, retryAfter: retryAfter.map { .seconds(Int64($0)) })
        default: self = .refused(sentence)
        }
    }
}
