import HashTreeCollections
import Northbound
import Northd
import Southbound
import Wire

extension CentralCore {
    /// A refusal with the operation at fault.
    private struct Fault: Error {
        var refusal: Refusal
        var operationIndex: Int?
    }

    /// What is kept of an operation until the commit is made.
    private struct Done {
        var kind: ResourceKind
        var id: ObjectID?
        var name: String
        var isCreated: Bool
    }

    mutating func write(
        _ ticket: Ticket,
        _ request: WriteRequest,
        using generator: inout some RandomNumberGenerator
    ) {
        do {
            try admit(request)
            var draft = Draft(on: working, time: wallClock)
            let done = try perform(request, in: &draft, using: &generator)
            for id in draft.ports.sorted() { settle(id, in: &draft) }
            let commit = try finish(&draft, request)
            if let commit { queue(commit, of: draft) }
            let results = results(of: done, in: draft)
            answerWhenDurable(ticket, .written(revision: working.revision, results))
        } catch {
            answerWhenDurable(ticket, .refused(error.refusal, operationIndex: error.operationIndex))
        }
    }

    private func admit(_ request: WriteRequest) throws(Fault) {
        if isStopping {
            throw Fault(refusal: Refusal(.unavailable, "Central is stopping; try again in a moment."))
        }
        guard request.operations.count <= configuration.operationCountMaximum else {
            throw Fault(
                refusal: Refusal(
                    .limitExceeded,
                    "A transaction has at most \(configuration.operationCountMaximum) operations.",
                    pointer: "/ops"
                )
            )
        }
        let byteCount = pending.reduce(0) { $0 + $1.commit.encoded.count }
        guard pending.count < configuration.pendingCommitCountMaximum,
            byteCount < configuration.pendingByteCountMaximum
        else {
            throw Fault(refusal: Refusal(.unavailable, "Too many writes wait for the disk; try again in a moment."))
        }
    }

    private func perform(
        _ request: WriteRequest,
        in draft: inout Draft,
        using generator: inout some RandomNumberGenerator
    ) throws(Fault) -> [Done] {
        for (index, requirement) in request.requirements.enumerated() {
            do {
                try draft.network.northbound.check(requirement)
            } catch {
                var refusal = error
                refusal.pointer = "/require/\(index)"
                throw Fault(refusal: refusal)
            }
        }
        var done: [Done] = []
        done.reserveCapacity(request.operations.count)
        for (index, operation) in request.operations.enumerated() {
            let pointer = request.isTransaction ? "/ops/\(index)/body" : ""
            do {
                done.append(try perform(operation, pointer, in: &draft, using: &generator))
            } catch {
                throw Fault(refusal: error, operationIndex: request.isTransaction ? index : nil)
            }
        }
        return done
    }

    private func perform(
        _ operation: Operation,
        _ pointer: String,
        in draft: inout Draft,
        using generator: inout some RandomNumberGenerator
    ) throws(Refusal) -> Done {
        if case (.chassis, .delete(let reference, _)) = (operation.kind, operation.action) {
            return try deleteChassis(reference, operation.precondition, in: &draft)
        }
        let before = draft.network
        let outcome = try draft.perform(operation, pointer: pointer, configuration, using: &generator)
        var isCreated = false
        var network = draft.network
        switch outcome {
        case .created: isCreated = true
        case .changed: break
        case .deleted: network = before
        }
        let name =
            operation.kind == .logicalSwitch
            ? network.northbound.switches[outcome.id]?.value.name
            : network.northbound.ports[outcome.id]?.value.name
        return Done(kind: operation.kind, id: outcome.id, name: name ?? "", isCreated: isCreated)
    }

    private func deleteChassis(
        _ reference: Reference,
        _ precondition: Precondition,
        in draft: inout Draft
    ) throws(Refusal) -> Done {
        guard let name = draft.network.chassisName(reference),
            let view = draft.network.chassisView(named: name)
        else { throw Refusal(.notFound, "There is no chassis \"\(reference)\".") }
        try precondition.check(revisions: view.revision...view.revision, "chassis")
        remove(chassis: name, in: &draft)
        return Done(kind: .chassis, id: nil, name: name, isCreated: false)
    }

    private func finish(_ draft: inout Draft, _ request: WriteRequest) throws(Fault) -> Commit? {
        do {
            return try draft.finish(
                author: request.author,
                requestID: request.requestID,
                byteCountMaximum: configuration.commitByteCountMaximum
            )
        } catch {
            throw Fault(refusal: error)
        }
    }

    private func results(of done: [Done], in draft: Draft) -> [OperationResult] {
        done.map { item in
            var object: [UInt8]?
            var revision = draft.network.revision
            switch item.kind {
            case .logicalSwitch:
                if let stored = item.id.flatMap({ draft.network.northbound.switches[$0] }) {
                    (object, revision) = (stored.bytes, stored.revision)
                }
            case .logicalSwitchPort:
                if let stored = item.id.flatMap({ draft.network.northbound.ports[$0] }) {
                    (object, revision) = (stored.bytes, stored.revision)
                }
            case .chassis: break
            }
            return OperationResult(object: object, name: item.name, revision: revision, isCreated: item.isCreated)
        }
    }
}
