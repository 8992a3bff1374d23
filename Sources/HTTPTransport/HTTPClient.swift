import HTTP
import HTTPTypes
import Reactor
import Security

/// Calls one HTTP server over connections that are kept and used again, on the thread of one loop.
///
/// A connection carries one call at a time. A call whose method is idempotent (RFC 9110 section 9.2.2) is sent once
/// more, on a fresh connection, if one that had been used before ended without a byte of the answer: its server may
/// have closed it just then.
public final class HTTPClient {
    /// Bounds of one client.
    public struct Limits: Equatable, Sendable {
        /// Connections at once; a few are parked in long polls, the others serve calls.
        public var connectionMaximum = 8
        /// Calls that wait for a connection to become free. More fail at once.
        public var waitingCallMaximum = 1024
        /// Bytes of an answer's content: a whole snapshot page with room to spare.
        public var bodyByteCountMaximum = 64 << 20
        /// The time that an unused connection is kept: less than at servers, so that they seldom close first.
        public var idleTime: Duration = .seconds(60)

        public init() {}
    }

    /// Bytes read from a connection at once.
    static let readByteCountMaximum = 64 * 1024

    /// The server's address.
    public let endpoint: HTTPEndpoint
    /// The TLS configuration of connections to a `tls` endpoint. A new one ends unused connections at once, and
    /// the others once their calls have ended.
    public var tls: TLSContext? { didSet { retireConnections() } }
    /// Connections of an earlier generation are not used again.
    private(set) var generation = 0
    let loop: EventLoop
    let limits: Limits
    let messageLimits: HTTPLimits
    /// The buffer for the last read, valid for the connection that read; one buffer serves all.
    private(set) var readBuffer = [UInt8](repeating: 0, count: readByteCountMaximum)
    private let resolver: HostResolver
    /// The connection used last comes last.
    private var idle: [ClientConnection] = []
    private var connectionCount = 0
    private var waiting: [HTTPCall] = []

    public init(loop: EventLoop, endpoint: HTTPEndpoint, limits: Limits = Limits(), tls: TLSContext? = nil) {
        self.loop = loop
        self.endpoint = endpoint
        self.limits = limits
        self.tls = tls
        var messageLimits = HTTPLimits()
        messageLimits.bodyByteCountMaximum = limits.bodyByteCountMaximum
        self.messageLimits = messageLimits
        resolver = HostResolver(loop: loop)
    }

    /// Sends a request.
    /// - Parameters:
    ///   - request: With a path; its scheme is not used, its authority only if it has one.
    ///   - timeout: For all of the call, the waiting for a connection included.
    ///   - completion: Called once on the loop's thread, never within `send`; not at all after ``HTTPCall/cancel()``.
    @discardableResult
    public func send(
        _ request: HTTPRequest,
        body: [UInt8] = [],
        timeout: Duration,
        _ completion: @escaping (Result<HTTPClientResponse, HTTPClientError>) -> Void
    ) -> HTTPCall {
        let call = HTTPCall(request.method, client: self, completion)
        do throws(MessageError) {
            call.bytes = try RequestEncoder.encode(request, authority: endpoint.authority, body: body)
        } catch {
            loop.defer { call.complete(.failure(.badRequest(error))) }
            return call
        }
        call.timer = loop.schedule(after: timeout) { [endpoint] in
            call.abandon()
            call.complete(.failure(.timedOut(endpoint, timeout)))
        }
        // Not within this call: a connection that fails at once would complete it before the caller has it.
        loop.defer { self.start(call) }
        return call
    }

    /// Closes the connections that no call uses. Later calls open new ones.
    public func closeIdleConnections() {
        for connection in idle { connection.close() }
        idle = []
    }

    func start(_ call: HTTPCall) {
        guard !call.isOver else { return }
        if !call.needsFreshConnection, let connection = idle.popLast() {
            connection.begin(call)
        } else if connectionCount < limits.connectionMaximum {
            open(for: call)
        } else if call.needsFreshConnection, let unused = idle.first {
            idle.removeFirst()
            unused.close()
            open(for: call)
        } else if waiting.count < limits.waitingCallMaximum {
            waiting.append(call)
        } else {
            call.complete(.failure(.tooManyCalls(endpoint)))
        }
    }

    func read(from stream: any ByteStream) throws(SystemError) -> IOResult<Int> {
        try readBuffer.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
            try stream.read(into: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    func stopWaiting(_ call: HTTPCall) {
        waiting.removeAll { $0 === call }
    }

    func didBecomeIdle(_ connection: ClientConnection) {
        idle.append(connection)
        startWaiting()
    }

    func didClose(_ connection: ClientConnection) {
        connectionCount -= 1
        idle.removeAll { $0 === connection }
        startWaiting()
    }

    private func retireConnections() {
        generation += 1
        closeIdleConnections()
    }

    private func startWaiting() {
        guard !waiting.isEmpty else { return }
        loop.defer {
            guard !self.waiting.isEmpty else { return }
            self.start(self.waiting.removeFirst())
        }
    }

    private func open(for call: HTTPCall) {
        connectionCount += 1
        let connection = ClientConnection(client: self, call: call)
        switch endpoint {
        case .unix(let path):
            connection.connect(to: [.unix(path: path)])
        case .tcp(let host, let port), .tls(let host, let port):
            resolver.resolve(host: host, port: port) { [endpoint] result in
                switch result {
                case .success(let addresses): connection.connect(to: addresses)
                case .failure(let error):
                    connection.fail(.cannotResolve(endpoint, reason: error.reason))
                }
            }
        }
    }
}
