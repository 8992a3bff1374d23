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
        var request = try writeRequest(call)
        request.topology = try topologyRequest(call)
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
        var request: TopologyRequest
        do {
            request = try Self.topology(of: call.variables["owner"] ?? "", call.content)
        } catch {
            throw Problem(error)
        }
        request.precondition = try call.conditions.precondition()
        request.prunes = try call.flag(.prune)
        request.adoption = try adoption(call)
        request.ifRevision = try call.number(.ifRevision, in: 0...UInt64(Int64.max), "a revision")
        return request
    }

    private static func topology(of owner: String, _ content: JSONValue) throws(Refusal) -> TopologyRequest {
        if let problem = ObjectName.problem(owner) {
            throw Refusal(.invalidValue, "The owner in the path cannot be a name: \(problem).")
        }
        let document = try DocumentReader.object(content, at: "", known: ["switches", "ports"])
        let maximum = Limits.topologyObjectCountMaximum
        let switches = try DocumentReader.list(document["switches"] ?? .array([]), at: "/switches", atMost: maximum)
        let ports = try DocumentReader.list(
            document["ports"] ?? .array([]),
            at: "/ports",
            atMost: maximum - switches.count
        )
        return TopologyRequest(owner: owner, switches: switches, ports: ports)
    }

    private func adoption(_ call: Call) throws(Problem) -> TopologyRequest.Adoption? {
        guard let text = call.parameters[.adopt] else { return nil }
        guard let adoption = TopologyRequest.Adoption(rawValue: text) else {
            throw Problem(.invalidParameter, "adopt is unowned or any, not \"\(text)\".")
        }
        return adoption
    }

    /// An owner's objects, as the content that makes them again.
    func topology(_ call: Call, network: Network) throws(Problem) -> Reply {
        let owner = call.variables["owner"] ?? ""
        let northbound = network.northbound
        guard let topology = northbound.topologies[owner] else {
            throw Problem(Refusal(.notFound, "There is no topology \"\(owner)\": it has no objects."))
        }
        switch call.conditions.outcome(ofReading: topology.revision) {
        case .whole: break
        case .notModified: return Reply(.notModified).tagged(topology.revision).stamped(network)
        case .failed:
            throw Problem(Refusal(.preconditionFailed, "The topology is at revision \(topology.revision)."))
        }
        let body = TopologyWriter(topology, northbound).body
        return Reply(.ok, body, type: "application/json").tagged(topology.revision).stamped(network)
    }
}

/// Writes `{"switches":[…],"ports":[…]}` piece by piece, so that no large topology keeps a loop from its other
/// connections.
private struct TopologyWriter {
    private let database: NorthboundDatabase
    private var switches: OrderedMapCursor<ProjectName, ObjectID>
    private var ports: OrderedMapCursor<ProjectName, ObjectID>
    private var part = Part.start
    private var isFirst = true

    private enum Part { case start, switches, ports, end }

    init(_ topology: Topology, _ database: NorthboundDatabase) {
        self.database = database
        switches = topology.switches.makeIterator()
        ports = topology.ports.makeIterator()
    }

    var body: HTTPBody {
        var writer = self
        return .slices { writer.next() }
    }

    private mutating func next() -> [UInt8]? {
        var text: [UInt8] = []
        if part == .start {
            text += "{\"switches\":[".utf8
            part = .switches
        }
        for _ in 0..<Page.sliceMaximum {
            switch part {
            case .start, .end: return text.isEmpty ? nil : text
            case .switches:
                guard let entry = switches.next() else {
                    text += "],\"ports\":[".utf8
                    part = .ports
                    isFirst = true
                    continue
                }
                guard let value = database.switches[entry.value]?.value else { continue }
                if !isFirst { text.append(UInt8(ascii: ",")) }
                value.userJSON.write(to: &text)
                isFirst = false
            case .ports:
                guard let entry = ports.next() else {
                    text += "]}".utf8
                    part = .end
                    continue
                }
                guard let port = database.ports[entry.value]?.value else { continue }
                if !isFirst { text.append(UInt8(ascii: ",")) }
                let switchName = database.switches[port.switchID]?.value.name ?? ""
                port.userJSON(switchName: switchName).write(to: &text)
                isFirst = false
            }
        }
        return text
    }
}
