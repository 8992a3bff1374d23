import Persistent
import Southbound

/// The state of a chassis beyond what is committed. A restart forgets it; the next sync tells it again.
struct Session: Sendable {
    /// The agent's start that last spoke; `nil` until one has.
    var bootID: String?
    /// The starts before it: a late sync of one of them must not take over.
    var formerBootIDs: [String] = []
    /// The highest sequence number of this start.
    var seq: UInt64 = 0
    /// A value that no copy of the agent's state directory has, from this start's syncs.
    var machine: String?
    /// True if this start has sent its last sync.
    var isLeaving = false
    /// The share that the host holds back, by its last sync.
    var held: HeldShare?
    /// The time when the chassis stops to count as live.
    var leaseEnd: Duration
    /// Up to when pauses of central itself have been added to the lease.
    var leaseSetAt: Duration
    /// The highest revision in the forwarder's tables, as this start says.
    var applied: UInt64 = 0
    /// The kinds of record that the agent applies.
    var features: Set<String> = []
    /// The physical networks that the host has a device of.
    var physicalNetworks: [String] = []
    var ports = PluggedPorts()
    /// Ports of which something was said that is not settled yet, in order.
    var unsettled: ArraySlice<String> = []
    /// True if all ports there are to be settled: another start, other features or physical networks, or live
    /// again.
    var isAllUnsettled = true
    /// Ports there that are not up and may become so when the forwarder has more.
    var awaitingTables = OrderedMap<String, Void>()
    /// Its remaining lines in the log.
    var reports = ReportBudget()
    var parkedSync: Ticket?
    /// The questions that the next answer carries.
    var unasked: [HostQuery] = []
    /// Questions without a reply, those among them.
    var openQueryCount = 0
    /// The revisions that concerned this chassis itself: described anew, or with other ports.
    var trail: ChangeTrail
    /// The number of commits that the chassis may still cause now.
    var budget: CommitBudget
    /// Its last report, not committed yet because it has caused too many commits.
    var postponed: Chassis?
    /// True if a time is set at which what came too soon is committed.
    var isPostponed = false

    /// The most former starts that are remembered: late messages are minutes old, not dozens of restarts.
    static let formerBootIDCountMaximum = 8

    /// True if an agent has spoken since the core started.
    var hasSpoken: Bool { bootID != nil }

    /// The session of a chassis before its first sync; everything up to `revision` may be unknown to it.
    init(leaseEnd: Duration, now: Duration, shareMayHaveChangedUpTo revision: UInt64) {
        self.leaseEnd = leaseEnd
        leaseSetAt = now
        trail = ChangeTrail(unknownUpTo: revision)
        budget = CommitBudget(now: now)
    }

    /// Takes up a new start of the agent.
    mutating func begin(boot: String) {
        formerBootIDs.removeAll { $0 == boot }
        if let bootID { formerBootIDs.append(bootID) }
        if formerBootIDs.count > Self.formerBootIDCountMaximum { formerBootIDs.removeFirst() }
        bootID = boot
        seq = 0
        applied = 0
    }
}

/// The rate at which one chassis may cause commits: a host that flaps, or lies, must not push what users did out of the
/// past, nor the other hosts out of their deltas. A report that comes too soon is not lost: the newest one is committed
/// later.
struct CommitBudget: Sendable {
    /// Commits at once: a host that starts with many ports, or plugs them one by one.
    static let burst = 200.0
    /// Commits a second after that.
    static let perSecond = 10.0

    private var left = burst
    private var time: Duration

    init(now: Duration) { time = now }

    mutating func take(now: Duration) -> Bool {
        let elapsed = now - time
        time = now
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        left = min(Self.burst, left + seconds * Self.perSecond)
        guard left >= 1 else { return false }
        left -= 1
        return true
    }

    /// The time until there is one again.
    static let interval: Duration = .seconds(1) / perSecond
}
