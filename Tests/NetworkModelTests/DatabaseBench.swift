import JSON
import NetworkModel
import Persistent
import TestSupport
import Wire

/// A northbound database that operations are tried on; each accepted one is a revision of its own.
final class DatabaseBench {
    var database = NorthboundDatabase()
    var revision: UInt64 = 0
    var generator = SeededGenerator(seed: 11)

    /// What an operation did, as one line.
    func run(_ operation: Operation) -> String {
        switch attempt(operation) {
        case .success(let outcome):
            switch outcome {
            case .created(let id): return "created \(text(id))"
            case .changed(let id): return "changed \(text(id))"
            case .deleted(_, let ports): return "deleted, with \(ports.count) ports"
            }
        case .failure(let refusal):
            let place = refusal.pointer.map { " at \"\($0.printable)\"" } ?? ""
            let other = refusal.conflictsWith.map { " [\($0)]" } ?? ""
            return "\(refusal.code.rawValue)\(place): \(refusal.detail)\(other)"
        }
    }

    func attempt(_ operation: Operation) -> Result<OperationOutcome, Refusal> {
        var draft = database
        let stamp = CommitStamp(revision: revision + 1, time: 1_700_000_000)
        do {
            let outcome = try draft.perform(operation, stamp: stamp, using: &generator)
            revision += 1
            draft.seal(switch: outcome.id, revision: revision, time: stamp.time)
            draft.seal(port: outcome.id, revision: revision, time: stamp.time)
            database = draft
            return .success(outcome)
        } catch {
            return .failure(error)
        }
    }

    private func text(_ id: ObjectID) -> String {
        let bytes = database.switches[id]?.bytes ?? database.ports[id]?.bytes ?? []
        return String(decoding: bytes, as: UTF8.self)
    }
}
