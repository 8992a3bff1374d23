/// The bounds of one HTTP server: what a peer may make it hold, and for how long.
///
/// The defaults suit a control plane whose clients are tools and agents. Every bound is told to the peer that reaches
/// it by a status code, except if the peer has stopped listening.
public struct HTTPLimits: Equatable, Sendable {
    /// Bytes of a request's head, from the method to the empty line. More: 431.
    public var headByteCountMaximum = 32 * 1024
    /// Field lines in a head. More: 431.
    public var fieldCountMaximum = 100
    /// Bytes of one line of a head without its CRLF. More: 414 for the request line, 431 for a field.
    public var lineByteCountMaximum = 8 * 1024
    /// Bytes of a request's body unless the server's own rule allows another count for it. More: 413.
    public var bodyByteCountMaximum = 1 << 20
    /// Bytes of a body that is read although the head has decided the answer, so that the connection stays. More, or
    /// one that waits for 100, is not read.
    public var unwantedByteCountMaximum = 64 * 1024
    /// Bytes of all chunk extensions of one body, which mean nothing to anyone and so hide attacks. More: 400.
    public var chunkExtensionByteCountMaximum = 256
    /// Bytes of the trailer section of one body, which is checked and dropped. More: 431.
    public var trailerByteCountMaximum = 8 * 1024
    /// Requests of one connection that wait for their answers; further ones stay unread in the socket.
    public var pipelinedRequestMaximum = 16
    /// Bytes kept of requests that wait after unanswered ones; further ones stay unread in the socket.
    public var pipelinedByteCountMaximum = 64 * 1024
    /// Requests answered on one connection before it is closed, so that load spreads again after a failover.
    public var requestMaximum = 10_000
    /// Connections of one server. More: 503.
    public var connectionMaximum = 10_000
    /// Descriptors that connections leave to the rest of the process, at least; otherwise a twentieth of them. When it
    /// comes to them, connections end that have been idle for longest.
    public var spareDescriptorMinimum = 16
    /// Idle connections ended at once when descriptors run out.
    public var reapedConnectionMaximum = 16
    /// Connections of one address that is not of this machine. More: 429.
    public var connectionsPerAddressMaximum = 256
    /// Connections of one address, not of this machine, that have not authenticated: no certificate, and no request
    /// beyond those that anybody may make. More: the oldest idle one of them ends, or 429.
    public var strangersPerAddressMaximum = 256
    /// The time that a connection has to authenticate, or to go on with it, before it may be closed for a
    /// newcomer: a round trip, so that those that come together do not end each other.
    public var strangerGraceTime: Duration = .milliseconds(100)
    /// The time after which an idle, unauthenticated connection is closed. No longer than ``idleTime`` counts.
    public var strangerIdleTime: Duration = .seconds(75)
    /// Connections that get 503 or 429 for want of room. More: closed without an answer.
    public var refusedConnectionMaximum = 64
    /// Connections whose TLS handshake is under way. More: the oldest is closed, which has had the most time; honest
    /// clients need milliseconds.
    public var handshakeMaximum = 512
    /// Bytes of answers kept for a connection that its client has not taken yet; the producer pauses beyond it.
    public var outputByteCountMaximum = 64 * 1024
    /// Bytes that the kernel takes of an answer beyond those on their way to the client; the rest waits until it reads.
    public var unsentByteCountMaximum = 128 * 1024
    /// Bytes that all connections of one server and thread hold together: requests read in part, requests that wait or
    /// are being answered, answers that clients have not taken. Beyond it no further contents are taken (503), and
    /// those connections end whose clients have made no progress for longest.
    public var heldByteCountMaximum = 32 << 20
    /// The time in which a client may take less than ``writtenByteCountMinimum`` of its answers before it counts as one
    /// without progress, when memory is short. One that is being served is not ended for others.
    public var heldProgressTime: Duration = .seconds(1)
    /// A connection that holds fewer bytes is not ended to make room: parked polls are many, small, and quiet.
    public var heldByteCountMinimum = 4 * 1024
    /// Bytes read and dropped from a client that still sends after the last answer. It is as much as a socket
    /// usually holds: closing with bytes unread resets the connection, and the client would lose the answer.
    public var lingeringByteCountMaximum = 4 << 20
    /// The same for a client whose TLS handshake has failed: an alert needs much less.
    public var failedHandshakeByteCountMaximum = 64 * 1024
    /// Connections kept for ``stallTime`` at once. More: the oldest is closed.
    public var stalledConnectionMaximum = 256

    /// From the start of a connection to the end of its TLS handshake. Later: closed.
    public var handshakeTime: Duration = .seconds(10)
    /// From a head's first byte (on a new connection: from the start) to its end. Later: 408.
    public var headTime: Duration = .seconds(10)
    /// A connection without a request; it is closed after that. Parked requests are no idleness.
    public var idleTime: Duration = .seconds(75)
    /// Between two pieces of a body. Later: 408.
    public var bodyIdleTime: Duration = .seconds(60)
    /// Bytes a second a body must come at on average, once ``bodyRateGraceTime`` is over. Slower: 408.
    public var bodyRateMinimum = 1024
    /// The time that a body may be slower than ``bodyRateMinimum``.
    public var bodyRateGraceTime: Duration = .seconds(10)
    /// The time in which a client may take less than ``writtenByteCountMinimum`` of an answer before it is cut off.
    public var writeStallTime: Duration = .seconds(30)
    /// Bytes of an answer that a client must take within each ``writeStallTime``, as long as there are so many: a
    /// slower reader holds memory for nothing.
    public var writtenByteCountMinimum = 16 * 1024
    /// A connection without traffic is asked so often whether its client is still there (TCP keep-alive).
    public var keepAliveTime: Duration = .seconds(15)
    /// The time that the client's machine may leave sent bytes unacknowledged (TCP_USER_TIMEOUT).
    public var acknowledgementTime: Duration = .seconds(30)
    /// The time that the server reads after the last answer, so that the client gets that answer.
    public var lingeringTime: Duration = .seconds(2)
    /// The time that the connection of a client that floods, sent a bomb or broke the rules of HTTP/2 stays open after
    /// the last answer, without being read from: its further bytes fill its own machine, and it returns that much
    /// later.
    public var stallTime: Duration = .milliseconds(500)
    /// The time that a flooding host is not served, and that a flood counts.
    public var shutOutTime: Duration = .seconds(60)
    /// The time that a request may stay unanswered after its client has shut down its sending side.
    public var halfClosedTime: Duration = .seconds(30)

    /// The limits of HTTP/2 alone.
    public var http2 = HTTP2Limits()

    public init() {}
}
