import DequeModule
import NetworkModel
import Persistent
import Southbound

/// The feed: filtered by the span of a chassis, always from what is durable.
extension CentralCore {
    /// Answers a poll at once if there is something to say, else parks it.
    mutating func read(_ ticket: Ticket, _ poll: Poll) {
        do throws(Refusal) {
            guard var answer = try feed(poll) else {
                guard !isStopping else { throw Refusal(.unavailable, "Central is stopping; try again in a moment.") }
                // It is being worked out. The wait is for that, whatever the poll said.
                delayed.append(ticket)
                return try park(ticket, poll)
            }
            let isNews =
                !answer.changes.isEmpty || answer.mode == .snapshot || answer.more || answer.to < durable.revision
            if !isNews { noteNothingNew(poll, through: answer.to) }
            let isAsked = poll.isSync && sessions[poll.chassis]?.unasked.isEmpty == false
            if isNews || isAsked || poll.wait <= 0 || isStopping || !hasRoomToPark {
                if isAsked { answer.queries = takeUnasked(of: poll.chassis) }
                effects.append(.answer(ticket, .feed(answer)))
            } else {
                try park(ticket, poll)
            }
        } catch {
            effects.append(.answer(ticket, .refused(error, operationIndex: nil)))
        }
    }

    /// A forwarder's tables are also those of later revisions that change nothing of them.
    private mutating func noteNothingNew(_ poll: Poll, through revision: UInt64) {
        guard poll.isSync, let session = sessions[poll.chassis], session.applied == poll.since else { return }
        sessions[poll.chassis]?.applied = revision
        checkRealizations(of: poll.chassis)
    }

    /// Answers some of the chassis that have news, and leaves the others to the next step: the first answers leave
    /// while the others are made, and nobody else waits for all of them.
    mutating func answerWoken() {
        if deltas.isBusy {
            deltas.advance(leaving: &remains)
            guard !deltas.isBusy else { return }
            retried.append(contentsOf: delayed)
            delayed.removeAll()
        }
        var answers = configuration.wokenCountMaximum
        var looks = configuration.wokenCountMaximum * 16
        while answers > 0, looks > 0 {
            if let ticket = retried.popFirst() {
                answers -= 1
                reread(ticket)
                continue
            }
            guard let name = waking.next(in: durable.southbound) else { return }
            looks -= 1
            guard let tickets = pollsByChassis[name] else { continue }
            let last = lastChange(of: name)
            retried.append(contentsOf: tickets.sorted().filter { (polls[$0]?.since ?? .max) < last })
        }
    }

    /// True if there are chassis to be told, or what to tell them is being worked out.
    var isWaking: Bool { deltas.isBusy || !retried.isEmpty || !waking.isEmpty }

    private mutating func reread(_ ticket: Ticket) {
        guard let poll = polls[ticket] else { return }
        unpark(ticket)
        read(ticket, poll)
    }

    /// Answers a parked poll with what there is, and be it only that time has passed.
    mutating func answerPoll(_ ticket: Ticket) {
        guard var poll = polls[ticket] else { return }
        unpark(ticket)
        poll.wait = 0
        poll.deadline = .zero
        read(ticket, poll)
    }

    mutating func unpark(_ ticket: Ticket) {
        guard let poll = polls.removeValue(forKey: ticket) else { return }
        deadlines[Deadline(at: poll.deadline, subject: .poll(ticket))] = nil
        pollsByChassis[poll.chassis]?.remove(ticket)
        if pollsByChassis[poll.chassis]?.isEmpty == true { pollsByChassis[poll.chassis] = nil }
        if sessions[poll.chassis]?.parkedSync == ticket { sessions[poll.chassis]?.parkedSync = nil }
    }

    /// True if one more poll may be held; who finds no place is answered at once.
    private var hasRoomToPark: Bool { polls.count < configuration.parkedCountMaximum }

    private mutating func park(_ ticket: Ticket, _ poll: Poll) throws(Refusal) {
        guard hasRoomToPark else {
            let detail = "Central holds \(polls.count) polls, which is the maximum; try again in a moment."
            throw Refusal(.unavailable, detail)
        }
        if poll.isSync, let older = sessions[poll.chassis]?.parkedSync { answerPoll(older) }
        var poll = poll
        if poll.deadline == .zero { poll.deadline = now + .seconds(min(max(1, poll.wait), SyncRequest.waitMaximum)) }
        polls[ticket] = poll
        pollsByChassis[poll.chassis, default: []].insert(ticket)
        deadlines[Deadline(at: poll.deadline, subject: .poll(ticket))] = ()
        if poll.isSync { sessions[poll.chassis]?.parkedSync = ticket }
    }

    /// Returns the answer to a poll; `nil` while it is being worked out.
    private mutating func feed(_ poll: Poll) throws(Refusal) -> FeedAnswer? {
        guard durable.southbound.chassis(named: poll.chassis) != nil else {
            throw Refusal(.notFound, "There is no chassis \"\(poll.chassis)\".")
        }
        guard poll.since > 0 else { return try snapshot(poll) }
        try checkEvidence(of: poll)
        if poll.page == nil, poll.since <= durable.revision, lastChange(of: poll.chassis) <= poll.since {
            return answer(poll, to: durable.revision, .delta, nil)
        }
        guard poll.since <= durable.revision || poll.epoch == nil else {
            throw differs("Revision \(poll.since) does not exist yet in the history that the request names")
        }
        guard poll.since <= durable.revision, let before = past.network(at: poll.since),
            let target = poll.page?.to ?? Deltas.target(after: poll.since, in: past)
        else {
            throw resync("Revision \(poll.since) is older than the history that is kept, or never existed")
        }
        guard target > poll.since else { return answer(poll, to: target, .delta, nil) }
        switch deltas.delta(from: poll.since, to: target, in: past) {
        case .later: return nil
        case .none: throw resync("The changes from revision \(poll.since) to \(target) are gone")
        case .ready(let delta):
            guard let after = past.network(at: target) else { throw resync("Revision \(target) is gone") }
            let changes = ShareChanges(
                from: Span(of: poll.chassis, in: before.southbound),
                to: Span(of: poll.chassis, in: after.southbound),
                by: delta
            )
            return answer(poll, to: target, .delta, changes)
        }
    }

    private func snapshot(_ poll: Poll) throws(Refusal) -> FeedAnswer {
        let target = poll.page?.to ?? durable.revision
        guard let network = past.network(at: target) else { throw resync("The pages of revision \(target) are gone") }
        let span = Span(of: poll.chassis, in: network.southbound)
        return answer(poll, to: target, .snapshot, ShareChanges(snapshot: span, at: target))
    }

    /// Refuses a client of another history than this one, whatever its revision is.
    private func checkEvidence(of poll: Poll) throws(Refusal) {
        guard poll.epoch == nil || poll.epoch == durable.epoch else {
            throw differs("Revision \(poll.since) is of another epoch")
        }
        guard let hash = poll.hash, poll.since >= past.oldest, poll.since <= durable.revision else { return }
        guard past.agrees(hash, at: poll.since) else {
            throw differs("Revision \(poll.since) was another commit in the history that the request names")
        }
    }

    private func differs(_ what: String) -> Refusal {
        Refusal(.historyDiffers, "\(what); ask again with \"since\" 0 for a snapshot.", pointer: "/since")
    }

    private func resync(_ what: String) -> Refusal {
        Refusal(.resyncRequired, "\(what); ask again with \"since\" 0 for a snapshot.", pointer: "/since")
    }

    private func answer(
        _ poll: Poll,
        to target: UInt64,
        _ mode: FeedAnswer.Mode,
        _ changes: ShareChanges?
    ) -> FeedAnswer {
        let bounds = configuration.pageBounds
        let takesPatches = poll.isSync && sessions[poll.chassis]?.features.contains(Feature.filterPatches) == true
        let page = changes?.page(at: poll.page?.offset ?? 0, bounds, takesPatches: takesPatches) ?? .empty
        return FeedAnswer(
            epoch: durable.epoch,
            from: poll.since,
            to: target,
            hash: past.network(at: target)?.hash.rawValue,
            mode: mode,
            forcesHosts: mode == .snapshot && durable.forcesHosts,
            changes: page.changes,
            text: page.text,
            nextPage: page.next.map { FeedPage(to: target, offset: $0) },
            lease: poll.isSync ? Int(configuration.lease.components.seconds) : nil
        )
    }
}

/// The changes of chassis' shares by commits, without a look at any share.
extension CentralCore {
    /// Takes note of a commit that is durable now.
    mutating func note(_ reach: Reach, at revision: UInt64) {
        for id in reach.datapaths {
            if durable.southbound.datapathBinding(id) == nil {
                trails[id] = nil
            } else {
                trails[id, default: ChangeTrail(unknownUpTo: firstRevision)].note(revision)
            }
        }
        for name in reach.chassis { sessions[name]?.trail.note(revision) }
        waking.note(reach)
    }

    /// The last revision that changed the share of a chassis.
    func lastChange(of name: String) -> UInt64 {
        var last = sessions[name]?.trail.last ?? .max
        guard let ids = durable.southbound.datapathsByChassis[name] else { return last }
        for entry in ids { last = max(last, trails[entry.key]?.last ?? firstRevision) }
        return last
    }

    /// The first revision that changed the share of a chassis and is not in its forwarder's tables, as far as the host
    /// has said; `nil` if it has all.
    func firstUnapplied(by name: String) -> UInt64? {
        guard let session = sessions[name] else { return nil }
        var first = session.trail.first(after: session.applied)
        guard let ids = durable.southbound.datapathsByChassis[name] else { return first }
        let unknown = ChangeTrail(unknownUpTo: firstRevision)
        for entry in ids {
            guard let change = (trails[entry.key] ?? unknown).first(after: session.applied) else { continue }
            if change < first ?? .max { first = change }
        }
        return first
    }
}
