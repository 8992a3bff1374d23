import Glibc
import HTTP
import HTTPTransport
import HTTPTypes
import JSON
import Reactor
import Security

/// Requests to one server, each waited for: the loop runs only while one is under way.
public final class Connection: Caller {
    public let server: Server
    /// Runs each second while a request is under way.
    public var onWaiting: (() -> Void)?
    private let token: String?
    private let loop: EventLoop
    private let client: HTTPClient
    private let isPlain: Bool

    /// Central, as the environment names it; nothing is sent yet.
    ///
    /// If the environment does not say, it is the central of this host: by its socket if this user may, else over
    /// loopback.
    /// - Parameters:
    ///   - url: The URL to use, whatever the environment says.
    ///   - dataDirectory: that of a central of this host, whatever the environment says.
    /// - Throws: ``ClientError/usage(_:)`` if `HEDDLE_NB` is no URL.
    public static func toCentral(url: String? = nil, dataDirectory: String? = nil) throws(ClientError) -> Connection {
        var server = Server.central(from: environmentVariable)
        if let url {
            server = .central(url: url)
        } else if let dataDirectory {
            server = .central(inDataDirectory: dataDirectory)
        } else if environmentVariable("HEDDLE_NB") == nil, access(Server.defaultNorthboundSocket, W_OK) == 0 {
            server = .central(inDataDirectory: Server.defaultDataDirectory)
        }
        return try Connection(
            to: server,
            token: Server.token(from: environmentVariable),
            authorities: Server.authorities(from: environmentVariable)
        )
    }

    /// This host's agent, as the environment names it; nothing is sent yet.
    public static func toAgent() throws(ClientError) -> Connection {
        try Connection(to: Server.agent(from: environmentVariable), token: nil)
    }

    /// A server; nothing is sent yet.
    /// - Parameter authorities: the file of the authorities that a server with TLS is believed by, in PEM; without it,
    ///   those of this machine.
    /// - Throws: ``ClientError/usage(_:)`` if its address is none, or the file cannot be used.
    public init(to server: Server, token: String?, authorities: String? = nil) throws(ClientError) {
        self.server = server
        self.token = token
        do throws(SystemError) {
            loop = try EventLoop()
        } catch {
            throw .refused("cannot wait for answers: \(error)")
        }
        let endpoint = try Self.endpoint(of: server)
        if case .tcp = endpoint { isPlain = true } else { isPlain = false }
        client = HTTPClient(loop: loop, endpoint: endpoint, tls: try Self.security(of: endpoint, authorities))
    }

    private static func security(
        of endpoint: HTTPEndpoint,
        _ authorities: String?
    ) throws(ClientError) -> TLSContext? {
        guard case .tls = endpoint else { return nil }
        do {
            let trust = try authorities.map { TLSTrust.authorities(pem: try readFile($0, maximum: 1 << 20)) }
            return try TLSContext.client(trusting: trust ?? .system)
        } catch {
            throw .usage("HEDDLE_CA is wrong: \(authorities ?? "the authorities of this machine"): \(error)")
        }
    }

    private static func endpoint(of server: Server) throws(ClientError) -> HTTPEndpoint {
        switch server {
        case .agent(let socket): return .unix(path: socket)
        case .central(let url):
            do throws(HTTPEndpointError) {
                return try HTTPEndpoint(url: url)
            } catch {
                throw .usage("HEDDLE_NB is wrong: \(error)")
            }
        }
    }

    public func pause(_ duration: Duration) {
        refreshTime()
        loop.schedule(after: duration) { [loop] in loop.stop() }
        loop.run()
    }

    /// Runs `body` when nobody can read any more what is written to a pipe, as soon as a request or a pause is under
    /// way. A descriptor that is no pipe, socket or terminal is left alone.
    public func onHangUp(of descriptor: Int32, _ body: @escaping () -> Void) {
        _ = try? loop.register(descriptor, reads: false, writes: false) { _ in body() }
    }

    /// The loop's clock stops while it does not run: a time-out would count from its last run.
    private func refreshTime() {
        loop.defer { [loop] in loop.stop() }
        loop.run()
    }

    /// Sends a request and waits for the answer, whatever its status.
    public func send(_ call: Call) throws(ClientError) -> Reply {
        var fields = HTTPFields()
        fields[.accept] = "application/json"
        if call.body != nil { fields[.contentType] = "application/json" }
        if let token { fields[.authorization] = "Bearer \(token)" }
        let request = HTTPRequest(
            method: call.method.type,
            scheme: "http",
            authority: nil,
            path: call.path,
            headerFields: fields
        )
        refreshTime()
        var result: Result<HTTPClientResponse, HTTPClientError>?
        client.send(request, body: call.body?.bytes ?? [], timeout: call.timeout) { [loop] in
            result = $0
            loop.stop()
        }
        var timer: TimerHandle?
        func tick() {
            timer = loop.schedule(after: .seconds(1)) { [onWaiting] in
                onWaiting?()
                tick()
            }
        }
        if onWaiting != nil { tick() }
        while result == nil { loop.run() }
        timer?.cancel()
        switch result {
        case .success(let answer): return try checked(try reply(answer), for: call)
        case .failure(let error): throw failure(error, of: call)
        case nil: throw .badAnswer(server, "it did not answer")
        }
    }

    /// Asks for an answer that stays open and hands its content on as it comes, until the server ends it, a moment
    /// after a signal, or when `content` returns false.
    /// - Returns: True if the server has ended it.
    /// - Throws: ``ClientError`` if there is no such answer, or it breaks off.
    func stream(
        _ path: String,
        endedBy signals: [Int32],
        content: (_ bytes: [UInt8]) -> Bool
    ) throws(ClientError) -> Bool {
        var pieces: [[UInt8]] = []
        var result: Result<HTTPClientResponse, HTTPClientError>?
        var isOver = false
        do throws(SystemError) {
            for signal in signals {
                try loop.onSignal(signal) { [loop] in
                    loop.schedule(after: Self.signalPatience) {
                        isOver = true
                        loop.stop()
                    }
                }
            }
        } catch {
            throw .refused("cannot wait for signals: \(error)")
        }
        let request = HTTPRequest(method: .get, scheme: "http", authority: nil, path: path)
        refreshTime()
        let call = client.send(request, timeout: Self.streamTimeMaximum) { [loop] in
            result = $0
            loop.stop()
        }
        call.onContent = { [loop] in
            pieces.append($0)
            loop.stop()
        }
        while result == nil, !isOver {
            loop.run()
            let coming = pieces
            pieces = []
            for piece in coming where !isOver { isOver = !content(piece) }
        }
        call.cancel()
        switch result {
        case .success(let answer):
            let reply = try reply(answer)
            guard (200...299).contains(reply.status) else {
                throw .problem(Problem(status: reply.status, body: reply.body))
            }
            return !isOver
        case .failure(let error) where !isOver: throw failure(error, of: Call(.get, path))
        case .failure, nil: return false
        }
    }

    /// The time in which what has happened before a signal is still handed on.
    private static let signalPatience = Duration.milliseconds(100)

    /// The time that an answer may stay open: longer than any, since each call has an end.
    private static let streamTimeMaximum = Duration.seconds(10 * 365 * 86_400)

    private func reply(_ answer: HTTPClientResponse) throws(ClientError) -> Reply {
        let status = answer.response.status.code
        let fields = answer.response.headerFields
        let revision = fields.first { $0.name.canonicalName == "heddle-revision" }.flatMap { Int64($0.value) }
        let epoch = fields.first { $0.name.canonicalName == "heddle-epoch" }?.value
        let hash = fields.first { $0.name.canonicalName == "heddle-hash" }?.value
        let date = fields[.date].flatMap { HTTPDate.seconds(parsing: $0) }
        var reply = Reply(status: status, revision: revision, epoch: epoch, hash: hash, date: date)
        guard !answer.body.isEmpty else { return reply }
        if fields[.contentType]?.hasPrefix("text/plain") == true {
            reply.body = .string(String(decoding: answer.body, as: UTF8.self))
            return reply
        }
        do throws(JSONError) {
            reply.body = try JSONParser.parse(answer.body)
            return reply
        } catch {
            // A status of failure is enough without its content; a success is not.
            guard (200...299).contains(status) else { return reply }
            throw .badAnswer(server, "its answer is not JSON: \(error)")
        }
    }

    /// An answer of central, which says of each what revision it shows; a proxy's or another server's is none.
    private func checked(_ reply: Reply, for call: Call) throws(ClientError) -> Reply {
        guard case .central = server else { return reply }
        guard reply.epoch != nil else {
            guard [502, 503, 504].contains(reply.status) else {
                throw .badAnswer(server, "its answer, with status \(reply.status), is not that of a central")
            }
            let reason = "a proxy before it answers with status \(reply.status)"
            throw .unreachable(server, reason: reason, mayHaveActed: call.method != .get)
        }
        guard reply.body?["code"]?.stringValue != "path_not_found" else {
            let path = call.path.prefix { $0 != "?" }
            throw .badAnswer(server, "it has no \(path): this may be its southbound port, or an older version")
        }
        return reply
    }

    /// The remedy for a server that could not be trusted.
    private static func remedy(against reason: String) -> String {
        if reason.contains("wrong version number") { return "it may speak plain HTTP: write http://" }
        if reason.contains("mismatch") {
            return "set HEDDLE_NB to a name that its certificate has, or give central this name with "
                + "'heddle central --tls-name NAME'"
        }
        if reason.contains("not yet valid") { return "set this host's clock, as with 'timedatectl'" }
        return "if its certificate is central's own, set HEDDLE_CA to a copy of DATA-DIR/ca.crt"
    }

    private func failure(_ error: HTTPClientError, of call: Call) -> ClientError {
        let changes = call.method != .get
        switch error {
        case .cannotResolve(_, let reason):
            return .unreachable(server, reason: "\(Server.unknownName): \(reason)", mayHaveActed: false)
        case .cannotConnect(let endpoint, let errno):
            let reason = String(cString: strerror(errno)) + server.defaultPortNote(endpoint)
            return .unreachable(server, reason: reason, mayHaveActed: false)
        case .insecure(let endpoint, let error):
            let reason = "\(error)" + server.defaultPortNote(endpoint)
            return .insecure(server, reason: reason, remedy: Self.remedy(against: "\(error)"))
        case .connectionLost:
            let remedy = isPlain ? " (where it speaks TLS, write https://)" : ""
            return .unreachable(server, reason: "it closed the connection\(remedy)", mayHaveActed: changes)
        case .timedOut(_, let time):
            return .unreachable(server, reason: "no answer within \(time)", mayHaveActed: changes)
        case .badResponse(_, let error):
            return .badAnswer(server, "it does not answer as an HTTP server: \(error)")
        case .badRequest, .tooManyCalls:
            return .usage("the request cannot be sent: \(error)")
        }
    }
}

extension Call.Method {
    fileprivate var type: HTTPRequest.Method {
        switch self {
        case .get: .get
        case .put: .put
        case .post: .post
        case .delete: .delete
        }
    }
}

/// A variable of this process; an empty one counts as not set, as in a shell script that clears it.
public func environmentVariable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
}
