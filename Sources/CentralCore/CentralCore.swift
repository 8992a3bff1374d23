import DequeModule
import Northbound
import Northd
import Persistent
import Southbound

/// The heart of central: a value that takes requests, heartbeats and time, and gives commits and answers.
///
/// Two networks are in it. ``durable`` is what is on disk and what readers, feeds and answers show. ``working`` has
/// the commits on the way on top; requests are checked against it. Every answer to a write leaves after its commit
/// is durable.
///
/// After ``init(network:history:configuration:now:)`` step once with ``Event/timer``, so that what the start itself
/// brought about (a translation by a newer version, the first timer) goes out.
public struct CentralCore: Sendable {
    let configuration: Configuration
    /// What is on disk: never older than any answer.
    public internal(set) var durable: Network
    /// What is on disk once the commits on the way are.
    var working: Network
    /// The roots that deltas start from.
    var history: History
    /// The commits of the append under way, oldest first.
    var appending: [PendingCommit] = []
    /// The commits that wait for the append under way, oldest first.
    var pending: [PendingCommit] = []
    /// Bytes of their encodings.
    var pendingByteCount = 0
    /// What hosts have said, by chassis name.
    var sessions: [String: Session] = [:]
    /// The chassis on which a logical port is plugged, by its name.
    var pluggedAt: [String: Set<String>] = [:]
    /// Requests that wait for something to say about a chassis.
    var polls: [Ticket: Poll] = [:]
    /// The same, by chassis.
    var pollsByChassis: [String: Set<Ticket>] = [:]
    /// Parked polls that are about to be answered with news, each once.
    var woken: Deque<Ticket> = []
    /// The newest commits as users see them.
    var recent: RecentCommits
    /// Requests that wait for something to change.
    var watches: [Ticket: Watch] = [:]
    /// Commits made durable since the start.
    var commitCount: UInt64 = 0
    /// Requests that wait for hosts.
    var realizations: [Ticket: RealizationWait] = [:]
    /// All that time alone brings about.
    var deadlines = OrderedMap<Deadline, Void>()
    /// The time that the edge was asked to wake the core at.
    var timer: Duration?
    /// What has been said of the log's failures, by their reason.
    var complaints = RepeatBudget<String>()
    var isStarted = false
    var isStopping = false
    /// The step's monotonic time.
    var now: Duration
    /// The step's time in seconds since 1970.
    var wallClock: Int64 = 0
    /// What the step has brought about so far.
    var effects: [Effect] = []

    /// Takes up a network where a log left it.
    /// - Parameters:
    ///   - network: the network before the first commit of `history`: what the store has folded into rows.
    ///   - history: the commits that follow, up to the last durable one, without a gap. Deltas reach back over the
    ///     last ``Configuration/historyCountMaximum`` of them.
    ///   - hashes: the hash of each of them.
    /// - Throws: ``CommitError`` where the history does not follow the network.
    public init(
        network: Network,
        history commits: [Commit],
        hashes: [CommitHash],
        configuration: Configuration = Configuration(),
        now: Duration
    ) throws(CommitError) {
        var network = network
        history = History(network, countMaximum: configuration.historyCountMaximum)
        recent = RecentCommits(
            base: network.revision,
            countMaximum: configuration.historyCountMaximum,
            byteCountMaximum: configuration.recentByteCountMaximum
        )
        guard hashes.count == commits.count else { throw CommitError("a history with other hashes than commits") }
        for (commit, hash) in zip(commits, hashes) {
            let before = network
            try network.apply(commit)
            network.hash = hash
            recent.append(CommitRecord(commit, before: before, after: network))
            history.append(network.southbound, touched: commit.touchedRecords)
        }
        self.configuration = configuration
        self.now = now
        durable = network
        working = network
        for chassis in network.southbound.chassisByName {
            sessions[chassis.key] = Session(
                leaseEnd: now + configuration.lease,
                shareMayHaveChangedUpTo: network.revision
            )
            if isLive(chassis.key) { setLease(of: chassis.key, until: now + configuration.lease) }
        }
    }

    /// Takes one event and gives what is to be done, in order.
    /// - Parameters:
    ///   - now: monotonic time since any origin, never earlier than at the step before.
    ///   - wallClock: seconds since 1970, for the times that objects show.
    ///   - generator: where identities of new objects come from.
    public mutating func step(
        _ event: Event,
        now: Duration,
        wallClock: Int64,
        using generator: inout some RandomNumberGenerator
    ) -> [Effect] {
        self.now = now
        self.wallClock = wallClock
        if !isStarted { upgrade() }
        isStarted = true
        switch event {
        case .write(let ticket, let request): write(ticket, request, using: &generator)
        case .access(let ticket, let request): changeAccess(ticket, request)
        case .sync(let ticket, let chassis, let request, let isCertified):
            sync(ticket, chassis, request, isCertified: isCertified)
        case .changes(let ticket, let chassis, let since, let epoch, let page, let wait):
            read(ticket, Poll(chassis: chassis, since: since, epoch: epoch, page: page, wait: wait, isSync: false))
        case .watch(let ticket, let request): watch(ticket, request)
        case .audit(let ticket, let request): audit(ticket, request)
        case .realization(let ticket, let revision, let wait): awaitRealization(ticket, of: revision, wait: wait)
        case .disconnected(let ticket): disconnect(ticket)
        case .durable(let revision, let hashes): finishAppend(revision, hashes)
        case .storageFailed(let reason): failAppend(reason)
        case .timer: runDeadlines()
        case .goOn: answerWoken()
        case .stopping: stop()
        }
        startAppend()
        if deadlines.first?.key.at != timer {
            timer = deadlines.first?.key.at
            effects.append(.setTimer(at: timer))
        }
        let outcome = effects
        effects = []
        return outcome
    }

    /// Brings the southbound database of an older version up to this one's translation, as a commit.
    private mutating func upgrade() {
        let difference = working.translationDifference()
        guard !difference.isEmpty else { return }
        var draft = Draft(on: working, time: wallClock)
        for change in difference { draft.apply(change) }
        commit(draft, author: "upgrade")
    }

    /// Answers what is parked and takes no writes any more.
    private mutating func stop() {
        isStopping = true
        for ticket in polls.keys.sorted() { answerPoll(ticket) }
        for ticket in realizations.keys.sorted() { giveUpRealization(ticket) }
        for ticket in watches.keys.sorted() { answerWatch(ticket) }
    }

    private mutating func disconnect(_ ticket: Ticket) {
        unpark(ticket)
        forgetWatch(ticket)
        if let wait = realizations.removeValue(forKey: ticket) {
            deadlines[Deadline(at: wait.deadline, subject: .realization(ticket))] = nil
        }
    }

    private mutating func runDeadlines() {
        while let deadline = deadlines.first?.key, deadline.at <= now {
            deadlines[deadline] = nil
            switch deadline.subject {
            case .lease(let name): endLease(of: name)
            case .poll(let ticket): answerPoll(ticket)
            case .realization(let ticket): giveUpRealization(ticket)
            case .watch(let ticket): answerWatch(ticket)
            case .storageRetry: settleEverything()
            }
        }
    }
}
