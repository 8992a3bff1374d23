import CentralCore
import HTTP
import HTTPTypes
import JSON
import NetworkModel
import Southbound

extension API {
    /// One change of one object.
    func write(_ call: Call) throws(Problem) -> Action {
        guard let kind = call.route.endpoint.kind else { throw unexpected }
        let operation = Operation(kind, try action(call), precondition: try call.conditions.precondition())
        var request = try writeRequest(call)
        request.operations = [operation]
        return try write(call, request) { (_, results) throws(Problem) in
            guard let result = results.first else { throw unexpected }
            return Self.reply(result, operation)
        }
    }

    /// A write without its changes: who asks, and how.
    func writeRequest(_ call: Call) throws(Problem) -> WriteRequest {
        var request = WriteRequest(operations: [], author: call.context.author, requestID: call.context.requestID)
        request.source = call.context.source()
        request.isDryRun = try call.flag(.dryRun)
        let maximum = UInt64(Int32.max)
        let count = try call.number(.confirmDeletes, in: 0...maximum, "a number of objects")
        request.confirmedDeletionCount = count.map { Int($0) }
        request.idempotency = call.idempotency
        return request
    }

    /// Asks for a write and answers with what `render` makes of it.
    func write(
        _ call: Call,
        _ request: WriteRequest,
        _ render: @escaping (UInt64, [OperationResult]) throws(Problem) -> Reply
    ) throws(Problem) -> Action {
        let wait = try Wait(call)
        return call.context.ask(.write(request)) { answer throws(Problem) in
            switch answer {
            case .written(let revision, let hash, let results):
                let reply = try render(revision, results)
                return finish(call, request, reply, CommitPlace(revision, hash), wait)
            case .replayed(let revision, let results):
                var reply = try render(revision, results)
                reply.head[.idempotentReplayed] = "true"
                return finish(call, request, reply, CommitPlace(revision, nil), wait)
            case .applied, .refused, .feed, .watched, .audited, .statistics, .realization, .reply, .heard, .network:
                throw unexpected
            }
        }
    }

    /// The time that a write waits for the hosts.
    struct Wait {
        /// As long as an agent's sync is parked, unless said otherwise.
        static let secondsDefault = 20

        let seconds: Int?

        init(_ call: Call) throws(Problem) {
            let maximum = Realization.waitMaximum
            let wait = try call.number(.wait, in: 0...maximum, "a number of seconds from 0 to \(maximum)")
            switch call.parameters[.until] {
            case nil:
                guard wait == nil else { throw Problem(.invalidParameter, "wait has no effect without until=chassis.") }
                seconds = nil
            case "chassis": seconds = wait ?? Self.secondsDefault
            case let text?: throw Problem(.invalidParameter, "until is chassis, not \"\(text)\".")
            }
        }
    }

    /// Marks the answer to a write, and holds it until the hosts have its revision, if the request asks for that.
    func finish(_ call: Call, _ request: WriteRequest, _ reply: Reply, _ place: CommitPlace, _ wait: Wait) -> Action {
        guard !request.isDryRun else {
            var reply = reply
            reply.head[.dryRun] = "true"
            return .reply(reply)
        }
        let reply = reply.stamped(place)
        guard let seconds = wait.seconds else { return .reply(reply) }
        return call.context.ask(.realization(revision: place.revision, wait: seconds)) { answer throws(Problem) in
            guard case .realization(let realization) = answer else { throw unexpected }
            guard !realization.isComplete else { return .reply(reply) }
            var late = Reply.json(.accepted, realization.json.bytes).stamped(place)
            late.head[.location] = reply.head[.location]
            late.head[.eTag] = reply.head[.eTag]
            return .reply(late)
        }
    }

    private func action(_ call: Call) throws(Problem) -> Operation.Action {
        switch call.route.method {
        case .post: return .create(body: call.content, switch: call.variables["ref"].map { Reference($0) })
        case .put: return .replace(call.reference, body: call.content)
        case .patch: return .patch(call.reference, body: call.content)
        default: return .delete(call.reference, refusingPorts: try refusesPorts(call))
        }
    }

    /// True if a switch that has ports is not to be deleted.
    func refusesPorts(_ call: Call) throws(Problem) -> Bool {
        switch call.parameters[.ports] {
        case nil: return false
        case "refuse": return true
        default: throw Problem(.invalidParameter, "ports is refuse, or left out to delete the ports too.")
        }
    }

    private static func reply(_ result: OperationResult, _ operation: Operation) -> Reply {
        guard let object = result.object else { return Reply(.noContent) }
        var reply = Reply.json(result.isCreated ? .created : .ok, object).tagged(result.revision)
        if result.isCreated {
            reply.head[.location] = operation.kind.names.path + "/" + result.name
        }
        return reply
    }

    /// The problem of an outcome that the question cannot have.
    var unexpected: Problem { .unexpected }

    /// Handles a sync of a chassis; the answer is held until there is news for it.
    func sync(_ call: Call) throws(Problem) -> Action {
        let request: SyncRequest
        do {
            request = try SyncRequest(json: call.content)
        } catch {
            throw Problem(error)
        }
        let isCertified = if case .chassis = call.principal.rights { true } else { false }
        return call.context.ask(
            .sync(chassis: call.variables["name"] ?? "", request, isCertified: isCertified),
            feed
        )
    }

    /// A chassis' feed, for people and their tools.
    func readChanges(_ call: Call) throws(Problem) -> Action {
        let page = try call.parameters[.page].map { text throws(Problem) in
            guard let page = FeedPage(text) else {
                throw Problem(.invalidParameter, "page is not from an earlier answer.")
            }
            return page
        }
        let since = try call.number(.since, in: 0...UInt64(Int64.max), "a revision") ?? 0
        let (epoch, hash) = try call.evidence(since: since)
        let poll = Poll(
            chassis: call.variables["name"] ?? "",
            since: since,
            epoch: epoch,
            hash: hash,
            page: page,
            wait: try wait(call, maximum: SyncRequest.waitMaximum)
        )
        return call.context.ask(.changes(poll), feed)
    }

    private func feed(_ answer: Answer) throws(Problem) -> Action {
        guard case .feed(let feed) = answer else { throw unexpected }
        let place = CommitPlace(feed.to, feed.hash.map { CommitHash(rawValue: $0) })
        // A text that many hosts are told is sent to all of them from the same memory.
        let body = feed.text == nil ? HTTPBody.bytes(feed.bytes) : .shared(feed.pieces)
        return .reply(Reply(.ok, body, type: "application/json").stamped(place))
    }

    private func wait(_ call: Call, maximum: Int) throws(Problem) -> Int {
        try call.number(.wait, in: 0...maximum, "a number of seconds from 0 to \(maximum)") ?? 0
    }
}
