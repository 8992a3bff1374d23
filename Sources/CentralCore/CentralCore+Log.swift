import NetworkModel
import Southbound

/// Group commit: one append is under way at a time, and commits that are made meanwhile go into the next.
extension CentralCore {
    /// Makes a commit of the core's own of a draft and queues it.
    mutating func commit(_ draft: Transaction, author: String) {
        var draft = draft
        do {
            let maximum = configuration.commitByteCountMaximum
            if let commit = try draft.finish(author: author, byteCountMaximum: maximum) {
                queue(commit, of: draft)
            }
        } catch {
            effects.append(.log(LogEntry(.warning, "A commit by \(author) was dropped. \(error.detail)")))
        }
    }

    /// Queues a commit: from now on requests are checked against the network with it.
    mutating func queue(_ commit: Commit, of draft: Transaction) {
        working = draft.network
        wait(PendingCommit(commit, from: draft.base, to: working, replacedByteCount: draft.replacedByteCount))
        for chassis in draft.removedChassis { endEnrolment(of: chassis, author: commit.author, commit.requestID) }
        let orphans = PortQueue(ids: draft.orphaned[...])
        if !orphans.isEmpty { chores.append(.settle(orphans, author: commit.author)) }
    }

    /// Lets a commit wait for the append under way.
    mutating func wait(_ item: PendingCommit) {
        pending.append(item)
        overtaken?.commits.append(item)
        lastTime = item.commit.time
        pendingByteCount += item.commit.encoded.count
    }

    /// Answers once everything that the answer may show is durable: at once if no commit is under way.
    mutating func answerWhenDurable(_ ticket: Ticket, _ answer: Answer) {
        if let last = pending.indices.last {
            pending[last].answers.append((ticket, answer))
        } else if let last = appending.indices.last {
            appending[last].answers.append((ticket, answer))
        } else {
            effects.append(.answer(ticket, answer.proven(by: past)))
        }
    }

    mutating func startAppend() {
        guard appending.isEmpty, !pending.isEmpty else { return }
        swap(&appending, &pending)
        pendingByteCount = 0
        effects.append(.append(appending.map(\.commit), after: durable.revision))
    }

    /// Publishes what is on disk and answers those who asked for it; hosts and watchers are told after that.
    mutating func finishAppend(_ revision: UInt64, _ hashes: [CommitHash]) {
        guard let last = appending.last, last.commit.revision == revision, hashes.count == appending.count else {
            return
        }
        let done = appending
        appending.removeAll()
        storageRetry = configuration.storageRetry
        for (item, hash) in zip(done, hashes) { absorb(item, hash) }
        publish(done)
        for item in done { remains.add(item) }
    }

    /// Takes in commits that another member made durable; one that is known already is passed over.
    mutating func follow(_ commits: [Commit], _ hashes: [CommitHash]) {
        var done: [PendingCommit] = []
        do throws(CommitError) {
            for (commit, hash) in zip(commits, hashes) where commit.revision > durable.revision {
                var network = durable
                try network.apply(commit)
                let item = PendingCommit(commit, from: durable, to: network, replacedByteCount: commit.encoded.count)
                absorb(item, hash)
                done.append(item)
            }
        } catch {
            let text = "A commit from elsewhere does not follow revision \(durable.revision): \(error)."
            effects.append(.log(LogEntry(.warning, text)))
        }
        working = durable
        if !done.isEmpty { publish(done) }
    }

    /// Makes a durable commit the newest: for deltas, for later pages and for whom it concerns.
    private mutating func absorb(_ item: PendingCommit, _ hash: CommitHash) {
        durable = item.network
        durable.hash = hash
        past.append(
            .init(
                network: durable,
                record: item.record,
                touched: item.touched,
                byteCount: item.keptByteCount,
                time: now
            ),
            leaving: &remains
        )
        lastTime = max(lastTime, item.commit.time)
        for case .chassis(let name) in item.touched
        where sessions[name] == nil && item.network.southbound.chassis(named: name) != nil {
            let known = item.commit.revision - 1
            sessions[name] = Session(leaseEnd: now, now: now, shareMayHaveChangedUpTo: known)
        }
        note(item.reach, at: item.commit.revision)
        note(item.record)
    }

    /// Shows the durable network to readers, ends what its newest commits end, and answers those who waited for them.
    private mutating func publish(_ done: [PendingCommit]) {
        deltas.forget(before: past.oldest, leaving: &remains)
        commitCount += UInt64(done.count)
        if isUpgrading, let upgradedAt, durable.revision >= upgradedAt { isUpgrading = false }
        effects.append(.publish(durable))
        answerReached()
        for item in done {
            for case .chassis(let name) in item.touched
            where item.network.southbound.chassis(named: name) == nil { endSession(of: name) }
            for (ticket, answer) in item.answers { effects.append(.answer(ticket, answer.proven(by: past))) }
            for (ticket, poll) in item.syncs { read(ticket, poll) }
        }
    }

    /// Returns to the durable network: every commit under way builds on the one that could not be written.
    mutating func failAppend(_ reason: String) {
        let failed = appending + pending
        guard !failed.isEmpty else { return }
        appending.removeAll()
        pending.removeAll()
        pendingByteCount = 0
        working = durable
        planVersion += 1
        if let line = complaints.note(reason, "The log cannot be written: \(reason).", now: now) {
            effects.append(.log(LogEntry(.warning, line)))
        }
        let refusal = Refusal(
            .storageFull,
            "The commit log cannot be written (\(reason)); nothing was changed. Free space and try again."
        )
        for item in failed {
            for (ticket, _) in item.answers { effects.append(.answer(ticket, .refused(refusal, operationIndex: nil))) }
            for (ticket, poll) in item.syncs {
                if durable.southbound.chassis(named: poll.chassis) == nil {
                    effects.append(.answer(ticket, .refused(refusal, operationIndex: nil)))
                } else {
                    read(ticket, poll)
                }
            }
        }
        // Also what users' commits found out about hosts is to be found out again.
        retryLater(Array(sessions.keys))
    }
}
