import Persistent
import Wire

/// What an operation did to the database.
public enum OperationOutcome: Equatable, Sendable {
    /// A new object, whose `status.tunnelKey` is still 0.
    case created(ObjectID)
    /// An object was replaced or patched, if only by the same.
    case changed(ObjectID)
    /// An object is gone, and with a switch the ports it had.
    case deleted(ObjectID, ports: [ObjectID])

    /// The object of the operation.
    public var id: ObjectID {
        switch self {
        case .created(let id), .changed(let id), .deleted(let id, _): id
        }
    }
}

/// The commit that an operation will be part of.
public struct CommitStamp: Equatable, Sendable {
    /// The commit's revision.
    public var revision: UInt64
    /// Its time, in seconds since 1970.
    public var time: Int64

    /// The stamp of a commit.
    public init(revision: UInt64, time: Int64) {
        self.revision = revision
        self.time = time
    }
}

extension NorthboundDatabase {
    /// Carries out one operation on a switch or a port. If it throws, the database is to be thrown away.
    /// - Parameter generator: where a new object's identity comes from.
    public mutating func perform(
        _ operation: Operation,
        stamp: CommitStamp,
        using generator: inout some RandomNumberGenerator
    ) throws(Refusal) -> OperationOutcome {
        switch operation.subject {
        case .chassis: throw Refusal(.unsupported, "A chassis comes from its agent; users can only delete it.")
        case .logicalSwitch(let change): try perform(change, operation.precondition, stamp, &generator)
        case .logicalSwitchPort(let change): try perform(change, operation.precondition, stamp, &generator)
        }
    }

    private mutating func perform(
        _ change: Operation.Change<LogicalSwitch>,
        _ precondition: Precondition,
        _ stamp: CommitStamp,
        _ generator: inout some RandomNumberGenerator
    ) throws(Refusal) -> OperationOutcome {
        switch change {
        case .create(let body, _): return try create(body, name: nil, precondition, stamp, &generator)
        case .replace(let reference, let body):
            guard let current = logicalSwitch(reference) else {
                let name = try creatableName(reference, "switch")
                return try create(body, name: name, precondition, stamp, &generator)
            }
            try precondition.check(current, "switch")
            return self.change(current, to: try LogicalSwitch(body, replacing: current, name: nil), stamp)
        case .patch(let reference, let body):
            let current = try existing(logicalSwitch(reference), reference, precondition, "switch")
            return self.change(current, to: try LogicalSwitch(patch: body, of: current), stamp)
        case .delete(let reference, let refusingPorts):
            let current = try existing(logicalSwitch(reference), reference, precondition, "switch")
            return try delete(current, refusingPorts: refusingPorts)
        }
    }

    private mutating func perform(
        _ change: Operation.Change<LogicalSwitchPort>,
        _ precondition: Precondition,
        _ stamp: CommitStamp,
        _ generator: inout some RandomNumberGenerator
    ) throws(Refusal) -> OperationOutcome {
        switch change {
        case .create(let body, let parent):
            let origin = LogicalSwitchPort.Origin(name: nil, switchReference: parent)
            return try create(body, origin, precondition, stamp, &generator)
        case .replace(let reference, let body):
            guard let current = port(reference) else {
                let origin = LogicalSwitchPort.Origin(name: try creatableName(reference, "port"))
                return try create(body, origin, precondition, stamp, &generator)
            }
            try precondition.check(current, "port")
            let value = try LogicalSwitchPort(body, replacing: current, origin: LogicalSwitchPort.Origin(), in: self)
            return try self.change(current, to: value, stamp)
        case .patch(let reference, let body):
            let current = try existing(port(reference), reference, precondition, "port")
            return try self.change(current, to: try LogicalSwitchPort(patch: body, of: current, in: self), stamp)
        case .delete(let reference, _):
            let current = try existing(port(reference), reference, precondition, "port")
            removePort(current.id)
            return .deleted(current.id, ports: [])
        }
    }

    /// Checks a demand of a transaction.
    public func check(_ requirement: Requirement) throws(Refusal) {
        switch requirement.kind {
        case .logicalSwitch:
            try requirement.precondition.check(logicalSwitch(requirement.reference), "switch")
        case .logicalSwitchPort:
            try requirement.precondition.check(port(requirement.reference), "port")
        case .chassis:
            throw Refusal(.unsupported, "A transaction cannot have requirements about a chassis.")
        }
    }

    private func creatableName(_ reference: Reference, _ noun: String) throws(Refusal) -> String {
        guard case .name(let name) = reference else { throw notFound(reference, noun) }
        if let problem = ObjectName.problem(name) {
            throw Refusal(.invalidValue, "\(quoted(name)) cannot be a name: \(problem).")
        }
        return name
    }

    private func notFound(_ reference: Reference, _ noun: String) -> Refusal {
        Refusal(.notFound, "There is no \(noun) \(quoted(reference.description)).")
    }

    private func existing<Value>(
        _ found: Stored<Value>?,
        _ reference: Reference,
        _ precondition: Precondition,
        _ noun: String
    ) throws(Refusal) -> Stored<Value> {
        guard let found else { throw notFound(reference, noun) }
        try precondition.check(found, noun)
        return found
    }

    private mutating func create(
        _ body: ObjectBody<LogicalSwitch>,
        name: String?,
        _ precondition: Precondition,
        _ stamp: CommitStamp,
        _ generator: inout some RandomNumberGenerator
    ) throws(Refusal) -> OperationOutcome {
        try precondition.check(Stored<LogicalSwitch>?.none, "switch")
        let value = try LogicalSwitch(body, replacing: nil, name: name)
        guard switchesByName[ProjectName(value.name)] == nil else {
            throw Refusal(
                .nameConflict,
                "A switch \"\(value.name)\" exists already.",
                pointer: "/name",
                conflictsWith: "/v1/switches/\(value.name)"
            )
        }
        let stored = Stored(new: value, id: newID(stamp, using: &generator), stamp)
        put(stored)
        return .created(stored.id)
    }

    private mutating func create(
        _ body: ObjectBody<LogicalSwitchPort>,
        _ origin: LogicalSwitchPort.Origin,
        _ precondition: Precondition,
        _ stamp: CommitStamp,
        _ generator: inout some RandomNumberGenerator
    ) throws(Refusal) -> OperationOutcome {
        try precondition.check(Stored<LogicalSwitchPort>?.none, "port")
        let value = try LogicalSwitchPort(body, replacing: nil, origin: origin, in: self)
        guard portsByName[ProjectName(value.name)] == nil else {
            throw Refusal(
                .nameConflict,
                "A port \"\(value.name)\" exists already; port names are unique over all switches.",
                pointer: "/name",
                conflictsWith: "/v1/ports/\(value.name)"
            )
        }
        let stored = Stored(new: value, id: newID(stamp, using: &generator), stamp)
        try checkAddresses(of: stored)
        put(stored)
        return .created(stored.id)
    }

    /// An identity for an object that the commit under way makes.
    func newID(_ stamp: CommitStamp, using generator: inout some RandomNumberGenerator) -> ObjectID {
        ObjectID(revision: stamp.revision, place: switches.count + ports.count, using: &generator)
    }

    private mutating func change(
        _ current: Stored<LogicalSwitch>,
        to value: LogicalSwitch,
        _ stamp: CommitStamp
    ) -> OperationOutcome {
        if current.value != value { put(current.changed(to: value, stamp)) }
        return .changed(current.id)
    }

    private mutating func change(
        _ current: Stored<LogicalSwitchPort>,
        to value: LogicalSwitchPort,
        _ stamp: CommitStamp
    ) throws(Refusal) -> OperationOutcome {
        if current.value != value {
            let changed = current.changed(to: value, stamp)
            try checkAddresses(of: changed)
            put(changed)
        }
        return .changed(current.id)
    }

    private mutating func delete(
        _ current: Stored<LogicalSwitch>,
        refusingPorts: Bool
    ) throws(Refusal) -> OperationOutcome {
        let ports = portsBySwitch[current.id] ?? OrderedMap()
        if refusingPorts, let first = ports.entries(after: nil, limit: 1).first {
            throw Refusal(
                .switchHasPorts,
                "The switch \"\(current.value.name)\" still has \(ports.count == 1 ? "a port; delete it" : "\(ports.count) ports; delete them") first.",
                conflictsWith: "/v1/ports/\(first.key.name)"
            )
        }
        let ids = ports.map(\.value)
        for id in ids { removePort(id) }
        removeSwitch(current.id)
        return .deleted(current.id, ports: ids)
    }

    func checkAddresses(of port: Stored<LogicalSwitchPort>) throws(Refusal) {
        for (index, address) in port.value.logicalAddresses.enumerated() {
            guard case .known(let mac, let ips) = address else { continue }
            var place: String { "/addresses/\(index)" }
            let macHolder = portsByMAC[OnSwitch(switchID: port.value.switchID, address: mac)]
            if let macHolder, macHolder != port.id {
                throw addressConflict(.macConflict, mac.description, holder: macHolder, place)
            }
            for ip in ips {
                let holder = portsByIP[OnSwitch(switchID: port.value.switchID, address: ip)]
                if let holder, holder != port.id {
                    throw addressConflict(.ipConflict, ip.description, holder: holder, place)
                }
            }
        }
    }

    private func addressConflict(
        _ code: Refusal.Code,
        _ address: String,
        holder: ObjectID,
        _ pointer: String
    ) -> Refusal {
        let port = ports[holder]
        let name = port?.value.name ?? ""
        let switchName = port.flatMap { switches[$0.value.switchID] }?.value.name ?? ""
        return Refusal(
            code,
            "The port \"\(name)\" on the switch \"\(switchName)\" has the address \(address) already.",
            pointer: pointer,
            conflictsWith: "/v1/ports/\(name)"
        )
    }
}

extension Stored {
    init(new value: Value, id: ObjectID, _ stamp: CommitStamp) {
        self.init(
            id: id,
            value: value,
            revision: stamp.revision,
            configRevision: stamp.revision,
            createdAt: stamp.time,
            updatedAt: stamp.time,
            bytes: []
        )
    }

    func changed(to value: Value, _ stamp: CommitStamp) -> Stored {
        var changed = self
        changed.value = value
        changed.configRevision = stamp.revision
        changed.revision = stamp.revision
        return changed
    }
}
