import NetworkModel
import Persistent
import Southbound

/// A question to a host that has no reply yet.
struct OpenQuery: Sendable {
    /// The requests of those who ask the same.
    var tickets: [Ticket]
    var chassis: String
    var query: HostQuery
    /// The time when it is given up.
    var deadline: Duration
}

/// A question that is asked later.
struct LaterQuery: Sendable {
    var chassis: String
    var query: HostQuery
    var time: Duration
}

/// Questions to hosts about what only they know. Nothing of it is a commit: a question rides with the answer to the
/// host's parked sync, and the host replies by a request of its own.
extension CentralCore {
    mutating func ask(_ ticket: Ticket, _ name: String, _ query: HostQuery, after seconds: Int = 0) {
        guard seconds == 0 || isStopping else {
            let time = now + .seconds(seconds)
            laterQueries[ticket] = LaterQuery(chassis: name, query: query, time: time)
            deadlines[Deadline(at: time, subject: .laterQuery(ticket))] = ()
            return
        }
        do throws(Refusal) {
            try checkAskable(name)
        } catch {
            return effects.append(.answer(ticket, .refused(error, operationIndex: nil)))
        }
        if let same = queries.first(where: { $0.value.chassis == name && $0.value.query.asks(for: query) })?.key {
            queries[same]?.tickets.append(ticket)
            return
        }
        guard queries.count < configuration.queryCountMaximum,
            sessions[name]?.openQueryCount ?? 0 < HostQuery.countMaximum
        else {
            let refusal = Refusal(.unavailable, "Too many questions wait for hosts; try again in a moment.")
            return effects.append(.answer(ticket, .refused(refusal, operationIndex: nil)))
        }
        var query = query
        // Above those of an earlier start of central, whose replies may still come; JSON carries it without loss.
        queryNumber = max(queryNumber + 1, UInt64(clamping: wallClock) * 1_000_000)
        query.id = queryNumber
        let deadline = now + configuration.queryPatience
        queries[query.id] = OpenQuery(tickets: [ticket], chassis: name, query: query, deadline: deadline)
        deadlines[Deadline(at: deadline, subject: .query(query.id))] = ()
        sessions[name]?.openQueryCount += 1
        sessions[name]?.unasked.append(query)
        if let parked = sessions[name]?.parkedSync { answerPoll(parked) }
    }

    private func checkAskable(_ name: String) throws(Refusal) {
        guard durable.southbound.chassis(named: name) != nil else {
            throw Refusal(.notFound, "There is no chassis \(quoted(name)).")
        }
        guard let session = sessions[name], isLive(name), session.hasSpoken else {
            throw Refusal(
                .hostUnreachable,
                "The chassis \"\(name)\" does not answer central: see 'systemctl status heddle-agent' there."
            )
        }
        guard session.features.contains(Feature.queries) else {
            throw Refusal(
                .unsupported,
                "The agent of the chassis \"\(name)\" is of an older version, which takes no questions; upgrade it."
            )
        }
        guard !isStopping else { throw Refusal(.unavailable, "Central is stopping; try again in a moment.") }
    }

    /// Takes the questions that the next answer to a chassis' sync carries.
    mutating func takeUnasked(of name: String) -> [HostQuery] {
        let unasked = sessions[name]?.unasked ?? []
        sessions[name]?.unasked = []
        return unasked.filter { queries[$0.id] != nil }
    }

    /// Passes the reply of a chassis on to whoever asked.
    mutating func hear(_ ticket: Ticket, _ name: String, _ reply: HostReply) {
        guard queries[reply.id]?.chassis == name, let query = forgetQuery(reply.id) else {
            let detail = "Nobody waits for a reply to the question \(reply.id) any more."
            return effects.append(.answer(ticket, .refused(Refusal(.notFound, detail), operationIndex: nil)))
        }
        let answer = Answer.reply(chassis: name, query.query.subject == .status ? completed(reply, of: name) : reply)
        for asker in query.tickets { effects.append(.answer(asker, answer)) }
        effects.append(.answer(ticket, .heard))
    }

    /// Adds to a host's word about itself what central knows of it and no commit tells.
    private func completed(_ reply: HostReply, of name: String) -> HostReply {
        guard let session = sessions[name] else { return reply }
        let left = max(.zero, session.leaseEnd - now)
        return reply.telling(leaseSeconds: left.components.seconds, applied: session.applied)
    }

    /// Tells whoever asked that the host says nothing.
    mutating func giveUpQuery(_ id: UInt64) {
        guard let query = forgetQuery(id) else { return }
        let seconds = configuration.queryPatience.components.seconds
        let detail = "The chassis \"\(query.chassis)\" did not reply within \(seconds) s; try again in a moment."
        for asker in query.tickets {
            effects.append(.answer(asker, .refused(Refusal(.hostUnreachable, detail), operationIndex: nil)))
        }
    }

    mutating func giveUpQueries(of name: String) {
        for (id, query) in queries where query.chassis == name { giveUpQuery(id) }
    }

    /// Forgets the question of a request whose client went away.
    mutating func forgetQuery(of ticket: Ticket) {
        forgetLaterQuery(of: ticket)
        guard let id = queries.first(where: { $0.value.tickets.contains(ticket) })?.key else { return }
        queries[id]?.tickets.removeAll { $0 == ticket }
        if queries[id]?.tickets.isEmpty == true { _ = forgetQuery(id) }
    }

    @discardableResult
    mutating func forgetLaterQuery(of ticket: Ticket) -> LaterQuery? {
        guard let later = laterQueries.removeValue(forKey: ticket) else { return nil }
        deadlines[Deadline(at: later.time, subject: .laterQuery(ticket))] = nil
        return later
    }

    private mutating func forgetQuery(_ id: UInt64) -> OpenQuery? {
        guard let query = queries.removeValue(forKey: id) else { return nil }
        deadlines[Deadline(at: query.deadline, subject: .query(id))] = nil
        sessions[query.chassis]?.openQueryCount -= 1
        return query
    }
}
