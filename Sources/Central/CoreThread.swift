import API
import CentralCore
import Logging
import NetworkModel
import Reactor

/// The thread that owns the core: passes events to it and carries out its effects.
final class CoreThread {
    /// Messages of other threads to this one.
    enum Message: Sendable {
        /// A request that only the core can answer.
        case ask(Ticket, Question)
        /// The client of a request went away.
        case gone(Ticket)
        /// The last append is durable up to this revision; the hash of each of its commits.
        case stored(UInt64, [CommitHash])
        /// The last append failed as a whole.
        case notStored(String)
        /// The result of the last plan.
        case planned(Plan.Outcome)
        /// The outcome that another thread has found for a request.
        case answered(Ticket, Outcome)
        /// Answer what is parked, take nothing new.
        case stop
    }

    private let loop: EventLoop
    private let cell: LatestCell<Published>
    private let store: Mailbox<StoreThread.Message>
    private let servers: [Mailbox<ServingLoop.Message>]
    private let planner: Mailbox<BulkThread.Message>
    private let main: Mailbox<CentralDaemon.Message>
    private var isReady = false
    private let metrics: Metrics
    private let logger: Logger
    private var core: CentralCore
    private var generator = SystemRandomNumberGenerator()
    private var timer: TimerHandle?
    private var waits = RevisionWaits()
    private var waitTimer: TimerHandle?
    private var isStopping = false
    /// The outcomes for each loop when the step under way is done: one message for all of them.
    private var outcomes: [[(Ticket, Outcome)]]

    /// Takes up the core on its loop's thread.
    init(
        loop: EventLoop,
        core: CentralCore,
        cell: LatestCell<Published>,
        store: Mailbox<StoreThread.Message>,
        servers: [Mailbox<ServingLoop.Message>],
        planner: Mailbox<BulkThread.Message>,
        main: Mailbox<CentralDaemon.Message>,
        metrics: Metrics,
        logger: Logger
    ) {
        self.loop = loop
        self.core = core
        self.cell = cell
        self.store = store
        self.servers = servers
        self.planner = planner
        self.main = main
        self.metrics = metrics
        self.logger = logger
        outcomes = Array(repeating: [], count: servers.count)
        step(.timer)
    }

    func receive(_ message: Message) {
        switch message {
        case .ask(let ticket, let question): ask(ticket, question)
        case .gone(let ticket):
            waits.remove(ticket)
            setWaitTimer()
            step(.disconnected(ticket))
        case .stored(let revision, let hashes): step(.durable(revision, hashes: hashes))
        case .notStored(let reason): step(.storageFailed(reason))
        case .planned(let outcome): step(.planned(outcome))
        case .answered(let ticket, let outcome):
            answer(ticket, outcome)
            sendOutcomes()
        case .stop:
            isStopping = true
            cell.store(Published(network: core.durable, isReady: false))
            step(.stopping)
        }
    }

    private func ask(_ ticket: Ticket, _ question: Question) {
        switch question {
        case .write(let request): step(.write(ticket, request))
        case .access(let request): step(.access(ticket, request))
        case .sync(let chassis, let request, let isCertified):
            step(.sync(ticket, chassis: chassis, request, isCertified: isCertified))
        case .changes(let chassis, let since, let epoch, let hash, let page, let wait):
            step(.changes(ticket, chassis: chassis, since: since, epoch: epoch, hash: hash, page: page, wait: wait))
        case .watch(let request): step(.watch(ticket, request))
        case .audit(let request): store.send(.audit(ticket, request))
        case .statistics: answer(ticket, .statistics(metrics.statistics(core.statistics)))
        case .realization(let revision, let wait): step(.realization(ticket, revision: revision, wait: wait))
        case .network(let revision): answer(ticket, .network(core.network(at: revision)))
        case .reached(let revision): awaitRevision(revision, ticket)
        }
        sendOutcomes()
    }

    private func awaitRevision(_ revision: UInt64, _ ticket: Ticket) {
        guard core.durable.revision < revision else { return answer(ticket, .network(core.durable)) }
        guard waits.add(ticket, for: revision, until: loop.now + .seconds(API.revisionWaitMaximum)) else {
            let refusal = Refusal(.unavailable, "Too many requests wait for a revision; try again in a moment.")
            return answer(ticket, .refused(refusal, operationIndex: nil))
        }
        setWaitTimer()
    }

    /// One timer for all that wait, as long as some do.
    private func setWaitTimer() {
        guard let deadline = waits.nextDeadline else {
            waitTimer?.cancel()
            waitTimer = nil
            return
        }
        guard waitTimer == nil else { return }
        waitTimer = loop.schedule(after: max(.zero, deadline - loop.now)) {
            self.waitTimer = nil
            for ticket in self.waits.expired(at: self.loop.now) { self.answer(ticket, .network(nil)) }
            self.setWaitTimer()
            self.sendOutcomes()
        }
    }

    private func step(_ event: Event) {
        let effects = core.step(event, now: loop.now, wallClock: Clock.wallSeconds(), using: &generator)
        for effect in effects { carryOut(effect) }
        sendOutcomes()
        guard !isReady, core.isReady, !isStopping else { return }
        // Now the translation of this version is durable, so hosts may be told.
        isReady = true
        cell.store(Published(network: core.durable, isReady: true))
        main.send(.ready(revision: core.durable.revision))
    }

    private func carryOut(_ effect: Effect) {
        switch effect {
        case .append(let commits, let revision): store.send(.append(commits, after: revision))
        case .plan(let plan): planner.send(.plan(plan))
        case .publish(let network): publish(network)
        case .answer(let ticket, let answer): self.answer(ticket, Outcome(answer))
        case .setTimer(let time):
            timer?.cancel()
            timer = time.map { time in
                loop.schedule(after: max(.zero, time - loop.now)) { self.step(.timer) }
            }
        // At the end of this turn: after what has come meanwhile.
        case .goOn: loop.defer { self.step(.goOn) }
        case .log(let entry):
            logger.log(level: entry.level == .warning ? .warning : .info, "\(entry.message)")
        }
    }

    /// Keeps an outcome for the loop that asked.
    private func answer(_ ticket: Ticket, _ outcome: Outcome) {
        outcomes[ServingLoop.index(of: ticket)].append((ticket, outcome))
    }

    private func sendOutcomes() {
        for index in outcomes.indices where !outcomes[index].isEmpty {
            servers[index].send(.outcomes(outcomes[index]))
            outcomes[index] = []
        }
    }

    private func publish(_ network: Network) {
        cell.store(Published(network: network, isReady: isReady && !isStopping))
        for ticket in waits.reached(network.revision) { answer(ticket, .network(network)) }
        setWaitTimer()
    }
}

extension Outcome {
    /// Creates the outcome of an answer of the core.
    init(_ answer: Answer) {
        switch answer {
        case .written(let revision, let hash, let results): self = .written(revision: revision, hash: hash, results)
        case .replayed(let revision, let results): self = .replayed(revision: revision, results)
        case .applied(let revision, let hash, let topologyRevision, let plan):
            self = .applied(revision: revision, hash: hash, topologyRevision: topologyRevision, plan)
        case .refused(let refusal, let index): self = .refused(refusal, operationIndex: index)
        case .feed(let feed): self = .feed(feed)
        case .watched(let feed): self = .watched(feed)
        case .realization(let realization): self = .realization(realization)
        }
    }
}
