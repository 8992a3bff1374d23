import HTTP
import JSON

/// Waits until the chassis that a revision concerns go by it.
struct RealizationWait {
    /// The longest that one request for the state of a revision is parked, in seconds: below what proxies tolerate.
    static let pollSeconds: Int64 = 20
    /// The interval of progress reports, in seconds.
    static let reportSeconds: Int64 = 2
    /// The time that a parked request may take longer than it asked for, before central counts as gone.
    static let pollGrace = Duration.seconds(10)

    let caller: any Caller
    let deadline: Deadline
    /// Is told what need not be an error.
    let warn: (String) -> Void
    /// Is told which chassis are behind, if somebody looks.
    var report: (([String]) -> Void)?

    /// Returns when no chassis that central hears from is behind.
    /// - Throws: ``ClientError/timedOut(_:)`` at the deadline, with the names of those that are.
    func wait(for revision: Int64) throws(ClientError) {
        while true {
            let longest = report == nil ? Self.pollSeconds : Self.reportSeconds
            let seconds = deadline.remaining.map { min($0.wholeSecondsRoundedUp, longest) } ?? longest
            let path = "/v1/realization?revision=\(revision)&wait=\(seconds)"
            let reply = try caller.send(Call(.get, path, timeout: .seconds(seconds) + Self.pollGrace))
            guard (200...299).contains(reply.status) else {
                throw .problem(Problem(status: reply.status, body: reply.body))
            }
            guard let body = reply.body, body["pending"]?.arrayValue != nil else {
                throw .badAnswer(caller.server, "its realization does not say which chassis are pending")
            }
            let pending = body.texts("pending")
            if pending.isEmpty { return warnOfExcluded(body) }
            report?(pending)
            guard deadline.remaining != .zero else {
                throw .timedOut(
                    "revision \(revision) is committed, but after \(deadline.seconds ?? 0) s these chassis do not "
                        + "use it yet: \(pending.joined(separator: ", ")); look at their agents' logs"
                )
            }
        }
    }

    /// Chassis that are not heard from are not waited for; whoever waits for all of them should know.
    private func warnOfExcluded(_ realization: JSONValue) {
        let names = (realization["excluded"]?.arrayValue ?? []).map { $0.text("chassis") }
        guard !names.isEmpty else { return }
        warn("not waited for, as central does not hear from them: \(names.joined(separator: ", "))")
    }
}

extension Duration {
    /// The seconds, the next whole number if there is a fraction.
    var wholeSecondsRoundedUp: Int64 { components.seconds + (components.attoseconds > 0 ? 1 : 0) }
}
