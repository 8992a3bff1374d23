import API
import CentralCore
import HTTPTransport
import HTTPTypes
import NetworkModel
import Reactor

/// The thread for long work: it parses large contents for the loops, and works out large writes for the core.
///
/// It decides about a request as a loop does about a small one; the decision goes back to the loop that asked.
final class BulkThread {
    /// The size from which on a content is read here: a loop parses as much in about a millisecond.
    static let byteCountMinimum = 128 << 10

    /// The time from one pause of long work to the next: as long as a small request may wait for it.
    private static let pauseInterval: Duration = .microseconds(400)

    /// Messages of other threads to this one.
    enum Message: Sendable {
        /// These loops ask; comes first.
        case begin(
            [Mailbox<ServingLoop.Message>],
            core: Mailbox<CoreThread.Message>,
            store: Mailbox<StoreThread.Message>
        )
        case read(Job)
        /// Work out a write.
        case plan(Plan)
        /// Make the action of a long answer.
        case answered(Reception)
        /// Let go of these.
        case discard(Remains)
    }

    /// A long answer of the core, or one to a request with a large content, and what makes an action of it. This thread
    /// is the last to hold both: the end of them takes long, too.
    struct Reception: @unchecked Sendable {
        var ticket: Ticket
        var answer: Answer
        var next: (Answer) -> Action
    }

    /// A request with a large content.
    struct Job: Sendable {
        var ticket: Ticket
        var request: HTTPRequest
        var body: [UInt8]
        var source: String
        var peer: Peer
        var api: API
        var requestID: String
    }

    /// The decision about a request. It is made on this thread, handed over and used on the loop's only.
    struct Decision: @unchecked Sendable {
        var action: Action
        /// True if the request showed who its client is.
        var isIdentified: Bool
    }

    private let cell: LatestCell<Published>
    private var servers: [Mailbox<ServingLoop.Message>] = []
    private var core: Mailbox<CoreThread.Message>?
    private var store: Mailbox<StoreThread.Message>?
    private var generator = RandomReserve()
    /// `nil` where the kernel refuses them.
    private let pauses: ProcessorPauses?

    init(cell: LatestCell<Published>) {
        self.cell = cell
        pauses = try? ProcessorPauses(every: Self.pauseInterval)
    }

    func receive(_ message: Message) {
        guard let pauses else { return carryOut(message) }
        pauses.during { carryOut(message) }
    }

    private func carryOut(_ message: Message) {
        switch message {
        case .begin(let servers, let core, let store):
            self.servers = servers
            for server in servers { pauses?.makeWay(for: server) }
            pauses?.makeWay(for: core)
            pauses?.makeWay(for: store)
            self.core = core
            self.store = store
        case .read(let job): read(job)
        case .plan(let plan):
            let outcome = plan.carriedOut(using: &generator)
            if outcome.steadyCommit == nil { core?.send(.planned(outcome)) } else { store?.send(.stage(outcome)) }
        case .answered(let reception):
            let decision = Decision(action: reception.next(reception.answer), isIdentified: false)
            servers[ServingLoop.index(of: reception.ticket)].send(.decided(reception.ticket, decision))
        // They end with the message.
        case .discard: break
        }
    }

    private func read(_ job: Job) {
        var isIdentified = false
        let published = cell.load()
        let action = job.api.action(
            job.request,
            body: job.body,
            network: published.network,
            source: job.source,
            isReady: published.isReady,
            peer: job.peer,
            now: Clock.wallSeconds(),
            newRequestID: job.requestID,
            identified: { isIdentified = true }
        )
        let decision = Decision(action: action, isIdentified: isIdentified)
        servers[ServingLoop.index(of: job.ticket)].send(.decided(job.ticket, decision))
    }
}

extension Answer {
    /// The number of objects from which on an answer is made elsewhere: some tenths of a millisecond.
    private static let longCountMinimum = 256

    /// True if it takes long to write it out.
    var isLong: Bool {
        switch self {
        case .written(_, _, let results), .replayed(_, let results): results.count >= Self.longCountMinimum
        case .applied(_, _, _, let plan): plan.steps.count >= Self.longCountMinimum
        // They are written out as clients take them, or are short.
        case .refused, .feed, .watched, .audited, .statistics, .realization, .reply, .heard, .network: false
        }
    }
}
