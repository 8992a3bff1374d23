import Southbound

/// The conversation with central.
struct SyncState: Sendable {
    /// The number of the last sync sent; rises within a boot.
    var sequence: UInt64 = 0
    /// The syncs without an answer yet: one that central parks, and one that has overtaken it.
    var outstanding: [Outstanding] = []
    /// The report of the last sync about this host.
    var reported: Report?
    /// The highest claim that this start has told.
    var toldClaim: UInt64 = 0
    /// The pages of an answer that has more to come.
    var shadow: Shadow?
    /// The lowest revision since which the share has not changed.
    var unchangedSince: UInt64 = 0
    /// The next sync asks for a snapshot, whatever the share's revision is.
    var needsSnapshot = false
    /// Central has said that its history is another one than ours.
    var isOtherHistory = false
    /// Rises when syncs go back to the share: answers to earlier syncs no longer count.
    var line = 0
    /// Central has been told that this was the last sync.
    var hasSaidFarewell = false
    /// The first sync is held back until the forwarder has said what is up, but not longer than this.
    var startAt: Duration?
    /// After a failure: when to try again.
    var retryAt: Duration?
    /// The next poll waits up to this time for the forwarder to take what the last answer brought, so that one sync
    /// tells of it and polls.
    var pollAt: Duration?
    /// The pause after failures.
    var backoff = Backoff(first: .milliseconds(100), last: .seconds(5))
    /// True if central has answered since the agent started.
    var hasHeard = false
    /// The reason why the last sync failed; `nil` while central answers.
    var failure: String?
    /// The time of the last answer.
    var heardAt: Duration?
    /// The comparison with central's clock, from its answers.
    var clock = ClockComparison()

    /// The longest wait after a refused connection: it cost two packets, and a central that comes back has its hosts
    /// again within this time.
    static let refusedConnectionPause: Duration = .milliseconds(500)
    /// The longest that a poll waits for the forwarder, which mostly takes a millisecond: news of central's, which it
    /// would bring, are not held up for longer.
    static let acknowledgementPatience: Duration = .milliseconds(50)
    /// The most syncs under way: one parked and one that overtakes it.
    static let outstandingMaximum = 2

    /// A sync without an answer.
    struct Outstanding: Hashable, Sendable {
        var sequence: UInt64
        var since: UInt64
        var page: FeedPage?
        var line: Int
    }

    /// The report of a sync about this host.
    struct Report: Hashable, Sendable {
        var ports: [SyncRequest.PluggedPort]
        var errors: [SyncRequest.HostError]
        /// The commits with content that the forwarder has acknowledged: a mere revision is no news.
        var contentCount: UInt64
        var held: HeldShare?
    }

    /// The pages of one answer, so far.
    struct Shadow: Sendable {
        var epoch: UInt64
        var since: UInt64
        var to: UInt64
        var hash: UInt64?
        var mode: FeedAnswer.Mode
        var changes: [RecordChange] = []
        var next: FeedPage
    }
}

extension AgentCore {
    /// Tells central that this start of the agent ends. Plugged ports stay plugged.
    mutating func sayFarewell() {
        guard sync.hasHeard, sync.failure == nil else { return }
        send(report, isLeaving: true)
        sync.hasSaidFarewell = true
    }

    /// The ports that central is told of: all that are plugged with a claim on disk, also those that another chassis
    /// has taken, which come back when that one lets go.
    var reportedPorts: [SyncRequest.PluggedPort] {
        reportedVirtualPorts
            + ports.values
            .filter { !$0.isLeaving && (!$0.isWire || isGateway($0)) }
            .sorted { $0.specification.name < $1.specification.name }
            .compactMap { port in
                // Until a new claim is on disk the one before it stands.
                let isSaved = port.save <= files.portsSaved
                let claim = isSaved ? port.claim : port.replaced?.claim ?? 0
                guard claim > 0 else { return nil }
                return SyncRequest.PluggedPort(
                    logicalPort: port.specification.logicalPort,
                    interface: port.specification.interface,
                    claim: claim,
                    isUp: forwarder.upPorts.contains(port.specification.name),
                    isSetAside: isSaved ? port.isSetAside : port.replaced?.isSetAside ?? false,
                    activated: activatedPlace(of: port)?.bindSeq
                )
            }
    }

    /// True if a wire is that of an l2gateway port, of which central is told if it is up.
    private func isGateway(_ port: PluggedPort) -> Bool {
        share.binding(of: port.specification.logicalPort)?.gatewayNetwork != nil
    }

    /// The errors of this host, a sentence for each port.
    private var reportedErrors: [SyncRequest.HostError] {
        let errors = ports.values.sorted { $0.specification.name < $1.specification.name }.compactMap { port in
            if case .failed(let reason) = port.device {
                return SyncRequest.HostError(
                    logicalPort: port.specification.logicalPort,
                    detail: reason.text(before: PluggedPort.remedyMark)
                        .cut(toByteCount: SyncRequest.textByteCountMaximum)
                )
            }
            return nil
        }
        return Array(errors.prefix(SyncRequest.errorCountMaximum))
    }

    private var report: SyncState.Report {
        SyncState.Report(
            ports: reportedPorts,
            errors: reportedErrors,
            contentCount: forwarder.contentCount,
            held: heldShare
        )
    }

    /// Sends what is due: the next page, a poll if none is under way, or news of this host past a parked poll.
    mutating func settleSync(now: Duration) {
        if let pollAt = sync.pollAt, pollAt <= now { sync.pollAt = nil }
        guard !sync.hasSaidFarewell else { return }
        if let startAt = sync.startAt {
            guard startAt <= now || forwarder.isSettled else { return }
            sync.startAt = nil
        } else if sync.sequence == 0, !forwarder.isSettled {
            sync.startAt = now + Self.forwarderGrace
            return
        }
        if let retryAt = sync.retryAt {
            guard retryAt <= now else { return }
            sync.retryAt = nil
        }
        let report = report
        if sync.pollAt != nil, forwarder.commit?.hasContent == true, sync.shadow == nil, sync.outstanding.isEmpty,
            report == sync.reported
        {
            return
        }
        sync.pollAt = nil
        let mayOvertake = report != sync.reported && sync.outstanding.count < SyncState.outstandingMaximum
        if sync.outstanding.isEmpty || mayOvertake { send(report) }
    }

    private mutating func send(_ report: SyncState.Report, isLeaving: Bool = false) {
        sync.sequence += 1
        let told = told
        let since = sync.shadow?.since ?? (sync.needsSnapshot ? 0 : told.revision)
        let page = sync.shadow?.next
        // A forwarder may have tables although our own copy of the share is lost.
        let epoch = told.revision > 0 ? told.epoch : forwarder.applied > 0 ? forwarder.appliedEpoch : nil
        // Only a sync after an answered one may be parked: an answer tells that central is there.
        let mayPark = sync.failure == nil && sync.hasHeard && page == nil && !isLeaving
        sync.outstanding.append(
            SyncState.Outstanding(sequence: sync.sequence, since: since, page: page, line: sync.line)
        )
        sync.reported = report
        sync.toldClaim = report.ports.reduce(sync.toldClaim) { max($0, $1.claim) }
        var request = SyncRequest(
            chassisID: configuration.chassisID,
            bootID: configuration.bootID,
            seq: sync.sequence,
            wait: mayPark ? SyncRequest.waitDefault : 0,
            encaps: [Encap(ip: configuration.encapIP)]
        )
        request.version = configuration.version
        request.hostname = configuration.hostname
        request.epoch = epoch
        request.since = since
        request.hash = since > 0 && since == told.revision ? told.hash : nil
        // Tables of the share say nothing about the history that is held.
        request.applied = forwarder.appliedEpoch == epoch && hold == nil ? forwarder.applied : 0
        request.page = page
        request.tunnelKeys = configuration.tunnelKeys
        request.physicalNetworks = configuration.physicalNetworks.keys.sorted()
        request.ports = report.ports
        request.errors = report.errors
        request.held = report.held
        request.machine = configuration.machine
        request.isLeaving = isLeaving
        emit(.sendSync(request))
    }

    mutating func syncAnswered(_ sequence: UInt64, _ answer: FeedAnswer, now: Duration) {
        guard let index = sync.outstanding.firstIndex(where: { $0.sequence == sequence }) else { return }
        let request = sync.outstanding.remove(at: index)
        if let failure = sync.failure { emit(.log(.info, "central answers again (after: \(failure))")) }
        sync.failure = nil
        sync.backoff.reset()
        sync.hasHeard = true
        sync.heardAt = now
        for query in answer.queries { emit(.reply(query)) }
        receive(answer, to: request, now: now)
    }

    /// Puts the pages of an answer together, and the whole into the share if it fits.
    private mutating func receive(_ answer: FeedAnswer, to request: SyncState.Outstanding, now: Duration) {
        guard isAwaited(request), answer.to >= told.revision || sync.needsSnapshot else { return }
        let leadsOn = answer.epoch == told.epoch && answer.from == request.since && request.since > 0
        guard answer.mode == .snapshot || leadsOn else {
            sync.shadow = nil
            sync.needsSnapshot = true
            return
        }
        let begun = sync.shadow
        sync.shadow = nil
        if let begun,
            begun.epoch != answer.epoch || begun.to != answer.to || begun.hash != answer.hash
                || begun.mode != answer.mode
        {
            sync.needsSnapshot = true
            return
        }
        let changes = (begun?.changes ?? []) + answer.changes.map(\.change)
        guard let next = answer.nextPage else {
            if !changes.isEmpty { sync.pollAt = now + SyncState.acknowledgementPatience }
            return apply(changes, of: answer)
        }
        guard changes.count <= configuration.answerChangeMaximum, next != begun?.next else {
            emit(.log(.error, "central's answer does not end and is ignored"))
            sync.retryAt = now + Self.endlessAnswerPause
            return
        }
        sync.shadow = SyncState.Shadow(
            epoch: answer.epoch,
            since: request.since,
            to: answer.to,
            hash: answer.hash,
            mode: answer.mode,
            changes: changes,
            next: next
        )
    }

    /// True if the answer to a request fits the share: its next page, or the way from a revision since which the share
    /// has not changed. An answer that was overtaken by another does not fit.
    private func isAwaited(_ request: SyncState.Outstanding) -> Bool {
        guard request.line == sync.line else { return false }
        if let shadow = sync.shadow { return request.page == shadow.next && request.since == shadow.since }
        guard request.page == nil else { return false }
        if sync.needsSnapshot { return request.since == 0 }
        return (sync.unchangedSince...max(sync.unchangedSince, told.revision)).contains(request.since)
    }

    private mutating func apply(_ changes: [RecordChange], of answer: FeedAnswer) {
        switch answer.mode {
        case .delta:
            guard told.takes(changes) else {
                emit(.log(.error, "central's answer changes what this host does not have; asking for a snapshot"))
                sync.needsSnapshot = true
                return
            }
            if !changes.isEmpty { sync.unchangedSince = answer.to }
            guard hold.map(\.isStale) ?? true else { return follow(changes, of: answer) }
            endHold()
            share.apply(changes, revision: answer.to, hash: answer.hash)
            forwarder.note(share.whole(changes))
            files.note(changes, of: share)
            if changes.contains(where: { $0.key.kind == .chassis }) { paths.lacksChassis = true }
            forwarder.goOnWithShare()
            notePlaces()
        case .snapshot:
            var next = Share(epoch: answer.epoch, revision: answer.to, records: [])
            next.apply(changes, revision: answer.to, hash: answer.hash)
            sync.needsSnapshot = false
            sync.unchangedSince = answer.to
            take(snapshot: next, answer)
        }
    }

    mutating func syncFailed(
        _ sequence: UInt64,
        _ failure: SyncFailure,
        now: Duration,
        using generator: inout some RandomNumberGenerator
    ) {
        guard let index = sync.outstanding.firstIndex(where: { $0.sequence == sequence }) else { return }
        let request = sync.outstanding.remove(at: index)
        sync.shadow = nil
        switch failure {
        case .resyncRequired, .historyDiffers:
            guard request.line == sync.line, !tryShareAgain() else { return }
            emit(.log(.info, "central no longer has revision \(share.revision); asking for a snapshot"))
            sync.isOtherHistory = sync.isOtherHistory || failure == .historyDiffers
            guard !sync.needsSnapshot else {
                return retry("central refuses to send a snapshot", now, using: &generator)
            }
            sync.needsSnapshot = true
            sync.hasHeard = true
        case .staleSequence(let detail):
            // Overtaken on the way, mostly: the later one is under way or has its answer.
            if sync.outstanding.isEmpty, sequence == sync.sequence { retry(detail, now, using: &generator) }
        case .chassisConflict(let detail):
            let sentence =
                "central refuses this host as chassis \(configuration.chassis) "
                + "with encap \(configuration.encapIP): \(detail)"
            if sync.hasHeard { return retry(sentence, now, using: &generator) }
            hasGivenUp = true
            emit(.fail(sentence, stopsForwarder: forwarder.wasSpawned))
        case .chassisElsewhere(let detail):
            // Not the end: where this host is the one that has moved, the other falls silent.
            retry("central refuses this host as chassis \(configuration.chassis): \(detail)", now, using: &generator)
        case .unavailable(let reason, let retryAfter):
            retry(reason, now, atLeast: retryAfter, using: &generator)
        case .connectionRefused(let reason):
            retry(reason, now, atMost: SyncState.refusedConnectionPause, using: &generator)
        case .refused(let reason):
            // A refusal that differs from the one before is news: a deleted chassis gets that one first, then one with
            // the remedy.
            if sync.failure != nil, sync.failure != reason { emit(.log(.warning, reason)) }
            retry(reason, now, using: &generator)
        }
    }

    private mutating func retry(
        _ reason: String,
        _ now: Duration,
        atLeast minimum: Duration? = nil,
        atMost maximum: Duration? = nil,
        using generator: inout some RandomNumberGenerator
    ) {
        if sync.failure == nil { emit(.log(.warning, "\(reason); trying again, forwarding goes on")) }
        sync.failure = reason
        sync.reported = nil
        let delay = sync.backoff.jitteredDelay(atMost: maximum, using: &generator)
        sync.retryAt = now + max(delay, min(minimum ?? .zero, .seconds(60)))
    }
}

extension String {
    /// The text up to where another one begins in it; the whole if it does not.
    func text(before mark: String) -> String {
        utf8.indices.first { self[$0...].hasPrefix(mark) }.map { String(self[..<$0]) } ?? self
    }

    /// The text, without what is beyond so many bytes of UTF-8.
    func cut(toByteCount maximum: Int) -> String {
        var count = 0
        let kept = unicodeScalars.prefix { scalar in
            count += UTF8.width(scalar)
            return count <= maximum
        }
        return String(kept)
    }
}
