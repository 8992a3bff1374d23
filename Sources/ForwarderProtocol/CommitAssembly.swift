import Wire

/// Everything but tables that an agent has put into force on its forwarder.
public struct HostState: Hashable, Sendable {
    /// The epoch of central's log that it stands for; 0 with revision 0 is before any commit.
    public var epoch: UInt64 = 0
    /// The revision that it stands for.
    public var revision: UInt64 = 0
    /// The place of the tables; `nil` before any commit.
    public var tables: TablePlace?
    /// The slots of the ports plugged on the host, by name; at most `ForwarderProtocol.portCountMaximum`.
    public var slots: [String: UInt16] = [:]
    /// The keys with other hosts, by encap.
    public var tunnelKeys: [IPAddress: [SipHashKey]] = [:]

    public init() {}
}

/// Collects an agent's messages into states, a commit at a time. A commit is whole or nothing: what an agent
/// began and did not commit leaves no trace.
public struct CommitAssembly: Sendable {
    public private(set) var inForce = HostState()
    /// The state that the open commit will put into force.
    private var draft: HostState?

    public init() {}

    /// A commit and what it has done.
    public struct Outcome: Hashable, Sendable {
        /// True if anything but the epoch and the revision is different.
        public var changesForwarding: Bool
        /// The names of the ports that are gone, sorted.
        public var removedPorts: [String]
    }

    /// Forgets the open commit; its agent is gone.
    public mutating func abandon() {
        draft = nil
    }

    /// Takes an agent's message; an outcome after `commit`.
    ///
    /// After an error the open commit is forgotten and what is in force is as before.
    public mutating func step(_ message: ForwarderMessage) throws(CommitError) -> Outcome? {
        do throws(CommitError) {
            return try take(message)
        } catch {
            draft = nil
            throw error
        }
    }

    private mutating func take(_ message: ForwarderMessage) throws(CommitError) -> Outcome? {
        switch message {
        case .begin(let epoch, let revision, let isSnapshot):
            try begin(epoch: epoch, revision: revision, isSnapshot: isSnapshot)
        case .tables(let place): try edit { $0.tables = place }
        case .underlay: try edit { _ in }
        case .putTunnelKeys(let address, let keys): try edit { $0.tunnelKeys[address] = keys.isEmpty ? nil : keys }
        case .putPort(let port):
            try edit { $0.slots[port.name] = port.slot }
            guard draft?.slots.count ?? 0 <= ForwarderProtocol.portCountMaximum else { throw .tooManyPorts }
        case .deletePort(let name): try edit { $0.slots[name] = nil }
        case .commit: return try commit()
        case .requestStatistics, .pathMTU, .learntMACs, .connections, .filterRecord, .beginCapture, .endCapture,
            .mirrors, .sendingRates:
            break
        case .greeting, .held, .heldEnd, .slots, .acknowledged, .portFailed, .statistics, .pathRefused, .capturing,
            .virtualClaimed, .portActivated, .membersReported:
            throw .notForForwarder
        }
        return nil
    }

    private mutating func begin(epoch: UInt64, revision: UInt64, isSnapshot: Bool) throws(CommitError) {
        guard draft == nil else { throw .commitIsOpen }
        var next = inForce
        if isSnapshot {
            next.slots = [:]
            next.tunnelKeys = [:]
        } else {
            guard inForce.tables != nil, epoch == inForce.epoch, revision >= inForce.revision else {
                throw .needsSnapshot
            }
        }
        next.epoch = epoch
        next.revision = revision
        draft = next
    }

    private mutating func edit(_ body: (inout HostState) -> Void) throws(CommitError) {
        guard var next = draft.take() else { throw .outsideCommit }
        body(&next)
        draft = next
    }

    private mutating func commit() throws(CommitError) -> Outcome {
        guard let next = draft.take() else { throw .outsideCommit }
        guard next.tables != nil else { throw .needsTables }
        let isAlike =
            next.tables == inForce.tables && next.slots == inForce.slots && next.tunnelKeys == inForce.tunnelKeys
        let outcome = Outcome(
            changesForwarding: !isAlike,
            removedPorts: inForce.slots.keys.filter { next.slots[$0] == nil }.sorted()
        )
        inForce = next
        return outcome
    }
}

/// The reason why an agent's message makes no sense at its place. The connection is closed; the agent starts afresh.
public enum CommitError: Error, Hashable, Sendable, CustomStringConvertible {
    /// `begin` inside a commit.
    case commitIsOpen
    /// A change or `commit` without `begin`.
    case outsideCommit
    /// A delta on the state of another epoch, of a later revision, or on none.
    case needsSnapshot
    /// A commit before `tables`.
    case needsTables
    /// More than `ForwarderProtocol.portCountMaximum` ports.
    case tooManyPorts
    /// A message that only a forwarder says.
    case notForForwarder

    /// One clause for the log.
    public var description: String {
        switch self {
        case .commitIsOpen: "a commit began inside another"
        case .outsideCommit: "a change came outside a commit"
        case .needsSnapshot: "a delta came where only a snapshot fits"
        case .needsTables: "a commit came before any tables"
        case .tooManyPorts: "more than \(ForwarderProtocol.portCountMaximum) ports"
        case .notForForwarder: "a message came that only a forwarder says"
        }
    }
}
