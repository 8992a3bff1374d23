import NetworkModel
import Persistent

/// Tokens and the joinings of chassis.
extension CentralCore {
    mutating func changeAccess(_ ticket: Ticket, _ request: AccessRequest) {
        do throws(Refusal) {
            guard !isStopping else { throw Refusal(.unavailable, "Central is stopping; try again in a moment.") }
            guard pending.count < configuration.pendingCommitCountMaximum else {
                throw Refusal(.unavailable, "Too many writes wait for the disk; try again in a moment.")
            }
            var access = working.access
            let revision = working.revision + 1
            let (tokens, chassis) = try access.perform(request, revision: revision, time: wallClock)
            var result = OperationResult(object: nil, name: "", revision: revision, isCreated: false)
            if case .create(_, let id, _, _) = request.change {
                result = OperationResult(
                    object: access.tokens[id]?.bytes,
                    name: id,
                    revision: revision,
                    isCreated: true
                )
            }
            let rows =
                tokens.sorted().map { CommitChange(kind: .token, id: $0, object: access.tokenRow($0)) }
                + chassis.sorted().map { CommitChange(kind: .enrolment, id: $0, object: access.enrolmentRow($0)) }
            if !request.isDryRun { queue(rows, access, author: request.author, request.requestID) }
            answerWhenDurable(ticket, .written(revision: revision, [result]))
        } catch {
            answerWhenDurable(ticket, .refused(error, operationIndex: nil))
        }
    }

    /// The time until which a token is valid, in seconds since 1970; for ever without a token.
    /// - Throws: a refusal if it is not valid.
    func tokenEnd(_ id: String?) throws(Refusal) -> Int64 {
        guard let id else { return .max }
        guard let token = durable.access.tokens[id]?.token else {
            throw Refusal(.unauthenticated, "The token \(id) was revoked.")
        }
        guard !token.isSpent(at: wallClock) else {
            let time = Timestamp(seconds: token.expiresAt)
            throw Refusal(.unauthenticated, "The token \(id) expired at \(time); make a new one.")
        }
        return token.expiresAt
    }

    /// A chassis that is deleted has to join anew: its certificates hold no more.
    mutating func endEnrolment(of chassis: String, author: String, _ requestID: String) {
        guard working.access.enrolments[chassis] != nil else { return }
        var access = working.access
        access.setEnrolment(nil, chassis: chassis)
        let row = CommitChange(kind: .enrolment, id: chassis, object: nil)
        queue([row], access, author: author, requestID)
    }

    private mutating func queue(
        _ rows: [CommitChange],
        _ access: AccessDatabase,
        author: String,
        _ requestID: String
    ) {
        let before = working
        let commit = Commit(
            revision: working.revision + 1,
            epoch: working.epoch,
            time: time,
            author: author,
            requestID: requestID,
            changes: rows.sorted { ($0.object == nil ? 0 : 1, $0.kind) < ($1.object == nil ? 0 : 1, $1.kind) }
        )
        working.revision = commit.revision
        working.access = access
        wait(PendingCommit(commit, from: before, to: working, replacedByteCount: 0))
    }
}
