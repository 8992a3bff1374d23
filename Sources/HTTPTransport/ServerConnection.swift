import HTTP
import HTTPTypes
import Reactor

/// Drives one session over one byte stream: reads when it wants input, writes what it puts out, wakes it when it is
/// due. It decides nothing about HTTP. It works in pieces, so that others get their turns: see ``TurnQueue``.
final class ServerConnection: TurnTaker {
    /// Bytes written in one turn before other connections get theirs.
    static let writtenByteCountMaximum = 256 * 1024

    let id: Int
    let server: HTTPServer
    let link: ServerLink
    var session: any HTTPServerSession
    /// The first bytes of a connection, until they tell the version of HTTP; `nil` if TLS has agreed on one.
    private var preface: ConnectionPreface? = ConnectionPreface()
    /// Bytes that are kept for the client, and when it last took or sent some.
    private(set) var heldByteCount = 0
    private(set) var lastProgress: Duration
    /// When the client was last given something to take, or had taken or sent as much as counts for progress.
    var lastAdvance: Duration
    var movedByteCount = 0
    var isKnown: Bool
    /// The request whose content is being taken out of its coding.
    var decoding: ContentNegotiation.Decoding?
    private var registration: Registration?
    private var timer: TimerHandle?
    private var timerDue = Duration.zero
    /// Requests handed out and not answered, or with answers that stay open.
    var exchanges: [HTTPExchange] = []
    private var isPumping = false
    private var pace = Pace()
    private var pieceStart = Duration.zero
    var isQueued = false
    private var mayRead = false
    /// True if there is more to do than a piece, which no event of the socket tells.
    var hasMore = false
    private var awaitsWritable = false
    /// True if the client's last request was a poll.
    var isPolling = false
    private var hasEndedWrites = false
    private var hasNotedAbuse = false
    /// The time since which the client is no longer read from, because of abuse.
    private var stalledSince: Duration?
    private var isClosed = false

    init(id: Int, server: HTTPServer, link: ServerLink) {
        self.id = id
        self.server = server
        self.link = link
        lastProgress = server.loop.now
        lastAdvance = server.loop.now
        if case .none = link.credentials { isKnown = false } else { isKnown = true }
        session = server.newSession(link, HTTP1ServerConnection.init)
        if isKnown, case .success(let admission) = link.admission { admission.identify() }
        refuseUnlessAdmitted()
        guard let name = link.protocolName else { return }
        preface = nil
        if name == "h2" { speakHTTP2() }
    }

    /// Begins to wait for the client.
    func start() throws(SystemError) {
        registration = try server.loop.register(link.socket.raw, reads: true, writes: false) { readiness in
            self.becameReady(readiness)
        }
        pump()
    }

    private func speakHTTP2() {
        session = server.newSession(link, HTTP2ServerSession.init)
        refuseUnlessAdmitted()
    }

    /// True if no request of it is with a handler, and nothing is kept for it.
    var isIdle: Bool { exchanges.isEmpty && heldByteCount == 0 }

    /// True if the client only gets the answer that there are too many.
    var isRefused: Bool {
        if case .failure = link.admission { true } else { false }
    }

    private func refuseUnlessAdmitted() {
        if case .failure(let error) = link.admission { session.refuse(error) }
    }

    func respond(to exchange: HTTPExchange, _ answer: AnswerHead, body: HTTPBody) {
        guard !isClosed else { return }
        if exchange.stream == nil, let index = exchanges.firstIndex(where: { $0 === exchange }) {
            exchanges.remove(at: index)
        }
        lastAdvance = server.loop.now
        do throws(RequestError) {
            let (answer, body) = try server.negotiation.encode(answer, body, for: exchange.request)
            session.respond(to: exchange.id, answer, body: body)
        } catch {
            let (answer, body) = server.problem(error)
            session.respond(to: exchange.id, answer, body: .bytes(body))
        }
        work()
    }

    /// Sends on an answer that stays open.
    func supply(_ exchange: HTTPExchange, isLast: Bool) {
        if isLast { exchanges.removeAll { $0 === exchange } }
        work()
    }

    func drain() {
        session.drain(now: server.loop.now)
        work()
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        registration?.cancel()
        registration = nil
        timer?.cancel()
        timer = nil
        hold(0)
        if case .success(let admission) = link.admission { admission.end() }
        server.didClose(self)
        let unanswered = exchanges
        exchanges = []
        for exchange in unanswered { exchange.disconnect() }
    }

    private func becameReady(_ readiness: Readiness) {
        // A client that has not taken all of an answer is served after those that ask for something.
        let least = awaitsWritable && readiness.contains(.writable) ? Pace.rankOfAnswers : 0
        let rank = max(rank, least)
        if readiness.contains(.writable) { awaitsWritable = false }
        if readiness.contains(.readable) || link.stream.readAwaitsWritable { mayRead = true }
        if isQueued {
            // It knows; until its turn no more events.
            try? registration?.update(reads: false, writes: false)
        } else if rank == 0 {
            takeTurn()
        } else {
            isQueued = true
            server.turns.add(self, rank: rank)
        }
    }

    /// The time that others may have to wait for it, as a rank. A client that polls is served after those that ask for
    /// something, and one that has erred waits for all others.
    private var rank: Int {
        guard stalledSince == nil else { return Pace.rankMaximum }
        return isPolling ? max(pace.rank, Pace.rankOfAnswers) : pace.rank
    }

    private var wantsInput: Bool { stalledSince == nil && session.wantsInput }

    func takeTurn() {
        isQueued = false
        guard !isClosed else { return }
        work { [self] in
            if mayRead, wantsInput {
                mayRead = false
                read()
            }
        }
    }

    /// Does a piece of work and takes note of its cost.
    private func work(_ first: () -> Void = {}) {
        // An answer within a handler is part of the piece that called the handler.
        guard !isPumping, !isClosed else { return }
        pieceStart = Clock.monotonic()
        let used = pace.isInDoubt ? Clock.threadTime() : nil
        first()
        pump()
        pace.note(used.map { Clock.threadTime() - $0 } ?? Clock.monotonic() - pieceStart)
        guard hasMore, !isQueued, !isClosed else { return }
        isQueued = true
        server.turns.add(self, rank: rank)
    }

    /// True if what is left is for another turn.
    private var isSpent: Bool { Clock.monotonic() - pieceStart >= Pace.sliceTime }

    private func read() {
        do throws(SystemError) {
            switch try server.read(from: link.stream, maximum: pace.readByteCount) {
            case .done(let count):
                mayRead = link.stream.hasUnreadBytes
                pace.didRead(count)
                lastProgress = server.loop.now
                didMove(count, atLeast: server.limits.bodyRateMinimum)
                receive(server.readBuffer[..<count])
            case .wouldBlock:
                break
            case .endOfStream:
                if let preface { session.receive(preface.bytes[...], now: server.loop.now) }
                preface = nil
                session.receiveEnd(now: server.loop.now)
                if exchanges.contains(where: { $0.onDisconnect != nil }) { close() }
            }
        } catch {
            close()
        }
    }

    private func receive(_ bytes: ArraySlice<UInt8>) {
        guard let verdict = preface?.take(bytes), let begun = preface?.bytes else {
            return session.receive(bytes, now: server.loop.now)
        }
        guard verdict != .undecided else { return }
        preface = nil
        if verdict == .http2 { speakHTTP2() }
        session.receive(begun[...], now: server.loop.now)
    }

    /// Tells handlers of polls that nobody waits for the answer any more; others will answer in vain.
    private func disconnectAbandoned() {
        while let id = session.nextAbandoned() {
            guard let index = exchanges.firstIndex(where: { $0.id == id }), exchanges[index].onDisconnect != nil
            else { continue }
            session.forget(id)
            exchanges.remove(at: index).disconnect()
        }
    }

    func noteAbuse() {
        guard !hasNotedAbuse, case .success(let admission) = link.admission else { return }
        hasNotedAbuse = true
        admission.noteAbuse(now: server.loop.now)
        stall()
    }

    private func stall() {
        guard stalledSince == nil else { return }
        stalledSince = server.loop.now
        server.didStall(self)
    }

    /// Tells the server what is held for the client now.
    private func hold(_ byteCount: Int) {
        let change = byteCount - heldByteCount
        guard change != 0 else { return }
        heldByteCount = byteCount
        server.didHold(change)
    }

    /// Hands out requests and writes answers until neither is possible.
    private func pump() {
        guard !isPumping, !isClosed else { return }
        isPumping = true
        hasMore = false
        var hasProgressed = true
        while hasProgressed, !isClosed {
            hasProgressed = false
            disconnectAbandoned()
            if decoding != nil {
                hasProgressed = true
                decode()
            }
            while !isClosed, !hasMore, decoding == nil, let received = session.nextRequest(now: server.loop.now) {
                hasProgressed = true
                handOut(received)
                hasMore = hasMore || isSpent
            }
            if !isClosed, !awaitsWritable, write() { hasProgressed = true }
            if hasMore { break }
        }
        isPumping = false
        settle()
    }

    /// - Returns: True if anything was written.
    private func write() -> Bool {
        var written = 0
        let wallClock = Clock.wallSeconds()
        while !isClosed {
            prepareOutput(wallClock: wallClock)
            guard !session.output.isEmpty else {
                // An answer that is being made counts as progress.
                if session.makesMore {
                    lastAdvance = server.loop.now
                    hasMore = true
                }
                break
            }
            // epoll reports at once that more can be written, and all others that are ready.
            guard written < Self.writtenByteCountMaximum, written == 0 || !isSpent else {
                awaitsWritable = true
                break
            }
            do throws(SystemError) {
                let result = try session.output.withUnsafeBufferPointer { bytes throws(SystemError) in
                    try link.stream.write(UnsafeRawBufferPointer(bytes))
                }
                switch result {
                case .done(let count):
                    session.didWrite(count, now: server.loop.now)
                    lastProgress = server.loop.now
                    didMove(count, atLeast: session.output.isEmpty ? 0 : server.limits.writtenByteCountMinimum)
                    written += count
                case .wouldBlock, .endOfStream:
                    awaitsWritable = true
                    return written > 0
                }
            } catch {
                close()
            }
        }
        return written > 0
    }

    /// Has the session make as much of its answers as one write takes, and no more than there is time for.
    private func prepareOutput(wallClock: Int64) {
        repeat {
            session.prepareOutput(now: server.loop.now, wallClock: wallClock)
        } while session.makesMore && session.output.count < server.limits.outputByteCountMaximum && !isSpent
    }

    /// Does what the session's state asks for.
    private func settle() {
        guard !isClosed else { return }
        if session.isFlooded { noteAbuse() }
        if session.hasErred { stall() }
        switch session.phase {
        case .open:
            break
        case .lingering:
            // An attacker would take the end as a sign to come again.
            if !hasEndedWrites, stalledSince == nil {
                hasEndedWrites = true
                // Fails only if the client has gone already, which the next read tells.
                try? link.stream.endWrites()
            }
        case .closed:
            close()
            return
        }
        let wantsInput = wantsInput
        if mayRead, wantsInput { hasMore = true }
        do throws(SystemError) {
            try registration?.update(
                reads: wantsInput && !hasMore,
                writes: awaitsWritable || link.stream.readAwaitsWritable
            )
        } catch {
            close()
            return
        }
        let waiting = exchanges.reduce(decoding?.heldByteCount ?? 0) { $0 + $1.body.count }
        hold(session.heldByteCount + waiting)
        setTimer()
    }

    /// A timer that is due too early is left alone and set again when it fires: deadlines mostly move away.
    private func setTimer() {
        let stallEnd = stalledSince.map { $0 + server.limits.stallTime }
        guard let deadline = [stallEnd ?? session.deadline, strangerDeadline].compactMap({ $0 }).min(),
            timer == nil || deadline < timerDue
        else { return }
        timer?.cancel()
        timerDue = deadline
        timer = server.loop.schedule(after: deadline - server.loop.now) { self.timerFired() }
    }

    /// The time at which an idle, unauthenticated connection ends.
    private var strangerDeadline: Duration? {
        isKnown || !isIdle ? nil : lastProgress + server.limits.strangerIdleTime
    }

    private func timerFired() {
        timer = nil
        guard !isClosed else { return }
        if let stalledSince, server.loop.now >= stalledSince + server.limits.stallTime { return close() }
        if let strangerDeadline, server.loop.now >= strangerDeadline { return close() }
        session.expire(now: server.loop.now)
        work()
    }
}
