import NetworkModel
import Wire

/// The objects of a write, as far as they decide whether another write may be carried out beside it.
///
/// Everything unique within a switch (addresses, keys) is covered by the switch; names are compared when the two are
/// joined.
struct WriteScope: Sendable {
    /// The objects that the write changes or looks at; of objects that belong to another one, that.
    private(set) var objects: Set<ObjectID> = []
    /// The kinds, apart from those that belong to another one, of which objects come or go: switches take their keys
    /// from one space.
    private(set) var changedLists: Set<ObjectKind> = []

    /// The scope of a write on this network; `nil` if it may depend on anything.
    init?(of request: WriteRequest, in network: Network) {
        guard request.topology == nil else { return nil }
        for requirement in request.requirements {
            guard case .object(let kind) = requirement.kind, insert(kind, requirement.reference, in: network) else {
                return nil
            }
        }
        for operation in request.operations {
            // Other writes may be about the objects that it names.
            guard case .object(let kind) = operation.kind, !kind.reachesOthers else { return nil }
            switch operation.target {
            case .new(let parent): insertNew(kind, parent, operation, in: network)
            case .newOrExisting(let reference):
                if !insert(kind, reference, in: network) { insertNew(kind, nil, operation, in: network) }
            case .existing(let reference): _ = insert(kind, reference, in: network)
            case .deleted(let reference):
                // Another write may begin to refer to it.
                guard !kind.isReferredTo else { return nil }
                if kind.row.parent == nil { changedLists.insert(kind) }
                _ = insert(kind, reference, in: network)
            }
        }
    }

    /// True if neither write can notice the other.
    func isApart(from other: WriteScope) -> Bool {
        changedLists.isDisjoint(with: other.changedLists) && objects.isDisjoint(with: other.objects)
    }

    /// - Returns: True if there is such an object. One that is not there yet is made by an earlier operation, or
    ///   refused.
    private mutating func insert(_ kind: ObjectKind, _ reference: Reference, in network: Network) -> Bool {
        guard let id = network.northbound.home(of: kind, reference) else { return false }
        objects.insert(id)
        return true
    }

    private mutating func insertNew(
        _ kind: ObjectKind,
        _ path: Reference?,
        _ operation: Operation,
        in network: Network
    ) {
        guard let parent = kind.row.parent?.kind else {
            changedLists.insert(kind)
            return
        }
        let reference = path ?? operation.parent.map { Reference($0) }
        if let reference { _ = insert(parent, reference, in: network) }
    }
}
