import DequeModule
import HTTP
import HTTPTypes
import Reactor
import Security

/// Serves HTTP on one listening socket, on the thread of one loop.
///
/// Handlers are called on that thread and must not block; they may answer at any later time. The loop keeps the server
/// until it has stopped accepting and its last connection is closed.
public final class HTTPServer {
    /// The protocols that ``tls`` is to offer (RFC 7301), the best first.
    public static let protocols = ["h2", "http/1.1"]

    /// The TLS configuration of new connections; without it they are plain.
    public var tls: TLSContext?

    /// Ends idle connections, of this server or of others, because descriptors are running out; `false` if there are
    /// none. Without it, idle ones of this server end.
    public var makesRoom: (() -> Bool)?

    let loop: EventLoop
    let turns: TurnQueue
    let handler: (HTTPExchange) -> Void
    /// The buffer for the last read, valid for the connection that read; one buffer serves all.
    private(set) var readBuffer = [UInt8](repeating: 0, count: Pace.readByteCountMaximum)
    let limits: HTTPLimits
    private let judge: (HTTPRequest, SocketAddress, PeerCredentials, _ mayAnswer: Bool) -> HeadVerdict
    let problem: (RequestError) -> (AnswerHead, [UInt8])
    let negotiation = ContentNegotiation()
    private let ledger: ConnectionLedger
    private var acceptor: Acceptor?
    /// Connections get descriptors below it; the rest is for files and for refusals.
    private let descriptorMaximum: Int
    private var connections: [Int: ServerConnection] = [:]
    private var handshakes: [Int: ServerHandshake] = [:]
    private var nextConnectionID = 0
    private var refusedCount = 0
    /// Connections of abusers that are kept for a while, the oldest first.
    private var stalled: Deque<Int> = []
    /// Bytes that all connections hold together: requests read in part, those that wait or are with the handler,
    /// answers that clients have not taken.
    public private(set) var heldByteCount = 0
    private var isShedding = false
    /// The time until which no connection is looked for that could make room: there was none just now.
    private var allKnownUntil = Duration.zero
    private var drainCompletion: (() -> Void)?
    private var drainTimer: TimerHandle?

    /// Begins to accept connections.
    /// - Parameters:
    ///   - listener: A socket of `Descriptor.listen`.
    ///   - turns: Shares the loop's time, if it serves several servers.
    ///   - ledger: Counts the connections, where several servers share their maximum.
    ///   - bodyLimit: The most bytes of a request's body, asked when the head of a request with a body is complete;
    ///     without it, ``HTTPLimits/bodyByteCountMaximum``.
    ///   - problem: Makes the answer to a request that is refused before a handler sees it.
    ///   - handler: Gets each request.
    public init(
        loop: EventLoop,
        listener: Descriptor,
        limits: HTTPLimits = HTTPLimits(),
        tls: TLSContext? = nil,
        turns: TurnQueue? = nil,
        ledger: ConnectionLedger? = nil,
        judge: ((HTTPRequest, SocketAddress, PeerCredentials, _ mayAnswer: Bool) -> HeadVerdict)? = nil,
        problem: @escaping (RequestError) -> (AnswerHead, [UInt8]) = \.problem,
        handler: @escaping (HTTPExchange) -> Void
    ) throws(SystemError) {
        self.loop = loop
        self.turns = turns ?? TurnQueue(loop: loop)
        self.limits = limits
        self.tls = tls
        self.judge = judge ?? { _, _, _, _ in .content(byteCountMaximum: limits.bodyByteCountMaximum) }
        self.problem = problem
        self.handler = handler
        self.ledger = ledger ?? ConnectionLedger(limits)
        let descriptorLimit = Privileges.descriptorLimit
        descriptorMaximum = descriptorLimit - max(limits.spareDescriptorMinimum, descriptorLimit / 20)
        try listener.askWhetherPeersLive(every: limits.keepAliveTime, within: limits.acknowledgementTime)
        try listener.boundUnsentBytes(to: limits.unsentByteCountMaximum)
        let accepting = AcceptTurn(self.turns)
        acceptor = try Acceptor(loop: loop, listener: listener, whenWaiting: accepting.await) { socket, peer in
            self.accept(socket, from: peer)
        }
        accepting.acceptor = acceptor
    }

    public var connectionCount: Int { connections.count }
    /// Connections that are about to become secure.
    public var handshakeCount: Int { handshakes.count }

    /// Takes no further connections; those that are there go on. May be repeated.
    public func stopAccepting() {
        acceptor?.cancel()
        acceptor = nil
    }

    /// Stops: takes no further connections and requests, closes idle connections at once and the others as their last
    /// answers leave.
    /// - Parameters:
    ///   - limit: After that time the rest is closed as it is.
    ///   - completion: Called once, not within this call, when no connection is left.
    public func drain(within limit: Duration, completion: @escaping () -> Void) {
        stopAccepting()
        drainCompletion = completion
        drainTimer = loop.schedule(after: limit) {
            for connection in Array(self.connections.values) { connection.close() }
        }
        for handshake in Array(handshakes.values) { handshake.close() }
        for connection in Array(connections.values) { connection.drain() }
        completeDrainIfEmpty()
    }

    func didClose(_ connection: ServerConnection) {
        connections[connection.id] = nil
        if connection.isRefused { refusedCount -= 1 }
        if let index = stalled.firstIndex(of: connection.id) { stalled.remove(at: index) }
        completeDrainIfEmpty()
    }

    func read(from stream: any ByteStream, maximum: Int) throws(SystemError) -> IOResult<Int> {
        let count = min(maximum, readBuffer.count)
        return try readBuffer.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
            try stream.read(into: UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count))
        }
    }

    /// A session for a new connection, of one version of HTTP or the other.
    func newSession<Session>(
        _ link: ServerLink,
        _ make: (
            HTTPLimits,
            Duration,
            @escaping (HTTPRequest, Bool) -> HeadVerdict,
            @escaping (RequestError) -> (AnswerHead, [UInt8])
        ) -> Session
    ) -> Session {
        let (peer, credentials) = (link.peer, link.credentials)
        let judge = { [unowned self] (request: HTTPRequest, mayAnswer: Bool) in
            verdict(on: request, from: peer, credentials, mayAnswer: mayAnswer)
        }
        return make(limits, loop.now, judge, problem)
    }

    /// The decision about a request with content by its head: the client's rights are checked before any work.
    func verdict(
        on request: HTTPRequest,
        from peer: SocketAddress,
        _ credentials: PeerCredentials,
        mayAnswer: Bool
    ) -> HeadVerdict {
        let verdict = judge(request, peer, credentials, mayAnswer)
        guard mayAnswer, case .content = verdict else { return verdict }
        do throws(RequestError) {
            _ = try ContentNegotiation.coding(of: request)
            guard !isFull else { throw .tooManyBytesHeld }
            return verdict
        } catch {
            let (answer, body) = refusal(error)
            return .answer(answer, body)
        }
    }

    /// True if no further contents are taken.
    var isFull: Bool { heldByteCount > limits.heldByteCountMaximum }

    /// A connection is kept without being listened to.
    func didStall(_ connection: ServerConnection) {
        stalled.append(connection.id)
        guard stalled.count > limits.stalledConnectionMaximum, let oldest = stalled.popFirst() else { return }
        connections[oldest]?.close()
    }

    /// A connection holds so many more bytes than before.
    func didHold(_ byteCount: Int) {
        heldByteCount += byteCount
        guard byteCount > 0, isFull, !isShedding else { return }
        isShedding = true
        // Not within this turn: some have not heard yet that their clients take or send more.
        loop.defer { self.shed() }
    }

    /// Ends connections that hold much and have made no progress for longest, until all together hold no more than they
    /// may. A client that has had no chance to make progress, or is taking its answer, goes on; no further contents are
    /// taken meanwhile.
    private func shed() {
        let now = loop.now
        let idle = connections.values.filter { $0.mayEndForBytes(now: now) }
        for connection in idle.sorted(by: { $0.lastAdvance < $1.lastAdvance }) {
            guard isFull else { break }
            connection.close()
        }
        isShedding = isFull
        guard isShedding else { return }
        loop.schedule(after: limits.heldProgressTime / 4) { self.shed() }
    }

    /// The answer to a request in place of the handler's.
    private func refusal(_ error: RequestError) -> (AnswerHead, [UInt8]) {
        var (answer, body) = problem(error)
        // The connection ends with it, and its address may be shut out for it.
        if error == .contentBomb { answer.add(.connection, "close") }
        if error == .unsupportedContentCoding { answer.add(.acceptEncoding, "gzip, identity") }
        return (answer, body)
    }

    /// Answers a request in place of the handler.
    func refuse(_ exchange: HTTPExchange, _ error: RequestError) {
        let (answer, body) = refusal(error)
        exchange.respond(answer, body: .bytes(body))
    }

    func didClose(_ handshake: ServerHandshake) {
        handshakes[handshake.id] = nil
        if case .success(let admission) = handshake.admission { admission.end() }
    }

    func didSecure(_ handshake: ServerHandshake, _ link: ServerLink) {
        handshakes[handshake.id] = nil
        serve(link, id: handshake.id)
    }

    /// The rank of the idle connection that is missed least; `nil` if none is idle.
    public var mostIdle: IdleRank? { connections.values.lazy.filter(\.isIdle).map(\.idleRank).min() }

    /// Ends some of the idle connections: those of strangers first, then those that have been idle for longest. Parked
    /// polls are not idle.
    /// - Returns: true if there was one.
    @discardableResult
    public func closeIdle() -> Bool {
        let idle = connections.values.lazy.filter(\.isIdle)
            .first(limits.reapedConnectionMaximum) { $0.idleRank < $1.idleRank }
        for connection in idle { connection.close() }
        return !idle.isEmpty
    }

    /// Ends some unauthenticated connections without a request under way, those without progress for longest first.
    private func closeStrangers(_ isIncluded: @escaping (SocketAddress) -> Bool) -> Bool {
        let strangers = connections.values.lazy.filter { $0.mayEndForNewcomer && isIncluded($0.peer) }
            .first(limits.reapedConnectionMaximum) { $0.lastAdvance < $1.lastAdvance }
        for connection in strangers { connection.close() }
        return !strangers.isEmpty
    }

    /// Makes room for a newcomer that would be refused: unauthenticated connections keep nobody out.
    private func makesRoom(for peer: SocketAddress, _ refusal: RequestError) -> Bool {
        // Finding that there is none takes a while among many connections.
        guard loop.now >= allKnownUntil else { return false }
        let isOne: (SocketAddress) -> Bool =
            if refusal == .tooManyConnections { { _ in true } } else { { $0.hasSameAddress(as: peer) } }
        if closeStrangers(isOne) { return true }
        if let oldest = handshakes.values.filter({ isOne($0.peer) }).min(by: { $0.id < $1.id }) {
            oldest.close()
            return true
        }
        allKnownUntil = loop.now + limits.heldProgressTime / 10
        return false
    }

    private func accept(_ socket: Descriptor, from peer: SocketAddress) {
        // The kernel gives the lowest number that is free, so a high one tells that there are few left.
        if Int(socket.raw) >= descriptorMaximum {
            // Connections with a request under way stay; the newcomer is closed without an answer, and comes again.
            // Root of this machine is served in any case: spare descriptors are left for that.
            let hasRoom = makesRoom?() ?? closeIdle()
            if !hasRoom { guard case .unix = peer else { return } }
        }
        // Not a word to them: it would cost more than they have paid.
        guard !ledger.shutsOut(peer, now: loop.now) else { return }
        var admission = Result { () throws(RequestError) in try ledger.admit(peer) }
        if case .failure(let error) = admission, makesRoom(for: peer, error) {
            admission = Result { () throws(RequestError) in try ledger.admit(peer) }
        }
        if case .failure = admission, refusedCount >= limits.refusedConnectionMaximum { return }
        let id = nextConnectionID
        nextConnectionID += 1
        guard let tls else {
            let user: UInt32? = if case .unix = peer { try? socket.peerUser() } else { nil }
            let credentials = user.map { PeerCredentials.user($0) } ?? .none
            let link = ServerLink(
                stream: SocketStream(socket),
                socket: socket,
                peer: peer,
                admission: admission,
                credentials: credentials
            )
            return serve(link, id: id)
        }
        if handshakes.count >= limits.handshakeMaximum, let oldest = handshakes.keys.min() {
            handshakes[oldest]?.close()
        }
        do {
            let handshake = try ServerHandshake(
                id: id,
                server: self,
                socket: socket,
                peer: peer,
                admission: admission,
                context: tls
            )
            try handshake.start(within: limits.handshakeTime)
            handshakes[id] = handshake
        } catch {
            // No memory, or the client has gone: the socket is closed.
            return
        }
    }

    private func serve(_ link: ServerLink, id: Int) {
        let connection = ServerConnection(id: id, server: self, link: link)
        if connection.isRefused { refusedCount += 1 }
        connections[id] = connection
        do throws(SystemError) {
            try connection.start()
        } catch {
            connection.close()
        }
    }

    private func completeDrainIfEmpty() {
        guard connections.isEmpty, let completion = drainCompletion else { return }
        drainCompletion = nil
        drainTimer?.cancel()
        drainTimer = nil
        loop.defer(completion)
    }
}

/// Newcomers wait for a turn like other unknown clients: those being served go first.
private final class AcceptTurn: TurnTaker {
    weak var acceptor: Acceptor?
    private let turns: TurnQueue
    private var isQueued = false

    init(_ turns: TurnQueue) {
        self.turns = turns
    }

    func await() {
        guard !isQueued else { return }
        isQueued = true
        turns.add(self, rank: 1)
    }

    func takeTurn() {
        isQueued = false
        acceptor?.acceptWaiting()
    }
}

/// The order in which idle connections are closed: the least one first.
public struct IdleRank: Comparable {
    let isKnown: Bool
    /// The time since which it has been idle.
    let since: Duration

    /// The connection that is missed less.
    public static func < (left: IdleRank, right: IdleRank) -> Bool {
        left.isKnown == right.isKnown ? left.since < right.since : right.isKnown
    }
}

extension SocketAddress {
    /// True if both are of one IP address.
    fileprivate func hasSameAddress(as other: SocketAddress) -> Bool {
        if case .ip(let own, _) = self, case .ip(let others, _) = other { own == others } else { false }
    }
}

extension Sequence {
    /// Returns the first few in an order, without putting the others in order: there may be ten thousand.
    func first(_ count: Int, by isBefore: (Element, Element) -> Bool) -> [Element] {
        var first: [Element] = []
        for element in self {
            if first.count >= count {
                guard let last = first.last, isBefore(element, last) else { continue }
                first.removeLast()
            }
            let index = first.firstIndex { isBefore(element, $0) } ?? first.count
            first.insert(element, at: index)
        }
        return first
    }
}
