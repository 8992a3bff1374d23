import HTTPTypes
import NetworkModel
import Southbound

@testable import API

/// The parts of openapi.yaml that no route needs to be served.
extension Route {
    /// The status codes of success.
    var successes: Set<Int> {
        switch endpoint {
        case .list, .listBelow, .listTopologies, .listChassis, .listRecords, .listMulticastGroups, .listTokens, .get,
            .getTopology, .getChassis, .getToken:
            [200, 304]
        case .console, .consoleFile: [200, 304]
        case .create, .createBelow: [201, 202]
        case .replace: [200, 201, 202]
        case .patch, .transact, .applyTopology, .migrate(.begin), .migrate(.complete), .migrate(.abort): [200, 202]
        case .delete, .deleteChassis: [202, 204]
        case .deleteSelected, .deleteTopology: [200, 202]
        case .createToken, .enrol: [201]
        case .deleteToken, .reply: [204]
        case .getChanges, .getAudit, .getRealization, .trace, .sync, .readChanges, .renewCertificate, .livez, .readyz,
            .migrate(.read), .portStatistics, .hostReport, .identity, .index, .version, .metrics, .contract:
            [200]
        }
    }

    /// The status codes of refusals, without those of HTTP itself (408, 414, 417, 431, 501, 505).
    var problems: Set<Int> {
        // A path without variables and parameters still refuses parameters, and whoever shows wrong tokens is held up,
        // wherever that is.
        var problems = ownProblems.union([400, 429])
        if method != .get { problems.insert(415) }
        if content != nil { problems.insert(413) }
        if isConditional { problems.insert(412) }
        switch access {
        case .anyone: break
        case .role: problems.formUnion([401, 403])
        case .chassis, .renewal, .joining: problems.insert(403)
        }
        return problems
    }

    private var ownProblems: Set<Int> {
        switch endpoint {
        case .list, .listTopologies, .listChassis, .listRecords, .listMulticastGroups, .listTokens, .getChanges,
            .getAudit:
            [410, 503]
        case .listBelow, .readChanges: [404, 410, 503]
        case .get, .getTopology, .getChassis, .getToken, .deleteChassis, .deleteToken: [404, 503]
        case .delete(let kind): parameters.contains(.ports) || kind.isReferredTo ? [404, 409, 503] : [404, 503]
        case .create, .applyTopology: [409, 422, 503]
        case .deleteSelected: [409, 412, 422, 503]
        case .deleteTopology: [404, 409, 422, 503]
        case .createBelow, .replace, .patch: [404, 409, 422, 503]
        case .transact, .migrate(.begin), .migrate(.complete), .migrate(.abort): [404, 409, 412, 422, 503]
        case .migrate(.read): [404, 503]
        case .portStatistics: [404, 409, 422, 503, 504]
        case .hostReport: [404, 422, 503, 504]
        case .reply: [404, 422, 503]
        case .sync: [409, 410, 422, 503]
        case .createToken, .enrol, .trace: [422, 503]
        case .renewCertificate: [404, 422, 503]
        case .getRealization, .readyz, .metrics: [503]
        case .console, .consoleFile: [404]
        case .identity, .index, .livez, .version, .contract: []
        }
    }
}

extension Endpoint {
    /// The `operationId` of openapi.yaml.
    var operationID: String {
        switch self {
        case .list(let kind): "list\(kind.names.plural.camelCase)"
        case .create(let kind): "create\(kind.names.singular.camelCase)"
        case .get(let kind): "get\(kind.names.singular.camelCase)"
        case .replace(let kind): "replace\(kind.names.singular.camelCase)"
        case .patch(let kind): "patch\(kind.names.singular.camelCase)"
        case .delete(let kind): "delete\(kind.names.singular.camelCase)"
        case .deleteSelected(let kind): "deleteSelected\(kind.names.plural.camelCase)"
        case .listBelow(let kind): "list\(kind.home.camelCase)\(kind.names.plural.camelCase)"
        case .createBelow(let kind): "create\(kind.home.camelCase)\(kind.names.singular.camelCase)"
        case .migrate(.read): "getMigration"
        case .migrate(let step): "\(step)Migration"
        case .identity: "getIdentity"
        case .index: "getIndex"
        case .portStatistics: "getPortStatistics"
        case .hostReport(.statistics): "getChassisStatistics"
        case .hostReport(.macs): "getChassisMACs"
        case .hostReport(.acls): "getChassisACLs"
        case .hostReport(.status): "getChassisStatus"
        case .reply: "reply"
        case .console: "getConsole"
        case .consoleFile: "getConsoleFile"
        case .listRecords(.chassis): "listSouthboundChassis"
        case .listRecords(.datapathBinding): "listDatapathBindings"
        case .listRecords(.portBinding): "listPortBindings"
        case .listRecords(.dhcpResponder): "listDHCPResponders"
        case .listRecords(.dnsResponder): "listDNSResponders"
        case .listRecords(.mirrorSession): "listMirrorSessions"
        case .transact, .trace, .listTopologies, .getTopology, .applyTopology, .deleteTopology, .listChassis,
            .getChassis, .deleteChassis, .listMulticastGroups, .getRealization, .sync, .readChanges, .listTokens,
            .createToken,
            .getToken, .deleteToken, .enrol, .renewCertificate, .getChanges, .getAudit, .livez, .readyz, .version,
            .metrics, .contract:
            "\(self)"
        }
    }
}

extension ObjectKind {
    /// The name of what the objects belong to: `switch`.
    fileprivate var home: String { row.parent?.kind.names.singular ?? "" }
}

extension String {
    /// `address-sets` as `AddressSets`.
    fileprivate var camelCase: String {
        split(separator: "-").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }
}
