import DequeModule
import NetworkModel
import Persistent
import Southbound
import Wire

/// The core of central: a value that takes requests, heartbeats and time, and gives commits and answers.
///
/// Two networks are in it. ``durable`` is what is on disk and what readers, feeds and answers show. ``working`` has
/// the commits on the way on top; requests are checked against it. Every answer to a write leaves after its commit
/// is durable.
///
/// After ``init(network:history:configuration:now:)`` step once with ``Event/timer``, so that the effects of the start
/// itself (a translation by a newer version, the first timer) are carried out.
public struct CentralCore: Sendable {
    let configuration: Configuration
    /// The network on disk: never older than any answer.
    public internal(set) var durable: Network
    /// The network once the commits under way are on disk.
    var working: Network
    /// The newest commits, with the networks after them.
    var past: Past
    /// The revision at which this process took the log up.
    let firstRevision: UInt64
    /// The changes of commits, worked out for all chassis at once.
    var deltas: Deltas
    /// The time when each datapath changed.
    var trails: [ObjectID: ChangeTrail] = [:]
    /// The commits of the append under way, oldest first.
    var appending: [PendingCommit] = []
    /// The commits that wait for the append under way, oldest first.
    var pending: [PendingCommit] = []
    /// Bytes of their encodings.
    var pendingByteCount = 0
    var sessions: [String: Session] = [:]
    /// The chassis on which a logical port is plugged, by its name.
    var pluggedAt: [String: Set<String>] = [:]
    /// The ports that chassis wait for by what was committed, until they have spoken to this process.
    var committedWaits: [String: [ObjectID]] = [:]
    /// Requests that wait for something to say about a chassis.
    var polls: [Ticket: Poll] = [:]
    var pollsByChassis: [String: Set<Ticket>] = [:]
    /// The chassis that are about to be told of something.
    var waking = WakeQueue()
    /// Polls that wait until what they ask for is worked out.
    var delayed: [Ticket] = []
    /// Polls that are to be looked at again, because there is news or what they asked for is there.
    var retried: Deque<Ticket> = []
    /// Requests that wait for something to change.
    var watches = OrderedMap<Ticket, Watch>()
    /// The same, in the order in which they are looked at.
    var watchOrder = OrderedMap<WatchKey, Void>()
    /// The changes since they were looked at last.
    var news = News()
    /// The changes for which they are being looked at, and the last one that was.
    var sweep: (news: News, after: WatchKey)?
    /// The answer to the last watch, for those that ask for the same.
    var sameFeed: (since: UInt64, kinds: Set<ResourceKind>, revision: UInt64, feed: ChangeFeed)?
    /// Commits made durable since the start.
    var commitCount: UInt64 = 0
    var realizations: [Ticket: RealizationWait] = [:]
    /// The same, by the chassis that is known to lack the revision.
    var waitsByWitness: [String: OrderedMap<RevisionKey, Void>] = [:]
    /// Those of which the next obstacle is to be found.
    var stalled: Deque<Ticket> = []
    /// Questions to hosts that have no reply yet, by their numbers.
    var queries: [UInt64: OpenQuery] = [:]
    /// The number of the last one.
    var queryNumber: UInt64 = 0
    /// Questions that are asked later.
    var laterQueries: [Ticket: LaterQuery] = [:]
    /// Requests that wait until a revision is durable: its number, and when the waiting is given up.
    var revisionWaits: [Ticket: (revision: UInt64, deadline: Duration)] = [:]
    /// The same, in the order in which they end.
    var waitsByRevision = OrderedMap<RevisionKey, Void>()
    /// The write that is being worked out beside the core.
    var planned: (ticket: Ticket, company: Plan.Company)?
    /// The commits that may go before it, though they were made later.
    var overtaken: Overtaken?
    /// In the copy that a plan is carried out on: the revision that its commit will have.
    var reservedRevision: UInt64?
    /// Large writes that wait for it.
    var queued: Deque<(ticket: Ticket, request: WriteRequest)> = []
    /// The events that would make a commit and wait, in order.
    var held: Deque<(ticket: Ticket, request: Request)> = []
    /// True if one of them is being carried out.
    var isCarryingOutHeld = false
    /// Rises when the log did not take commits: what was planned on top of them is void.
    var planVersion: UInt64 = 0
    /// Work that central gives itself, piece by piece.
    var chores: Deque<Chore> = []
    /// The ports that the start compares with their records, as the others are as this version translates them; `nil`
    /// for all.
    var comparedPorts: Set<ObjectID>?
    /// True if the records are being brought up to this version's translation.
    var isUpgrading = false
    /// The revision with which they are.
    var upgradedAt: UInt64?
    /// The chassis of which something was said that the log did not take.
    var unsettled: Set<String> = []
    /// True if a time is set at which that is tried again.
    var isRetryArmed = false
    /// The pause before the next attempt.
    var storageRetry: Duration
    /// Times in which central heard nobody.
    var pauses: Deque<Pause> = []
    /// All that time alone brings about.
    var deadlines = OrderedMap<Deadline, Void>()
    /// The time that the edge was asked to wake the core at.
    var timer: Duration?
    /// The reports about the log's failures, by their reason.
    var complaints = RepeatBudget<String>()
    var isStarted = false
    var isStopping = false
    /// The step's monotonic time.
    var now: Duration
    /// The step's time in seconds since 1970.
    var wallClock: Int64 = 0
    /// The time of the newest commit: no later one is earlier, whatever the clock says.
    var lastTime: Int64 = 0
    /// The time of a commit that is made now.
    var time: Int64 { overtaken?.time ?? max(wallClock, lastTime) }
    /// True if ``Event/goOn`` is on its way.
    var isGoingOn = false
    /// The effects of the step so far.
    var effects: [Effect] = []
    /// The values that the step is done with.
    var remains = Remains()

    /// Creates a core from a network and the newest commits of its log.
    /// - Parameters:
    ///   - network: the network before the first commit of `history`: the rows of the store.
    ///   - history: the commits that follow, up to the last durable one, without a gap. Deltas reach back over the
    ///     last ``Configuration/historyCountMaximum`` of them.
    ///   - hashes: the hash of each of them.
    ///   - isTranslated: asked when the history is carried out; true if `network` has the records that this version
    ///     translates its objects to, so that the start compares only what the history touched.
    /// - Throws: ``CommitError`` if the history does not follow the network.
    public init(
        network: Network,
        history commits: [Commit],
        hashes: [CommitHash],
        configuration: Configuration = Configuration(),
        now: Duration,
        isTranslated: () -> Bool = { false }
    ) throws(CommitError) {
        var network = network
        past = Past(network, configuration.pastBounds)
        var remains = Remains()
        guard hashes.count == commits.count else { throw CommitError("a history with other hashes than commits") }
        for (commit, hash) in zip(commits, hashes) {
            let before = network
            try network.apply(commit)
            network.hash = hash
            past.append(
                Past.Entry(
                    network: network,
                    record: CommitRecord(commit, before: before, after: network),
                    touched: commit.touchedRecords,
                    byteCount: commit.keptByteCount(replaced: commit.encoded.count),
                    time: now
                ),
                leaving: &remains
            )
            lastTime = max(lastTime, commit.time)
        }
        self.configuration = configuration
        self.now = now
        durable = network
        working = network
        firstRevision = network.revision
        deltas = Deltas(pages: configuration.pageBounds)
        storageRetry = configuration.storageRetry
        for chassis in network.southbound.chassisByName {
            let isLive = network.ledger.chassis[chassis.key]?.isLive == true
            sessions[chassis.key] = Session(
                leaseEnd: now + (isLive ? configuration.lease : .zero),
                now: now,
                shareMayHaveChangedUpTo: network.revision
            )
            if isLive, configuration.isLeader { setLease(of: chassis.key, until: now + configuration.lease) }
        }
        noteCommittedWaits()
        if isTranslated() { comparedPorts = commits.reduce(into: []) { $0.formUnion($1.touchedPorts) } }
    }

    /// Takes one event and returns the effects, in order.
    /// - Parameters:
    ///   - now: monotonic time since any origin, never earlier than at the step before.
    ///   - wallClock: seconds since 1970, for the times that objects show.
    ///   - generator: the source of identities of new objects.
    public mutating func step(
        _ event: Event,
        now: Duration,
        wallClock: Int64,
        using generator: inout some RandomNumberGenerator
    ) -> [Effect] {
        self.now = now
        self.wallClock = wallClock
        if !isStarted, configuration.isLeader { startUpgrade() }
        isStarted = true
        carryOut(event, using: &generator)
        startAppend()
        if hasMoreToDo, !isGoingOn {
            isGoingOn = true
            effects.append(.goOn)
        }
        if deadlines.first?.key.at != timer {
            timer = deadlines.first?.key.at
            effects.append(.setTimer(at: timer))
        }
        if !remains.isEmpty {
            effects.append(.discard(remains))
            remains = Remains()
        }
        let outcome = effects
        effects = []
        return outcome
    }

    private mutating func carryOut(_ event: Event, using generator: inout some RandomNumberGenerator) {
        switch event {
        case .asked(let ticket, let request): take(ticket, request, using: &generator)
        case .planned(let outcome): adopt(outcome, using: &generator)
        case .disconnected(let ticket): disconnect(ticket)
        case .durable(let revision, let hashes): finishAppend(revision, hashes)
        case .replicated(let commits, let hashes): if !configuration.isLeader { follow(commits, hashes) }
        case .storageFailed(let reason): failAppend(reason)
        case .timer: runDeadlines()
        case .goOn:
            isGoingOn = false
            carryOutHeld(using: &generator)
            goOn()
        case .stopping: stop()
        }
    }

    /// Answers a request, now or when its turn comes.
    mutating func take(_ ticket: Ticket, _ request: Request, using generator: inout some RandomNumberGenerator) {
        guard configuration.isLeader || !request.needsLeader else {
            let refusal = Refusal(.unavailable, "This member of central follows another one; ask the one that leads.")
            return effects.append(.answer(ticket, .refused(refusal, operationIndex: nil)))
        }
        switch request {
        case .write(let write): take(write: ticket, write, using: &generator)
        case .access(let access):
            guard !isHolding else { return held.append((ticket, request)) }
            changeAccess(ticket, access)
        case .sync(let chassis, let said, let isCertified):
            guard !refuseWhileUpgrading(ticket) else { return }
            guard !isHolding || !registers(chassis, said) else { return held.append((ticket, request)) }
            sync(ticket, chassis, said, isCertified: isCertified)
        case .changes(let poll):
            guard !refuseWhileUpgrading(ticket) else { return }
            read(ticket, poll)
        case .watch(let wanted): watch(ticket, wanted)
        case .audit(let wanted): effects.append(.audit(ticket, wanted))
        case .statistics: effects.append(.answer(ticket, .statistics(statistics)))
        case .realization(let revision, let wait): awaitRealization(ticket, of: revision, wait: wait)
        case .query(let chassis, let query, let seconds): ask(ticket, chassis, query, after: seconds)
        case .reply(let chassis, let reply): hear(ticket, chassis, reply)
        case .network(let revision): effects.append(.answer(ticket, .network(past.network(at: revision))))
        case .reached(let revision, let wait): awaitRevision(ticket, revision, wait: wait)
        }
    }

    /// True if the southbound database is this version's translation; before that hosts are told nothing.
    public var isReady: Bool { isStarted && !isUpgrading }

    /// A share that is half upgraded would take ports from hosts.
    private mutating func refuseWhileUpgrading(_ ticket: Ticket) -> Bool {
        guard isUpgrading else { return false }
        let refusal = Refusal(.unavailable, "Central is still bringing its records up to this version; try again soon.")
        effects.append(.answer(ticket, .refused(refusal, operationIndex: nil)))
        return true
    }

    /// Answers what is parked and takes no writes any more.
    private mutating func stop() {
        isStopping = true
        for ticket in polls.keys.sorted() { answerPoll(ticket) }
        for ticket in realizations.keys.sorted() { giveUpRealization(ticket) }
        for ticket in Array(watches.keys) { answerWatch(ticket) }
        for id in queries.keys.sorted() { giveUpQuery(id) }
        for ticket in laterQueries.keys.sorted() {
            if let later = forgetLaterQuery(of: ticket) { ask(ticket, later.chassis, later.query) }
        }
    }

    private mutating func disconnect(_ ticket: Ticket) {
        unpark(ticket)
        forgetWatch(ticket)
        forgetRealization(ticket)
        forgetRevisionWait(ticket)
        forgetQuery(of: ticket)
    }

    /// The most that time alone brings about in one step; the rest is for the next.
    private static let deadlineCountMaximum = 256

    private mutating func runDeadlines() {
        notePause()
        var left = Self.deadlineCountMaximum
        while left > 0, let deadline = deadlines.first?.key, deadline.at <= now {
            left -= 1
            deadlines[deadline] = nil
            switch deadline.subject {
            case .lease(let name):
                endLease(of: name)
                left -= 16
            case .poll(let ticket): answerPoll(ticket)
            case .realization(let ticket):
                giveUpRealization(ticket)
                // It looks at every chassis.
                left -= durable.southbound.chassisByName.count / 32
            case .watch(let ticket): answerWatch(ticket)
            case .revision(let ticket):
                forgetRevisionWait(ticket)
                effects.append(.answer(ticket, .network(nil)))
            case .query(let id): giveUpQuery(id)
            case .laterQuery(let ticket):
                if let later = forgetLaterQuery(of: ticket) { ask(ticket, later.chassis, later.query) }
            case .storageRetry: retry()
            case .postponed(let name): settlePostponed(name)
            }
        }
    }
}
