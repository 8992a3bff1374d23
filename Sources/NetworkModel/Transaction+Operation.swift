import Persistent
import Southbound
import Wire

/// The effect of an operation.
public enum OperationOutcome: Equatable, Sendable {
    case created(ObjectID)
    /// An object was replaced or patched, if only by the same.
    case changed(ObjectID)
    /// An object is gone, and with it those that belonged to it.
    case deleted(ObjectID, dependents: [ObjectID])

    public var id: ObjectID {
        switch self {
        case .created(let id), .changed(let id), .deleted(let id, _): id
        }
    }
}

/// The commit that an operation will be part of.
public struct CommitStamp: Equatable, Sendable {
    public var revision: UInt64
    /// Its time, in seconds since 1970.
    public var time: Int64
}

/// Single operations. If one throws, the transaction is to be thrown away.
extension Transaction {
    /// Carries out a user's operation on an object, and gives new objects their keys.
    /// - Parameter generator: where a new object's identity comes from.
    public mutating func perform(
        _ operation: Operation,
        using generator: inout some RandomNumberGenerator
    ) throws(Refusal) -> OperationOutcome {
        try operation.carryOut(&self) { generator.next() }
    }

    public func check(_ requirement: Requirement) throws(Refusal) {
        guard case .object(let kind) = requirement.kind else {
            throw Refusal(.unsupported, "A transaction cannot have requirements about a chassis.")
        }
        let revisions = kind.row.revisions(network.northbound, requirement.reference)
        try requirement.precondition.check(revisions: revisions, kind.names.noun)
    }

    mutating func perform<Object: Kind>(
        _ change: Operation.Change<Object>,
        _ precondition: Precondition,
        _ draw: () -> UInt64
    ) throws(Refusal) -> OperationOutcome {
        let noun = Object.names.noun
        switch change {
        case .create(let body, let parent):
            try precondition.check(revisions: nil, noun)
            return try create(body, name: nil, parent, draw)
        case .replace(let reference, let body):
            let current = network.northbound[keyPath: Object.table][reference]
            guard let current else {
                let name = try Self.creatableName(reference, noun)
                try precondition.check(revisions: nil, noun)
                return try create(body, name: name, nil, draw)
            }
            try precondition.check(revisions: current.revisions, noun)
            return try update(current, to: try Object(body, replacing: current, in: network.northbound))
        case .patch(let reference, let body):
            let current = try existing(Object.self, reference, precondition)
            return try update(current, to: try Object(patch: body, of: current, in: network.northbound))
        case .delete(let reference, let refusingPorts):
            let current = try existing(Object.self, reference, precondition)
            return try delete(current, refusingDependents: refusingPorts)
        }
    }

    private static func creatableName(_ reference: Reference, _ noun: String) throws(Refusal) -> String {
        guard case .name(let name) = reference else { throw notFound(reference, noun) }
        if let problem = ObjectName.problem(name) {
            throw Refusal(.invalidValue, "\(quoted(name)) cannot be a name: \(problem).")
        }
        return name
    }

    private static func notFound(_ reference: Reference, _ noun: String) -> Refusal {
        Refusal(.notFound, "There is no \(noun) \(quoted(reference.description)).")
    }

    private func existing<Object: Kind>(
        _ kind: Object.Type,
        _ reference: Reference,
        _ precondition: Precondition
    ) throws(Refusal) -> Stored<Object> {
        guard let found = network.northbound[keyPath: Object.table][reference] else {
            throw Self.notFound(reference, Object.names.noun)
        }
        try precondition.check(revisions: found.revisions, Object.names.noun)
        return found
    }

    private mutating func create<Object: Kind>(
        _ body: ObjectBody<Object>,
        name: String?,
        _ parent: Reference?,
        _ draw: () -> UInt64
    ) throws(Refusal) -> OperationOutcome {
        let value = try Object(body, replacing: nil, name: name, parent: parent, in: network.northbound)
        guard network.northbound[keyPath: Object.table].byName[ProjectName(value.name)] == nil else {
            let noun = Object.names.noun
            throw Refusal(
                .nameConflict,
                "\(body.noun) \"\(value.name)\" exists already"
                    + (Object.fields.parent?.parent.map { "; \(noun) names are unique over all \($0.names.nouns)." }
                        ?? "."),
                pointer: "/name",
                conflictsWith: "\(Object.names.path)/\(value.name)"
            )
        }
        let id = newID(draw())
        try put(new: value, id)
        return .created(id)
    }

    /// An identity for an object that the commit under way makes.
    func newID(_ random: UInt64) -> ObjectID {
        ObjectID(revision: stamp.revision, place: network.northbound.objectCount, random: random)
    }

    /// Puts a new object, with its key.
    mutating func put<Object: Kind>(new value: Object, _ id: ObjectID, owner: String? = nil) throws(Refusal) {
        var value = value
        if value.asksForAllocation { try value.allocate(id, in: &self) }
        try value.prepare(id, in: &self)
        let stored = Stored(new: value, id: id, owner: owner, stamp)
        try Object.check(stored, in: network.northbound)
        put(stored)
    }

    mutating func put<Object: Kind>(_ stored: Stored<Object>) {
        touch(Object.kind, stored.id)
        network.northbound.put(stored)
    }

    private mutating func update<Object: Kind>(
        _ current: Stored<Object>,
        to value: Object
    ) throws(Refusal) -> OperationOutcome {
        touch(Object.kind, current.id)
        var value = value
        if value.asksForAllocation { try value.allocate(current.id, in: &self) }
        if current.value != value {
            let changed = current.changed(to: value, stamp)
            try Object.check(changed, in: network.northbound)
            put(changed)
        }
        return .changed(current.id)
    }

    private mutating func delete<Object: Kind>(
        _ current: Stored<Object>,
        refusingDependents: Bool
    ) throws(Refusal) -> OperationOutcome {
        try network.northbound.checkUnreferred(current)
        guard let dependents = Object.dependents(of: current.id, in: network.northbound) else {
            delete(Object.self, current.id)
            return .deleted(current.id, dependents: [])
        }
        let names = dependents.kind.names
        if refusingDependents, let first = dependents.ids.first {
            let count = dependents.ids.count
            let these = count == 1 ? "\(names.aNoun); delete it" : "\(count) \(names.nouns); delete them"
            throw Refusal(
                .switchHasPorts,
                "The \(Object.names.noun) \"\(current.value.name)\" still has \(these) first.",
                conflictsWith: "\(names.path)/\(first.key.name)"
            )
        }
        let ids = dependents.ids.map(\.value)
        for id in ids { dependents.kind.row.delete(&self, id) }
        delete(Object.self, current.id)
        return .deleted(current.id, dependents: ids)
    }

    /// Deletes an object that nothing belongs to any more.
    mutating func delete<Object: Kind>(_ kind: Object.Type, _ id: ObjectID) {
        touch(Object.kind, id)
        // Those that let it go are written without it when the transaction is sealed, once for all that they lose.
        for referrer in network.northbound.referrers[id] ?? OrderedMap() { touch(referrer.key.kind, referrer.key.id) }
        network.northbound.remove(kind, id)
        if let key = Object.recordKey(of: id) { network.southbound.remove(key) }
        Object.forget(id, in: &self)
    }
}

extension Stored {
    init(new value: Value, id: ObjectID, owner: String? = nil, _ stamp: CommitStamp) {
        self.init(
            id: id,
            value: value,
            owner: owner,
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

    /// The revisions that the object's entity tag may have, for a user who changes it.
    var revisions: ClosedRange<UInt64> { configRevision...max(configRevision, revision) }
}
