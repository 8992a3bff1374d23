import JSON

/// The objects that one owner has declared together: `/v1/topologies/{owner}`.
public struct Topology: Sendable {
    /// The last commit in which a user changed one of the objects, added one or took one away.
    public internal(set) var revision: UInt64 = 0
    /// The number of objects that it has, of all kinds.
    public internal(set) var objectCount = 0
}

/// A topology as its owner wants it.
public struct TopologyRequest: Sendable {
    /// Which objects that are not the owner's may become so.
    public enum Adoption: String, Sendable, CaseIterable {
        /// Those of nobody.
        case unowned
        /// Also those of other owners.
        case any
    }

    public var owner: String
    /// The bodies of its objects, by kind.
    var parts: [TopologyPart]
    /// True if objects of the owner that the bodies leave out are deleted.
    public var prunes = false
    /// Which objects that are not the owner's may become so; `nil`: none.
    public var adoption: Adoption?
    /// The revision that the topology must be at; 0 for one without objects.
    public var ifRevision: UInt64?
    /// The same, as the entity tag of a topology that was read.
    public var precondition = Precondition()
    /// The number of further objects of the topology that need no change.
    public var unchangedCount = 0

    public var objectCount: Int { parts.reduce(0) { $0 + $1.indices.count } }

    /// A topology without demands, of the objects of these bodies, which are read here.
    public init(owner: String, bodies: [ObjectKind: [JSONValue]]) {
        self.owner = owner
        parts = ObjectKind.allCases.map { $0.row.part(bodies[$0] ?? []) }
    }
}

/// The changes that applying a topology makes.
public struct TopologyPlan: Equatable, Sendable {
    /// The change of an object.
    public enum Change: String, Sendable, CaseIterable {
        case create, update, delete
    }

    /// One object that is not as it was.
    public struct Step: Equatable, Sendable {
        public var change: Change
        public var kind: ObjectKind
        public var name: String
        /// The members that an update changes, in their canonical order.
        public var fields: [Field]
    }

    /// A member that changes its value.
    public struct Field: Equatable, Sendable {
        public var name: String
        /// The former value.
        public var from: JSONValue
        public var to: JSONValue
    }

    /// The objects that change, kind by kind: those that are deleted, then those that are put. An object that others
    /// can belong to is deleted last.
    public var steps: [Step] = []
    /// The number of objects of the request that need no change.
    public var unchangedCount = 0
}

extension TopologyRequest {
    /// The request without the objects that a plan found to be as they should be; the same as long as nobody has
    /// changed the topology since. `nil` if the plan deletes objects.
    public func narrowed(to plan: TopologyPlan) -> TopologyRequest? {
        guard !plan.steps.contains(where: { $0.change == .delete }) else { return nil }
        var names: [ObjectKind: Set<String>] = [:]
        for step in plan.steps { names[step.kind, default: []].insert(step.name) }
        var request = self
        for place in parts.indices { request.parts[place].keep(names[parts[place].kind] ?? []) }
        request.prunes = false
        request.unchangedCount = unchangedCount + plan.unchangedCount
        return request
    }
}

extension TopologyPlan.Step {
    /// `{"op","kind","name","changes":[{"field","from","to"}]}`.
    public var json: JSONValue {
        [
            "op": .string(change.rawValue), "kind": .string(kind.names.row), "name": .string(name),
            "changes": .array(fields.map { ["field": .string($0.name), "from": $0.from, "to": $0.to] }),
        ]
    }
}

extension TopologyPlan {
    /// Notes an existing object: an update, unless nothing of it changes.
    /// - Returns: True if something does.
    mutating func note<Object: Kind>(
        from old: Stored<Object>,
        to new: Stored<Object>,
        in database: NorthboundDatabase
    ) -> Bool {
        guard old.value != new.value || old.owner != new.owner else {
            unchangedCount += 1
            return false
        }
        var fields = Object.fields.list.compactMap { field -> Field? in
            let from = field.value(of: old.value, in: database)
            let to = field.value(of: new.value, in: database)
            return from == to ? nil : Field(name: field.name, from: from, to: to)
        }
        if old.owner != new.owner {
            let from = old.owner.map { JSONValue.string($0) } ?? .null
            fields.append(Field(name: "owner", from: from, to: new.owner.map { .string($0) } ?? .null))
        }
        steps.append(Step(change: .update, kind: Object.kind, name: new.value.name, fields: fields))
        return true
    }

    mutating func note(_ change: Change, _ kind: ObjectKind, _ name: String) {
        steps.append(Step(change: change, kind: kind, name: name, fields: []))
    }
}
