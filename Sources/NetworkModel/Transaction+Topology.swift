import JSON
import Persistent
import Wire

/// The objects of one kind in a topology.
struct TopologyPart: Sendable {
    let kind: ObjectKind
    /// The names of the bodies, so far as they have one.
    let names: [String?]
    /// The bodies that may have something to change.
    private(set) var indices: [Int]
    private let put: @Sendable (inout TopologyApplication, [Int], _ draw: () -> UInt64) throws(Refusal) -> Void

    init<Object: Kind>(_ kind: Object.Type, _ bodies: [JSONValue]) {
        let bodies = bodies.map { Object.body($0, isPatch: false) }
        self.kind = Object.kind
        names = bodies.map(\.name)
        indices = Array(bodies.indices)
        put = { (application, indices, draw) throws(Refusal) in try application.put(bodies, at: indices, draw) }
    }

    /// Leaves out the objects that have other names than these.
    mutating func keep(_ names: Set<String>) {
        indices.removeAll { index in self.names[index].map { !names.contains($0) } ?? false }
    }

    /// Makes the objects what the bodies say.
    func put(to application: inout TopologyApplication, _ draw: () -> UInt64) throws(Refusal) {
        application.names[kind] = Set(names.compactMap { $0 })
        try put(&application, indices, draw)
    }
}

extension Transaction {
    /// Makes the objects of an owner what a topology says. If it throws, the transaction is to be thrown away.
    ///
    /// Objects may take over what is unique (addresses) from each other, and from objects that are pruned.
    public mutating func apply(
        _ request: TopologyRequest,
        using generator: inout some RandomNumberGenerator
    ) throws(Refusal) -> TopologyPlan {
        let current = network.northbound.topologies[request.owner]?.revision
        try request.precondition.check(revisions: current.map { $0...$0 }, "topology \"\(request.owner)\"")
        let revision = current ?? 0
        if let wanted = request.ifRevision, wanted != revision {
            throw Refusal(
                .preconditionFailed,
                "The topology \"\(request.owner)\" is at revision \(revision), not at \(wanted): it has changed since; "
                    + "plan again with dry_run=true."
            )
        }
        var application = TopologyApplication(self, request)
        // No copy of the network may be alive while it changes: maps that nothing else holds are changed in place.
        network = base
        for part in request.parts { try part.put(to: &application) { generator.next() } }
        if let refusal = application.refusal { throw refusal }
        if request.prunes {
            for part in request.parts.reversed() where part.kind.isNeededByOthers {
                try part.kind.row.prune(&application, application.names[part.kind] ?? [])
            }
        }
        self = application.transaction
        return application.plan
    }
}

/// The turns in which the objects of a topology are put.
private enum AllocationTurn: CaseIterable {
    case chosenByUsers, kept, new

    init<Object: Kind>(_ object: Object, replacing old: Object?) {
        guard object.asksForAllocation else {
            self = .chosenByUsers
            return
        }
        self = old == nil ? .new : .kept
    }
}

extension ObjectKind {
    /// True if objects of another kind can belong to objects of this one, or refer to them.
    fileprivate var isNeededByOthers: Bool {
        isReferredTo || Self.allCases.contains { $0.row.parent?.kind == self }
    }
}

/// A topology that is being applied.
struct TopologyApplication {
    private(set) var transaction: Transaction
    private let request: TopologyRequest
    private(set) var plan = TopologyPlan()
    /// The names of the request's objects, of refused ones too: what is wrong with one is not told again of those that
    /// belong to it.
    var names: [ObjectKind: Set<String>] = [:]
    /// The refusals of the objects, each of which is looked at by itself: somebody who has written a thousand of them
    /// wants to mend them in one go.
    private var refusals: [Refusal] = []

    init(_ transaction: Transaction, _ request: TopologyRequest) {
        self.transaction = transaction
        self.request = request
        plan.unchangedCount = request.unchangedCount
    }

    private var isFull: Bool { refusals.count >= Limits.topologyRefusalCountMaximum }

    /// The first refusal with the others; `nil` if there are none.
    var refusal: Refusal? {
        guard var first = refusals.first else { return nil }
        first.others = Array(refusals.dropFirst())
        return first
    }

    private mutating func refuse<Object: Kind>(_ kind: Object.Type, at index: Int, _ refusal: Refusal) {
        if !isFull { refusals.append(refusal.at("/\(Object.names.member)/\(index)")) }
    }

    /// Makes objects what their bodies say.
    mutating func put<Object: Kind>(
        _ bodies: [ObjectBody<Object>],
        at indices: [Int],
        _ draw: () -> UInt64
    ) throws(Refusal) {
        // First all are looked at: what one gives up another can take.
        var seen: Set<String> = []
        var wanted: [(index: Int, old: Stored<Object>?, new: Stored<Object>)] = []
        wanted.reserveCapacity(indices.count)
        for index in indices where !isFull {
            let body = bodies[index]
            let old = body.name.flatMap { transaction.network.northbound[keyPath: Object.table][.name($0)] }
            let isFirst = body.name.map { seen.insert($0).inserted } ?? true
            do throws(Refusal) {
                wanted.append((index, old, try new(body, replacing: old, isFirst: isFirst, draw)))
            } catch {
                // Addresses that it would have given up refuse no other object.
                if isFirst, let old { transaction.release(old) }
                if !isOfRefusedObject(body, error) { refuse(Object.self, at: index, error) }
            }
        }
        if request.prunes, !Object.kind.isNeededByOthers {
            try prune(Object.self, keeping: names[Object.kind] ?? [])
        }
        for (_, old, new) in wanted {
            if let old, !old.value.isIndexed(like: new.value) { transaction.release(old) }
        }
        // Objects that say everything come before those for which central chooses, and of these the new ones last: so
        // no choice takes what another object says or keeps.
        for turn in AllocationTurn.allCases {
            for (index, old, new) in wanted where AllocationTurn(new.value, replacing: old?.value) == turn {
                do throws(Refusal) {
                    try put(new, replacing: old)
                } catch {
                    refuse(Object.self, at: index, error)
                }
            }
        }
    }

    /// True if an object is refused for what it belongs or refers to, which is itself refused.
    private func isOfRefusedObject<Object: Kind>(_ body: ObjectBody<Object>, _ error: Refusal) -> Bool {
        guard error.code == .referenceNotFound, let pointer = error.pointer else { return false }
        if let field = Object.fields.parent, let kind = field.parent, pointer == "/\(field.name)" {
            return body.parent.map { names[kind]?.contains($0) ?? false } ?? false
        }
        let field = Object.fields.references.first { pointer == "/\($0.name)" || pointer.hasPrefix("/\($0.name)/") }
        guard let field, let refused = names[field.reference.kind] else { return false }
        return body.references[field.name]?.contains(where: refused.contains) ?? false
    }

    private func new<Object: Kind>(
        _ body: ObjectBody<Object>,
        replacing old: Stored<Object>?,
        isFirst: Bool,
        _ draw: () -> UInt64
    ) throws(Refusal) -> Stored<Object> {
        let value = try Object(body, replacing: old, in: transaction.network.northbound)
        guard isFirst else {
            throw Refusal(
                .invalidValue,
                "The \(Object.names.noun) \"\(value.name)\" appears twice; list it once.",
                pointer: "/name"
            )
        }
        if let old { try checkOwner(of: old) }
        let stamp = transaction.stamp
        var new = old?.changed(to: value, stamp) ?? Stored(new: value, id: transaction.newID(draw()), stamp)
        new.owner = request.owner
        return new
    }

    private mutating func put<Object: Kind>(_ new: Stored<Object>, replacing old: Stored<Object>?) throws(Refusal) {
        guard let old else {
            try transaction.put(new: new.value, new.id, owner: new.owner)
            plan.note(.create, Object.kind, new.value.name)
            return
        }
        var new = new
        if new.value.asksForAllocation { try new.value.allocate(new.id, in: &transaction) }
        guard plan.note(from: old, to: new, in: transaction.network.northbound) else { return }
        try Object.check(new, in: transaction.network.northbound)
        transaction.put(new)
    }

    /// Deletes the owner's objects of a kind that have other names than these.
    mutating func prune<Object: Kind>(_ kind: Object.Type, keeping names: Set<String>) throws(Refusal) {
        let owned = transaction.network.northbound[keyPath: Object.table].byOwner[request.owner] ?? OrderedMap()
        for (name, id) in owned where !names.contains(name.name) {
            if let stored = transaction.network.northbound[keyPath: Object.table][id] {
                try transaction.network.northbound.checkUnreferred(stored)
            }
            if let dependents = Object.dependents(of: id, in: transaction.network.northbound),
                let first = dependents.ids.first?.key.name
            {
                let (noun, dependent) = (Object.names.noun, dependents.kind.names)
                throw Refusal(
                    .switchHasPorts,
                    "The \(noun) \"\(name.name)\" cannot be pruned: it has the \(dependent.noun) \"\(first)\", which "
                        + "would stay; delete that \(dependent.noun) first, or list the \(noun).",
                    conflictsWith: "\(dependent.path)/\(first)"
                )
            }
            transaction.delete(kind, id)
            plan.note(.delete, Object.kind, name.name)
        }
    }

    private func checkOwner<Object: Kind>(of current: Stored<Object>) throws(Refusal) {
        guard current.owner != request.owner, request.adoption != .any else { return }
        guard current.owner != nil || request.adoption == nil else { return }
        let name = current.value.name
        let belongs = current.owner.map { "belongs to the topology \"\($0)\"; take it over with adopt=any" }
        throw Refusal(
            .ownerConflict,
            "The \(Object.names.noun) \"\(name)\" "
                + "\(belongs ?? "belongs to no topology; take it over with adopt=unowned"), or choose another name.",
            pointer: "/name",
            conflictsWith: "\(Object.names.path)/\(name)"
        )
    }
}
