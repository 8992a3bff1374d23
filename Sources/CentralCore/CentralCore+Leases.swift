import NetworkModel
import Persistent
import Southbound

/// Leases live in memory; only the transitions between Live and Dead are commits.
extension CentralCore {
    /// True if the chassis is committed as Live and its lease has not run out.
    func isLive(_ name: String) -> Bool {
        guard working.ledger.chassis[name]?.isLive == true else { return false }
        return (sessions[name]?.leaseEnd ?? now) > now
    }

    mutating func setLease(of name: String, until end: Duration) {
        guard let old = sessions[name]?.leaseEnd else { return }
        deadlines[Deadline(at: old, subject: .lease(name))] = nil
        sessions[name]?.leaseEnd = end
        sessions[name]?.leaseSetAt = now
        deadlines[Deadline(at: end, subject: .lease(name))] = ()
    }

    /// Silence for the time of the lease: the chassis is Dead. Its bindings stay, and nothing changes on the wire.
    mutating func endLease(of name: String) {
        guard working.southbound.chassis(named: name) != nil else {
            endSession(of: name)
            return
        }
        // Nobody is declared dead while no commit can be made.
        guard !isHolding else { return setLease(of: name, until: now + CommitBudget.interval) }
        guard !extendLease(of: name), working.ledger.chassis[name]?.isLive == true else { return }
        var draft = Transaction(on: working, time: time)
        draft.setLive(false, held: working.ledger.chassis[name]?.held, chassis: name)
        commit(draft, author: "central")
        let text = "Chassis \(name) was silent for the length of its lease and counts as dead."
        effects.append(.log(LogEntry(.warning, text)))
        settlePorts(of: name, author: "central")
        checkRealizations(of: name)
    }
}

/// Pauses of central itself: it was stopped, alone or with its machine, or busy with long work. No host could be heard
/// meanwhile, so none counts as silent.
extension CentralCore {
    /// A time in which central heard nobody.
    struct Pause: Sendable {
        var end: Duration
        var length: Duration
    }

    /// The most pauses that are remembered: those that a lease may span.
    static let pauseCountMaximum = 8

    /// Takes note of how late the timer comes: central was away for as long.
    mutating func notePause() {
        guard let due = deadlines.first?.key.at, now - due > configuration.latenessMaximum else { return }
        pauses.append(Pause(end: now, length: now - due))
        if pauses.count > Self.pauseCountMaximum { pauses.removeFirst() }
    }

    /// Extends a lease that has run out by the pauses that it spans.
    /// - Returns: True if it goes on.
    private mutating func extendLease(of name: String) -> Bool {
        guard let session = sessions[name] else { return false }
        let missed = pauses.lazy.filter { $0.end > session.leaseSetAt }.reduce(Duration.zero) { $0 + $1.length }
        guard missed > .zero else { return false }
        // Syncs that came meanwhile are heard before any lease is judged.
        let grace = min(missed, configuration.pauseGraceMaximum)
        setLease(of: name, until: max(session.leaseEnd + missed, now + grace))
        return true
    }
}
