import CentralCore
import HTTP
import HTTPTypes
import JSON
import NetworkModel

extension API {
    /// Returns the action of a checked request.
    func serve(_ call: Call, network: Network, isReady: Bool, now: Int64) throws(Problem) -> Action {
        let floor = try call.number(.minRevision, in: 0...UInt64(Int64.max), "a revision") ?? 0
        guard floor <= network.revision else {
            return call.context.ask(.reached(revision: floor, wait: Self.revisionWaitMaximum)) {
                answer throws(Problem) in
                guard case .network(let later?) = answer, later.revision >= floor else {
                    throw Problem(
                        .revisionNotReached,
                        "Revision \(floor) was not reached within \(Self.revisionWaitMaximum) s."
                    )
                }
                return try serve(call, network: later, isReady: isReady, now: now)
            }
        }
        switch call.route.endpoint {
        case .list, .listBelow, .listChassis, .listRecords, .listMulticastGroups, .listTopologies, .listTokens:
            return try list(call, network: network)
        case .get, .getChassis: return .reply(try read(call, network: network))
        case .create, .createBelow, .replace, .patch, .delete, .deleteChassis: return try write(call)
        case .transact: return try transact(call)
        case .getTopology: return .reply(try topology(call, network: network))
        case .applyTopology: return try applyTopology(call)
        case .deleteTopology: return try deleteTopology(call, network: network)
        case .deleteSelected(let kind): return try deleteSelected(kind, call, network: network)
        case .getToken: return .reply(try readToken(call, network: network))
        case .createToken: return try createToken(call)
        case .deleteToken: return try revokeToken(call)
        case .enrol: return try enrol(call, network: network, now: now)
        case .renewCertificate: return try renewCertificate(call, network: network)
        case .sync: return try sync(call)
        case .readChanges: return try readChanges(call)
        case .getRealization: return try realization(call, network: network)
        case .migrate(let step): return try migrate(step, call, network: network)
        case .portStatistics: return try portStatistics(call, network: network)
        case .hostReport(let subject): return try report(subject, call, network: network)
        case .reply: return try hear(call)
        case .trace: return .reply(try trace(call, network: network))
        case .getChanges: return try changes(call)
        case .getAudit: return try audit(call, network: network)
        case .metrics:
            return call.context.ask(.statistics) { answer throws(Problem) in
                guard case .statistics(let core) = answer else { throw unexpected }
                let type = "text/plain; version=0.0.4; charset=utf-8"
                return .reply(Reply(.ok, .bytes(statistics(core).text), type: type))
            }
        case .identity: return .reply(identity(call))
        case .index: return .reply(.json(.ok, indexDocument.bytes))
        case .livez: return .reply(.text(.ok, "ok\n"))
        case .readyz:
            guard isReady else { throw Problem(Refusal(.unavailable, "Central is starting or stopping.")) }
            return .reply(.text(.ok, "ok\n"))
        case .version: return .reply(.json(.ok, versionDocument.bytes))
        case .contract: return .reply(Reply(.ok, .bytes(contract), type: "application/yaml"))
        case .console: return .reply(try consolePage(call))
        case .consoleFile: return .reply(try consoleFile(call))
        }
    }
}
