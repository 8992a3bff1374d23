import CentralCore
import HTTP
import HTTPTypes
import JSON
import NetworkModel
import Persistent
import Wire

/// Topologies: what one owner has declared, as one document.
extension API {
    /// Makes an owner's objects what the content says.
    func applyTopology(_ call: Call) throws(Problem) -> Action {
        try apply(try topologyRequest(call), call)
    }

    /// Deletes all that an owner has.
    func deleteTopology(_ call: Call, network: Network) throws(Problem) -> Action {
        let owner = call.variables["owner"] ?? ""
        guard network.northbound.topologies[owner] != nil else { throw Self.noTopology(owner) }
        return try apply(try topologyRequest(call), call)
    }

    private func apply(_ topology: TopologyRequest, _ call: Call) throws(Problem) -> Action {
        var request = try writeRequest(call)
        request.topology = topology
        let wait = try Wait(call)
        return call.context.ask(.write(request)) { answer throws(Problem) in
            guard case .applied(let revision, let hash, let topologyRevision, let plan) = answer else {
                throw unexpected
            }
            var reply = Reply(.ok, Self.body(of: plan, topologyRevision).settled, type: "application/json")
            if topologyRevision > 0 { reply = reply.tagged(topologyRevision) }
            return finish(call, request, reply, CommitPlace(revision, hash), wait)
        }
    }

    /// `{"revision","plan","unchanged"}`, produced as the socket takes it: a plan may have ten thousand steps.
    private static func body(of plan: TopologyPlan, _ revision: UInt64) -> HTTPBody {
        var index = 0
        var isDone = false
        return .slices {
            guard !isDone else { return nil }
            var text = index == 0 ? Array("{\"revision\":\(revision),\"plan\":[".utf8) : []
            for _ in 0..<Page.sliceMaximum where index < plan.steps.count {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                plan.steps[index].json.write(to: &text)
                index += 1
            }
            if index == plan.steps.count {
                isDone = true
                text += "],\"unchanged\":\(plan.unchangedCount)}".utf8
            }
            return text
        }
    }

    private func topologyRequest(_ call: Call) throws(Problem) -> TopologyRequest {
        let isDeletion = call.route.endpoint == .deleteTopology
        var request: TopologyRequest
        do {
            request = try Self.topology(of: call.variables["owner"] ?? "", isDeletion ? [:] : call.content)
        } catch {
            throw Problem(error)
        }
        request.precondition = try call.conditions.precondition()
        request.prunes = isDeletion ? true : try call.flag(.prune)
        request.adoption = try adoption(call)
        request.ifRevision = try call.number(.ifRevision, in: 0...UInt64(Int64.max), "a revision")
        return request
    }

    private static func topology(of owner: String, _ content: JSONValue) throws(Refusal) -> TopologyRequest {
        if let problem = ObjectName.problem(owner) {
            throw Refusal(.invalidValue, "The owner in the path cannot be a name: \(problem).")
        }
        let names = ObjectKind.allCases.map(\.names.member)
        let document = JSONReader(content)
        try document.checkMembers(names)
        var bodies: [ObjectKind: [JSONValue]] = [:]
        var left = Limits.topologyObjectCountMaximum
        for kind in ObjectKind.allCases {
            let list = try document[kind.names.member]?.list(atMost: left) ?? []
            left -= list.count
            bodies[kind] = list.map(\.value)
        }
        return TopologyRequest(owner: owner, bodies: bodies)
    }

    private func adoption(_ call: Call) throws(Problem) -> TopologyRequest.Adoption? {
        guard let text = call.parameters[.adopt] else { return nil }
        guard let adoption = TopologyRequest.Adoption(rawValue: text) else {
            throw Problem(.invalidParameter, "adopt is unowned or any, not \"\(text)\".")
        }
        return adoption
    }

    private static func noTopology(_ owner: String) -> Problem {
        Problem(.notFound, "There is no topology \(quoted(owner)): it has no objects.")
    }

    /// An owner's objects, as the content that makes them again.
    func topology(_ call: Call, network: Network) throws(Problem) -> Reply {
        let owner = call.variables["owner"] ?? ""
        let northbound = network.northbound
        guard let topology = northbound.topologies[owner] else {
            throw Self.noTopology(owner)
        }
        switch call.conditions.outcome(ofReading: topology.revision) {
        case .whole: break
        case .notModified: return Reply(.notModified).tagged(topology.revision).stamped(network)
        case .failed:
            throw Problem(Refusal(.preconditionFailed, "The topology is at revision \(topology.revision)."))
        }
        let body = TopologyWriter(owner, northbound).body
        return Reply(.ok, body, type: "application/json").tagged(topology.revision).stamped(network)
    }
}

/// Writes `{"switches":[…],"ports":[…]}` piece by piece, so that no large topology keeps a loop from its other
/// connections.
private struct TopologyWriter {
    private let database: NorthboundDatabase
    /// The objects of each kind that are left.
    private var parts: [(kind: ObjectKind, objects: OrderedMapCursor<ProjectName, ObjectID>)]
    private var hasBegun = false
    private var isFirst = true

    init(_ owner: String, _ database: NorthboundDatabase) {
        self.database = database
        parts = ObjectKind.allCases.reversed().map { ($0, database.owned(by: owner, $0).makeIterator()) }
    }

    var body: HTTPBody {
        var writer = self
        return .slices { writer.next() }
    }

    private mutating func next() -> [UInt8]? {
        guard !parts.isEmpty else { return nil }
        var text: [UInt8] = []
        if !hasBegun { begin(parts[parts.count - 1].kind, "{", &text) }
        hasBegun = true
        for _ in 0..<Page.sliceMaximum {
            let last = parts.count - 1
            if let entry = parts[last].objects.next() {
                if !isFirst { text.append(UInt8(ascii: ",")) }
                isFirst = false
                database.write(parts[last].kind, entry.value, to: &text)
                continue
            }
            parts.removeLast()
            guard let next = parts.last else {
                text += "]}".utf8
                return text
            }
            begin(next.kind, "],", &text)
        }
        return text
    }

    private mutating func begin(_ kind: ObjectKind, _ separator: String, _ text: inout [UInt8]) {
        text += "\(separator)\"\(kind.names.member)\":[".utf8
        isFirst = true
    }
}
