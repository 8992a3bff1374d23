import Southbound

/// What the core knows of a chassis beyond what is committed. A restart forgets it; the next sync tells it again.
struct Session: Sendable {
    /// The agent's start that last spoke; `nil` until one has.
    var bootID: String?
    /// The starts before it: a late sync of one of them must not take over.
    var formerBootIDs: [String] = []
    /// The highest sequence number of this start.
    var seq: UInt64 = 0
    /// When the chassis stops to count as live.
    var leaseEnd: Duration
    /// The highest revision in the forwarder's tables, as this start says.
    var applied: UInt64 = 0
    /// The kinds of record that the agent applies.
    var features: Set<String> = []
    /// What is plugged there, by logical port.
    var ports: [String: SyncRequest.PluggedPort] = [:]
    /// What it may still write into the log.
    var reports = ReportBudget()
    /// The sync that is parked.
    var parkedSync: Ticket?
    /// The last revision that changed the chassis' share.
    var lastChange: UInt64
    /// A revision at or below the first that changed the share and is not applied.
    var firstUnapplied: UInt64

    /// The most former starts that are remembered: late messages are minutes old, not dozens of restarts.
    static let formerBootIDCountMaximum = 8

    /// Whether an agent has spoken since the core started.
    var hasSpoken: Bool { bootID != nil }

    /// A chassis that has not spoken yet, of whose share all up to `revision` may be unknown to it.
    init(leaseEnd: Duration, shareMayHaveChangedUpTo revision: UInt64) {
        self.leaseEnd = leaseEnd
        lastChange = revision
        firstUnapplied = 0
    }

    /// A commit changed the chassis' share.
    mutating func noteChange(at revision: UInt64) {
        if applied >= lastChange { firstUnapplied = revision }
        lastChange = revision
    }

    /// The forwarder's tables hold everything up to a revision.
    mutating func noteApplied(_ revision: UInt64) {
        applied = revision
        if revision >= firstUnapplied { firstUnapplied = revision + 1 }
    }

    /// Whether a change up to this revision may be missing from the forwarder's tables. Errs on the side of yes.
    func mayLack(_ revision: UInt64) -> Bool {
        applied < revision && applied < lastChange && firstUnapplied <= revision
    }

    /// Takes up a new start of the agent.
    mutating func begin(boot: String) {
        formerBootIDs.removeAll { $0 == boot }
        if let bootID { formerBootIDs.append(bootID) }
        if formerBootIDs.count > Self.formerBootIDCountMaximum { formerBootIDs.removeFirst() }
        bootID = boot
        seq = 0
        applied = 0
        firstUnapplied = 0
    }
}
