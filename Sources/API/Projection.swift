import HTTP
import JSON
import NetworkModel
import Southbound

/// Which members of each object an answer is to have: `fields=name,status.up`.
struct Projection {
    /// The most different members, and parts of members, that a request may name: twice what any object has.
    static let pathCountMaximum = 64

    /// The members, whole or with the parts that are wanted of those that are objects.
    private var wanted: [String: Part] = [:]

    private enum Part {
        case whole
        case members(Set<String>)
    }

    /// - Parameters:
    ///   - text: The parameter's value.
    ///   - known: The members that the objects have.
    init(_ text: String, known: [String]) throws(Problem) {
        // A field that is named twice counts once; the bound comes before the work.
        let paths = Set(text.split(separator: ",", omittingEmptySubsequences: false))
        guard paths.count <= Self.pathCountMaximum else {
            throw Problem(.invalidParameter, "fields names more than \(Self.pathCountMaximum) fields.")
        }
        for path in paths.sorted() {
            let parts = path.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let member = parts.first, known.contains(member), parts.last != "" else {
                throw Problem(
                    .invalidParameter,
                    "fields has \"\(path.prefix(64))\"; the fields are \(known.joined(separator: ", ")), and parts of "
                        + "them such as status.up."
                )
            }
            guard parts.count == 2 else {
                wanted[member] = .whole
                continue
            }
            switch wanted[member] {
            case .whole: break
            case .members(let others): wanted[member] = .members(others.union([parts[1]]))
            case nil: wanted[member] = .members([parts[1]])
            }
        }
    }

    /// The object with these members only, in its own order.
    func apply(_ object: [UInt8]) -> [UInt8] {
        guard let members = (try? JSONParser.parse(object))?.objectValue?.members else { return object }
        var result: [(name: String, value: JSONValue)] = []
        for (name, value) in members {
            switch wanted[name] {
            case nil: continue
            case .members(let names):
                guard let inner = value.objectValue else { fallthrough }
                let part = inner.members.filter { names.contains($0.name) }
                result.append((name, .object(JSONObject(distinct: part))))
            case .whole: result.append((name, value))
            }
        }
        return JSONValue.object(JSONObject(distinct: result)).bytes
    }
}

extension Call {
    /// The members that the answer's objects are to have, if the request says so.
    func projection() throws(Problem) -> Projection? {
        guard let text = parameters[.fields] else { return nil }
        return try Projection(text, known: route.objectMembers)
    }
}

extension Route {
    /// The members of the objects that the route shows.
    var objectMembers: [String] {
        switch endpoint {
        case .list(let kind), .listBelow(let kind), .get(let kind): kind.row.members
        case .listChassis, .getChassis: RecordKind.chassis.members + ["revision", "status"]
        case .listRecords(let kind): kind.members
        case .listTopologies: ["owner", "revision"] + ObjectKind.allCases.map(\.names.member)
        case .listTokens, .getToken:
            ["id", "role", "chassis", "created_by", "created_at", "expires_at", "used_at", "revision"]
        case .listMulticastGroups: ["datapath", "name", "tunnel_key", "ports"]
        case .create, .replace, .patch, .delete, .deleteSelected, .createBelow, .transact, .trace, .getTopology,
            .applyTopology, .deleteTopology, .deleteChassis, .migrate, .getRealization, .portStatistics, .hostReport,
            .reply, .sync, .readChanges,
            .createToken, .deleteToken, .enrol,
            .renewCertificate, .getChanges, .getAudit, .identity, .index, .livez, .readyz, .version, .metrics,
            .contract,
            .console, .consoleFile:
            []
        }
    }
}
