import NetworkModel
import Persistent

/// Requests that wait until a revision is durable. Central's own clients wait only if they have written to another
/// member.
extension CentralCore {
    mutating func awaitRevision(_ ticket: Ticket, _ revision: UInt64, wait: Int) {
        guard durable.revision < revision else { return effects.append(.answer(ticket, .network(durable))) }
        guard revisionWaits.count < configuration.revisionWaitCountMaximum else {
            let refusal = Refusal(.unavailable, "Too many requests wait for a revision; try again in a moment.")
            return effects.append(.answer(ticket, .refused(refusal, operationIndex: nil)))
        }
        let deadline = now + .seconds(wait)
        revisionWaits[ticket] = (revision, deadline)
        waitsByRevision[RevisionKey(revision: revision, ticket: ticket)] = ()
        deadlines[Deadline(at: deadline, subject: .revision(ticket))] = ()
    }

    /// Answers those that wait for no more than the durable revision.
    mutating func answerReached() {
        while let key = waitsByRevision.first?.key, key.revision <= durable.revision {
            forgetRevisionWait(key.ticket)
            effects.append(.answer(key.ticket, .network(durable)))
        }
    }

    mutating func forgetRevisionWait(_ ticket: Ticket) {
        guard let (revision, deadline) = revisionWaits.removeValue(forKey: ticket) else { return }
        waitsByRevision[RevisionKey(revision: revision, ticket: ticket)] = nil
        deadlines[Deadline(at: deadline, subject: .revision(ticket))] = nil
    }
}
