import ForwarderProtocol
import Southbound

/// When a forwarder that has ended is started again: at once, but one that ends again and again has to wait. A token
/// bucket.
struct StartBudget: Sendable {
    /// Starts at once: more than an operator causes, and a fraction of a second of a processor.
    static let startCountMaximum = 8
    /// The time in which the budget grows by one start.
    static let interval = Duration.seconds(2)
    /// The time at which all starts that were taken are given back.
    private var wholeAt = Duration.zero

    /// Takes a start.
    /// - Returns: when it may be, `now` or later.
    mutating func takeStart(now: Duration) -> Duration {
        wholeAt = max(wholeAt, now) + Self.interval
        return max(now, wholeAt - Self.interval * Self.startCountMaximum)
    }
}

/// The forwarder, as far as it has told us.
struct ForwarderState: Sendable {
    /// The phase of the connection.
    enum Phase: Hashable, Sendable {
        /// Not asked for, or waiting for `startAt`.
        case away
        /// Being connected to or started.
        case starting
        /// It listens to us.
        case connected
    }

    /// A commit that has not been acknowledged.
    struct Commit: Hashable, Sendable {
        var epoch: UInt64
        var revision: UInt64
        /// The ports that are up when this is in force.
        var upPorts: Set<String>
        /// The ports that the forwarder lets go of with it.
        var removed: Set<String>
        /// True if it changes anything but the revision.
        var hasContent: Bool
        /// True if another history is in use since it was sent, about which it tells nothing.
        var isOutdated = false
    }

    var phase = Phase.away
    /// The time when to start the forwarder again.
    var startAt: Duration?
    /// The starts that it has used, of those that it may have.
    var startBudget = StartBudget()
    /// The time when the ports of a forwarder that is away begin to count as down.
    var graceEndsAt: Duration?
    /// True if this agent has started the process.
    var wasSpawned = false
    /// The process, while connected.
    var processID: Int32?
    /// The ports whose descriptors it holds.
    var held: Set<String> = []
    /// True if it holds the underlay's socket, bound to the address that we want.
    var holdsUnderlay = false
    /// The epoch and revision of the connected process' tables.
    var epoch: UInt64 = 0
    var revision: UInt64 = 0
    /// The epoch and revision that central is told to be applied; they outlive a short end of the process.
    var appliedEpoch: UInt64 = 0
    var applied: UInt64 = 0
    /// The number of applied commits that change more than the revision.
    var contentCount: UInt64 = 0
    /// The ports that are up: bound here in tables in force at a forwarder that has them.
    var upPorts: Set<String> = []
    /// The commit on its way.
    var commit: Commit?
    /// Everything must be said anew, as a snapshot.
    var needsSnapshot = true
    /// The host's own device carries something else than it was told.
    var mustTellChassis = false
    /// It is ahead of the share that we had kept, so its records are left as they are until central has answered.
    var mustWaitForCentral = false
    /// The record changes that the tables lack, by record: the newest counts.
    var changes: [RecordKey: RecordChange] = [:]
    /// The records that may be others than those that members of multicast groups were looked up in.
    var changedKeys: Set<RecordKey> = []
    /// True if tables have been compiled since the agent started.
    var hasCompiled = false
    var slots: [String: UInt16] = [:]
    /// The nested ports that it has, by name, with their logical ports.
    var nested: [String: String] = [:]
    /// The slots that are free when the commit on its way is in force.
    var restingSlots: Set<UInt16> = []
    /// The ports that have come, changed or gone since the last commit.
    var changedPorts: Set<String> = []
    /// The vhost-user ports whose VMM waits until what it has said last is gone by.
    var unsettledGuests: Set<String> = []
    /// The mirrors that it was told; `nil` if it may have others from an earlier agent.
    var mirrors: [HostMirror]?
    /// The limits of what guests send that it was told; `nil` as above.
    var sendingRates: [PortRate]?

    /// True if it has been given all there is, or needs nothing.
    var isSettled: Bool { phase == .connected && commit == nil && !needsSnapshot && changedPorts.isEmpty }

    /// The slot of a port, a free one if it has none.
    mutating func slot(of name: String) -> UInt16 { freeSlot(of: name) ?? 0 }

    /// The slot of a port, a free one if it has none; `nil` if all are taken.
    mutating func freeSlot(of name: String) -> UInt16? {
        if let slot = slots[name] { return slot }
        let taken = restingSlots.union(slots.values)
        guard let slot = (0..<UInt16(ForwarderProtocol.portCountMaximum)).first(where: { !taken.contains($0) }) else {
            return nil
        }
        slots[name] = slot
        return slot
    }

    /// The port is gone with the next commit.
    mutating func giveUpSlot(of name: String) {
        if let slot = slots.removeValue(forKey: name) { restingSlots.insert(slot) }
    }

    /// True if it does not hold the port's device, as far as can be told now.
    func hasLetGo(of name: String) -> Bool {
        switch phase {
        case .away: true
        case .starting: false
        case .connected: !held.contains(name) && commit?.removed.contains(name) != true
        }
    }

    /// The share is newer than the tables, whatever they were as of.
    mutating func goOnWithShare() {
        guard mustWaitForCentral else { return }
        mustWaitForCentral = false
        needsSnapshot = true
    }

    /// Remembers changes of the share for the next commit.
    mutating func note(_ changes: [RecordChange]) {
        for change in changes {
            self.changes[change.key] = change
            changedKeys.insert(change.key)
        }
    }
}

extension AgentCore {
    mutating func forwarderConnected(
        _ greeting: Greeting,
        held: [HeldDescriptor],
        slots: [LocalPort],
        wasSpawned: Bool,
        now: Duration
    ) {
        forwarder.phase = .connected
        forwarder.processID = greeting.processID
        forwarder.wasSpawned = forwarder.wasSpawned || wasSpawned
        forwarder.graceEndsAt = nil
        forwarder.commit = nil
        guard greeting.version == ForwarderProtocol.version else {
            let version = greeting.version
            emit(.log(.info, "the forwarder speaks version \(version) of our protocol; replacing it"))
            emit(.replaceForwarder(processID: greeting.processID))
            forwarder.needsSnapshot = true
            forwarder.mustWaitForCentral = false
            noteHeld(held)
            forwarder.held = []
            forwarder.holdsUnderlay = false
            forwarder.phase = .starting
            return
        }
        noteHeld(held)
        // One that has no tables has nothing at all.
        forwarder.mirrors = greeting.epoch == 0 && greeting.revision == 0 ? [] : nil
        forwarder.sendingRates = forwarder.mirrors == nil ? nil : []
        mustCheckSockets = true
        forgetWhatForwarderWasTold()
        forwarder.epoch = greeting.epoch
        forwarder.revision = greeting.revision
        forwarder.slots = Dictionary(slots.map { ($0.name, $0.slot) }, uniquingKeysWith: { first, _ in first })
        forwarder.restingSlots = []
        let logicalPorts = nestedPorts.mapValues(\.logicalPort)
        forwarder.nested = [:]
        for port in slots where port.isNested { forwarder.nested[port.name] = logicalPorts[port.name] ?? "" }
        forwarder.changedPorts = forwarder.held.symmetricDifference(pluggedNames)
        let isEmpty = greeting.epoch == 0 && greeting.revision == 0
        let isInStep = greeting.epoch == share.epoch && greeting.revision == share.revision
        let isAhead = greeting.epoch != share.epoch || greeting.revision > share.revision
        let isUndecided = !sync.hasHeard || hold != nil
        forwarder.mustWaitForCentral = !isEmpty && isAhead && isUndecided && forwarder.holdsUnderlay && !hasNewMTU
        let isUpToDate = (isInStep || forwarder.mustWaitForCentral) && forwarder.holdsUnderlay && !hasNewMTU
        forwarder.needsSnapshot = isEmpty || !isUpToDate
        let story = wasSpawned ? "started the forwarder" : "took over the running forwarder"
        emit(.log(.info, "\(story), process \(greeting.processID), at revision \(greeting.revision)"))
        if !forwarder.needsSnapshot {
            forwarder.appliedEpoch = greeting.epoch
            forwarder.applied = greeting.revision
            // If its tables are newer than our share, central knows them and tells if a port is bound here.
            let kept = forwarder.held.intersection(pluggedNames)
            forwarder.upPorts = forwarder.mustWaitForCentral ? kept : boundPorts(among: kept)
            announcements.isOutdated = true
        }
        openDevices()
        noteDevicesToCheck(now: now)
        for name in forwarder.held.sorted() where isAskedToPlug(name) { checkBeforePlugging(name) }
    }

    /// Notes which descriptors the forwarder holds; the agent has duplicates of them now.
    private mutating func noteHeld(_ held: [HeldDescriptor]) {
        forwarder.held = []
        forwarder.holdsUnderlay = false
        for descriptor in held {
            switch descriptor {
            case .underlay(let address): forwarder.holdsUnderlay = address == configuration.encapIP
            case .port(let name):
                forwarder.held.insert(name)
                if ports[name]?.device == .unknown {
                    ports[name]?.device = .present
                    ports[name]?.isToBeRestored = false
                }
            case .learntMACs, .connections, .filterRecord: break
            }
        }
    }

    mutating func forwarderLost(_ reason: String, now: Duration) {
        forwarder.phase = .away
        forwarder.processID = nil
        forwarder.commit = nil
        forwarder.held = []
        forwarder.holdsUnderlay = false
        if forwarder.graceEndsAt == nil { forwarder.graceEndsAt = now + Self.forwarderGrace }
        forwarder.startAt = forwarder.startBudget.takeStart(now: now)
        endCaptures()
        settleGuests()
        emit(.log(.warning, "the forwarder is gone (\(reason)); starting it again"))
    }

    mutating func forwarderSaid(_ message: ForwarderMessage, now: Duration) {
        guard forwarder.phase == .connected else { return }
        switch message {
        case .acknowledged(let epoch, let revision): acknowledged(epoch, revision)
        case .portFailed(let name, let errno): devicePulled(name, errno: errno, now: now)
        case .statistics(let statistics): answerLists(with: statistics)
        case .pathRefused(let address): pathRefused(address, now: now)
        case .capturing(let number, let isOn): capturing(number, isOn: isOn)
        case .virtualClaimed(let name, let id): virtualClaimed(id, by: name)
        case .portActivated(let activation): portActivated(activation)
        case .membersReported(let reports): membersReported(reports, now: now)
        case .greeting, .held, .heldEnd, .slots, .begin, .tables, .underlay, .putTunnelKeys, .putPort, .deletePort,
            .commit, .requestStatistics, .pathMTU, .beginCapture, .endCapture, .learntMACs, .connections,
            .filterRecord, .mirrors, .sendingRates:
            emit(.log(.warning, "the forwarder sent an unexpected message, which is ignored"))
        }
    }

    private mutating func acknowledged(_ epoch: UInt64, _ revision: UInt64) {
        guard let commit = forwarder.commit, commit.epoch == epoch, commit.revision == revision else { return }
        forwarder.commit = nil
        forwarder.restingSlots = []
        forwarder.epoch = epoch
        forwarder.revision = revision
        forwarder.upPorts = commit.upPorts.intersection(forwarder.held)
        announcements.isOutdated = true
        guard !commit.isOutdated else { return }
        forwarder.appliedEpoch = epoch
        forwarder.applied = revision
        if commit.hasContent { forwarder.contentCount += 1 }
    }

    /// Starts the forwarder when it is time to, and tells it what it does not know yet.
    mutating func settleForwarder(now: Duration) {
        if let startAt = forwarder.startAt, startAt <= now, forwarder.phase == .away {
            forwarder.startAt = nil
            forwarder.phase = .starting
            emit(.startForwarder)
        }
        if let end = forwarder.graceEndsAt, end <= now {
            forwarder.graceEndsAt = nil
            forwarder.upPorts = []
            forwarder.applied = 0
        }
        guard forwarder.phase == .connected, forwarder.commit == nil else { return }
        // Devices that are just being opened are worth the short wait: one commit instead of many.
        guard !forwarder.needsSnapshot || !ports.values.contains(where: { $0.device == .opening && $0.claim > 0 })
        else {
            return
        }
        if forwarder.needsSnapshot { return commitSnapshot(now: now) }
        let mayCompile = !forwarder.mustWaitForCentral
        let isChanged = !forwarder.changes.isEmpty || forwarder.mustTellChassis || membership.isDue(now: now)
        let hasNews = mayCompile && isChanged || !forwarder.changedPorts.isEmpty
        guard hasNews || mayCompile && share.revision > forwarder.revision else { return }
        // Tables from scratch come with all that else is to be known.
        let isFirst = !forwarder.hasCompiled && mayCompile && hasNews
        if isFirst { commitSnapshot(now: now) } else { commitDelta(now: now) }
    }

    private mutating func commitSnapshot(now: Duration) {
        var orders = [ForwarderOrder(.begin(epoch: share.epoch, revision: share.revision, isSnapshot: true))]
        if !forwarder.holdsUnderlay {
            let address = configuration.encapIP
            orders.append(ForwarderOrder(.underlay(address), descriptor: .underlay(address)))
        }
        let plugged = pluggedNames
        for name in forwarder.slots.keys where !plugged.contains(name) && forwarder.nested[name] == nil {
            forwarder.giveUpSlot(of: name)
        }
        orders += plugged.sorted().map { putPort($0) }
        orders += nestedPortOrders(isSnapshot: true)
        compile(now: now)
        finishCommit(orders, epoch: share.epoch, revision: share.revision, hasContent: true)
        forwarder.needsSnapshot = false
        forwarder.holdsUnderlay = true
    }

    private mutating func commitDelta(now: Duration) {
        // Tables that are newer than the share stay as they are; ports come to them, and go.
        let isWaiting = forwarder.mustWaitForCentral
        let (epoch, revision) =
            isWaiting ? (forwarder.epoch, forwarder.revision) : (share.epoch, share.revision)
        var orders = [ForwarderOrder(.begin(epoch: epoch, revision: revision, isSnapshot: false))]
        let plugged = pluggedNames
        for name in forwarder.changedPorts.sorted() {
            if plugged.contains(name) {
                orders.append(putPort(name))
            } else {
                orders.append(ForwarderOrder(.deletePort(name: name)))
                forwarder.giveUpSlot(of: name)
            }
        }
        let isOutdated = !forwarder.changes.isEmpty || !forwarder.changedPorts.isEmpty || forwarder.mustTellChassis
        if !isWaiting { orders += nestedPortOrders(isSnapshot: false) }
        if isOutdated || membership.isDue(now: now), !isWaiting { compile(now: now) }
        finishCommit(orders, epoch: epoch, revision: revision, hasContent: isOutdated)
    }

    /// Brings the tables to what the share says and what is plugged.
    private mutating func compile(now: Duration) {
        var slots: [String: UInt16] = [:]
        for name in pluggedNames.sorted() {
            if let port = ports[name] { slots[port.specification.logicalPort] = forwarder.slot(of: name) }
        }
        for (name, logicalPort) in forwarder.nested { slots[logicalPort] = forwarder.slots[name] }
        let members = membership.takeChanges(all: !forwarder.hasCompiled, now: now)
        let records =
            forwarder.hasCompiled
            ? forwarder.changes.sorted { $0.key < $1.key }.map(\.value) : share.sortedRecords.map { .put($0) }
        emit(
            .compile(
                TableChange(
                    isWhole: !forwarder.hasCompiled,
                    records: records.map(activated),
                    slots: slots,
                    innerMTU: innerMTU,
                    members: members
                )
            )
        )
        forwarder.hasCompiled = true
        forwarder.changes = [:]
        forwarder.mustTellChassis = false
    }

    private mutating func finishCommit(_ orders: [ForwarderOrder], epoch: UInt64, revision: UInt64, hasContent: Bool) {
        let removed = forwarder.held.subtracting(pluggedNames)
        forwarder.held = pluggedNames
        forwarder.changedPorts = []
        forwarder.commit = ForwarderState.Commit(
            epoch: epoch,
            revision: revision,
            upPorts: forwarder.mustWaitForCentral ? forwarder.upPorts : boundPorts(among: forwarder.held),
            removed: removed,
            hasContent: hasContent
        )
        emit(.forward(orders + [mirrorOrder(), rateOrder()].compactMap(\.self) + [ForwarderOrder(.commit)]))
    }

    private mutating func putPort(_ name: String) -> ForwarderOrder {
        let tag = ports[name]?.specification.tag ?? 0
        let port = LocalPort(name: name, slot: forwarder.slot(of: name), tag: tag)
        return ForwarderOrder(.putPort(port), descriptor: forwarder.held.contains(name) ? nil : .port(name))
    }

    /// The ports that the forwarder is to have: those whose device is there and that are not on their way out.
    var pluggedNames: Set<String> {
        Set(ports.values.filter { $0.device == .present && $0.claim > 0 && !$0.isLeaving }.map(\.specification.name))
    }

    /// Those among the ports that are bound here in the share.
    func boundPorts(among names: Set<String>) -> Set<String> {
        names.filter { name in
            guard let port = ports[name] else { return false }
            let binding = share.binding(of: port.specification.logicalPort)
            return port.isWire || binding?.location(on: configuration.chassis) != nil
        }
    }
}
