import API
import CentralCore
import HTTP
import HTTPTransport
import HTTPTypes
import Logging
import NetworkModel
import Reactor
import Security

/// One thread that serves HTTP on both ports: answers reads from the current root, hands the rest to the core and
/// keeps the request until its answer comes.
final class ServingLoop {
    /// The most streams of events that one loop keeps open: consoles and reconcilers, with room for a storm of them;
    /// each has a connection and at most one page that it has not taken.
    static let eventStreamMaximum = 1000
    /// The interval at which other loops are asked to make room: each time they end some connections.
    static let roomInterval: Duration = .milliseconds(100)
    /// The time that a stopping central waits for clients to take their answers.
    static let drainTime: Duration = .seconds(5)
    /// Tickets hold the loop in the upper 16 bits and a count in the lower 48.
    private static let indexShift: UInt64 = 48

    /// Messages of other threads to this one.
    enum Message: Sendable {
        case answers([(Ticket, Answer)])
        /// The decision about a request whose content, or whose answer, was large.
        case decided(Ticket, BulkThread.Decision)
        /// Show other certificates to whoever comes from now on.
        case secure([Route.Plane: TLSContext])
        /// End connections that idle: another loop has a newcomer, and none to end.
        case makeRoom
        /// Take nothing new; say so when the last client has gone.
        case drain
    }

    private struct Parked {
        var exchange: HTTPExchange
        var start: Duration
        var place: Places.Place
        var next: (Answer) -> Action
    }

    /// A request whose content, or whose answer by the core, is being read elsewhere.
    private struct Undecided {
        var exchange: HTTPExchange
        var start: Duration
        /// The bytes that are held for it.
        var byteCount = 0
        /// Its place, if the core has answered.
        var place: Places.Place?
    }

    private let index: UInt64
    private let cell: LatestCell<Published>
    private let core: Mailbox<CoreThread.Message>
    private let main: Mailbox<CentralDaemon.Message>
    private let metrics: Metrics
    private let logger: Logger
    /// The beginning of the requests' identities: drawn anew with each start, then the loop's number.
    private let requestIDPrefix: String
    private let bulk: Mailbox<BulkThread.Message>?
    /// The places of requests that wait for the core.
    private var places: Places
    private var undecided: [Ticket: Undecided] = [:]
    private let eventStreamMaximum: Int
    private var servers: [HTTPServer] = []
    private var turns: TurnQueue?
    private var answers: AnswerQueue?
    private var repeatedLog: RepeatedLog?
    private var attempts = AttemptLimiter()
    private var askedForRoom: Duration?
    private var secureServers: [(plane: Route.Plane, server: HTTPServer)] = []
    private var parked: [Ticket: Parked] = [:]
    /// The exchanges whose answers stay open.
    private var streams: [ObjectIdentifier: HTTPExchange] = [:]
    private var requestCount: UInt64 = 0
    private var ticketCount: UInt64 = 0

    init(
        index: Int,
        cell: LatestCell<Published>,
        core: Mailbox<CoreThread.Message>,
        bulk: Mailbox<BulkThread.Message>? = nil,
        main: Mailbox<CentralDaemon.Message>,
        metrics: Metrics,
        logger: Logger,
        requestIDPrefix: String,
        parkedRequestMaximum: Int,
        eventStreamMaximum: Int = ServingLoop.eventStreamMaximum
    ) {
        self.index = UInt64(index)
        self.cell = cell
        self.core = core
        self.requestIDPrefix = "\(requestIDPrefix)-\(index)-"
        self.bulk = bulk
        places = Places(maximum: parkedRequestMaximum)
        self.eventStreamMaximum = eventStreamMaximum
        self.main = main
        self.metrics = metrics
        self.logger = logger
    }

    /// The loop that a ticket comes from.
    static func index(of ticket: Ticket) -> Int { Int(ticket >> indexShift) }

    /// Begins to serve a listener.
    /// - Parameter tls: what makes a secure one so.
    func serve(
        _ listener: Descriptor,
        _ exposure: Exposure = .open,
        _ tls: TLSContext? = nil,
        limits: HTTPLimits = HTTPLimits(),
        ledger: ConnectionLedger? = nil,
        api: API,
        on loop: EventLoop
    ) throws(SystemError) {
        let turns = turns ?? TurnQueue(loop: loop)
        self.turns = turns
        repeatedLog = repeatedLog ?? RepeatedLog(loop: loop, logger: logger)
        answers =
            answers
            ?? AnswerQueue(
                loop: loop,
                heldByteCount: { [unowned self] in servers.reduce(0) { $0 + $1.heldByteCount } },
                passOn: { [unowned self] in passOn($0, $1) }
            )
        let server = try HTTPServer(
            loop: loop,
            listener: listener,
            limits: limits,
            tls: tls,
            turns: turns,
            ledger: ledger,
            judge: { request, address, credentials, mayAnswer in
                switch self.verdict(on: request, Peer(exposure, credentials), api: api) {
                case .content(let maximum): .content(byteCountMaximum: min(maximum, limits.bodyByteCountMaximum))
                case .answer(let reply) where mayAnswer: self.answer(reply, toHead: request, address)
                // It is read for the sake of the connection only.
                case .answer: .content(byteCountMaximum: limits.unwantedByteCountMaximum)
                }
            },
            problem: { error in
                let reply = API.reply(error, network: self.cell.load().network, requestID: self.newRequestID())
                self.metrics.record(loop: Int(self.index), nil, status: reply.head.status.code, .zero)
                guard case .bytes(let bytes) = reply.body else { return (reply.head, []) }
                return (reply.head, bytes)
            },
            handler: { self.handle($0, exposure, api: api) }
        )
        server.makesRoom = { [unowned self] in makeRoom() }
        servers.append(server)
        if exposure == .secure { secureServers.append((api.plane, server)) }
    }

    /// Makes room for connections to come. The present newcomer is served only if this loop has some to end; else
    /// the others are asked, and it finds room when it comes again.
    func makeRoom() -> Bool {
        if closeIdle() { return true }
        let now = Clock.monotonic()
        if askedForRoom.map({ now - $0 >= Self.roomInterval }) ?? true {
            askedForRoom = now
            main.send(.needsRoom(loop: Int(index)))
        }
        return false
    }

    /// Ends idle connections of the port with the lowest idle rank.
    private func closeIdle() -> Bool {
        let idle = servers.compactMap { server in server.mostIdle.map { (rank: $0, server: server) } }
        return idle.min { $0.rank < $1.rank }?.server.closeIdle() ?? false
    }

    func receive(_ message: Message) {
        switch message {
        case .answers(let new): answers?.add(new)
        case .decided(let ticket, let decision):
            guard let waiting = undecided.removeValue(forKey: ticket) else { return }
            places.letGo(byteCount: waiting.byteCount)
            if let place = waiting.place { places.leave(place) }
            if decision.isIdentified { waiting.exchange.identify() }
            decide(decision.action, for: waiting.exchange, since: waiting.start)
        case .secure(let contexts):
            for (plane, server) in secureServers { server.tls = contexts[plane] }
        case .makeRoom: _ = closeIdle()
        case .drain:
            for exchange in Array(streams.values) { endStream(exchange) }
            var remaining = servers.count
            for server in servers {
                server.drain(within: Self.drainTime) {
                    remaining -= 1
                    if remaining == 0 { self.main.send(.drained) }
                }
            }
        }
    }

    private func passOn(_ ticket: Ticket, _ answer: Answer) {
        guard let parked = parked.removeValue(forKey: ticket) else { return }
        let isLong = answer.isLong || parked.exchange.body.count >= BulkThread.byteCountMinimum
        if isLong, bulk?.send(.answered(.init(ticket: ticket, answer: answer, next: parked.next))) == true {
            undecided[ticket] = Undecided(exchange: parked.exchange, start: parked.start, place: parked.place)
            return
        }
        places.leave(parked.place)
        carryOut(parked.next(answer), for: parked.exchange, since: parked.start)
    }

    private func handle(_ exchange: HTTPExchange, _ exposure: Exposure, api: API) {
        let start = Clock.monotonic()
        let peer = Peer(exposure, exchange.credentials)
        let isLong = api.takesLong(exchange.request)
        let byteCount = max(exchange.body.count, isLong ? API.traceByteCount : 0)
        guard byteCount < BulkThread.byteCountMinimum || !readElsewhere(exchange, byteCount, peer, api, start)
        else { return }
        let action = cell.load().action(api, on: exchange, peer, newRequestID: newRequestID)
        decide(action, for: exchange, since: start)
    }

    /// Lets the bulk thread read a large content.
    /// - Returns: True if the request is taken care of.
    private func readElsewhere(
        _ exchange: HTTPExchange,
        _ byteCount: Int,
        _ peer: Peer,
        _ api: API,
        _ start: Duration
    ) -> Bool {
        guard let bulk else { return false }
        guard places.hold(byteCount: byteCount) else {
            answer(
                API.reply(.tooManyBytesHeld, network: cell.load().network, requestID: newRequestID()),
                to: exchange,
                since: start
            )
            return true
        }
        ticketCount += 1
        let ticket = index << Self.indexShift | ticketCount
        let job = BulkThread.Job(
            ticket: ticket,
            request: exchange.request,
            body: exchange.body,
            source: "\(exchange.peer)",
            peer: peer,
            api: api,
            requestID: newRequestID()
        )
        guard bulk.send(.read(job)) else {
            places.letGo(byteCount: byteCount)
            return false
        }
        undecided[ticket] = Undecided(exchange: exchange, start: start, byteCount: byteCount)
        return true
    }

    private func decide(_ action: Action, for exchange: HTTPExchange, since start: Duration) {
        if case .reply(let reply) = action, isBeyondAttempts(reply, exchange.request, exchange.peer, start) {
            return answer(tooManyAttempts, to: exchange, since: start)
        }
        carryOut(action, for: exchange, since: start)
    }

    private func verdict(on request: HTTPRequest, _ peer: Peer, api: API) -> API.Verdict {
        cell.load().verdict(api, on: request, peer, newRequestID: newRequestID)
    }

    /// The answer to a request with content that its head decides.
    private func answer(_ reply: Reply, toHead request: HTTPRequest, _ address: SocketAddress) -> HeadVerdict {
        let reply = isBeyondAttempts(reply, request, address, Clock.monotonic()) ? tooManyAttempts : reply
        metrics.record(loop: Int(index), reply.endpoint, status: reply.head.status.code, .zero)
        guard case .bytes(let bytes) = reply.body else { return .answer(reply.head, []) }
        return .answer(reply.head, bytes)
    }

    /// True if a request with a wrong token exceeds its host's budget.
    private func isBeyondAttempts(
        _ reply: Reply,
        _ request: HTTPRequest,
        _ peer: SocketAddress,
        _ now: Duration
    ) -> Bool {
        guard reply.head.status == .unauthorized, case .ip(let address, _) = peer,
            request.headerFields[.authorization] != nil
        else { return false }
        repeatedLog?.warn(.wrongToken(RemoteHost(address)), "wrong token from \(address)")
        return !attempts.take(RemoteHost(address), now: now)
    }

    private var tooManyAttempts: Reply {
        var reply = API.reply(.tooManyWrongTokens, network: cell.load().network, requestID: newRequestID())
        reply.head.add(.retryAfter, String(AttemptLimiter.retrySeconds))
        return reply
    }

    private func carryOut(_ action: Action, for exchange: HTTPExchange, since start: Duration) {
        switch action {
        case .reply(let reply): answer(reply, to: exchange, since: start)
        case .ask(let request, let next): park(exchange, since: start, request, next)
        case .stream(let reply, let then): stream(reply, then, to: exchange, since: start)
        }
    }

    /// Begins an answer that stays open, or goes on with it.
    private func stream(_ reply: Reply, _ then: (() -> Action)?, to exchange: HTTPExchange, since start: Duration) {
        let isFirst = exchange.stream == nil
        guard !isFirst || streams.count < eventStreamMaximum else {
            let detail = "Central has the maximum number of open streams; try again in a moment, or poll."
            return answer(reply.refused(Refusal(.unavailable, detail)), to: exchange, since: start)
        }
        let then = cell.load().isReady ? then : nil
        let content = exchange.stream ?? BodyStream()
        // The client may go at any time, also while nothing is asked for it.
        exchange.onDisconnect = { [unowned self, id = ObjectIdentifier(exchange)] in streams[id] = nil }
        content.onTaken = then.map { then in
            { [unowned self] in carryOut(then(), for: exchange, since: start) }
        }
        content.write(reply.body)
        if isFirst {
            streams[ObjectIdentifier(exchange)] = exchange
            var reply = reply
            reply.body = .stream(content)
            answer(reply, to: exchange, since: start)
        }
        if then == nil { endStream(exchange) }
    }

    private func endStream(_ exchange: HTTPExchange) {
        streams[ObjectIdentifier(exchange)] = nil
        exchange.stream?.end()
    }

    private func answer(_ reply: Reply, to exchange: HTTPExchange, since start: Duration) {
        let status = reply.head.status.code
        metrics.record(loop: Int(index), reply.endpoint, status: status, Clock.monotonic() - start)
        if status >= 500 {
            let request = exchange.request
            let path = request.path ?? ""
            repeatedLog?.warn(
                .failed(status: status, reply.endpoint),
                "\(request.method.rawValue) \(path) from \(exchange.peer): \(status), request \(reply.requestID)"
            )
        }
        exchange.respond(reply.head, body: reply.body)
    }

    private func park(
        _ exchange: HTTPExchange,
        since start: Duration,
        _ request: Request,
        _ next: @escaping (Answer) -> Action
    ) {
        ticketCount += 1
        let ticket = index << Self.indexShift | ticketCount
        var request = request
        let asker = Places.Asker(exchange)
        // A heartbeat must not wait for those who ask something at the hosts' port.
        exchange.isPoll = request.isPoll && request.place != .heartbeat
        var place = places.take(request.place, of: asker, byteCount: request.isPoll ? 0 : exchange.body.count)
        if place == nil, request.place == .heartbeat {
            // The heartbeat counts all the same and is answered at once: a host must not count as dead for want of a
            // place.
            request = request.withoutWait
            place = places.take(.write, of: asker)
        }
        guard let place, core.send(.ask(ticket, request)) else {
            if let place { places.leave(place) }
            let refusal = Refusal(.unavailable, "Central holds the maximum number of requests; try again in a moment.")
            return carryOut(next(.refused(refusal, operationIndex: nil)), for: exchange, since: start)
        }
        parked[ticket] = Parked(exchange: exchange, start: start, place: place, next: next)
        guard request.isPoll else { return }
        exchange.onDisconnect = { [unowned self, id = ObjectIdentifier(exchange)] in
            if let parked = parked.removeValue(forKey: ticket) { places.leave(parked.place) }
            streams[id] = nil
            core.send(.gone(ticket))
        }
    }

    private func newRequestID() -> String {
        requestCount += 1
        return requestIDPrefix + String(requestCount)
    }
}

extension Request {
    /// True if the request may be dropped when its client has gone. A write must be carried out in any case.
    fileprivate var isPoll: Bool { place != .write }
}
