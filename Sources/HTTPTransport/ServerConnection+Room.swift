import HTTP
import Reactor

/// The choice of connections that end when connections or memory are short.
extension ServerConnection {
    var idleRank: IdleRank { IdleRank(isKnown: isKnown, since: lastProgress) }

    /// True if it may be ended for a newcomer: its client has not authenticated, and waits for nothing.
    var mayEndForNewcomer: Bool {
        !isKnown && !isRefused && exchanges.isEmpty && decoding == nil
            && server.loop.now - lastAdvance >= server.limits.strangerGraceTime
    }

    /// The client's address.
    var peer: SocketAddress { link.peer }

    /// True if it may be ended because all connections together hold too much: it holds bytes that its client does not
    /// take or does not complete. A request that a handler works on does not count.
    func mayEndForBytes(now: Duration) -> Bool {
        guard session.heldByteCount >= server.limits.heldByteCountMinimum, !isQueued, !hasMore else { return false }
        if exchanges.isEmpty, session.output.isEmpty, decoding == nil { return true }
        return now - lastAdvance >= server.limits.heldProgressTime
    }

    /// The client has authenticated.
    func identify() {
        guard !isKnown else { return }
        isKnown = true
        if case .success(let admission) = link.admission { admission.identify() }
    }

    /// Takes note of bytes that the client has taken or sent: enough of them are progress.
    func didMove(_ byteCount: Int, atLeast minimum: Int) {
        movedByteCount += byteCount
        guard movedByteCount >= minimum else { return }
        movedByteCount = 0
        lastAdvance = server.loop.now
    }
}
