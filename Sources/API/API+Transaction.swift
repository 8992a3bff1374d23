import HTTP
import HTTPTypes
import JSON
import NetworkModel

extension API {
    /// Many changes as one commit.
    func transact(_ call: Call) throws(Problem) -> Action {
        let reader = TransactionReader(routes: routes, rights: call.principal.rights)
        var request = try writeRequest(call)
        request.isTransaction = true
        do {
            (request.requirements, request.operations) = try reader.read(call.content)
        } catch {
            throw Problem(error)
        }
        return try write(call, request) { (revision, results) throws(Problem) in
            var text = Array("{\"revision\":\(revision),\"results\":[".utf8)
            text.reserveCapacity(results.reduce(64) { $0 + 5 + ($1.object?.count ?? 0) })
            for (index, result) in results.enumerated() {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                text += result.object ?? Array("null".utf8)
            }
            text += "]}".utf8
            return .json(.ok, text)
        }
    }
}

/// Reads `{"require":[{"path","etag"|"absent"}],"ops":[{"op","path","body"},…]}`. Paths are those of the table of
/// routes: an operation is what a request with its path and method would be.
struct TransactionReader {
    let routes: [Route]
    let rights: Principal.Rights

    func read(_ content: JSONValue) throws(Refusal) -> ([Requirement], [Operation]) {
        let body = JSONReader(content)
        try body.checkMembers(["require", "ops"])
        guard let ops = body["ops"] else {
            throw Refusal(.missingField, "A transaction has its operations in \"ops\".", pointer: "/ops")
        }
        let maximum = Limits.operationCountMaximum
        let demands = try body["require"]?.list(atMost: maximum) ?? []
        let requirements = try demands.map { demand throws(Refusal) in try requirement(demand) }
        let operations = try ops.list(atMost: maximum).map { element throws(Refusal) in try operation(element) }
        return (requirements, operations)
    }

    private func operation(_ reader: JSONReader) throws(Refusal) -> Operation {
        try reader.checkMembers(["op", "path", "body", "ports"])
        let method = try method(of: reader)
        let (route, kind, variables) = try route(of: reader, method: method)
        try checkRights(for: route, at: reader.pointer)
        let reference = Reference(variables["ref"] ?? "")
        let refusesPorts = try refusesPorts(reader, route)
        guard method != .delete else {
            guard reader.value["body"] == nil else {
                throw Refusal(.unknownField, "A delete has no body.", pointer: reader.pointer(to: "body"))
            }
            return Operation(kind, .delete(reference, refusingPorts: refusesPorts))
        }
        guard let body = reader.value["body"] else {
            throw Refusal(.missingField, "This operation needs a body.", pointer: reader.pointer(to: "body"))
        }
        if method == .post {
            let parent = variables["ref"].map { Reference($0) }
            return Operation(kind, .create(body: body, switch: parent))
        }
        return Operation(kind, method == .put ? .replace(reference, body: body) : .patch(reference, body: body))
    }

    /// An operation takes what a request of its own would take.
    private func checkRights(for route: Route, at pointer: String) throws(Refusal) {
        guard case .role(let needed) = route.access, case .role(let role) = rights, !role.includes(needed) else {
            return
        }
        throw Refusal(
            .forbidden,
            "This operation needs the role \(needed.rawValue), and the token has \(role.rawValue).",
            pointer: pointer
        )
    }

    private func requirement(_ reader: JSONReader) throws(Refusal) -> Requirement {
        try reader.checkMembers(["path", "etag", "absent"])
        let (_, kind, variables) = try route(of: reader, method: .get)
        var precondition = Precondition()
        switch (reader.value["etag"], reader.value["absent"]) {
        case (.string(let tag)?, nil):
            switch EntityTag.list(tag) ?? EntityTag.revision(tag).map({ .tags([($0, true)]) }) {
            case .anything?: precondition.ifMatch = .anything
            case .tags(let tags)?: precondition.ifMatch = .revisions(tags.map(\.revision))
            case nil:
                let pointer = reader.pointer(to: "etag")
                throw Refusal(.invalidValue, "\(quoted(tag)) is not an entity tag.", pointer: pointer)
            }
        case (nil, .bool(true)?): precondition.mustBeAbsent = true
        default:
            throw Refusal(
                .invalidValue,
                "A requirement has either an \"etag\", a string, or \"absent\": true.",
                pointer: reader.pointer
            )
        }
        let reference = Reference(variables["ref"] ?? "")
        return Requirement(kind: kind, reference: reference, precondition: precondition)
    }

    private func method(of reader: JSONReader) throws(Refusal) -> HTTPRequest.Method {
        switch reader.value["op"]?.stringValue {
        case "create": return .post
        case "replace": return .put
        case "patch": return .patch
        case "delete": return .delete
        default:
            let pointer = reader.pointer(to: "op")
            throw Refusal(.invalidValue, "\"op\" is create, replace, patch or delete.", pointer: pointer)
        }
    }

    private func refusesPorts(_ reader: JSONReader, _ route: Route) throws(Refusal) -> Bool {
        guard let ports = reader["ports"] else { return false }
        guard route.parameters.contains(.ports) else {
            throw Refusal(.unknownField, "Only the deletion of a switch has \"ports\".", pointer: ports.pointer)
        }
        guard ports.value == "refuse" else {
            throw Refusal(.invalidValue, "\"ports\" is refuse, or left out.", pointer: ports.pointer)
        }
        return true
    }

    /// The route of an object or a collection of users' objects.
    private func route(
        of reader: JSONReader,
        method: HTTPRequest.Method
    ) throws(Refusal) -> (Route, ResourceKind, Route.Variables) {
        // Made for refusals only.
        var pointer: String { reader.pointer(to: "path") }
        guard let text = reader.value["path"]?.stringValue else {
            throw Refusal(.missingField, "\"path\" is a string, such as \"/v1/switches/ls1\".", pointer: pointer)
        }
        let target = Target(text).flatMap { $0.query.isEmpty ? $0.path : nil }
        for route in routes where route.method == method && route.endpoint.isTransactional {
            if let variables = target.flatMap({ route.match($0) }), let kind = route.endpoint.kind {
                return (route, kind, variables)
            }
        }
        throw Refusal(
            .invalidValue,
            "\(quoted(text)) is not a path that can be used here, such as \"/v1/switches/ls1\".",
            pointer: pointer
        )
    }
}
