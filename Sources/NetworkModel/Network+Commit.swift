import JSON
import Persistent
import Southbound
import Wire

/// A row as a store keeps it: what the last commit that touched it put.
public struct StoredRow: Equatable, Sendable {
    public var kind: CommitChange.Kind
    /// The row's key in its table.
    public var id: String
    /// The revision of the commit that put it.
    public var revision: UInt64
    public var object: [UInt8]

    public init(kind: CommitChange.Kind, id: String, revision: UInt64, object: [UInt8]) {
        self.kind = kind
        self.id = id
        self.revision = revision
        self.object = object
    }
}

extension Network {
    /// The network at a revision from all rows that it consists of, in any order.
    ///
    /// A store that folds old commits into rows keeps, for each (kind, id), the last object put and the revision of
    /// the commit that put it, and drops the row on a delete.
    public init(epoch: UInt64, revision: UInt64, rows: [StoredRow]) throws(CommitError) {
        self.init(epoch: epoch)
        self.revision = revision
        try put(rows)
    }

    /// Puts rows, in any order, none of which is of a later revision than the network.
    public mutating func put(_ rows: [StoredRow]) throws(CommitError) {
        // Not sorted: that takes longer than to look for each kind.
        for kind in CommitChange.Kind.allCases {
            for index in rows.indices where rows[index].kind == kind {
                let row = rows[index]
                guard row.revision <= revision else { throw CommitError("a row of \(kind.rawValue) from the future") }
                try put(kind, row.id, row.object, revision: row.revision)
            }
        }
    }

    /// The object or record of a row that was read, for ``put(_:)``.
    public enum ReadRow: Sendable {
        case object(@Sendable (inout NorthboundDatabase) -> Void)
        case record(SouthboundDatabase.Entry)
    }

    /// Reads the row of an object or a record: most of the work of a start, which threads can share. The rows that an
    /// object refers to have to be in the network, and none is of a later revision.
    public func read(_ row: StoredRow) throws(CommitError) -> ReadRow {
        guard row.revision <= revision else { throw CommitError("a row of \(row.kind.rawValue) from the future") }
        switch row.kind {
        case .object(let kind): return .object(try Self.read(kind, row.id, row.object, in: northbound))
        case .record(let kind): return .record(try Self.entry(kind, row.id, row.object, revision: row.revision))
        case .chassisState, .bindingState, .lastKey, .topology, .keptAnswer, .token, .enrolment:
            throw CommitError("a row of \(row.kind.rawValue) is no object and no record")
        }
    }

    public mutating func put(_ rows: [ReadRow]) {
        for row in rows {
            switch row {
            case .object(let put): put(&northbound)
            case .record(let entry): southbound.put(entry)
            }
        }
    }

    private static func read(
        _ kind: ObjectKind,
        _ id: String,
        _ object: [UInt8],
        in northbound: NorthboundDatabase
    ) throws(CommitError) -> NorthboundDatabase.Put {
        do {
            return try kind.row.restore(northbound, object)
        } catch {
            throw CommitError("\(CommitChange.Kind.object(kind).rawValue) \(id): \(error)")
        }
    }

    private static func entry(
        _ kind: RecordKind,
        _ id: String,
        _ object: [UInt8],
        revision: UInt64
    ) throws(CommitError) -> SouthboundDatabase.Entry {
        do {
            let record = try Record(kind, json: parse(object))
            return SouthboundDatabase.Entry(record: record, revision: revision, bytes: object)
        } catch {
            throw CommitError("\(kind.rawValue) \(id): \(error)")
        }
    }

    /// Joins two halves of a network: one of the rows of ``CommitChange/Kind/isOfUsers``, and one of all others. Halves
    /// do not need each other, so two threads can make them.
    public init(users: Network, others: Network) {
        self = others
        northbound = users.northbound
        countGivenMACs()
    }

    /// Carries out the next commit of the log.
    /// - Throws: ``CommitError`` if it is not the next one or does not fit; the network is then to be thrown away.
    public mutating func apply(_ commit: Commit) throws(CommitError) {
        guard commit.epoch == epoch, commit.revision > revision else {
            throw CommitError("commit \(commit.revision) does not follow revision \(revision)")
        }
        try insert(commit)
        revision = commit.revision
    }

    /// Carries out a commit that comes before the last one and has nothing to do with it.
    public mutating func insert(_ commit: Commit) throws(CommitError) {
        for change in commit.changes where change.object == nil { try delete(change.kind, change.id) }
        for kind in CommitChange.Kind.allCases {
            for change in commit.changes where change.kind == kind {
                guard let object = change.object else { continue }
                try put(kind, change.id, object, revision: commit.revision)
            }
        }
    }

    /// Has the index of ports count the MAC addresses that central gives, so that the first new one need not.
    private mutating func countGivenMACs() {
        guard let prefix = ledger.lastKeys[.macPrefix].flatMap({ MACPrefix(truncating: UInt64($0)) }) else { return }
        northbound.ports.index.countMACs(under: prefix)
    }

    private mutating func put(
        _ kind: CommitChange.Kind,
        _ id: String,
        _ object: [UInt8],
        revision: UInt64
    ) throws(CommitError) {
        switch kind {
        case .object(let objectKind): try Self.read(objectKind, id, object, in: northbound)(&northbound)
        case .record(let recordKind):
            southbound.put(try Self.entry(recordKind, id, object, revision: revision))
        case .chassisState:
            let state = try Self.parse(object)
            guard let isLive = state["live"]?.boolValue else { throw Self.damaged(kind, id) }
            let held = state["held"].flatMap { HeldShare(json: $0) }
            ledger.setChassis(Ledger.ChassisState(isLive: isLive, held: held, revision: revision), named: id)
        case .bindingState:
            guard let port = ObjectID(id), let state = Ledger.BindingState(json: try Self.parse(object)) else {
                throw Self.damaged(kind, id)
            }
            ledger.setBinding(state, of: port)
        case .lastKey:
            guard let space = Ledger.KeySpace(id),
                let key = try Self.parse(object)["key"]?.integerValue.flatMap(UInt32.init(exactly:))
            else { throw Self.damaged(kind, id) }
            ledger.setLastKey(key, in: space)
            if space == .macPrefix { countGivenMACs() }
        case .topology:
            guard let revision = try Self.parse(object)["revision"]?.integerValue.flatMap(UInt64.init(exactly:)) else {
                throw Self.damaged(kind, id)
            }
            northbound.setRevision(revision, ofTopology: id)
        case .keptAnswer:
            guard let answer = Ledger.KeptAnswer(json: try Self.parse(object)) else { throw Self.damaged(kind, id) }
            ledger.setAnswer(answer, named: id)
        case .token:
            let row = try Self.parse(object)
            guard access.restoreToken(row, id: id, revision: revision) else { throw Self.damaged(kind, id) }
        case .enrolment:
            guard access.restoreEnrolment(try Self.parse(object), chassis: id) else { throw Self.damaged(kind, id) }
        }
    }

    private mutating func delete(_ kind: CommitChange.Kind, _ id: String) throws(CommitError) {
        switch kind {
        case .object(let objectKind): objectKind.row.remove(&northbound, try Self.identity(kind, id))
        case .record(let recordKind):
            guard let key = RecordKey(recordKind, id: id) else { throw Self.damaged(kind, id) }
            southbound.remove(key)
        case .chassisState: ledger.setChassis(nil, named: id)
        case .bindingState: ledger.setBinding(nil, of: try Self.identity(kind, id))
        case .lastKey:
            guard let space = Ledger.KeySpace(id) else { throw Self.damaged(kind, id) }
            ledger.setLastKey(0, in: space)
        // It went with its last object.
        case .topology: break
        case .keptAnswer: ledger.setAnswer(nil, named: id)
        case .token: access.setToken(nil, id: id, revision: 0)
        case .enrolment: access.setEnrolment(nil, chassis: id)
        }
    }

    private static func identity(_ kind: CommitChange.Kind, _ id: String) throws(CommitError) -> ObjectID {
        guard let identity = ObjectID(id) else { throw damaged(kind, id) }
        return identity
    }

    private static func parse(_ object: [UInt8]) throws(CommitError) -> JSONValue {
        do {
            return try JSONParser.parse(object)
        } catch {
            throw CommitError("a row that is not JSON: \(error)")
        }
    }

    private static func damaged(_ kind: CommitChange.Kind, _ id: String) -> CommitError {
        CommitError("\(kind.rawValue) \(id) cannot be read")
    }
}

extension NorthboundDatabase {
    /// The row of a topology; its object is `nil` if it has no objects.
    public func topologyRow(_ owner: String) -> CommitChange {
        let object = topologies[owner].map { topology -> JSONValue in
            ["revision": .integer(Int64(clamping: topology.revision))]
        }
        return CommitChange(kind: .topology, id: owner, object: object?.bytes)
    }
}

extension Ledger {
    /// The JSON of the ledger's row for the last key of a space, `nil` if there is none.
    public func lastKeyRow(_ space: KeySpace) -> CommitChange {
        let key = lastKeys[space].map { key -> JSONValue in ["key": .integer(Int64(key))] }
        return CommitChange(kind: .lastKey, id: space.text, object: key?.bytes)
    }

    /// The ledger's row for a port; its object is `nil` if there is none.
    public func bindingRow(_ port: ObjectID) -> CommitChange {
        CommitChange(kind: .bindingState, id: port.description, object: bindings[port]?.json.bytes)
    }

    /// The ledger's row for a chassis; its object is `nil` if there is none.
    public func chassisRow(_ name: String) -> CommitChange {
        CommitChange(kind: .chassisState, id: name, object: chassis[name]?.json.bytes)
    }
}
