import CentralCore
import HTTP
import HTTPTypes
import JSON
import NetworkModel
import Southbound
import TestSupport
import Testing

@testable import API

/// Both interfaces on a core without sockets and disk. Every answer is held against openapi.yaml.
final class APIBench {
    struct Response {
        var status: Int
        var fields: HTTPFields
        var body: [UInt8]
        var sliceCount: Int
        var json: JSONValue { (try? JSONParser.parse(body)) ?? .null }
        var text: String { String(decoding: body, as: UTF8.self) }
        subscript(name: String) -> String? { HTTPField.Name(name).flatMap { fields[$0] } }
    }

    private var core: CentralCore
    private var generator = SeededGenerator(seed: 7)
    private var answers: [Ticket: Answer] = [:]
    private var ticket: Ticket = 0
    private var requestCount = 0
    var isReady = true
    /// Seconds since 1970.
    static let time: Int64 = 1_700_000_000
    var wallClock = time
    /// The network that `/v1/...?min_revision` gets when it waits.
    var laterNetwork: Network?
    /// The replies of hosts to questions; `nil` if they are to be asked.
    var hostReply: ((String, HostQuery) -> JSONValue)?
    var keepsPages = true
    var network: Network
    /// Every commit, as a restart would find it.
    private(set) var log: [Commit] = []

    static let product = API.Product(store: "sqlite", parkedRequestMaximum: 10, eventStreamMaximum: 1)
    let apis: [API]

    /// - Parameter statistics: The counters for `/metrics`.
    init(statistics: Statistics? = nil, console: Console = Console(files: [])) throws {
        let statistics =
            statistics
            ?? Statistics(requests: RequestStatistics(), appends: Histogram(), storeByteCount: 0, gauges: [])
        apis = Route.Plane.allCases.map {
            API(
                plane: $0,
                contract: Array("openapi".utf8),
                console: console,
                product: APIBench.product,
                digest: { $0.flatMap { $0 } },
                statistics: { _ in statistics },
                vault: .bench
            )
        }
        network = Network(epoch: 0x00ab)
        core = try CentralCore(network: network, history: [], hashes: [], now: .zero)
        step(.timer)
    }

    /// Goes on from the log alone, as a new process would.
    func restart() throws {
        core = try CentralCore(
            network: Network(epoch: 0x00ab),
            history: log,
            hashes: CommitHash.zero.chain(log),
            now: .zero
        )
        network = core.durable
        step(.timer)
    }

    func api(_ plane: Route.Plane) -> API { plane == .northbound ? apis[0] : apis[1] }

    @discardableResult
    func send(
        _ method: String,
        _ path: String,
        _ body: JSONValue? = nil,
        text: String? = nil,
        authority: String? = "test",
        fields: [(String, String)] = [],
        isTyped: Bool = true,
        on plane: Route.Plane = .northbound,
        from peer: Peer = .anyone,
        at time: Int64? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> Response {
        requestCount += 1
        var request = HTTPRequest(
            method: HTTPRequest.Method(method) ?? .get,
            scheme: "http",
            authority: authority,
            path: path
        )
        if body != nil || text?.isEmpty == false, isTyped { request.headerFields[.contentType] = "application/json" }
        for (name, value) in fields {
            if let name = HTTPField.Name(name) { request.headerFields[name] = value }
        }
        let usual = wallClock
        wallClock = time ?? usual
        defer { wallClock = usual }
        let action = api(plane).action(
            request,
            body: text.map { Array($0.utf8) } ?? body?.bytes ?? [],
            network: network,
            source: "192.0.2.1:4711",
            isReady: isReady,
            peer: peer,
            now: wallClock,
            newRequestID: "made-\(requestCount)"
        )
        let answer = Self.read(finish(action))
        Self.hold(answer, to: method, path, plane, sourceLocation)
        return answer
    }

    private func finish(_ action: Action) -> Reply {
        switch action {
        case .reply(let reply): return reply
        case .ask(let request, let next): return finish(next(self.answer(request)))
        case .stream(let reply, let then):
            self.then = then
            return reply
        }
    }

    /// The next piece of an answer that stays open.
    func more() -> String? {
        let then = self.then
        self.then = nil
        return then.map { Self.read(finish($0())).text }
    }

    /// The next part of an answer that stays open; `nil` if it has ended.
    private(set) var then: (() -> Action)?

    private func answer(_ request: Request) -> Answer {
        ticket += 1
        if case .network = request, !keepsPages { return .network(nil) }
        if case .reached = request { return .network(laterNetwork) }
        if case .query(let chassis, let query, _) = request, let hostReply {
            return .reply(chassis: chassis, HostReply(id: 0, content: hostReply(chassis, query)))
        }
        step(.asked(ticket, request))
        return answers[ticket] ?? .refused(Refusal(.unavailable, "The request is parked."), operationIndex: nil)
    }

    /// The log as a store tells it.
    private func audit(_ request: AuditRequest) -> Answer {
        let found = log.reversed().map { CommitRecord(auditing: $0) }.filter {
            $0.revision < request.before ?? .max && (request.author == nil || request.author == $0.author)
        }
        return .audited(Array(found.prefix(request.limit)), hasMore: found.count > request.limit, after: 0)
    }

    private func step(_ event: Event) {
        for effect in core.step(event, now: .zero, wallClock: wallClock, using: &generator) {
            switch effect {
            case .append(let commits, _):
                log += commits
                step(.durable(commits.last?.revision ?? 0, hashes: core.durable.hash.chain(commits)))
            case .plan(let plan): step(.planned(plan.carriedOut(using: &generator)))
            case .publish(let network): self.network = network
            case .answer(let ticket, let answer): answers[ticket] = answer
            case .audit(let ticket, let request): answers[ticket] = audit(request)
            case .goOn: step(.goOn)
            case .setTimer, .log, .discard: break
            }
        }
    }

    private static func read(_ reply: Reply) -> Response {
        var answer = Response(
            status: reply.head.status.code,
            fields: reply.head.fields,
            body: [],
            sliceCount: 0
        )
        switch reply.body {
        case .none, .stream: break
        case .bytes(let bytes): answer.body = bytes
        case .shared(let pieces): answer.body = Array(pieces.joined())
        case .slices(let next):
            while let slice = next() {
                answer.body += slice
                answer.sliceCount += 1
            }
        }
        return answer
    }

    /// Holds an answer against the contract, where its path is one of the contract's.
    private static func hold(
        _ answer: Response,
        to method: String,
        _ path: String,
        _ plane: Route.Plane,
        _ sourceLocation: SourceLocation
    ) {
        for name in ["Heddle-Revision", "Heddle-Epoch", "X-Request-Id"] {
            #expect(answer[name] != nil, "no \(name)", sourceLocation: sourceLocation)
        }
        let method = method == "HEAD" ? "GET" : method
        guard let contract = Contract.shared, let target = Target(path) else { return }
        let routes = Routes.all.filter { $0.planes.contains(plane) && $0.match(target.path) != nil }
        guard let route = routes.first(where: { $0.method.rawValue == method }) else { return }
        guard let response = contract.response(method, route.path, answer.status) else {
            Issue.record("\(method) \(path): \(answer.status) is not in openapi.yaml", sourceLocation: sourceLocation)
            return
        }
        for field in response["headers"]?.objectValue?.members ?? [] {
            // Of what an earlier commit left, the hash is not always known.
            if field.name == "Heddle-Hash" { continue }
            #expect(answer[field.name] != nil, "\(method) \(path): no \(field.name)", sourceLocation: sourceLocation)
        }
        let type = answer["Content-Type"]?.split(separator: ";").first.map(String.init)
        guard let content = response["content"] else {
            #expect(answer.body.isEmpty && type == nil, sourceLocation: sourceLocation)
            return
        }
        guard let schema = type.flatMap({ content[$0]?["schema"] }) else {
            Issue.record("\(method) \(path): \(type ?? "no type") is not described", sourceLocation: sourceLocation)
            return
        }
        var check = SchemaCheck(contract, takesParts: path.contains("fields="))
        let text: JSONValue = type == "application/yaml" ? [:] : .string(answer.text)
        check.check(type?.hasSuffix("json") == true ? answer.json : text, schema)
        #expect(check.mismatches.isEmpty, "\(method) \(path): \(answer.text)", sourceLocation: sourceLocation)
    }
}
