import CentralCore
import HTTP
import HTTPTypes
import JSON
import NetworkModel
import Southbound

/// The REST interface of central, without its sockets: a request and the network in, an ``Action`` out.
public struct API: Sendable {
    public static let version = "0.1.0"
    /// The time that a read with `min_revision` waits for it, in seconds.
    public static let revisionWaitMaximum = 2
    /// The longest `X-Request-Id` that is taken over, in bytes.
    public static let requestIDByteCountMaximum = 128

    /// The longest `Idempotency-Key`, in bytes.
    public static let idempotencyKeyByteCountMaximum = 128

    /// The listener that it is served at.
    public let plane: Route.Plane
    let routes: [Route]
    let contract: [UInt8]
    let console: Console
    let product: Product
    let digest: @Sendable ([[UInt8]]) -> [UInt8]
    let statistics: @Sendable (CoreStatistics) -> Statistics
    let vault: Vault?

    /// The facts of `/version` that the API does not know by itself.
    public struct Product: Sendable {
        /// The engine of the commit log: `sqlite`.
        public var store: String
        /// The most long polls that one loop holds.
        public var parkedRequestMaximum: Int
        /// The most streams of events that one loop keeps open.
        public var eventStreamMaximum: Int
        /// The bounds of HTTP on the northbound port.
        public var http: HTTPLimits

        public init(
            store: String,
            parkedRequestMaximum: Int,
            eventStreamMaximum: Int,
            http: HTTPLimits = HTTPLimits()
        ) {
            self.store = store
            self.parkedRequestMaximum = parkedRequestMaximum
            self.eventStreamMaximum = eventStreamMaximum
            self.http = http
        }
    }

    /// The interface of one listener.
    /// - Parameters:
    ///   - contract: The text of openapi.yaml.
    ///   - console: The files of the console.
    ///   - digest: A cryptographic hash of the parts, one after another; tells requests with one idempotency key apart.
    ///   - statistics: Adds what the process counts to what the core counts.
    ///   - vault: `nil` for a central without tokens and certificates.
    public init(
        plane: Route.Plane,
        contract: [UInt8],
        console: Console = Console(files: []),
        product: Product,
        digest: @escaping @Sendable ([[UInt8]]) -> [UInt8],
        statistics: @escaping @Sendable (CoreStatistics) -> Statistics,
        vault: Vault? = nil
    ) {
        self.plane = plane
        self.contract = contract
        self.console = console
        self.product = product
        self.digest = digest
        self.statistics = statistics
        self.vault = vault
        routes = Routes.all.filter { $0.planes.contains(plane) }
    }

    /// Returns the action for a request.
    /// - Parameters:
    ///   - request: The head.
    ///   - body: The whole content.
    ///   - network: The current network.
    ///   - source: The client's address.
    ///   - peer: The client as the connection tells.
    ///   - now: Seconds since 1970.
    ///   - isReady: True if `/readyz` says so: the store is open and nobody asked to stop.
    ///   - newRequestID: The request's identity, if it brings none.
    ///   - identified: Called if the request was let in by who asks, as far as that is asked here.
    public func action(
        _ request: HTTPRequest,
        body: [UInt8],
        network: Network,
        source: @autoclosure @escaping () -> String,
        isReady: Bool,
        peer: Peer = .anyone,
        now: Int64 = 0,
        newRequestID: @autoclosure () -> String,
        identified: () -> Void = {}
    ) -> Action {
        let context = CallContext(
            requestID: Self.requestID(request) ?? newRequestID(),
            source: source,
            epoch: network.epoch,
            place: CommitPlace(network)
        )
        let principal: Principal
        do throws(Problem) {
            try checkHost(request, from: peer)
            try checkSite(request)
            principal = try self.principal(request, from: peer, network: network, now: now)
        } catch {
            return .reply(context.finish(.problem(error, requestID: context.requestID), nil))
        }
        context.author = principal.author
        var endpoint: Endpoint?
        let action = context.action { () throws(Problem) in
            switch try route(request, body: body, context: context, principal: principal, now: now) {
            case .reply(let reply): return .reply(reply)
            case .call(let call):
                endpoint = call.route.endpoint
                if call.route.access.asksWho { identified() }
                return try serve(call, network: network, isReady: isReady, now: now)
            }
        }
        // Most actions are replies: those need no closure.
        if case .reply(let reply) = action { return .reply(context.finish(reply, endpoint)) }
        return action.map { [endpoint] in context.finish($0, endpoint) }
    }

    /// The most bytes that the content of a request may have.
    public func contentByteCountMaximum(_ request: HTTPRequest) -> Int {
        guard let target = request.path.flatMap(Target.init) else { return Routes.contentByteCountMaximum }
        let route = routes.first { $0.method == request.method && $0.match(target.path) != nil }
        return route?.content?.byteCountMaximum ?? Routes.contentByteCountMaximum
    }

    /// The decision about a request with content, by its head.
    public enum Verdict {
        /// The content may come, up to so many bytes.
        case content(byteCountMaximum: Int)
        /// The request is refused whatever the content is.
        case answer(Reply)
    }

    /// Decides about a request with content by its head: everything that can be refused by the head alone is, before
    /// any work. The parameters are those of ``action(_:body:network:source:isReady:peer:now:newRequestID:)``.
    public func verdict(
        on request: HTTPRequest,
        network: Network,
        peer: Peer,
        now: Int64,
        newRequestID: @autoclosure () -> String
    ) -> Verdict {
        let context = CallContext(
            requestID: Self.requestID(request) ?? newRequestID(),
            source: { "" },
            epoch: network.epoch,
            place: CommitPlace(network)
        )
        do throws(Problem) {
            try checkHost(request, from: peer)
            try checkSite(request)
            let principal = try principal(request, from: peer, network: network, now: now)
            switch try find(request, principal, now: now) {
            case .others(let routes):
                guard request.method == .options else {
                    return .answer(context.finish(refusal(of: request.method, routes: routes, context: context), nil))
                }
            case .route(let route, _, let target):
                try checkContentType(request, of: route, hasContent: true)
                _ = try parameters(target, of: route)
            }
            return .content(byteCountMaximum: contentByteCountMaximum(request))
        } catch {
            return .answer(context.finish(.problem(error, requestID: context.requestID), nil))
        }
    }

    /// The answer to a request that never became one.
    public static func reply(_ error: RequestError, network: Network, requestID: String) -> Reply {
        let context = CallContext(
            requestID: requestID,
            source: { "" },
            epoch: network.epoch,
            place: CommitPlace(network)
        )
        return context.finish(.problem(Problem(error), requestID: requestID), nil)
    }

    /// The identity that a request brings, if it can be taken over.
    private static func requestID(_ request: HTTPRequest) -> String? {
        guard !request.headerFields.isEmpty else { return nil }
        for name in [HTTPField.Name.requestID, .plainRequestID] {
            let text = request.headerFields.value(of: name)
            if let text, isToken(text, byteCountMaximum: requestIDByteCountMaximum) { return text }
        }
        return nil
    }

    /// True if a text consists of visible ASCII characters.
    static func isToken(_ text: String, byteCountMaximum: Int) -> Bool {
        (1...byteCountMaximum).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    }
}

/// The context of one request, which its answer carries.
///
/// A class: a request passes it on at the cost of one count.
final class CallContext {
    let requestID: String
    let source: () -> String
    let epoch: UInt64
    /// The commit that the request's network ends with.
    let place: CommitPlace
    /// The author for the commit log.
    var author = Principal.anonymous

    init(requestID: String, source: @escaping () -> String, epoch: UInt64, place: CommitPlace) {
        self.requestID = requestID
        self.source = source
        self.epoch = epoch
        self.place = place
    }

    /// Returns the action of `body`, or the problem that it throws.
    func action(_ body: () throws(Problem) -> Action) -> Action {
        do {
            return try body()
        } catch {
            return .reply(.problem(error, requestID: requestID))
        }
    }

    /// Asks the core and goes on with its answer, unless that is a refusal.
    func ask(_ request: Request, _ next: @escaping (Answer) throws(Problem) -> Action) -> Action {
        .ask(request) { answer in
            self.action { () throws(Problem) in
                if case .refused(let refusal, let index) = answer {
                    throw Problem(refusal, operationIndex: request.isTransaction ? index : nil)
                }
                return try next(answer)
            }
        }
    }

    /// Adds the fields that every answer has. One that was made from a newer network says so itself.
    func finish(_ reply: Reply, _ endpoint: Endpoint?) -> Reply {
        var reply = reply
        reply.endpoint = endpoint
        let place = reply.stamp ?? place
        reply.head.add(.heddleRevision, decimal: place.revision)
        reply.head.add(.heddleEpoch, hexadecimal: epoch)
        if let hash = place.hash { reply.head.add(.heddleHash, hexadecimal: hash.rawValue) }
        reply.head.add(.requestID, requestID)
        return reply
    }
}

extension Request {
    /// True if problems are to say which operation of the body is at fault.
    fileprivate var isTransaction: Bool {
        if case .write(let request) = self { request.isTransaction } else { false }
    }
}

extension Action {
    /// The same with `change` made to the answer, whenever it comes.
    func map(_ change: @escaping (Reply) -> Reply) -> Action {
        switch self {
        case .reply(let reply): .reply(change(reply))
        case .ask(let request, let next): .ask(request) { next($0).map(change) }
        case .stream(let reply, let then): .stream(change(reply), then: then)
        }
    }
}
