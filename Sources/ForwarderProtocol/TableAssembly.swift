import Southbound

/// Collects an agent's messages into table sets, a commit at a time. A commit is whole or nothing: what an agent
/// began and did not commit leaves no trace.
public struct TableAssembly: Sendable {
    /// The tables that are in force.
    public private(set) var inForce = TableSet()
    /// The tables that the open commit will put into force.
    private var draft: TableSet?

    public init() {}

    /// The effect of a commit.
    public struct Outcome: Hashable, Sendable {
        /// True if tables must be compiled anew; a commit that only raises the revision changes nothing on the wire.
        public var changesForwarding: Bool
        /// The names of the ports that are gone, sorted.
        public var removedPorts: [String]

        public init(changesForwarding: Bool, removedPorts: [String]) {
            self.changesForwarding = changesForwarding
            self.removedPorts = removedPorts
        }
    }

    /// Forgets the open commit; its agent is gone.
    public mutating func abandon() {
        draft = nil
    }

    /// Takes an agent's message; an outcome after `commit`.
    ///
    /// After an error the open commit is forgotten and what is in force is as before.
    public mutating func step(_ message: ForwarderMessage) throws(TableAssemblyError) -> Outcome? {
        do throws(TableAssemblyError) {
            return try take(message)
        } catch {
            draft = nil
            throw error
        }
    }

    private mutating func take(_ message: ForwarderMessage) throws(TableAssemblyError) -> Outcome? {
        switch message {
        case .begin(let epoch, let revision, let isSnapshot):
            try begin(epoch: epoch, revision: revision, isSnapshot: isSnapshot)
        case .setLocalChassis(let chassis): try edit { $0.localChassis = chassis }
        case .underlay: try edit { _ in }
        case .put(let record):
            try edit {
                $0.records[record.key] = record
                if case .chassis(let chassis) = record { $0.tunnelKeys[chassis.name] = nil }
            }
        case .putTunnelKeys(let chassis, let keys): try edit { $0.tunnelKeys[chassis] = keys }
        case .delete(let key):
            try edit {
                $0.records[key] = nil
                if case .chassis(let name) = key { $0.tunnelKeys[name] = nil }
            }
        case .putPort(let port):
            try edit { $0.ports[port.name] = port }
            guard draft?.ports.count ?? 0 <= ForwarderProtocol.portCountMaximum else { throw .tooManyPorts }
        case .deletePort(let name): try edit { $0.ports[name] = nil }
        case .commit: return try commit()
        case .requestStatistics, .pathMTU: break
        case .greeting, .held, .heldEnd, .acknowledged, .portFailed, .statistics, .pathRefused:
            throw .notForForwarder
        }
        return nil
    }

    private mutating func begin(
        epoch: UInt64,
        revision: UInt64,
        isSnapshot: Bool
    ) throws(TableAssemblyError) {
        guard draft == nil else { throw .commitIsOpen }
        var next = inForce
        if isSnapshot {
            next.records = [:]
            next.tunnelKeys = [:]
            next.ports = [:]
        } else {
            guard inForce.localChassis != nil, epoch == inForce.epoch, revision >= inForce.revision else {
                throw .needsSnapshot
            }
        }
        next.epoch = epoch
        next.revision = revision
        draft = next
    }

    private mutating func edit(_ body: (inout TableSet) -> Void) throws(TableAssemblyError) {
        guard var next = draft.take() else { throw .outsideCommit }
        body(&next)
        draft = next
    }

    private mutating func commit() throws(TableAssemblyError) -> Outcome {
        guard let next = draft.take() else { throw .outsideCommit }
        guard next.localChassis != nil else { throw .needsLocalChassis }
        let outcome = Outcome(
            changesForwarding: !next.forwardsLike(inForce),
            removedPorts: inForce.ports.keys.filter { next.ports[$0] == nil }.sorted()
        )
        inForce = next
        return outcome
    }
}

/// The reason why an agent's message makes no sense in its place. The connection is closed; the agent starts afresh.
public enum TableAssemblyError: Error, Hashable, Sendable, CustomStringConvertible {
    /// `begin` inside a commit.
    case commitIsOpen
    /// A change or `commit` without `begin`.
    case outsideCommit
    /// A delta on tables of another epoch, of a later revision, or on none.
    case needsSnapshot
    /// A commit before `setLocalChassis`.
    case needsLocalChassis
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
        case .needsLocalChassis: "a commit came before the local chassis was told"
        case .tooManyPorts: "more than \(ForwarderProtocol.portCountMaximum) ports"
        case .notForForwarder: "a message came that only a forwarder says"
        }
    }
}
