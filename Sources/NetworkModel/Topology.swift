import JSON
import Persistent
import Wire

/// The objects that one owner has declared together: `/v1/topologies/{owner}`.
public struct Topology: Sendable {
    /// The last commit in which a user changed one of the objects, added one or took one away.
    public internal(set) var revision: UInt64 = 0
    /// Its switches, in the order that lists have.
    public internal(set) var switches = OrderedMap<ProjectName, ObjectID>()
    /// Its ports, in the order that lists have.
    public internal(set) var ports = OrderedMap<ProjectName, ObjectID>()

    /// Whether nothing is left of it.
    var isEmpty: Bool { switches.isEmpty && ports.isEmpty }
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

    /// Whose topology.
    public var owner: String
    /// The bodies of its switches.
    public private(set) var switches: [ObjectBody<LogicalSwitch>]
    /// The bodies of its ports, each with its `switch`.
    public private(set) var ports: [ObjectBody<LogicalSwitchPort>]
    /// Whether objects of the owner that the bodies leave out are deleted.
    public var prunes = false
    /// Which objects that are not the owner's may become so; `nil`: none.
    public var adoption: Adoption?
    /// The revision that the topology must be at; 0 for one without objects.
    public var ifRevision: UInt64?
    /// The same, as the entity tag of a topology that was read.
    public var precondition = Precondition()
    /// How many further objects of the topology are known to be as they should be.
    public var unchangedCount = 0

    /// A topology without demands, of these objects.
    public init(owner: String, switches: [JSONValue], ports: [JSONValue]) {
        self.owner = owner
        self.switches = switches.map { LogicalSwitch.body($0) }
        self.ports = ports.map { LogicalSwitchPort.body($0) }
    }
}

/// What the application of a topology changes.
public struct TopologyPlan: Equatable, Sendable {
    /// What happens to an object.
    public enum Change: String, Sendable, CaseIterable {
        case create, update, delete
    }

    /// One object that is not as it was.
    public struct Step: Equatable, Sendable {
        /// What happens to it.
        public var change: Change
        /// Its kind.
        public var kind: ResourceKind
        /// Its name.
        public var name: String
        /// The members that an update changes, in their canonical order.
        public var fields: [Field]
    }

    /// A member that changes its value.
    public struct Field: Equatable, Sendable {
        /// The member's name.
        public var name: String
        /// What it was.
        public var from: JSONValue
        /// What it becomes.
        public var to: JSONValue
    }

    /// The objects that change: switches, deleted ports, ports, deleted switches.
    public var steps: [Step] = []
    /// How many objects of the request are as they should be.
    public var unchangedCount = 0
}

extension TopologyRequest {
    /// The request without the objects that a plan found to be as they should be; the same as long as nobody has changed
    /// the topology since. `nil` if the plan deletes objects.
    public func narrowed(to plan: TopologyPlan) -> TopologyRequest? {
        guard !plan.steps.contains(where: { $0.change == .delete }) else { return nil }
        var names: [ResourceKind: Set<String>] = [:]
        for step in plan.steps { names[step.kind, default: []].insert(step.name) }
        func isChanged<Value>(_ body: ObjectBody<Value>, _ kind: ResourceKind) -> Bool {
            body.name.map { names[kind]?.contains($0) ?? false } ?? true
        }
        var request = self
        request.switches = switches.filter { isChanged($0, .logicalSwitch) }
        request.ports = ports.filter { isChanged($0, .logicalSwitchPort) }
        request.prunes = false
        request.unchangedCount = unchangedCount + plan.unchangedCount
        return request
    }
}

extension TopologyPlan.Step {
    /// `{"op","kind","name","changes":[{"field","from","to"}]}`.
    public var json: JSONValue {
        [
            "op": .string(change.rawValue), "kind": .string(kind.rawValue), "name": .string(name),
            "changes": .array(fields.map { ["field": .string($0.name), "from": $0.from, "to": $0.to] }),
        ]
    }
}

extension TopologyPlan {
    /// Notes an object that was there: an update, unless nothing of it changes.
    /// - Returns: Whether something does.
    mutating func note<Value: Equatable>(
        _ kind: ResourceKind,
        _ name: String,
        from old: Stored<Value>,
        to new: Stored<Value>,
        json: (Value) -> JSONValue
    ) -> Bool {
        guard old.value != new.value || old.owner != new.owner else {
            unchangedCount += 1
            return false
        }
        let before = json(old.value)
        var fields = (json(new.value).objectValue?.members ?? []).compactMap { member -> Field? in
            let from = before[member.name] ?? .null
            return from == member.value ? nil : Field(name: member.name, from: from, to: member.value)
        }
        if old.owner != new.owner {
            let from = old.owner.map { JSONValue.string($0) } ?? .null
            fields.append(Field(name: "owner", from: from, to: new.owner.map { .string($0) } ?? .null))
        }
        steps.append(Step(change: .update, kind: kind, name: name, fields: fields))
        return true
    }

    mutating func note(_ change: Change, _ kind: ResourceKind, _ name: String) {
        steps.append(Step(change: change, kind: kind, name: name, fields: []))
    }
}
