import JSON
import Persistent
import Southbound
import Wire

/// A commit as users see it: who changed which of their objects and hosts.
public struct CommitRecord: Sendable {
    /// An object that was put or deleted.
    public struct Change: Sendable {
        /// The log's row that it is.
        public var kind: CommitChange.Kind
        /// Its identity; of a chassis, its name.
        public var id: String
        public var name: String
        /// Its canonical JSON after the commit; `nil` if it was deleted.
        public var object: [UInt8]?

        public init(kind: CommitChange.Kind, id: String, name: String, object: [UInt8]?) {
            self.kind = kind
            self.id = id
            self.name = name
            self.object = object
        }

        /// The kind of user's object or host that it is; `nil` for what only the log tells.
        public var resourceKind: ResourceKind? { kind.resourceKind }
    }

    public let revision: UInt64
    /// When, in seconds since 1970.
    public let time: Int64
    public let author: String
    /// The address that the request came from; empty if there was none.
    public let source: String
    /// The identity of the request; empty if there was none.
    public let requestID: String
    /// The objects that changed: deletes first, then puts; of a record of the audit, the first of them.
    public let changes: [Change]
    public let changeCount: Int

    /// The record of a commit between two networks.
    public init(_ commit: Commit, before: Network, after: Network) {
        revision = commit.revision
        time = commit.time
        author = commit.author
        source = commit.source
        requestID = commit.requestID
        var changes: [Change] = []
        var chassis: Set<String> = []
        let northbound = before.northbound
        for row in commit.changes {
            switch row.kind {
            case .object(let kind):
                let name = row.objectName ?? ObjectID(row.id).flatMap { kind.row.name(northbound, .id($0)) }
                changes.append(Change(kind: row.kind, id: row.id, name: name ?? "", object: row.object))
            case .record(.chassis), .chassisState:
                // A chassis as users see it is made of both rows.
                guard chassis.insert(row.id).inserted else { continue }
                let object = after.chassisView(named: row.id)?.json.bytes
                changes.append(Change(kind: .record(.chassis), id: row.id, name: row.id, object: object))
            case .token:
                let object = after.access.tokens[row.id]?.bytes
                changes.append(Change(kind: .token, id: row.id, name: row.id, object: object))
            case .enrolment:
                changes.append(Change(kind: .enrolment, id: row.id, name: row.id, object: row.object))
            case .record, .bindingState, .lastKey, .topology, .keptAnswer: continue
            }
        }
        self.changes = changes
        changeCount = changes.count
    }

    public init(
        revision: UInt64,
        time: Int64,
        author: String,
        source: String,
        requestID: String,
        changes: [Change],
        changeCount: Int
    ) {
        self.revision = revision
        self.time = time
        self.author = author
        self.source = source
        self.requestID = requestID
        self.changes = changes
        self.changeCount = changeCount
    }
}

/// A request for the changes of users' objects and hosts.
public struct WatchRequest: Sendable {
    /// The revision that the asker has; `nil`: the newest.
    public var since: UInt64?
    /// The epoch of `since`, if the asker says one.
    public var epoch: UInt64?
    /// The hash of the commit of `since`, if the asker says one.
    public var hash: CommitHash?
    /// The kinds of object that are wanted.
    public var kinds: Set<ResourceKind>
    /// The seconds that the answer may be held.
    public var wait: Int
    /// The id of the client's token; the answer is refused once the token is no longer valid.
    public var token: String?

    /// The longest that an answer is held, in seconds.
    public static let waitMaximum = 60

    public init(
        since: UInt64?,
        epoch: UInt64?,
        hash: CommitHash? = nil,
        kinds: Set<ResourceKind>,
        wait: Int,
        token: String? = nil
    ) {
        self.since = since
        self.epoch = epoch
        self.hash = hash
        self.kinds = kinds
        self.wait = wait
        self.token = token
    }
}

/// The changes of all commits after one revision up to another, in order.
public struct ChangeFeed: Sendable {
    public var epoch: UInt64
    /// The revision that the asker had.
    public var from: UInt64
    public var to: UInt64
    /// The hash of the commit of `to`, to be brought back with it.
    public var hash: CommitHash
    /// True if more is there already.
    public var hasMore: Bool
    /// The commits that touched something wanted, each with that alone.
    public var changes: [(revision: UInt64, change: CommitRecord.Change)]
    /// Their text, which all who are told the same share.
    public let text = SharedText()

    /// An answer to a ``WatchRequest``.
    public init(
        epoch: UInt64,
        from: UInt64,
        to: UInt64,
        hash: CommitHash,
        hasMore: Bool,
        changes: [(revision: UInt64, change: CommitRecord.Change)]
    ) {
        self.epoch = epoch
        self.from = from
        self.to = to
        self.hash = hash
        self.hasMore = hasMore
        self.changes = changes
    }
}

/// A request for a part of the audit.
public struct AuditRequest: Sendable {
    /// Only commits before this revision; `nil`: from the newest on.
    public var before: UInt64?
    public var limit: Int
    public var author: String?

    public init(before: UInt64?, limit: Int, author: String?) {
        self.before = before
        self.limit = limit
        self.author = author
    }
}
