import HTTP
import HTTPTypes
import JSON
import NetworkModel
import Southbound

/// The thing that a request does with the move of a port's guest.
public enum MigrationStep: Hashable, Sendable {
    case begin, read, complete, abort
}

/// The move of a port's guest from one chassis to another, as `requested_chassis` and `activation_strategy` of the port
/// say it: docs/migration.md. It is a view of the port, and has no state of its own.
struct Migration {
    /// The chassis that the guest leaves.
    let source: String
    /// The chassis that it moves to.
    let target: String
    /// The frames by which it says that it runs there.
    let strategy: [ActivationFrame]
    let state: State

    enum State: String {
        /// The target has not plugged the port in, or may not be standby.
        case waiting
        /// The target's forwarder does not have the port's tables yet.
        case preparing
        /// The guest can be started at the target; it still runs at the source.
        case ready
        /// The guest has announced itself at the target, which holds the port.
        case moved
    }

    /// The move that a port is in; `nil` if it is in none.
    init?(of port: LogicalSwitchPort) {
        guard port.requestedChassis.count == 2, !port.activationStrategy.isEmpty else { return nil }
        source = port.requestedChassis[0]
        target = port.requestedChassis[1]
        strategy = port.activationStrategy
        let standby = port.status.standby
        if port.status.chassis == target {
            state = .moved
        } else if let standby, standby.chassis == target {
            state = standby.isUp ? .ready : .preparing
        } else {
            state = .waiting
        }
    }

    /// True if the port would have a place if the source might not have it any more.
    var canComplete: Bool { state != .waiting }

    /// `{"port","source","target","strategy","state","up"}`.
    func json(of port: LogicalSwitchPort) -> JSONValue {
        [
            "port": .string(port.name), "source": .string(source), "target": .string(target),
            "strategy": .array(strategy.map { .string($0.rawValue) }), "state": .string(state.rawValue),
            "up": .bool(port.status.isUp),
        ]
    }
}

extension API {
    /// The move of a port's guest, which a user begins, looks at, completes or calls off.
    func migrate(_ step: MigrationStep, _ call: Call, network: Network) throws(Problem) -> Action {
        guard let port = network.northbound.port(call.reference) else {
            throw Problem(Refusal(.notFound, "There is no port \"\(call.variables["ref"] ?? "")\"."))
        }
        if step == .begin { return try begin(call, port, network) }
        guard let migration = Migration(of: port.value) else {
            throw Problem(Refusal(.notFound, "The port \"\(port.value.name)\" does not move."))
        }
        switch step {
        case .complete:
            guard migration.canComplete else {
                throw conflict("\(migration.target) has not plugged the port in, so that it would be nowhere.", port)
            }
            return try change(call, port, to: [migration.target], [])
        case .abort: return try change(call, port, to: [migration.source], [])
        case .begin, .read: return .reply(.json(.ok, migration.json(of: port.value).bytes).stamped(network))
        }
    }

    private func begin(
        _ call: Call,
        _ port: Stored<LogicalSwitchPort>,
        _ network: Network
    ) throws(Problem) -> Action {
        let target: String
        let strategy: [JSONValue]
        do throws(Refusal) {
            (target, strategy) = try order(JSONReader(call.content))
        } catch {
            throw Problem(error)
        }
        guard network.southbound.chassis(named: target) != nil else {
            let detail = "There is no chassis \(quoted(target)); its agent has not joined."
            throw Problem(Refusal(.referenceNotFound, detail, pointer: "/target"))
        }
        let current = Migration(of: port.value)
        guard let source = current?.source ?? port.value.status.chassis else {
            throw conflict("No chassis holds the port; set \"requested_chassis\" to the one that it is for.", port)
        }
        guard source != target else {
            throw Problem(Refusal(.invalidValue, "\(target) has the port already.", pointer: "/target"))
        }
        if let current, current.target != target || current.state == .moved {
            throw conflict("The port moves to \(current.target); complete that or call it off first.", port)
        }
        return try change(call, port, to: [source, target], strategy)
    }

    private func order(_ body: JSONReader) throws(Refusal) -> (target: String, strategy: [JSONValue]) {
        try body.checkMembers(["target", "strategy"])
        guard let target = body.value["target"] else {
            throw Refusal(.missingField, "A migration needs the \"target\", a chassis.", pointer: "/target")
        }
        guard case .string(let name) = target else {
            throw Refusal(.invalidValue, "\"target\" is the name of a chassis.", pointer: "/target")
        }
        let every = ActivationFrame.allCases.map { JSONValue.string($0.rawValue) }
        guard let said = body["strategy"] else { return (name, every) }
        let strategy = try said.list(atMost: every.count).map(\.value)
        guard !strategy.isEmpty, strategy.allSatisfy(every.contains), Set(strategy.map(\.text)).count == strategy.count
        else {
            let detail = "\"strategy\" is one or several of \"rarp\", \"garp\" and \"na\", each once."
            throw Refusal(.invalidValue, detail, pointer: "/strategy")
        }
        return (name, strategy)
    }

    /// Changes the port as it was read, and answers with what its guest's move is then.
    private func change(
        _ call: Call,
        _ port: Stored<LogicalSwitchPort>,
        to hosts: [String],
        _ strategy: [JSONValue]
    ) throws(Problem) -> Action {
        let body: JSONValue = [
            "requested_chassis": .array(hosts.map { .string($0) }), "activation_strategy": .array(strategy),
        ]
        let precondition = Precondition(ifMatch: .revisions([port.revision]))
        var request = try writeRequest(call)
        request.operations = [
            Operation(.logicalSwitchPort, .patch(.id(port.id), body: body), precondition: precondition)
        ]
        return try write(call, request) { (_, results) throws(Problem) in
            guard let result = results.first, let object = result.object else { throw unexpected }
            return Reply.json(.ok, object).tagged(result.revision)
        }
    }

    private func conflict(_ detail: String, _ port: Stored<LogicalSwitchPort>) -> Problem {
        Problem(Refusal(.migrationConflict, detail, conflictsWith: "/v1/ports/\(port.value.name)"))
    }
}
