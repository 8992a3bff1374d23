import NetworkModel
import Wire

/// What a write is about, as far as it decides whether another one may be carried out beside it.
///
/// All that is unique within a switch (addresses, keys) is covered by the switch; names are compared when the two come
/// together.
struct WriteScope: Sendable {
    /// The switches that the write changes, looks at, or changes ports of.
    private(set) var switches: Set<ObjectID> = []
    /// Whether switches come or go: all take their keys from one space.
    private(set) var changesListOfSwitches = false

    /// The scope of a write on this network; `nil` if it may depend on anything.
    init?(of request: WriteRequest, in network: Network) {
        guard request.topology == nil else { return nil }
        for requirement in request.requirements {
            guard insert(requirement.kind, requirement.reference, in: network) else { return nil }
        }
        for operation in request.operations {
            switch operation.subject {
            case .logicalSwitch(let change): insert(change, of: .logicalSwitch, in: network)
            case .logicalSwitchPort(let change): insert(change, of: .logicalSwitchPort, in: network)
            case .chassis: return nil
            }
        }
    }

    private mutating func insert<Value>(
        _ change: Operation.Change<Value>,
        of kind: ResourceKind,
        in network: Network
    ) {
        switch change {
        case .create(let body, let path): insertNew(kind, path, body.parent, in: network)
        case .replace(let reference, let body):
            if !insert(kind, reference, in: network) { insertNew(kind, nil, body.parent, in: network) }
        case .patch(let reference, _): _ = insert(kind, reference, in: network)
        case .delete(let reference, _):
            if kind == .logicalSwitch { changesListOfSwitches = true }
            _ = insert(kind, reference, in: network)
        }
    }

    /// Whether neither write can notice the other.
    func isApart(from other: WriteScope) -> Bool {
        !(changesListOfSwitches && other.changesListOfSwitches) && switches.isDisjoint(with: other.switches)
    }

    /// - Returns: Whether there is such an object. One that is not there yet is made by an earlier operation, or refused.
    private mutating func insert(_ kind: ResourceKind, _ reference: Reference, in network: Network) -> Bool {
        let id =
            switch kind {
            case .logicalSwitch: network.northbound.logicalSwitch(reference)?.id
            case .logicalSwitchPort: network.northbound.port(reference)?.value.switchID
            case .chassis: ObjectID?.none
            }
        guard let id else { return false }
        switches.insert(id)
        return true
    }

    private mutating func insertNew(_ kind: ResourceKind, _ path: Reference?, _ parent: String?, in network: Network) {
        guard kind == .logicalSwitchPort else {
            changesListOfSwitches = true
            return
        }
        if let reference = path ?? parent.map(Reference.init) {
            _ = insert(.logicalSwitch, reference, in: network)
        }
    }
}
