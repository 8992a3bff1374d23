import HTTP
import HTTPTypes
import JSON
import NetworkModel
import Wire

/// A request with its route, checked as far as that needs no network.
///
/// A class, because handlers then get one reference instead of two dozen.
final class Call {
    let route: Route
    let path: [String]
    let variables: Route.Variables
    let parameters: [Parameter: String]
    let filters: [(parameter: Parameter, value: String)]
    let conditions: Conditions
    /// By what a repetition of the request is known.
    let idempotency: Idempotency?
    let events: EventStream?
    /// True if a browser asks for a page to show.
    let wantsPage: Bool
    let content: JSONValue
    let context: CallContext
    let principal: Principal

    init(
        _ route: Route,
        path: [String],
        variables: Route.Variables,
        parameters: [Parameter: String],
        filters: [(parameter: Parameter, value: String)],
        conditions: Conditions,
        idempotency: Idempotency?,
        events: EventStream?,
        wantsPage: Bool,
        content: JSONValue,
        context: CallContext,
        principal: Principal
    ) {
        self.route = route
        self.path = path
        self.variables = variables
        self.parameters = parameters
        self.filters = filters
        self.conditions = conditions
        self.idempotency = idempotency
        self.events = events
        self.wantsPage = wantsPage
        self.content = content
        self.context = context
        self.principal = principal
    }

    /// The object that the path points at.
    var reference: Reference { Reference(variables["ref"] ?? "") }

    func number<Value: FixedWidthInteger>(
        _ parameter: Parameter,
        in range: ClosedRange<Value>,
        _ what: String
    ) throws(Problem) -> Value? {
        guard let text = parameters[parameter] else { return nil }
        let isDecimal = !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard isDecimal, let value = Value(text), range.contains(value) else {
            throw Problem(.invalidParameter, "\(parameter.rawValue) is \(what), not \"\(text)\".")
        }
        return value
    }

    /// A parameter that is `true` or `false`; `false` if it is not given.
    func flag(_ parameter: Parameter) throws(Problem) -> Bool {
        switch parameters[parameter] {
        case nil, "false": return false
        case "true": return true
        case let text?:
            throw Problem(.invalidParameter, "\(parameter.rawValue) is true or false, not \"\(text)\".")
        }
    }
}

extension API {
    /// The destination of a request.
    enum Routing {
        case call(Call)
        /// Nowhere: OPTIONS, or a method that the path does not have.
        case reply(Reply)
    }

    /// Finds the route of a request and checks the request against it.
    func route(
        _ request: HTTPRequest,
        body: [UInt8],
        context: CallContext,
        principal: Principal,
        now: Int64
    ) throws(Problem) -> Routing {
        if request.path == "*" { return .reply(Reply(.noContent)) }
        switch try find(request, principal, now: now) {
        case .others(let routes): return .reply(refusal(of: request.method, routes: routes, context: context))
        case .route(let route, let variables, let target):
            let (parameters, filters) = try parameters(target, of: route)
            return .call(
                Call(
                    route,
                    path: target.path,
                    variables: variables,
                    parameters: parameters,
                    filters: filters,
                    conditions: try conditions(request, of: route),
                    idempotency: try idempotency(request, body: body, of: route),
                    events: route.endpoint.hasEvents ? EventStream(request) : nil,
                    wantsPage: route.endpoint == .console && Console.isWanted(by: request),
                    content: try content(request, body: body, of: route),
                    context: context,
                    principal: principal
                )
            )
        }
    }

    /// The result of looking up a path and a method.
    enum Found {
        case route(Route, Route.Variables, Target)
        /// The path has only other methods than the request's; there is one at least.
        case others([Route])
    }

    /// Finds the route of a request and sees to it that whoever asks may use it.
    func find(_ request: HTTPRequest, _ principal: Principal, now: Int64) throws(Problem) -> Found {
        guard let text = request.path else { throw Problem(.malformedTarget, "The request has no path.") }
        if text == "*" { return .others([]) }
        guard let target = Target(text) else {
            throw Problem(.malformedTarget, "The path or a parameter has an escape that is not UTF-8.")
        }
        let method = request.method == .head ? .get : request.method
        guard let (route, variables) = firstMatch(target.path, method: method) else {
            let others = routes.filter { $0.match(target.path) != nil }
            guard !others.isEmpty else {
                throw Self.pathNotFound(target.path)
            }
            return .others(others)
        }
        try authorize(principal, for: route, variables, now: now)
        return .route(route, variables, target)
    }

    /// The refusal of a path under which nothing is served.
    static func pathNotFound(_ path: [String]) -> Problem {
        let remedy = path.last == "" ? "leave out the last slash" : "GET /openapi.yaml lists all paths"
        return Problem(.pathNotFound, "Nothing is served under this path; \(remedy).")
    }

    /// The first route that the path and the method lead to.
    private func firstMatch(_ path: [String], method: HTTPRequest.Method) -> (Route, Route.Variables)? {
        let isGET = method == .get
        for route in routes where route.segments.count == path.count && route.isGET == isGET {
            guard isGET || route.method == method else { continue }
            if let variables = route.match(path) { return (route, variables) }
        }
        return nil
    }

    /// 204 to OPTIONS, 405 to a method that the path does not have; both say which it has.
    func refusal(of method: HTTPRequest.Method, routes: [Route], context: CallContext) -> Reply {
        var allowed = Set(routes.map(\.method.rawValue)).union(["OPTIONS"])
        if allowed.contains("GET") { allowed.insert("HEAD") }
        let list = allowed.sorted().joined(separator: ", ")
        var reply =
            method == .options
            ? Reply(.noContent)
            : .problem(
                Problem(.methodNotAllowed, "This path does not have \(method.rawValue), only \(list)."),
                requestID: context.requestID
            )
        reply.head[.allow] = list
        if let patch = routes.first(where: { $0.method == .patch })?.content {
            reply.head[.acceptPatch] = patch.mediaTypes.joined(separator: ", ")
        }
        return reply
    }

    func parameters(
        _ target: Target,
        of route: Route
    ) throws(Problem) -> ([Parameter: String], [(parameter: Parameter, value: String)]) {
        var parameters: [Parameter: String] = [:]
        var filters: [(parameter: Parameter, value: String)] = []
        for (name, value) in target.query {
            let negated = Parameter(negated: name)
            guard let parameter = negated ?? Parameter(rawValue: name), route.parameters.contains(parameter) else {
                let known = route.parameters.map(\.rawValue).joined(separator: ", ")
                throw Problem(
                    .unknownParameter,
                    "The parameter \(quoted(name)) is not known here; known: \(known.isEmpty ? "none" : known)."
                )
            }
            if parameter.isFilter {
                filters.append((parameter, negated == nil ? value : "!" + value))
                continue
            }
            guard parameters.updateValue(value, forKey: parameter) == nil else {
                throw Problem(.unknownParameter, "The parameter \"\(name)\" is given twice.")
            }
        }
        return (parameters, filters)
    }

    /// Reads the conditions of a request. One that would have no effect on a change is refused.
    private func conditions(_ request: HTTPRequest, of route: Route) throws(Problem) -> Conditions {
        if route.isConditional { return try Conditions(request.headerFields) }
        guard route.method != .get else { return Conditions() }
        for name in [.ifMatch, .ifNoneMatch] as [HTTPField.Name] where request.headerFields.value(of: name) != nil {
            throw Problem(
                .invalidHeader,
                "\(name.rawName) has no effect on this request; a transaction has \"require\" for that."
            )
        }
        return Conditions()
    }

    /// The key that a request brings, with a digest of the request.
    private func idempotency(
        _ request: HTTPRequest,
        body: [UInt8],
        of route: Route
    ) throws(Problem) -> Idempotency? {
        guard let key = request.headerFields.value(of: .idempotencyKey) else { return nil }
        guard route.takesIdempotencyKey else {
            guard route.method != .get else { return nil }
            throw Problem(
                .invalidHeader,
                "Idempotency-Key has no effect on this request, whose answer is not kept: leave it out"
                    + (route.method == .post ? "." : "; \(route.method.rawValue) may be repeated as it is.")
            )
        }
        guard Self.isToken(key, byteCountMaximum: Self.idempotencyKeyByteCountMaximum) else {
            throw Problem(
                .invalidHeader,
                "Idempotency-Key has 1 to \(Self.idempotencyKeyByteCountMaximum) visible ASCII characters, "
                    + "such as a UUID."
            )
        }
        let head = Array("\(request.method.rawValue) \(request.path ?? "")\n".utf8)
        return Idempotency(key: key, fingerprint: hexadecimal(digest([head, body])))
    }

    private func content(_ request: HTTPRequest, body: [UInt8], of route: Route) throws(Problem) -> JSONValue {
        try checkContentType(request, of: route, hasContent: !body.isEmpty)
        guard route.content != nil else { return .null }
        guard !body.isEmpty else { throw Problem(.malformedJSON, "The content is empty, but must be JSON.") }
        do {
            return try JSONParser.parse(request: body)
        } catch {
            throw Problem(.malformedJSON, "The content is not JSON: \(error).")
        }
    }

    /// Refuses content whose type the route does not take. Content without a type is refused, too: a browser sends such
    /// content for a stranger's page without a preflight request, while it asks before it sends one of our types.
    func checkContentType(_ request: HTTPRequest, of route: Route, hasContent: Bool) throws(Problem) {
        let type = request.headerFields[.contentType]
        guard hasContent || type != nil && route.content != nil else { return }
        let types = route.content?.mediaTypes ?? Self.jsonTypes
        if let type, types.contains(Self.mediaType(type)) { return }
        let said = type.flatMap { $0.isEmpty ? nil : $0 } ?? "of no type"
        var problem = Problem(
            .unsupportedMediaType,
            "The content is \(said.prefix(64)), but must be \(types.joined(separator: " or ")); "
                + "with curl: -H 'Content-Type: \(types.first ?? "")'."
        )
        problem.field = HTTPField(
            name: route.method == .patch ? .acceptPatch : .accept,
            value: types.joined(separator: ", ")
        )
        throw problem
    }

    /// The types of a content that is ignored: a browser sends none of them for a page without a preflight request.
    private static let jsonTypes = ["application/json", "application/merge-patch+json"]

    /// The media type without its parameters, in lower case.
    private static func mediaType(_ field: String) -> String {
        let type = field.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false).first ?? ""
        return String(type.filter { $0 != " " && $0 != "\t" }).lowercased()
    }
}
