import HTTPTypes
import JSON
import Northbound
import Southbound

extension API {
    /// Who writes, in the commit log, until requests are authenticated.
    static let anonymous = "anonymous"

    /// One change of one object.
    func write(_ call: Call) throws(Problem) -> Action {
        let operation = Operation(
            call.route.resourceKind,
            try action(call),
            precondition: try call.conditions.precondition()
        )
        let request = WriteRequest(
            operations: [operation],
            author: Self.anonymous,
            requestID: call.context.requestID
        )
        return call.context.ask(.write(request)) { outcome throws(Problem) in
            guard case .written(let revision, let results) = outcome, let result = results.first else {
                throw unexpected
            }
            return .reply(Self.reply(result, operation).stamped(revision))
        }
    }

    private func action(_ call: Call) throws(Problem) -> Operation.Action {
        switch call.route.method {
        case .post: return .create(body: call.content, switch: call.variables["ref"].map { Reference($0) })
        case .put: return .replace(call.reference, body: call.content)
        case .patch: return .patch(call.reference, body: call.content)
        default:
            switch call.parameters[.ports] {
            case nil: return .delete(call.reference, refusingPorts: false)
            case "refuse": return .delete(call.reference, refusingPorts: true)
            default:
                throw Problem(.invalidParameter, "ports is refuse, or left out to delete the ports too.")
            }
        }
    }

    private static func reply(_ result: OperationResult, _ operation: Operation) -> Reply {
        guard let object = result.object else { return Reply(.noContent) }
        var reply = Reply.json(result.isCreated ? .created : .ok, object).tagged(result.revision)
        if result.isCreated {
            reply.response.headerFields[.location] = operation.kind.path + "/" + result.name
        }
        return reply
    }

    /// What cannot come of the question that was asked.
    var unexpected: Problem { Problem(Refusal(.unavailable, "Central gave no answer; ask again.")) }

    /// What a chassis says; the answer is held until there is news for it.
    func sync(_ call: Call) throws(Problem) -> Action {
        let request: SyncRequest
        do {
            request = try SyncRequest(json: call.content)
        } catch {
            throw Problem(
                Refusal(error.isMissing ? .missingField : .invalidValue, error.detail, pointer: error.pointer)
            )
        }
        return call.context.ask(.sync(chassis: call.variables["name"] ?? "", request), feed)
    }

    /// A chassis' feed, for people and their tools.
    func readChanges(_ call: Call) throws(Problem) -> Action {
        let epoch = try call.parameters[.epoch].map { text throws(Problem) in
            guard let epoch = epochValue(text) else {
                throw Problem(.invalidParameter, "epoch is 16 hexadecimal digits, not \"\(text)\".")
            }
            return epoch
        }
        let page = try call.parameters[.page].map { text throws(Problem) in
            guard let page = FeedPage(text) else {
                throw Problem(.invalidParameter, "page is not one that an answer before this gave.")
            }
            return page
        }
        let question = Question.changes(
            chassis: call.variables["name"] ?? "",
            since: try call.number(.since, in: 0...UInt64(Int64.max), "a revision") ?? 0,
            epoch: epoch,
            page: page,
            wait: try wait(call, maximum: SyncRequest.waitMaximum)
        )
        return call.context.ask(question, feed)
    }

    private func feed(_ outcome: Outcome) throws(Problem) -> Action {
        guard case .feed(let answer) = outcome else { throw unexpected }
        return .reply(.json(.ok, answer.bytes).stamped(answer.to))
    }

    private func wait(_ call: Call, maximum: Int) throws(Problem) -> Int {
        try call.number(.wait, in: 0...maximum, "a number of seconds from 0 to \(maximum)") ?? 0
    }
}

extension ResourceKind {
    /// The path of the kind's collection.
    var path: String {
        switch self {
        case .logicalSwitch: "/v1/switches"
        case .logicalSwitchPort: "/v1/ports"
        case .chassis: "/v1/chassis"
        }
    }
}

extension Route {
    /// The kind of object that the route is about.
    var resourceKind: ResourceKind {
        switch endpoint {
        case .listSwitches, .createSwitch, .getSwitch, .replaceSwitch, .patchSwitch, .deleteSwitch: .logicalSwitch
        case .listChassis, .getChassis, .deleteChassis: .chassis
        default: .logicalSwitchPort
        }
    }
}
