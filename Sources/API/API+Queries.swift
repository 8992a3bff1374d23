import CentralCore
import HTTP
import HTTPTypes
import JSON
import NetworkModel
import Southbound

/// Answers with the knowledge of hosts alone: central asks them, and hands on what they say.
extension API {
    /// The counters of a port, from the host that has it.
    func portStatistics(_ call: Call, network: Network) throws(Problem) -> Action {
        let reference = Reference(call.variables["ref"] ?? "")
        guard let port = network.northbound.port(reference) else {
            throw Problem(.notFound, "There is no port \(quoted(reference.description)).")
        }
        let name = port.value.name
        guard let place = network.southbound.place(ofPort: port.id)?.locations.first else {
            let reason = port.value.status.reason.map { " (\($0.rawValue))" } ?? ""
            throw Problem(.portNotBound, "No host has the port \"\(name)\"\(reason), so nobody counts its frames.")
        }
        let query = HostQuery(id: 0, subject: .statistics, logicalPort: name)
        return tell(call, of: place.chassis, query) { chassis, content throws(Problem) in
            let own = content["ports"]?.arrayValue?.first { $0["logical_port"]?.stringValue == name }
            guard let own, let statistics = own["statistics"], statistics.objectValue != nil else {
                throw Problem(
                    .hostUnreachable,
                    "The forwarder of the chassis \"\(chassis)\" counts nothing for \"\(name)\" yet; try again."
                )
            }
            let members: [(name: String, value: JSONValue)] = [
                ("port", .string(name)), ("chassis", .string(chassis)), ("state", own["state"] ?? .null),
                ("statistics", statistics),
            ]
            return .object(JSONObject(distinct: members))
        }
    }

    /// Answers with a host's word about itself.
    func report(_ subject: HostQuery.Subject, _ call: Call, network: Network) throws(Problem) -> Action {
        let reference = call.variables["ref"] ?? ""
        guard let chassis = network.southbound.chassis(named: reference) else {
            throw Problem(.notFound, "There is no chassis \(quoted(reference)).")
        }
        guard call.filters.count <= 1 else {
            throw Problem(.invalidParameter, "A host is asked about one switch at a time, or about all.")
        }
        let home = try call.filters.first.map { filter throws(Problem) in
            guard let home = network.northbound.logicalSwitch(Reference(filter.value)) else {
                throw Problem(.invalidParameter, "There is no switch \(quoted(filter.value)).")
            }
            return home.value.name
        }
        let query = HostQuery(id: 0, subject: subject, logicalSwitch: home)
        return tell(call, of: chassis.name, query) { chassis, content throws(Problem) in
            // A host's word is handed on as it is, but not about which host it is.
            let others = (content.objectValue?.members ?? []).filter { $0.name != "chassis" }
            let members = [(name: "chassis", value: JSONValue.string(chassis))] + others
            return .object(JSONObject(distinct: members))
        }
    }

    private typealias Reading = (_ chassis: String, _ content: JSONValue) throws(Problem) -> JSONValue

    /// Answers with what a host replies: once, or as events, each a second after the one before was taken.
    private func tell(_ call: Call, of chassis: String, _ query: HostQuery, _ read: @escaping Reading) -> Action {
        guard let events = call.events else {
            return call.context.ask(.query(chassis: chassis, query)) { answer throws(Problem) in
                var reply = Reply.json(.ok, try Self.json(answer, read).bytes)
                // It is of this moment only.
                reply.head.add(.cacheControl, "no-store")
                return .reply(reply)
            }
        }
        let retry = "retry: \(EventStream.retryTime)\n"
        if events.isHEAD { return .reply(EventStream.head(.bytes(Array((retry + "\n").utf8)))) }
        return call.context.ask(.query(chassis: chassis, query)) { answer throws(Problem) in
            let piece = EventStream.text("statistics", try Self.json(answer, read), behind: retry)
            return .stream(EventStream.head(piece), then: Self.more(call.context, chassis, query, read))
        }
    }

    /// The next event. One that cannot be is a problem, and the last: a client that comes back asks the new host.
    private static func more(
        _ context: CallContext,
        _ chassis: String,
        _ query: HostQuery,
        _ read: @escaping Reading
    ) -> () -> Action {
        {
            .ask(.query(chassis: chassis, query, after: 1)) { answer in
                do throws(Problem) {
                    let piece = EventStream.text("statistics", try json(answer, read))
                    return .stream(Reply(.ok, piece), then: more(context, chassis, query, read))
                } catch {
                    return .stream(Reply(.ok, EventStream.end(error, requestID: context.requestID)), then: nil)
                }
            }
        }
    }

    private static func json(_ answer: Answer, _ read: Reading) throws(Problem) -> JSONValue {
        if case .refused(let refusal, _) = answer { throw Problem(refusal) }
        guard case .reply(let chassis, let reply) = answer else { throw Problem.unexpected }
        if let error = reply.content["error"]?.stringValue {
            let detail =
                "The chassis \"\(chassis)\" cannot reply: \(quoted(error)). Ask for one port or one switch."
            throw Problem(.limitExceeded, detail)
        }
        return try read(chassis, reply.content)
    }

    /// A host's reply to a question.
    func hear(_ call: Call) throws(Problem) -> Action {
        let reply: HostReply
        do {
            reply = try HostReply(json: call.content)
        } catch {
            throw Problem(error)
        }
        return call.context.ask(.reply(chassis: call.variables["name"] ?? "", reply)) { answer throws(Problem) in
            guard case .heard = answer else { throw Problem.unexpected }
            return .reply(Reply(.noContent, .none))
        }
    }
}
