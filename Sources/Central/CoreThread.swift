import CentralCore
import Logging
import NetworkModel
import Reactor

/// The thread that owns the core: passes events to it and carries out its effects.
final class CoreThread {
    /// Messages of other threads to this one.
    enum Message: Sendable {
        /// A request that only the core can answer.
        case ask(Ticket, Request)
        /// The client of a request went away.
        case gone(Ticket)
        /// The last append is durable up to this revision; the hash of each of its commits.
        case stored(UInt64, [CommitHash])
        /// The last append failed as a whole.
        case notStored(String)
        case planned(Plan.Outcome)
        /// The answer that another thread has found for a request.
        case answered(Ticket, Answer)
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
    private let logger: Logger
    private var core: CentralCore
    private var generator = RandomReserve()
    private var timer: TimerHandle?
    private var isStopping = false
    /// The answers for each loop when the step under way is done: one message for all of them.
    private var answers: [[(Ticket, Answer)]]

    /// Takes up the core on its loop's thread.
    init(
        loop: EventLoop,
        core: CentralCore,
        cell: LatestCell<Published>,
        store: Mailbox<StoreThread.Message>,
        servers: [Mailbox<ServingLoop.Message>],
        planner: Mailbox<BulkThread.Message>,
        main: Mailbox<CentralDaemon.Message>,
        logger: Logger
    ) {
        self.loop = loop
        self.core = core
        self.cell = cell
        self.store = store
        self.servers = servers
        self.planner = planner
        self.main = main
        self.logger = logger
        answers = Array(repeating: [], count: servers.count)
        step(.timer)
    }

    func receive(_ message: Message) {
        switch message {
        case .ask(let ticket, let request): step(.asked(ticket, request))
        case .gone(let ticket): step(.disconnected(ticket))
        case .stored(let revision, let hashes): step(.durable(revision, hashes: hashes))
        case .notStored(let reason): step(.storageFailed(reason))
        case .planned(let outcome): step(.planned(outcome))
        case .answered(let ticket, let answer):
            keep(answer, for: ticket)
            sendAnswers()
        case .stop:
            isStopping = true
            cell.store(Published(network: core.durable, isReady: false))
            step(.stopping)
        }
    }

    private func step(_ event: Event) {
        let effects = core.step(event, now: loop.now, wallClock: Clock.wallSeconds(), using: &generator)
        for effect in effects { carryOut(effect) }
        sendAnswers()
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
        case .publish(let network): cell.store(Published(network: network, isReady: isReady && !isStopping))
        case .answer(let ticket, let answer): keep(answer, for: ticket)
        case .audit(let ticket, let request): store.send(.audit(ticket, request))
        case .setTimer(let time):
            timer?.cancel()
            timer = time.map { time in
                loop.schedule(after: max(.zero, time - loop.now)) { self.step(.timer) }
            }
        // At the end of this turn: after what has come meanwhile.
        // The next plan comes after it: so no more than one commit's remains wait.
        case .discard(let remains): planner.send(.discard(remains))
        case .goOn: loop.defer { self.step(.goOn) }
        case .log(let entry):
            logger.log(level: entry.level == .warning ? .warning : .info, "\(entry.message)")
        }
    }

    /// Keeps an answer for the loop that asked.
    private func keep(_ answer: Answer, for ticket: Ticket) {
        answers[ServingLoop.index(of: ticket)].append((ticket, answer))
    }

    private func sendAnswers() {
        for index in answers.indices where !answers[index].isEmpty {
            servers[index].send(.answers(answers[index]))
            answers[index] = []
        }
    }
}
