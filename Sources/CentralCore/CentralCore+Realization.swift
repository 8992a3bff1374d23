import Northbound
import Northd
import Persistent
import Southbound

/// A request that waits until every live interested chassis has a revision in its tables.
struct RealizationWait: Sendable {
    /// The revision that is waited for.
    var revision: UInt64
    /// The chassis that were found wanting; no other one can become so.
    var pending: Set<String>
    /// When the waiting is given up.
    var deadline: Duration
}

extension CentralCore {
    mutating func awaitRealization(_ ticket: Ticket, of revision: UInt64, wait: Int) {
        guard revision <= durable.revision else {
            let detail = "There is no revision \(revision) yet; the newest is \(durable.revision)."
            let refusal = Refusal(.invalidValue, detail, pointer: nil)
            effects.append(.answer(ticket, .refused(refusal, operationIndex: nil)))
            return
        }
        let pending = sessions.keys.filter { isAwaited($0, for: revision) }
        let wait = min(max(0, wait), Realization.waitMaximum)
        guard !pending.isEmpty, wait > 0, !isStopping, realizations.count < configuration.parkedCountMaximum else {
            effects.append(.answer(ticket, .realization(realization(of: revision, pending: pending))))
            return
        }
        let deadline = now + .seconds(wait)
        realizations[ticket] = RealizationWait(revision: revision, pending: Set(pending), deadline: deadline)
        deadlines[Deadline(at: deadline, subject: .realization(ticket))] = ()
    }

    /// Ends the waits that a chassis was the last obstacle to.
    mutating func checkRealizations(of name: String) {
        for ticket in realizations.keys.sorted() {
            guard let wait = realizations[ticket], wait.pending.contains(name) else { continue }
            guard !isAwaited(name, for: wait.revision) else { continue }
            realizations[ticket]?.pending.remove(name)
            if realizations[ticket]?.pending.isEmpty == true { giveUpRealization(ticket) }
        }
    }

    /// Answers a wait with how far the revision has got.
    mutating func giveUpRealization(_ ticket: Ticket) {
        guard let wait = realizations.removeValue(forKey: ticket) else { return }
        deadlines[Deadline(at: wait.deadline, subject: .realization(ticket))] = nil
        let answer = realization(of: wait.revision, pending: Array(wait.pending))
        effects.append(.answer(ticket, .realization(answer)))
    }

    private func isAwaited(_ name: String, for revision: UInt64) -> Bool {
        isLive(name) && lacks(name, revision)
    }

    /// Whether the chassis' share at a revision is not what its forwarder has.
    private func lacks(_ name: String, _ revision: UInt64) -> Bool {
        guard let session = sessions[name], session.mayLack(revision) else { return false }
        guard let before = history.database(at: session.applied), let after = history.database(at: revision) else {
            return true
        }
        return !Span.delta(
            from: Span(of: name, in: before),
            to: Span(of: name, in: after),
            at: revision,
            touched: history.touched(after: session.applied, through: revision)
        ).isEmpty
    }

    private func realization(of revision: UInt64, pending: [String]) -> Realization {
        let dead = sessions.keys.filter { !isLive($0) && lacks($0, revision) }
        return Realization(revision: revision, pending: pending.sorted(), excluded: dead.sorted())
    }
}
