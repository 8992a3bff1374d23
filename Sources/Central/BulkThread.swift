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

    init(cell: LatestCell<Published>) { self.cell = cell }

    func receive(_ message: Message) {
        switch message {
        case .begin(let servers, let core, let store):
            self.servers = servers
            self.core = core
            self.store = store
        case .read(let job): read(job)
        case .plan(let plan):
            let outcome = plan.carriedOut(using: &generator)
            if outcome.steadyCommit == nil { core?.send(.planned(outcome)) } else { store?.send(.stage(outcome)) }
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
