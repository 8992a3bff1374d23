import Persistent
import Wire

/// What the application of a topology did to the database.
public struct TopologyOutcome: Sendable {
    /// What changed, for the user.
    public var plan = TopologyPlan()
    /// What was done to each object that changed, in the order in which keys are freed and given.
    public var outcomes: [(kind: ResourceKind, outcome: OperationOutcome)] = []
}

/// The refusals of a topology's objects, each of which is looked at by itself: who has written a thousand of them wants
/// to mend them in one go.
private struct TopologyRefusals {
    private var refusals: [Refusal] = []

    var isFull: Bool { refusals.count >= Limits.topologyRefusalCountMaximum }

    mutating func append(_ refusal: Refusal) {
        if !isFull { refusals.append(refusal) }
    }

    /// The first with the others; `nil` where there are none.
    var whole: Refusal? {
        guard var first = refusals.first else { return nil }
        first.others = Array(refusals.dropFirst())
        return first
    }
}

/// Whole topologies.
extension NorthboundDatabase {
    /// A port as a topology wants it, with the one that is there.
    private struct WantedPort {
        /// Its place in the request.
        var index: Int
        var old: Stored<LogicalSwitchPort>?
        var new: Stored<LogicalSwitchPort>
    }

    /// Makes the objects of an owner what a topology says. Where it throws, the database is to be thrown away.
    ///
    /// Ports may take over the addresses of each other and of ports that are pruned.
    public mutating func apply(
        _ request: TopologyRequest,
        stamp: CommitStamp,
        using generator: inout some RandomNumberGenerator
    ) throws(Refusal) -> TopologyOutcome {
        let current = topologies[request.owner]?.revision
        try request.precondition.check(revisions: current.map { $0...$0 }, "topology \"\(request.owner)\"")
        let revision = current ?? 0
        if let wanted = request.ifRevision, wanted != revision {
            throw Refusal(
                .preconditionFailed,
                "The topology \"\(request.owner)\" is at revision \(revision), not at \(wanted): it has changed since; "
                    + "plan again with dry_run=true."
            )
        }
        var outcome = TopologyOutcome()
        outcome.plan.unchangedCount = request.unchangedCount
        var refusals = TopologyRefusals()
        let switchNames = putSwitches(request, stamp, &outcome, &refusals, &generator)
        let ports = wantedPorts(request, stamp, knowing: switchNames, &refusals, &generator)
        if request.prunes { prunePorts(of: request.owner, keeping: Set(ports.map(\.new.value.name)), &outcome) }
        // All of them let go of their addresses before any takes one, so that two ports can swap.
        for port in ports where port.old?.value.addresses != port.new.value.addresses {
            if let old = port.old { unindexAddresses(of: old) }
        }
        for port in ports {
            do throws(Refusal) {
                try put(port, &outcome)
            } catch {
                refusals.append(error.at("/ports/\(port.index)"))
            }
        }
        if let refusal = refusals.whole { throw refusal }
        if request.prunes { try pruneSwitches(of: request.owner, keeping: switchNames, &outcome) }
        return outcome
    }

    /// - Returns: the names of the switches of the request, of refused ones too.
    private mutating func putSwitches(
        _ request: TopologyRequest,
        _ stamp: CommitStamp,
        _ outcome: inout TopologyOutcome,
        _ refusals: inout TopologyRefusals,
        _ generator: inout some RandomNumberGenerator
    ) -> Set<String> {
        var names: Set<String> = []
        for (index, body) in request.switches.enumerated() where !refusals.isFull {
            let isNew = body.name.map { names.insert($0).inserted } ?? true
            do throws(Refusal) {
                try putSwitch(body, isNew: isNew, request, stamp, &outcome, &generator)
            } catch {
                refusals.append(error.at("/switches/\(index)"))
            }
        }
        return names
    }

    private mutating func putSwitch(
        _ body: ObjectBody<LogicalSwitch>,
        isNew: Bool,
        _ request: TopologyRequest,
        _ stamp: CommitStamp,
        _ outcome: inout TopologyOutcome,
        _ generator: inout some RandomNumberGenerator
    ) throws(Refusal) {
        let current = body.name.flatMap { logicalSwitch(.name($0)) }
        let value = try LogicalSwitch(body, replacing: current, name: nil)
        guard isNew else { throw Self.doubled("switch", value.name) }
        guard let current else {
            var stored = Stored(new: value, id: newID(stamp, using: &generator), stamp)
            stored.owner = request.owner
            put(stored)
            outcome.plan.note(.create, .logicalSwitch, value.name)
            outcome.outcomes.append((.logicalSwitch, .created(stored.id)))
            return
        }
        try Self.checkOwner(of: current, "switch", value.name, "/v1/switches", request)
        var changed = current.changed(to: value, stamp)
        changed.owner = request.owner
        if outcome.plan.note(.logicalSwitch, value.name, from: current, to: changed, json: \.userJSON) {
            put(changed)
            outcome.outcomes.append((.logicalSwitch, .changed(current.id)))
        }
    }

    /// - Parameter switchNames: The switches of the request; what is wrong with one is not told again of its ports.
    private mutating func wantedPorts(
        _ request: TopologyRequest,
        _ stamp: CommitStamp,
        knowing switchNames: Set<String>,
        _ refusals: inout TopologyRefusals,
        _ generator: inout some RandomNumberGenerator
    ) -> [WantedPort] {
        var names: Set<String> = []
        var wanted: [WantedPort] = []
        wanted.reserveCapacity(request.ports.count)
        for (index, body) in request.ports.enumerated() where !refusals.isFull {
            let current = body.name.flatMap { port(.name($0)) }
            let isNew = body.name.map { names.insert($0).inserted } ?? true
            do throws(Refusal) {
                let new = try wantedPort(body, replacing: current, isNew: isNew, request, stamp, &generator)
                wanted.append(WantedPort(index: index, old: current, new: new))
            } catch {
                // What it would have given up is not what others are refused for.
                if isNew, let current { unindexAddresses(of: current) }
                let isOfRefusedSwitch = body.parent.map(switchNames.contains) ?? false
                if error.code != .referenceNotFound || error.pointer != "/switch" || !isOfRefusedSwitch {
                    refusals.append(error.at("/ports/\(index)"))
                }
            }
        }
        return wanted
    }

    private func wantedPort(
        _ body: ObjectBody<LogicalSwitchPort>,
        replacing current: Stored<LogicalSwitchPort>?,
        isNew: Bool,
        _ request: TopologyRequest,
        _ stamp: CommitStamp,
        _ generator: inout some RandomNumberGenerator
    ) throws(Refusal) -> Stored<LogicalSwitchPort> {
        let origin = LogicalSwitchPort.Origin()
        let value = try LogicalSwitchPort(body, replacing: current, origin: origin, in: self)
        guard isNew else { throw Self.doubled("port", value.name) }
        if let current { try Self.checkOwner(of: current, "port", value.name, "/v1/ports", request) }
        var new = current?.changed(to: value, stamp) ?? Stored(new: value, id: newID(stamp, using: &generator), stamp)
        new.owner = request.owner
        return new
    }

    private mutating func put(_ port: WantedPort, _ outcome: inout TopologyOutcome) throws(Refusal) {
        let name = port.new.value.name
        guard let old = port.old else {
            try checkAddresses(of: port.new)
            put(port.new)
            outcome.plan.note(.create, .logicalSwitchPort, name)
            outcome.outcomes.append((.logicalSwitchPort, .created(port.new.id)))
            return
        }
        let switchName = switches[old.value.switchID]?.value.name ?? ""
        let isChanged = outcome.plan.note(.logicalSwitchPort, name, from: old, to: port.new) {
            $0.userJSON(switchName: switchName)
        }
        guard isChanged else { return }
        try checkAddresses(of: port.new)
        put(port.new)
        outcome.outcomes.append((.logicalSwitchPort, .changed(old.id)))
    }

    private mutating func prunePorts(of owner: String, keeping names: Set<String>, _ outcome: inout TopologyOutcome) {
        for (name, id) in topologies[owner]?.ports ?? OrderedMap() where !names.contains(name.name) {
            removePort(id)
            outcome.plan.note(.delete, .logicalSwitchPort, name.name)
            outcome.outcomes.append((.logicalSwitchPort, .deleted(id, ports: [])))
        }
    }

    private mutating func pruneSwitches(
        of owner: String,
        keeping names: Set<String>,
        _ outcome: inout TopologyOutcome
    ) throws(Refusal) {
        for (name, id) in topologies[owner]?.switches ?? OrderedMap() where !names.contains(name.name) {
            if let port = portsBySwitch[id]?.first?.key.name {
                throw Refusal(
                    .switchHasPorts,
                    "The switch \"\(name.name)\" cannot be pruned: it has the port \"\(port)\", which would stay; "
                        + "delete that port first, or list the switch.",
                    conflictsWith: "/v1/ports/\(port)"
                )
            }
            removeSwitch(id)
            outcome.plan.note(.delete, .logicalSwitch, name.name)
            outcome.outcomes.append((.logicalSwitch, .deleted(id, ports: [])))
        }
    }

    private static func doubled(_ noun: String, _ name: String) -> Refusal {
        Refusal(.invalidValue, "The \(noun) \"\(name)\" appears twice; list it once.", pointer: "/name")
    }

    private static func checkOwner<Value>(
        of current: Stored<Value>,
        _ noun: String,
        _ name: String,
        _ path: String,
        _ request: TopologyRequest
    ) throws(Refusal) {
        guard current.owner != request.owner, request.adoption != .any else { return }
        guard current.owner != nil || request.adoption == nil else { return }
        let belongs = current.owner.map { "belongs to the topology \"\($0)\"; take it over with adopt=any" }
        throw Refusal(
            .ownerConflict,
            "The \(noun) \"\(name)\" \(belongs ?? "belongs to no topology; take it over with adopt=unowned"), "
                + "or choose another name.",
            pointer: "/name",
            conflictsWith: "\(path)/\(name)"
        )
    }
}
