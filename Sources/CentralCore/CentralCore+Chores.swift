import DequeModule
import NetworkModel
import Persistent
import Southbound
import Wire

/// Work that central gives itself and that is longer than one step may take: done piece by piece, between requests.
enum Chore: Sendable {
    case settle(PortQueue, author: String)
    /// Commits what hosts have said after the log could not be written.
    case resettle(ArraySlice<String>)
    /// Records become what this version translates them to.
    case upgrade(ArraySlice<RecordChange>)
    /// Deletes answers to requests with idempotency keys that are beyond the bounds.
    case forgetAnswers
    /// Settles the ports among these changes that hosts have plugged: they may have said so, or let go of them, while
    /// the write was worked out.
    case lookAgain(ArraySlice<CommitRecord.Change>)
}

extension CentralCore {
    /// True if there is more to do than one step should take.
    var hasMoreToDo: Bool {
        isWaking || !stalled.isEmpty || !news.isEmpty || sweep != nil || hasChoreToDo || hasHeldToDo
    }

    /// True if a chore can go on: one piece at a time is on its way to a slow disk, and the next waits for it.
    private var hasChoreToDo: Bool {
        !chores.isEmpty && configuration.isLeader && !isStopping && !isHolding && (pending.isEmpty || appending.isEmpty)
    }

    /// Does a piece of everything that waits.
    mutating func goOn() {
        lookForWitnesses()
        answerWoken()
        answerWatches()
        guard hasChoreToDo, let chore = chores.popFirst() else { return }
        switch chore {
        case .settle(let ports, let author):
            let rest = settlePiece(of: ports, author: author)
            if !rest.isEmpty { chores.prepend(.settle(rest, author: author)) }
        case .resettle(let names): resettle(names)
        case .upgrade(let changes): upgrade(changes)
        case .forgetAnswers: forgetAnswers()
        case .lookAgain(let changes): lookAgain(at: changes)
        }
    }

    /// Has hosts settled that have ports of a large write plugged, so many changes at a time.
    private mutating func lookAgain(at changes: ArraySlice<CommitRecord.Change>) {
        let piece = changes.prefix(configuration.pieceCountMaximum * 8)
        if piece.count < changes.count { chores.prepend(.lookAgain(changes.dropFirst(piece.count))) }
        var ports: [String: [String]] = [:]
        for change in piece where change.kind == .logicalSwitchPort {
            let plugged = working.northbound.port(.name(change.name))?.value.pluggedName ?? change.name
            for name in pluggedAt[plugged] ?? [] { ports[name, default: []].append(change.name) }
        }
        for name in ports.keys.sorted() {
            let known = sessions[name]?.unsettled ?? []
            sessions[name]?.unsettled = union(known, (ports[name] ?? []).sorted()[...])
            postpone(name)
        }
    }

    /// Settles ports: a piece at once, the rest after what waits.
    mutating func settle(_ ports: PortQueue, author: String) {
        let rest = settlePiece(of: ports, author: author)
        guard !rest.isEmpty else { return }
        // A chassis that speaks again before its last word is settled waits once.
        for index in chores.indices {
            guard case .settle(let known, author) = chores[index], let all = known.joined(with: rest) else { continue }
            chores[index] = .settle(all, author: author)
            return
        }
        chores.append(.settle(rest, author: author))
    }

    /// Settles as many ports as a step may.
    /// - Returns: The others.
    private mutating func settlePiece(of ports: PortQueue, author: String) -> PortQueue {
        var ports = ports
        let piece = ports.next(configuration.pieceCountMaximum)
        for name in piece.names { notePlug(of: name, at: ports.chassis) }
        let named = piece.names.compactMap { working.northbound.ports.byName[ProjectName($0)]?.id }
        settle(Set(named + piece.ids).sorted(), author: author)
        return ports
    }

    /// Commits what hosts have said, chassis by chassis: the first alone, to see whether the log takes it.
    private mutating func resettle(_ names: ArraySlice<String>) {
        guard let name = names.first else { return }
        if names.count > 1 { chores.prepend(.resettle(names.dropFirst())) }
        guard let session = sessions[name], working.southbound.chassis(named: name) != nil else { return }
        // One that has not spoken is what the log says; its lease tells when that ends.
        if session.hasSpoken {
            var draft = Transaction(on: working, time: time)
            draft.setLive(session.leaseEnd > now, held: session.held, chassis: name)
            commit(draft, author: "central")
        } else if working.ledger.chassis[name]?.isLive == true, session.leaseEnd <= now {
            return endLease(of: name)
        }
        settlePorts(of: name, author: "chassis/\(name)")
    }

    /// Begins to translate the southbound database of an older version anew; central answers nothing before that is
    /// durable.
    mutating func startUpgrade() {
        let difference = working.translationDifference(ofPorts: comparedPorts)
        comparedPorts = nil
        isUpgrading = !difference.isEmpty
        if isUpgrading { chores.prepend(.upgrade(difference[...])) }
        let orphans = orphanedPorts()
        if !orphans.isEmpty { chores.append(.settle(PortQueue(ids: orphans[...]), author: "central")) }
    }

    /// The ports at chassis that were deleted while a restart, or a full disk, came between.
    private func orphanedPorts() -> [ObjectID] {
        working.southbound.portsByChassis.lazy.filter { working.southbound.chassis(named: $0.key) == nil }
            .flatMap { $0.value.map(\.key) }
    }

    private mutating func upgrade(_ changes: ArraySlice<RecordChange>) {
        var draft = Transaction(on: working, time: time)
        let piece = changes.prefix(configuration.pieceCountMaximum * 8)
        for change in piece { draft.retranslate(change.key) }
        commit(draft, author: "upgrade")
        let rest = changes.dropFirst(piece.count)
        if rest.isEmpty {
            upgradedAt = working.revision
        } else {
            chores.prepend(.upgrade(rest))
        }
    }

    /// Deletes old answers between requests, so that no write has to carry the deletes of many others.
    mutating func forgetAnswersSoon() {
        if !chores.contains(where: { if case .forgetAnswers = $0 { true } else { false } }) {
            chores.append(.forgetAnswers)
        }
    }

    /// Forgets a piece of the kept answers that are beyond the bounds.
    private mutating func forgetAnswers() {
        var draft = Transaction(on: working, time: time)
        var left = configuration.pieceCountMaximum
        while let oldest = draft.network.ledger.answers.oldest,
            draft.network.ledger.answers.isBeyond(configuration, at: time)
        {
            guard left > 0 else {
                chores.append(.forgetAnswers)
                break
            }
            left -= 1
            draft.setAnswer(nil, named: oldest.name)
        }
        commit(draft, author: "central")
    }

    /// Repeats commits that the log did not take, at growing intervals.
    mutating func retryLater(_ names: [String]) {
        chores.removeAll { chore in
            guard case .settle(let ports, _) = chore, !ports.names.isEmpty else { return true }
            // Of a chassis that is deleted nothing is tried again.
            guard let names = sessions[ports.chassis]?.unsettled else { return false }
            sessions[ports.chassis]?.unsettled = union(names, ports.names)
            return true
        }
        unsettled.formUnion(names)
        guard !isRetryArmed else { return }
        isRetryArmed = true
        deadlines[Deadline(at: now + storageRetry, subject: .storageRetry)] = ()
        storageRetry = min(storageRetry * 2, configuration.storageRetryMaximum)
    }

    mutating func retry() {
        isRetryArmed = false
        noteCommittedWaits()
        startUpgrade()
        chores.append(.resettle(unsettled.sorted()[...]))
        unsettled.removeAll()
    }
}

extension Ledger.KeptAnswers {
    /// True if the oldest one is to be forgotten.
    func isBeyond(_ configuration: Configuration, at time: Int64) -> Bool {
        guard let oldest else { return false }
        return count > configuration.keptAnswerCountMaximum || byteCount > configuration.keptAnswerByteCountMaximum
            || oldest.answer.time + configuration.keptAnswerSeconds < time
    }
}
