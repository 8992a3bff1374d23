import Northbound
import Northd
import Persistent
import Southbound

/// The feed: filtered by the span of a chassis, always from what is durable.
extension CentralCore {
    /// Answers a poll at once where there is something to say, else parks it.
    /// - Returns: what it was answered.
    @discardableResult
    mutating func read(_ ticket: Ticket, _ poll: Poll) -> FeedAnswer? {
        do {
            let answer = try feed(poll)
            let isNews = !answer.changes.isEmpty || answer.mode == .snapshot || answer.more
            if isNews || poll.wait <= 0 || isStopping {
                effects.append(.answer(ticket, .feed(answer)))
                return answer
            }
            try park(ticket, poll)
        } catch {
            effects.append(.answer(ticket, .refused(error, operationIndex: nil)))
        }
        return nil
    }

    /// Has the parked polls of a chassis answered, where there is something to say.
    mutating func wake(_ name: String) {
        for ticket in (pollsByChassis[name] ?? []).sorted() where polls[ticket]?.isWoken == false {
            polls[ticket]?.isWoken = true
            woken.append(ticket)
        }
    }

    /// Answers some of the woken polls and leaves the others to the next step: the first answers are on their way while
    /// the others are made, and nobody else waits for all of them.
    mutating func answerWoken() {
        var last: (poll: Poll, answer: FeedAnswer)?
        for _ in 0..<min(woken.count, configuration.wokenCountMaximum) {
            let ticket = woken.removeFirst()
            guard var poll = polls[ticket] else { continue }
            unpark(ticket)
            poll.isWoken = false
            // Polls of one chassis mostly ask for the same.
            if let last, last.poll.asksForTheSame(as: poll) {
                effects.append(.answer(ticket, .feed(last.answer)))
            } else {
                last = read(ticket, poll).map { (poll, $0) }
            }
        }
        if !woken.isEmpty { effects.append(.goOn) }
    }

    /// Answers a parked poll with what there is, and be it only that time has passed.
    mutating func answerPoll(_ ticket: Ticket) {
        guard var poll = polls[ticket] else { return }
        unpark(ticket)
        poll.wait = 0
        read(ticket, poll)
    }

    mutating func unpark(_ ticket: Ticket) {
        guard let poll = polls.removeValue(forKey: ticket) else { return }
        deadlines[Deadline(at: poll.deadline, subject: .poll(ticket))] = nil
        pollsByChassis[poll.chassis]?.remove(ticket)
        if pollsByChassis[poll.chassis]?.isEmpty == true { pollsByChassis[poll.chassis] = nil }
        if sessions[poll.chassis]?.parkedSync == ticket { sessions[poll.chassis]?.parkedSync = nil }
    }

    private mutating func park(_ ticket: Ticket, _ poll: Poll) throws(Refusal) {
        guard polls.count < configuration.parkedCountMaximum else {
            throw Refusal(.unavailable, "Central holds \(polls.count) polls, the most it can; try again in a moment.")
        }
        if poll.isSync, let older = sessions[poll.chassis]?.parkedSync { answerPoll(older) }
        var poll = poll
        if poll.deadline == .zero { poll.deadline = now + .seconds(min(poll.wait, SyncRequest.waitMaximum)) }
        polls[ticket] = poll
        pollsByChassis[poll.chassis, default: []].insert(ticket)
        deadlines[Deadline(at: poll.deadline, subject: .poll(ticket))] = ()
        if poll.isSync { sessions[poll.chassis]?.parkedSync = ticket }
    }

    /// What there is to say to a poll.
    private func feed(_ poll: Poll) throws(Refusal) -> FeedAnswer {
        guard durable.southbound.chassis(named: poll.chassis) != nil else {
            throw Refusal(.notFound, "There is no chassis \"\(poll.chassis)\".")
        }
        let target = poll.page?.to ?? durable.revision
        guard let database = history.database(at: target) else {
            throw resync("The pages of revision \(target) are gone")
        }
        let new = Span(of: poll.chassis, in: database)
        guard poll.since > 0 else {
            return page(of: new.snapshot, poll, to: target, .snapshot)
        }
        guard poll.epoch == nil || poll.epoch == durable.epoch else {
            throw resync("Revision \(poll.since) is of another epoch")
        }
        if poll.page == nil, poll.since <= durable.revision, let session = sessions[poll.chassis],
            session.lastChange <= poll.since
        {
            return page(of: [], poll, to: target, .delta)
        }
        guard poll.since <= target, let before = history.database(at: poll.since) else {
            throw resync("Revision \(poll.since) is not among the last \(configuration.historyCountMaximum)")
        }
        let changes = Span.delta(
            from: Span(of: poll.chassis, in: before),
            to: new,
            at: target,
            touched: history.touched(after: poll.since, through: target)
        )
        return page(of: changes, poll, to: target, .delta)
    }

    private func resync(_ what: String) -> Refusal {
        Refusal(.resyncRequired, "\(what); ask again with \"since\" 0 for a snapshot.", pointer: "/since")
    }

    private func page(
        of changes: [FeedChange],
        _ poll: Poll,
        to target: UInt64,
        _ mode: FeedAnswer.Mode
    ) -> FeedAnswer {
        let start = min(poll.page?.offset ?? 0, changes.count)
        var end = start
        var byteCount = 0
        while end < changes.count, end - start < configuration.pageChangeCountMaximum {
            byteCount += changes[end].bytes?.count ?? 0
            guard end == start || byteCount <= configuration.pageByteCountMaximum else { break }
            end += 1
        }
        return FeedAnswer(
            epoch: durable.epoch,
            from: poll.since,
            to: target,
            hash: target == durable.revision ? durable.hash.rawValue : nil,
            mode: mode,
            changes: Array(changes[start..<end]),
            nextPage: end < changes.count ? FeedPage(to: target, offset: end) : nil,
            lease: poll.isSync ? Int(configuration.lease.components.seconds) : nil
        )
    }
}
