import NetworkModel
import Persistent
import Southbound
import Wire

extension CentralCore {
    /// A refusal with the operation at fault.
    private struct Fault: Error {
        var refusal: Refusal
        var operationIndex: Int?
    }

    /// The part of an operation that is kept until the commit is made.
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
            if let answer = try keptAnswer(to: request) {
                answerWhenDurable(ticket, .replayed(revision: answer.revision, answer.results))
                return
            }
            var draft = Transaction(
                on: working,
                time: time,
                revision: reservedRevision,
                keys: configuration.keys,
                macPrefix: configuration.macPrefix
            )
            let answer =
                if let topology = request.topology {
                    try apply(topology, request, in: &draft, using: &generator)
                } else {
                    try carryOut(request, in: &draft, using: &generator)
                }
            answerWhenDurable(ticket, answer)
        } catch {
            answerWhenDurable(ticket, .refused(error.refusal, operationIndex: error.operationIndex))
        }
    }

    private mutating func carryOut(
        _ request: WriteRequest,
        in draft: inout Transaction,
        using generator: inout some RandomNumberGenerator
    ) throws(Fault) -> Answer {
        let done = try perform(request, in: &draft, using: &generator)
        try seal(&draft, request)
        let results = results(of: done, in: draft)
        if let idempotency = request.idempotency, !request.isDryRun {
            let answer = Ledger.KeptAnswer(
                fingerprint: idempotency.fingerprint,
                time: time,
                revision: draft.stamp.revision,
                results: results
            )
            let name = Ledger.answerName(author: request.author, key: idempotency.key)
            draft.setAnswer(answer, named: name)
        }
        try commit(&draft, request)
        return .written(revision: draft.network.revision, results)
    }

    /// - Returns: the plan with the revision of the topology: as it is now if nothing is written, so that a later
    ///   request can require it.
    private mutating func apply(
        _ topology: TopologyRequest,
        _ request: WriteRequest,
        in draft: inout Transaction,
        using generator: inout some RandomNumberGenerator
    ) throws(Fault) -> Answer {
        let plan: TopologyPlan
        do {
            plan = try draft.apply(topology, using: &generator)
        } catch {
            throw Fault(refusal: error)
        }
        try seal(&draft, request)
        try commit(&draft, request)
        let network = request.isDryRun ? draft.base : draft.network
        let revision = network.northbound.topologies[topology.owner]?.revision ?? 0
        return .applied(revision: network.revision, topologyRevision: revision, plan)
    }

    private mutating func seal(_ draft: inout Transaction, _ request: WriteRequest) throws(Fault) {
        do {
            try draft.checkDeletions(confirmed: request.confirmedDeletionCount, isDryRun: request.isDryRun)
            try draft.translateFilters()
        } catch {
            throw Fault(refusal: error)
        }
        for id in draft.portsToSettle({ pluggedAt[$0] != nil }) { note(settleWithNested(id, in: &draft)) }
        draft.seal()
    }

    /// The answer to the same request, if it was carried out before.
    private func keptAnswer(to request: WriteRequest) throws(Fault) -> Ledger.KeptAnswer? {
        guard let idempotency = request.idempotency, !request.isDryRun else { return nil }
        let name = Ledger.answerName(author: request.author, key: idempotency.key)
        guard let answer = working.ledger.answers[name],
            answer.time + configuration.keptAnswerSeconds >= wallClock
        else { return nil }
        guard answer.fingerprint == idempotency.fingerprint else {
            throw Fault(
                refusal: Refusal(
                    .idempotencyKeyReused,
                    "The idempotency key \"\(idempotency.key)\" was used for another request; make a new key for "
                        + "each request, and repeat a request as it was."
                )
            )
        }
        return answer
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
        guard pending.count < configuration.pendingCommitCountMaximum,
            pendingByteCount < configuration.pendingByteCountMaximum
        else {
            throw Fault(refusal: Refusal(.unavailable, "Too many writes wait for the disk; try again in a moment."))
        }
    }

    private func perform(
        _ request: WriteRequest,
        in draft: inout Transaction,
        using generator: inout some RandomNumberGenerator
    ) throws(Fault) -> [Done] {
        for (index, requirement) in request.requirements.enumerated() {
            do {
                try draft.check(requirement)
            } catch {
                var refusal = error
                refusal.pointer = "/require/\(index)"
                throw Fault(refusal: refusal)
            }
        }
        var done: [Done] = []
        done.reserveCapacity(request.operations.count)
        for (index, operation) in request.operations.enumerated() {
            do {
                done.append(try perform(operation, in: &draft, using: &generator))
            } catch {
                guard request.isTransaction else { throw Fault(refusal: error) }
                throw Fault(refusal: error.at("/ops/\(index)/body"), operationIndex: index)
            }
        }
        return done
    }

    private func perform(
        _ operation: Operation,
        in draft: inout Transaction,
        using generator: inout some RandomNumberGenerator
    ) throws(Refusal) -> Done {
        if operation.kind == .chassis, let reference = operation.deleted {
            return try deleteChassis(reference, operation.precondition, in: &draft)
        }
        // No copy of the network may be alive while it changes: maps that nothing else holds are changed in place.
        var name: String?
        if let reference = operation.deleted { name = draft.network.northbound.name(operation.kind, reference) }
        let outcome = try draft.perform(operation, using: &generator)
        var isCreated = false
        if case .created = outcome { isCreated = true }
        name = name ?? draft.network.northbound.name(operation.kind, .id(outcome.id))
        return Done(kind: operation.kind, id: outcome.id, name: name ?? "", isCreated: isCreated)
    }

    private func deleteChassis(
        _ reference: Reference,
        _ precondition: Precondition,
        in draft: inout Transaction
    ) throws(Refusal) -> Done {
        guard let name = draft.network.chassisName(reference),
            let view = draft.network.chassisView(named: name)
        else {
            // One that has joined and never been heard has nothing yet but its certificates.
            let name = reference.description
            guard draft.network.access.enrolments[name] != nil else {
                throw Refusal(.notFound, "There is no chassis \"\(reference)\".")
            }
            draft.removeChassis(name)
            return Done(kind: .chassis, id: nil, name: name, isCreated: false)
        }
        try precondition.check(revisions: view.revision...view.revision, "chassis")
        remove(chassis: name, in: &draft)
        return Done(kind: .chassis, id: nil, name: name, isCreated: false)
    }

    /// Makes a sealed draft a commit and queues it; for a dry run it is only made, so that it is refused alike.
    private mutating func commit(_ draft: inout Transaction, _ request: WriteRequest) throws(Fault) {
        do {
            let commit = try draft.commit(
                author: request.author,
                requestID: request.requestID,
                source: request.source,
                byteCountMaximum: configuration.commitByteCountMaximum
            )
            guard !request.isDryRun else { return }
            if let commit {
                queue(commit, of: draft)
                if working.ledger.answers.isBeyond(configuration, at: time) { forgetAnswersSoon() }
                return
            }
            for chassis in draft.removedChassis {
                endEnrolment(of: chassis, author: request.author, request.requestID)
            }
        } catch {
            throw Fault(refusal: error)
        }
    }

    private func results(of done: [Done], in draft: Transaction) -> [OperationResult] {
        done.map { item in
            var object: [UInt8]?
            var revision = draft.network.revision
            if case .object(let kind) = item.kind, let id = item.id,
                let listed = draft.network.northbound.listed(kind, .id(id))
            {
                (object, revision) = (listed.bytes, listed.revision)
            }
            return OperationResult(object: object, name: item.name, revision: revision, isCreated: item.isCreated)
        }
    }
}
