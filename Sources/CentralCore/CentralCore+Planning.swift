import DequeModule
import NetworkModel
import Persistent
import Southbound
import Wire

/// A write that is longer than a step may take, to be worked out beside the core.
///
/// It holds a copy of the core, on which it is carried out like any other write. Its outcome comes back as an event and
/// becomes the core's own. Meanwhile reads, heartbeats, polls and the feed go on. Events that would make a commit wait,
/// so that nothing can change under the plan, with two exceptions. For a plan that may change little or nothing (a
/// topology, a trial) nothing waits: if there was a commit meanwhile, the little is done once more. And small writes
/// about other switches go before a transaction: it has a later revision from the start (``Overtaken``).
public struct Plan: Sendable {
    /// The writes that may be committed while a large one is worked out.
    enum Company: Sendable {
        /// Anything: the write changes little or nothing, and the little is done once more.
        case anybody
        /// Small writes about other switches, before it.
        case overtakers
        case nobody
    }

    private let core: CentralCore
    private let ticket: Ticket
    private let request: WriteRequest

    init(_ core: CentralCore, _ ticket: Ticket, _ request: WriteRequest) {
        self.core = core
        self.ticket = ticket
        self.request = request
    }

    public struct Outcome: Sendable {
        fileprivate let ticket: Ticket
        fileprivate let request: WriteRequest
        fileprivate let version: UInt64
        fileprivate let base: UInt64
        fileprivate let topologyRevision: UInt64?
        fileprivate let items: [PendingCommit]
        /// True if others may have gone before them.
        fileprivate let isOvertaken: Bool
        fileprivate let chores: Deque<Chore>
        fileprivate let effects: [Effect]

        /// The commit, if it stays as it is whatever is committed before it: the log may take its encoding in advance.
        public var steadyCommit: Commit? { isOvertaken ? items.first?.commit : nil }
    }

    /// Carries the write out. May take long; the core may do anything beside it.
    public func carriedOut(using generator: inout some RandomNumberGenerator) -> Outcome {
        var core = core
        let base = core.working.revision
        let revision = request.topology.flatMap { core.working.northbound.topologies[$0.owner]?.revision }
        core.write(ticket, request, using: &generator)
        return Outcome(
            ticket: ticket,
            request: request,
            version: core.planVersion,
            base: base,
            topologyRevision: revision,
            items: core.pending,
            isOvertaken: core.reservedRevision != nil,
            chores: core.chores,
            effects: core.effects
        )
    }
}

/// The small writes that are committed before a large one, though they came later.
///
/// The large one is worked out with a revision that leaves room for them, so that nothing of it has to be made anew.
/// The log skips the revisions that nobody took.
struct Overtaken: Sendable {
    /// The most commits that go before a large one; what comes later waits for it.
    static let countMaximum: UInt64 = 1000

    /// The scope of the large one.
    let scope: WriteScope
    /// The revision that it will have.
    let revision: UInt64
    /// Its time, which theirs are not to be after.
    let time: Int64
    var commits: [PendingCommit] = []

    init(_ scope: WriteScope, before revision: UInt64, time: Int64) {
        self.scope = scope
        self.revision = revision
        self.time = time
    }
}

extension Plan.Outcome {
    /// The commits of the plan, after those that were made meanwhile up to a revision.
    /// - Returns: `nil` if they do not go together.
    fileprivate func items(behind overtakers: [PendingCommit], upTo revision: UInt64) -> [PendingCommit]? {
        guard revision != base else { return items }
        guard overtakers.last?.commit.revision == revision, items.count == 1, let item = items.first else { return nil }
        var network = item.network
        for overtaker in overtakers {
            guard !overtaker.commit.changes.contains(where: { item.commit.changes($0.row) }),
                !overtaker.record.changes.contains(where: { network.northbound.givesNameToAnother($0) })
            else { return nil }
            do throws(CommitError) {
                try network.insert(overtaker.commit)
            } catch {
                return nil
            }
            // Unlike all else, MAC addresses that are given are unique over all switches.
            guard !overtaker.record.changes.contains(where: { network.northbound.sharesGivenMAC($0) }) else {
                return nil
            }
        }
        return [item.followed(by: network)]
    }

    /// The changes that applying a topology makes.
    fileprivate var plan: TopologyPlan? {
        for (_, answer) in items.flatMap(\.answers) {
            if case .applied(_, _, _, let plan) = answer { return plan }
        }
        return nil
    }
}

extension CentralCore {
    /// The most operations, and objects that are deleted or settled along, of a write that a step carries out: some
    /// milliseconds.
    static let directCountMaximum = 64
    /// The most held writes that one step carries out.
    static let heldCountMaximum = 32

    /// About how many objects a write is about.
    private func weight(of request: WriteRequest) -> Int {
        if let topology = request.topology {
            let owned = topology.prunes ? working.northbound.topologies[topology.owner] : nil
            return topology.objectCount + (owned?.objectCount ?? 0)
        }
        var weight = request.operations.count
        for operation in request.operations where weight <= Self.directCountMaximum {
            guard case .object(let kind) = operation.kind, let reference = operation.objectWithDependents else {
                continue
            }
            weight += working.northbound.dependentCount(of: kind, reference)
        }
        return weight
    }

    /// Carries out a write, now or when its turn comes.
    mutating func take(
        write ticket: Ticket,
        _ request: WriteRequest,
        using generator: inout some RandomNumberGenerator
    ) {
        guard !isHolding || mayOvertake(request) else { return held.append((ticket, .write(request))) }
        guard weight(of: request) > Self.directCountMaximum, !isStopping else {
            return write(ticket, request, using: &generator)
        }
        guard planned == nil else { return queued.append((ticket, request)) }
        plan(ticket, request, request.topology == nil && !request.isDryRun ? .overtakers : .anybody)
    }

    /// True if an event that would make a commit has to wait, for a plan or for others that wait.
    var isHolding: Bool { isPlanning || !held.isEmpty && !isCarryingOutHeld }

    /// True if a write is being worked out that others have to wait for.
    private var isPlanning: Bool {
        switch planned?.company {
        case .overtakers, .nobody: true
        case .anybody, nil: false
        }
    }

    private mutating func plan(_ ticket: Ticket, _ request: WriteRequest, _ company: Plan.Company) {
        planned = (ticket, company)
        var copy = self
        if case .overtakers = company, let scope = WriteScope(of: request, in: working) {
            let overtaken = Overtaken(scope, before: working.revision + Overtaken.countMaximum + 1, time: time)
            self.overtaken = overtaken
            copy.reservedRevision = overtaken.revision
        }
        // The copy must not share what it does not need: the core would copy it at its next change.
        copy.past = Past(working, configuration.pastBounds)
        copy.pending = []
        copy.appending = []
        copy.pendingByteCount = 0
        copy.polls = [:]
        copy.pollsByChassis = [:]
        copy.held = []
        copy.queued = []
        copy.chores = []
        copy.effects = []
        copy.trails = [:]
        copy.waitsByWitness = [:]
        copy.realizations = [:]
        copy.revisionWaits = [:]
        copy.waitsByRevision = OrderedMap()
        effects.append(.plan(Plan(copy, ticket, request)))
    }

    /// Makes what was planned the core's own.
    mutating func adopt(_ outcome: Plan.Outcome, using generator: inout some RandomNumberGenerator) {
        guard planned?.ticket == outcome.ticket else { return }
        planned = nil
        let overtakers = overtaken?.commits ?? []
        overtaken = nil
        if outcome.version != planVersion {
            // The log did not take what it was planned on.
            plan(outcome.ticket, outcome.request, .nobody)
        } else if outcome.items.isEmpty {
            // Refused, tried or as it was: true of the network at the time it was asked.
            answer(outcome)
        } else if let items = outcome.items(behind: overtakers, upTo: working.revision) {
            for item in items {
                working = item.network
                wait(item)
            }
            chores.append(contentsOf: outcome.chores)
            answer(outcome)
            chores.append(contentsOf: items.map { .lookAgain($0.record.changes[...]) })
        } else if let rest = narrowed(outcome), weight(of: rest) <= Self.directCountMaximum {
            write(outcome.ticket, rest, using: &generator)
        } else {
            plan(outcome.ticket, outcome.request, .nobody)
        }
    }

    /// True if a write can be committed before the one that is being worked out.
    private func mayOvertake(_ request: WriteRequest) -> Bool {
        guard planned != nil, let overtaken, working.revision + 1 < overtaken.revision,
            weight(of: request) <= Self.directCountMaximum, let scope = WriteScope(of: request, in: working)
        else { return false }
        return scope.isApart(from: overtaken.scope)
    }

    /// Returns the rest of a topology that changed little, if nobody else has changed it.
    private func narrowed(_ outcome: Plan.Outcome) -> WriteRequest? {
        guard let topology = outcome.request.topology,
            working.northbound.topologies[topology.owner]?.revision == outcome.topologyRevision,
            let plan = outcome.plan, let rest = topology.narrowed(to: plan)
        else { return nil }
        var request = outcome.request
        request.topology = rest
        return request
    }

    private mutating func answer(_ outcome: Plan.Outcome) {
        for effect in outcome.effects {
            if case .answer(let ticket, let answer) = effect {
                answerWhenDurable(ticket, answer)
            } else {
                effects.append(effect)
            }
        }
    }

    /// Carries out some of the writes that had to wait, in their order.
    mutating func carryOutHeld(using generator: inout some RandomNumberGenerator) {
        var left = Self.heldCountMaximum
        while left > 0, !isPlanning, let (ticket, request) = held.popFirst() {
            left -= 1
            isCarryingOutHeld = true
            take(ticket, request, using: &generator)
            isCarryingOutHeld = false
        }
        guard planned == nil, held.isEmpty, let (ticket, request) = queued.popFirst() else { return }
        take(write: ticket, request, using: &generator)
    }

    /// True if a write that had to wait can be carried out.
    var hasHeldToDo: Bool { !held.isEmpty && !isPlanning || planned == nil && !queued.isEmpty }
}

extension NorthboundDatabase {
    /// True if a port that was put has been given a MAC address that another one here has, too.
    fileprivate func sharesGivenMAC(_ change: CommitRecord.Change) -> Bool {
        guard change.object != nil, change.kind == .logicalSwitchPort, let id = ObjectID(change.id) else {
            return false
        }
        return ports[id]?.value.givenMAC.map { ports.index.portIDs(macs: [$0], atMost: 1) == nil } ?? false
    }

    /// True if the name of an object that was put belongs to another one here.
    fileprivate func givesNameToAnother(_ change: CommitRecord.Change) -> Bool {
        guard change.object != nil, case .object(let kind) = change.kind else { return false }
        return listed(kind, .name(change.name)).map { $0.id.description != change.id } ?? false
    }
}
