import JSON
import NetworkModel
import Persistent
import TestSupport
import Wire

/// A network that operations are tried on; each accepted one is a commit of its own.
final class DatabaseBench {
    var network = Network(epoch: 1)
    var database: NorthboundDatabase { network.northbound }
    var generator = SeededGenerator(seed: 11)
    /// The operator's prefix of MAC addresses.
    var macPrefix: MACPrefix?

    /// Returns the outcome of an operation, as one line.
    func run(_ operation: Operation) -> String {
        switch attempt(operation) {
        case .success(let outcome):
            switch outcome {
            case .created(let id): return "created \(text(id))"
            case .changed(let id): return "changed \(text(id))"
            case .deleted(_, let dependents): return "deleted, with \(dependents.count) ports"
            }
        case .failure(let refusal):
            let place = refusal.pointer.map { " at \"\($0.printable)\"" } ?? ""
            let other = refusal.conflictsWith.map { " [\($0)]" } ?? ""
            return "\(refusal.code.rawValue)\(place): \(refusal.detail)\(other)"
        }
    }

    func attempt(_ operation: Operation) -> Result<OperationOutcome, Refusal> {
        var draft = Transaction(on: network, time: 1_700_000_000, macPrefix: macPrefix)
        do {
            let outcome = try draft.perform(operation, using: &generator)
            draft.seal()
            network = draft.network
            network.revision = draft.stamp.revision
            return .success(outcome)
        } catch {
            return .failure(error)
        }
    }

    private func text(_ id: ObjectID) -> String {
        let objects = ObjectKind.allCases.lazy.compactMap { self.database.listed($0, .id(id)) }
        return String(decoding: objects.first?.bytes ?? [], as: UTF8.self)
    }
}
