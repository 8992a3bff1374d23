import DequeModule
import NetworkModel
import Persistent
import Southbound

/// A request that waits until every live interested chassis has a revision in its tables.
struct RealizationWait: Sendable {
    var revision: UInt64
    /// The chassis that lacks the revision; those before it in the order of names have it. Once it has the revision,
    /// the next one is looked for after it, so that a wait looks at every chassis once, however many there are.
    var witness: String
    /// The time when the waiting is given up.
    var deadline: Duration
}

/// The place of a request among those that wait for revisions.
struct RevisionKey: Comparable, Sendable {
    var revision: UInt64
    var ticket: Ticket

    static func < (left: RevisionKey, right: RevisionKey) -> Bool {
        (left.revision, left.ticket) < (right.revision, right.ticket)
    }
}

extension CentralCore {
    mutating func awaitRealization(_ ticket: Ticket, of revision: UInt64, wait: Int) {
        guard revision <= durable.revision else {
            let detail = "There is no revision \(revision) yet; the newest is \(durable.revision)."
            let refusal = Refusal(.invalidValue, detail, pointer: nil)
            effects.append(.answer(ticket, .refused(refusal, operationIndex: nil)))
            return
        }
        let wait = min(max(0, wait), Realization.waitMaximum)
        guard wait > 0, !isStopping, realizations.count < configuration.realizationCountMaximum else {
            effects.append(.answer(ticket, .realization(realization(of: revision))))
            return
        }
        look(ticket, RealizationWait(revision: revision, witness: "", deadline: now + .seconds(wait)))
    }

    /// Ends or moves on the waits that a chassis is an obstacle to no longer.
    mutating func checkRealizations(of name: String) {
        guard let waits = waitsByWitness[name], !waits.isEmpty else { return }
        let first = isLive(name) ? firstUnapplied(by: name) : nil
        while let key = waitsByWitness[name]?.first?.key, key.revision < first ?? .max {
            forgetWitness(name, key)
            stalled.append(key.ticket)
        }
    }

    /// Looks for further obstacles to some waits; the rest is for the next step.
    mutating func lookForWitnesses() {
        var looks = configuration.witnessLookCountMaximum
        while looks > 0, let ticket = stalled.popFirst() {
            guard let wait = realizations.removeValue(forKey: ticket) else { continue }
            deadlines[Deadline(at: wait.deadline, subject: .realization(ticket))] = nil
            looks -= look(ticket, wait)
        }
    }

    /// Finds the next chassis that lacks the revision, or answers.
    /// - Returns: how many chassis it looked at.
    @discardableResult
    private mutating func look(_ ticket: Ticket, _ wait: RealizationWait) -> Int {
        var wait = wait
        var walk = durable.southbound.chassisByName.cursor(after: wait.witness)
        var looks = 1
        while let name = walk.next()?.key {
            looks += 1
            guard lacks(name, wait.revision), isLive(name) else { continue }
            wait.witness = name
            realizations[ticket] = wait
            waitsByWitness[name, default: OrderedMap()][.init(revision: wait.revision, ticket: ticket)] = ()
            deadlines[Deadline(at: wait.deadline, subject: .realization(ticket))] = ()
            return looks
        }
        effects.append(.answer(ticket, .realization(realization(of: wait.revision, isComplete: true))))
        return looks * 2
    }

    /// Answers a wait with how far the revision has got.
    mutating func giveUpRealization(_ ticket: Ticket) {
        guard let wait = forgetRealization(ticket) else { return }
        effects.append(.answer(ticket, .realization(realization(of: wait.revision))))
    }

    @discardableResult
    mutating func forgetRealization(_ ticket: Ticket) -> RealizationWait? {
        guard let wait = realizations.removeValue(forKey: ticket) else { return nil }
        deadlines[Deadline(at: wait.deadline, subject: .realization(ticket))] = nil
        forgetWitness(wait.witness, .init(revision: wait.revision, ticket: ticket))
        return wait
    }

    private mutating func forgetWitness(_ name: String, _ key: RevisionKey) {
        waitsByWitness[name]?[key] = nil
        if waitsByWitness[name]?.isEmpty == true { waitsByWitness[name] = nil }
    }

    /// True if the chassis' share at a revision is not what its forwarder has.
    private func lacks(_ name: String, _ revision: UInt64) -> Bool {
        guard let session = sessions[name], session.applied < revision else { return false }
        return firstUnapplied(by: name).map { $0 <= revision } ?? false
    }

    /// - Parameter isComplete: that no live chassis lacks it is known already.
    private func realization(of revision: UInt64, isComplete: Bool = false) -> Realization {
        var pending: [String] = []
        var dead: [String] = []
        for entry in durable.southbound.chassisByName where lacks(entry.key, revision) {
            if isLive(entry.key) { pending.append(entry.key) } else { dead.append(entry.key) }
        }
        return Realization(revision: revision, pending: isComplete ? [] : pending, excluded: dead)
    }
}
