import JSON
import Northbound
import Southbound

/// Which members of each object an answer is to have: `fields=name,status.up`.
struct Projection {
    /// A member, or one member of a member that is an object.
    private var paths: [(member: String, inner: String?)] = []

    /// - Parameters:
    ///   - text: The parameter's value.
    ///   - known: The members that the objects have.
    init(_ text: String, known: [String]) throws(Problem) {
        for path in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = path.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let member = parts.first, known.contains(member), parts.last != "" else {
                throw Problem(
                    .invalidParameter,
                    "fields has \"\(path.prefix(64))\"; the fields are \(known.joined(separator: ", ")), and parts of "
                        + "them such as status.up."
                )
            }
            paths.append((member, parts.count == 2 ? parts[1] : nil))
        }
    }

    /// The object with these members only, in its own order.
    func apply(_ object: [UInt8]) -> [UInt8] {
        guard let members = (try? JSONParser.parse(object))?.objectValue?.members else { return object }
        var result = JSONObject()
        for (name, value) in members {
            let wanted = paths.filter { $0.member == name }
            guard !wanted.isEmpty else { continue }
            guard !wanted.contains(where: { $0.inner == nil }), let inner = value.objectValue else {
                result[name] = value
                continue
            }
            var part = JSONObject()
            for (innerName, innerValue) in inner.members where wanted.contains(where: { $0.inner == innerName }) {
                part[innerName] = innerValue
            }
            result[name] = .object(part)
        }
        return JSONValue.object(result).bytes
    }
}

extension Call {
    /// The members that the answer's objects are to have, where the request says so.
    func projection() throws(Problem) -> Projection? {
        guard let text = parameters[.fields] else { return nil }
        return try Projection(text, known: route.objectMembers)
    }
}

extension Route {
    /// The members of the objects that the route shows.
    var objectMembers: [String] {
        let server = ["id", "owner", "revision", "config_revision", "created_at", "updated_at", "status"]
        let chassis = ["name", "chassis_id", "hostname", "encaps"]
        return switch endpoint {
        case .listSwitches, .getSwitch: ["name", "labels", "vlan_passthru"] + server
        case .listPorts, .listSwitchPorts, .getPort:
            [
                "name", "switch", "type", "addresses", "port_security", "enabled", "requested_chassis", "options",
                "labels",
            ] + server
        case .listChassis, .getChassis: chassis + ["revision", "status"]
        case .listSouthboundChassis: chassis
        case .listDatapathBindings: ["id", "name", "tunnel_key", "vlan_passthru"]
        case .listPortBindings:
            [
                "id", "logical_port", "datapath", "tunnel_key", "addresses", "unknown", "port_security", "enabled",
                "answers_neighbors", "requested_chassis", "locations",
            ]
        case .listTopologies: ["owner", "revision", "switches", "ports"]
        case .listTokens, .getToken:
            ["id", "role", "chassis", "created_by", "created_at", "expires_at", "used_at", "revision"]
        case .listMulticastGroups: ["datapath", "name", "tunnel_key", "ports"]
        default: []
        }
    }
}
