import NetworkModel
import Persistent
import Southbound

/// A request that waits for something to change.
struct Watch: Sendable {
    var request: WatchRequest
    /// The time when it is answered with nothing new.
    var deadline: Duration
    /// The newest revision when it began to wait.
    var revision: UInt64
}

/// The place of a watch among those that wait: by what they wait for, so that what does not concern them passes over
/// all of them at once.
struct WatchKey: Comparable, Sendable {
    /// A bit for each kind of object.
    var kinds: UInt64
    var ticket: Ticket

    init(_ request: WatchRequest, _ ticket: Ticket) {
        kinds = Self.bits(of: request.kinds)
        self.ticket = ticket
    }

    private init(kinds: UInt64, ticket: Ticket) {
        self.kinds = kinds
        self.ticket = ticket
    }

    static func bits(of kinds: Set<ResourceKind>) -> UInt64 {
        ResourceKind.allCases.reversed().reduce(0) { $0 << 1 | (kinds.contains($1) ? 1 : 0) }
    }

    /// Before all watches.
    static let first = WatchKey(kinds: 0, ticket: 0)

    /// Behind all watches that wait for the same.
    var lastOfKinds: WatchKey { WatchKey(kinds: kinds, ticket: .max) }

    static func < (left: WatchKey, right: WatchKey) -> Bool {
        (left.kinds, left.ticket) < (right.kinds, right.ticket)
    }
}

/// The changes of commits that watches wait for.
struct News: Sendable {
    var kinds: Set<ResourceKind> = []
    /// The tokens that let nobody in any more.
    var revokedTokens: Set<String> = []
    /// The newest of the commits.
    var revision: UInt64 = 0

    var isEmpty: Bool { kinds.isEmpty && revokedTokens.isEmpty }

    /// True if a watch is to be answered. One that came later knows already.
    func concerns(_ watch: Watch) -> Bool {
        guard watch.revision < revision else { return false }
        if let token = watch.request.token, revokedTokens.contains(token) { return true }
        return !watch.request.kinds.isDisjoint(with: kinds)
    }
}

/// The changes that users watch.
extension CentralCore {
    /// Answers at once if something has changed, else waits for a change.
    mutating func watch(_ ticket: Ticket, _ request: WatchRequest) {
        do throws(Refusal) {
            var request = request
            let end = try tokenEnd(request.token)
            let feed = try changes(request)
            request.since = feed.from
            guard feed.changes.isEmpty, !feed.hasMore, request.wait > 0, !isStopping else {
                effects.append(.answer(ticket, .watched(feed)))
                return
            }
            guard watches.count < configuration.watchCountMaximum else {
                throw Refusal(.unavailable, "Central holds the maximum number of requests; try again in a moment.")
            }
            let wait = min(Int64(request.wait), Int64(WatchRequest.waitMaximum), end - wallClock)
            let deadline = now + .seconds(wait)
            watches[ticket] = Watch(request: request, deadline: deadline, revision: durable.revision)
            watchOrder[WatchKey(request, ticket)] = ()
            deadlines[Deadline(at: deadline, subject: .watch(ticket))] = ()
        } catch {
            effects.append(.answer(ticket, .refused(error, operationIndex: nil)))
        }
    }

    /// Takes note of what watches are to be answered for.
    mutating func note(_ record: CommitRecord) {
        guard !watches.isEmpty else { return }
        news.revision = record.revision
        for change in record.changes {
            if let kind = change.resourceKind { news.kinds.insert(kind) }
            if change.kind == .token, change.object == nil { news.revokedTokens.insert(change.id) }
        }
    }

    /// Answers a piece of the watches that commits have news for, and of those whose token they revoke.
    mutating func answerWatches() {
        if sweep == nil, !news.isEmpty {
            sweep = (news, .first)
            news = News()
        }
        guard let (wanted, start) = sweep else { return }
        let kinds = WatchKey.bits(of: wanted.kinds)
        var answers = configuration.wokenCountMaximum / 4
        var looks = configuration.wokenCountMaximum * 16
        var last = start
        var walk = watchOrder.cursor(after: start)
        while answers > 0, looks > 0 {
            guard let key = walk.next()?.key else {
                sweep = nil
                return
            }
            looks -= 1
            last = key
            if wanted.revokedTokens.isEmpty, key.kinds & kinds == 0 {
                last = key.lastOfKinds
                walk = watchOrder.cursor(after: last)
                continue
            }
            guard let watch = watches[key.ticket], wanted.concerns(watch) else { continue }
            answers -= 1
            answerWatch(key.ticket)
        }
        sweep = (wanted, last)
    }

    /// Answers a watch with what there is, and be it only that time has passed.
    mutating func answerWatch(_ ticket: Ticket) {
        guard var request = forgetWatch(ticket) else { return }
        request.wait = 0
        watch(ticket, request)
    }

    @discardableResult
    mutating func forgetWatch(_ ticket: Ticket) -> WatchRequest? {
        guard let watch = watches.removeValue(forKey: ticket) else { return nil }
        watchOrder[WatchKey(watch.request, ticket)] = nil
        deadlines[Deadline(at: watch.deadline, subject: .watch(ticket))] = nil
        return watch.request
    }

    private mutating func changes(_ request: WatchRequest) throws(Refusal) -> ChangeFeed {
        let feed = try findChanges(request)
        sameFeed = (request.since ?? durable.revision, request.kinds, durable.revision, feed)
        return feed
    }

    private func findChanges(_ request: WatchRequest) throws(Refusal) -> ChangeFeed {
        let since = request.since ?? durable.revision
        guard request.epoch == nil || request.epoch == durable.epoch else {
            throw gone("Revision \(since) is of another epoch")
        }
        guard since <= durable.revision else { throw gone("There is no revision \(since) yet") }
        if let hash = request.hash, since >= past.oldest, !past.agrees(hash, at: since) {
            throw gone("Revision \(since) was another commit in the history that the request names")
        }
        // Watchers mostly have the same and want the same.
        if let (from, kinds, revision, feed) = sameFeed, from == since, revision == durable.revision,
            kinds == request.kinds
        {
            return feed
        }
        guard let entries = past.after(since) else { throw gone("The changes after revision \(since) are gone") }
        // Correct if no record follows, which is so if the client has the newest revision.
        let hash = durable.hash
        var feed = ChangeFeed(epoch: durable.epoch, from: since, to: since, hash: hash, hasMore: false, changes: [])
        var byteCount = 0
        for entry in entries {
            let record = entry.record
            // Whole commits only, and at least one that says something.
            let wanted = record.changes.filter { $0.resourceKind.map(request.kinds.contains) ?? false }
            byteCount += wanted.reduce(0) { $0 + ($1.object?.count ?? 0) }
            let isTooMuch =
                feed.changes.count + wanted.count > configuration.pageChangeCountMaximum
                || byteCount > configuration.pageByteCountMaximum
            guard feed.changes.isEmpty || !isTooMuch else {
                feed.hasMore = true
                return feed
            }
            feed.changes += wanted.map { (record.revision, $0) }
            feed.to = record.revision
            feed.hash = entry.network.hash
        }
        return feed
    }

    private func gone(_ what: String) -> Refusal {
        Refusal(.resyncRequired, "\(what); list the objects again and go on from the list's revision.")
    }

    public var statistics: CoreStatistics {
        let live = durable.ledger.chassis.reduce(0) { $0 + ($1.value.isLive ? 1 : 0) }
        return CoreStatistics(
            revision: durable.revision,
            commitCount: commitCount,
            objectCounts: ObjectKind.allCases.map { ($0, durable.northbound.count(of: $0)) },
            topologyCount: durable.northbound.topologies.count,
            liveChassisCount: live,
            deadChassisCount: durable.ledger.chassis.count - live,
            holdingChassisCount: durable.ledger.chassis.reduce(0) { $0 + ($1.value.held == nil ? 0 : 1) },
            parkedSyncCount: polls.count,
            parkedWatchCount: watches.count,
            parkedRealizationCount: realizations.count,
            waitingCommitCount: pending.count + appending.count
        )
    }
}

/// Counts of what a core holds; all of one moment.
public struct CoreStatistics: Sendable {
    /// The newest durable revision.
    public var revision: UInt64
    /// Commits made durable since the start.
    public var commitCount: UInt64
    public var objectCounts: [(kind: ObjectKind, count: Int)]
    public var topologyCount: Int
    public var liveChassisCount: Int
    /// Chassis that do not.
    public var deadChassisCount: Int
    /// Chassis that do not go by this network, as it would take too much from them.
    public var holdingChassisCount: Int
    /// Polls of chassis feeds that are held.
    public var parkedSyncCount: Int
    /// Requests that are held until something changes.
    public var parkedWatchCount: Int
    /// Requests that are held until hosts have a revision.
    public var parkedRealizationCount: Int
    /// Commits that are not durable yet.
    public var waitingCommitCount: Int
}
