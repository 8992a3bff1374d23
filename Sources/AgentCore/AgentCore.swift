import ForwarderProtocol
import Southbound

/// The agent without its edges: its state, and its reactions to events.
///
/// It holds this host's share of the southbound database and the ports plugged here, keeps the forwarder in step with
/// both, and tells central which ports are plugged and which revision is in force. Nothing is ever removed because of
/// silence.
public struct AgentCore: Sendable {
    /// The most ports of one host: what the forwarder takes.
    public static let portCountMaximum = ForwarderProtocol.portCountMaximum
    /// The time that a forwarder may be away before its ports count as down: a restart takes a tenth of it.
    public static let forwarderGrace = Duration.seconds(1)
    /// The pause after a save of the share: one change is on disk at once, and many share a sync of the disk.
    public static let shareSavePause = Duration.milliseconds(100)
    /// The pause before a failed save of the share is repeated.
    public static let saveRetryInterval = Duration.seconds(1)
    /// The pause after an answer of central's that did not end.
    public static let endlessAnswerPause = Duration.seconds(5)
    /// The interval at which a lost device is looked for.
    public static let deviceRetryInterval = Duration.seconds(1)
    /// The interval at which the names of pinned namespaces are checked.
    public static let deviceCheckInterval = Duration.seconds(1)
    /// The least time between two looks at devices that are served by packet sockets: a host may have a thousand, and
    /// its devices and routes may change all the time.
    public static let socketCheckInterval = Duration.milliseconds(100)
    /// The time that a list waits for the forwarder's counters.
    public static let statisticsPatience = Duration.seconds(1)
    /// The most requests for a list that wait for counters at once.
    public static let statisticsWaiterMaximum = 64

    public let configuration: Configuration
    /// The share, as of the last answer that was whole.
    var share: Share
    var ports: [String: PluggedPort] = [:]
    /// The virtual ports that parents of this host have claimed, by logical port.
    var virtualPlugs: [String: VirtualPlug] = [:]
    /// The highest claim number given so far.
    var lastClaim: UInt64
    var sync = SyncState()
    var forwarder = ForwarderState()
    var files = FilesState()
    /// The network of central's that this host holds back.
    var hold: Hold?
    var paths: PathsState
    var waiting: [Waiting] = []
    /// The ports that are captured, by the tickets of the users; at most `ForwarderProtocol.captureCountMaximum`.
    var captures: [Ticket: String] = [:]
    /// The time when failed devices are looked for again.
    var deviceRetryAt: Duration?
    /// The time when pinned devices are looked at again.
    var deviceCheckAt: Duration?
    /// True if devices of this host have changed since the last look at those that are served by packet sockets.
    var mustCheckSockets = false
    /// True while there is such a look.
    var areSocketsBeingChecked = false
    /// The time before which there is no other look.
    var socketCheckAt: Duration?
    var announcements = AnnouncementState()
    var membership = MembershipState()
    /// True if the localnet ports of the share may be others than those that there are wires for.
    var areWiresOutdated = true
    /// True if the agent has said that it is ready.
    var isReady = false
    /// True if the agent has given up, as its chassis belongs to another host.
    var hasGivenUp = false
    /// True if a forwarder that runs since an earlier start has been told another inner MTU.
    let hasNewMTU: Bool
    private var timer: Duration?
    private var effects: [Effect] = []

    /// Creates an agent with its stored state.
    ///
    /// - Parameters:
    ///   - share: The stored share, or an empty one.
    ///   - innerMTU: The inner MTU at the time when that was stored, which a forwarder that runs since then has been
    ///     told; `nil` for the present one.
    ///   - ports: The stored ports.
    public init(configuration: Configuration, share: Share, innerMTU: Int? = nil, ports: StoredPorts) {
        self.configuration = configuration
        self.share = share
        lastClaim = ports.lastClaim
        paths = PathsState(
            deviceMTU: Configuration.underlayByteCount(
                innerByteCount: configuration.innerMTU,
                encapIP: configuration.encapIP
            )
        )
        hasNewMTU = innerMTU.map { $0 != configuration.innerMTU } ?? false || configuration.hasNewTunnelKeys
        sync.unchangedSince = share.revision
        sync.needsSnapshot = share.revision > 0 && share.features != Feature.all
        files.shareMark = share.mark
        for stored in ports.ports {
            var port = PluggedPort(
                specification: stored.specification,
                isOwned: stored.isOwned,
                claim: stored.claim,
                isSetAside: stored.isSetAside,
                lostTo: stored.lostTo,
                isLeaving: stored.isLeaving
            )
            port.place = stored.place
            port.activationMark = stored.activationMark
            port.boundSequence =
                share.binding(of: stored.specification.logicalPort)?
                .location(on: configuration.chassis)?.bindSeq
            self.ports[stored.specification.name] = port
        }
        for stored in ports.virtualPlugs {
            virtualPlugs[stored.logicalPort] = VirtualPlug(
                parent: stored.parent,
                claim: stored.claim,
                boundSequence: stored.boundSequence
            )
        }
    }

    /// Takes one event and returns the effects, in order.
    ///
    /// - Parameters:
    ///   - now: Monotonic, never less than before.
    ///   - generator: For the jitter of retries and for numbers that other hosts must not guess.
    public mutating func step(
        _ event: Event,
        now: Duration,
        using generator: inout some RandomNumberGenerator
    ) -> [Effect] {
        guard !hasGivenUp else { return [] }
        take(event, now: now, using: &generator)
        if !hasGivenUp { settle(now: now, using: &generator) }
        let due = deadlines.min()
        if due != timer {
            timer = due
            emit(.setTimer(at: due))
        }
        defer { effects = [] }
        return effects
    }

    /// True if there is a port of this name, so that its descriptor is worth keeping.
    public func hasPort(named name: String) -> Bool { ports[name] != nil }

    mutating func emit(_ effect: Effect) { effects.append(effect) }

    private mutating func take(_ event: Event, now: Duration, using generator: inout some RandomNumberGenerator) {
        switch event {
        case .started: start()
        case .timer: timer = nil
        case .stopping:
            saveShareAtOnce()
            sayFarewell()
        case .syncAnswered(let sequence, let answer): syncAnswered(sequence, answer, now: now)
        case .syncFailed(let sequence, let failure): syncFailed(sequence, failure, now: now, using: &generator)
        case .centralTime(let central, let host):
            if let (level, text) = sync.clock.note(central: central, host: host) { emit(.log(level, text)) }
        case .forwarderConnected(let greeting, let held, let slots, let wasSpawned):
            forwarderConnected(greeting, held: held, slots: slots, wasSpawned: wasSpawned, now: now)
        case .forwarderLost(let reason): forwarderLost(reason, now: now)
        case .forwarderSaid(let message): forwarderSaid(message, now: now)
        case .portAdd(let ticket, let request): portAdd(ticket, request)
        case .portDelete(let ticket, let name): portDelete(ticket, name)
        case .portList(let ticket, let withStatistics): portList(ticket, withStatistics: withStatistics, now: now)
        case .status(let ticket): emit(.answer(ticket, .status(statusJSON(now: now))))
        case .accept(let ticket): accept(ticket)
        case .capture(let ticket, let request): capture(ticket, request)
        case .captureEnded(let ticket): captureEnded(ticket)
        case .disconnected(let ticket):
            waiting.removeAll { $0.ticket == ticket }
            captureEnded(ticket)
        case .deviceOpened(let name, let result): deviceOpened(name, result, now: now)
        case .deviceRemoved(let name, let failure): deviceRemoved(name, failure)
        case .devicesChecked(let conditions): devicesChecked(conditions, now: now)
        case .portsSaved(let save, let failure): portsSaved(save, failure)
        case .shareSaved(let failure, let isFull): shareSaved(failure, isFull: isFull, now: now)
        case .guestChanged(let name, let isServed, let takesSuperpackets):
            guestChanged(name, isServed: isServed, takesSuperpackets: takesSuperpackets)
        case .underlayChanged: underlayChanged(now: now)
        case .pathsMeasured(let measurement): pathsMeasured(measurement, now: now)
        case .probeAnswered(let address, let nonce): probeAnswered(address, nonce: nonce, now: now)
        }
    }

    /// Does what is due, whatever the event was.
    private mutating func settle(now: Duration, using generator: inout some RandomNumberGenerator) {
        settleHold()
        settleVirtualPlugs()
        settleWires()
        settleMembership(now: now)
        settleForwarder(now: now)
        settleAnnouncements(now: now)
        settleGuests()
        settlePaths(now: now, using: &generator)
        settleDevices(now: now)
        settleStatistics(now: now)
        settleFiles(now: now)
        settleSync(now: now)
        if !isReady, sync.hasHeard || sync.backoff.failures > 0 {
            isReady = true
            emit(.ready)
        }
    }

    private var deadlines: [Duration] {
        [
            sync.retryAt, sync.startAt, sync.pollAt, forwarder.startAt, forwarder.graceEndsAt, files.shareSaveAt,
            deviceRetryAt, deviceCheckAt, mustCheckSockets && !areSocketsBeingChecked ? socketCheckAt : nil,
            waiting.compactMap(\.deadline).min(), pathsDeadline, announcements.turnAt,
            membership.deadline,
        ].compactMap { $0 }
    }

    private mutating func start() {
        emit(.startForwarder)
        forwarder.phase = .starting
    }
}

/// A request at the socket whose answer waits for something.
struct Waiting: Hashable, Sendable {
    var ticket: Ticket
    var subject: Subject
    /// The time when it waits no more; `nil` for ever.
    var deadline: Duration?

    enum Subject: Hashable, Sendable {
        /// The port is to be there, with its claim on disk.
        case plug(port: String)
        /// The port is to be gone, also from the disk.
        case unplug(port: String)
        /// The forwarder's counters.
        case statistics
        /// The share that was accepted is to be on disk.
        case acceptance
    }
}
