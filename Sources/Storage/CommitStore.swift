/// Where the commit log lives: an ordered, durable, hash-chained list of commits and the objects that they leave.
///
/// A store knows nothing of what a commit means; it keeps encodings and object bytes as `CentralCore` made them.
/// One thread owns it. Only one process may have it open.
public protocol CommitStore: AnyObject {
    /// Reads and verifies everything that is stored.
    /// - Throws: ``StorageError/refused(_:)`` naming what is wrong, where the store is damaged, of a newer version or
    ///   held by another process.
    func load() throws(StorageError) -> StoreContents

    /// Makes commits durable, all or none. When this returns they survive a loss of power.
    /// - Parameters:
    ///   - entries: Commits with dense, rising revisions.
    ///   - revision: The revision of the last stored commit, as the caller believes: the fence.
    /// - Throws: ``StorageError/full(_:)`` where there is no room (nothing has changed, the store stays usable),
    ///   ``StorageError/fenced(expected:found:)`` where the belief is wrong, ``StorageError/broken(_:)`` where nobody
    ///   can say what is on the disk.
    func append(_ entries: [LogEntry], expecting revision: UInt64) throws(StorageError)

    /// The encodings of the commits after `revision` that are still kept, at most `limit`, in order.
    func tail(after revision: UInt64, limit: Int) throws(StorageError) -> [LogEncoding]

    /// Forgets the oldest commits beyond the history that is kept, one slice of them; objects stay.
    /// - Returns: How many commits it removed; 0 when there is nothing left to do.
    func trim() throws(StorageError) -> Int
}

/// One commit on its way into the log.
public struct LogEntry: Equatable, Sendable {
    /// Its revision: that of the one before it plus 1.
    public var revision: UInt64
    /// The whole commit as bytes: what the hash chain is made over.
    public var encoding: [UInt8]
    /// What it does to the stored objects, each object at most once.
    public var changes: [ObjectChange]

    /// A commit with its encoding and its effect.
    public init(revision: UInt64, encoding: [UInt8], changes: [ObjectChange]) {
        self.revision = revision
        self.encoding = encoding
        self.changes = changes
    }
}

/// What a commit does to one object.
public struct ObjectChange: Equatable, Sendable {
    /// The object's kind.
    public var kind: String
    /// What identifies the object in its kind.
    public var id: String
    /// The object's bytes after the commit; `nil` when it is gone.
    public var bytes: [UInt8]?

    /// A put, or a delete where `bytes` is `nil`.
    public init(kind: String, id: String, bytes: [UInt8]?) {
        self.kind = kind
        self.id = id
        self.bytes = bytes
    }
}

/// A commit as the log keeps it.
public struct LogEncoding: Equatable, Sendable {
    /// The commit's revision.
    public var revision: UInt64
    /// The commit's encoding.
    public var bytes: [UInt8]

    /// A commit with its encoding.
    public init(revision: UInt64, bytes: [UInt8]) {
        self.revision = revision
        self.bytes = bytes
    }
}

/// An object as the store keeps it.
public struct StoredObject: Equatable, Sendable {
    /// The object's kind.
    public var kind: String
    /// What identifies the object in its kind.
    public var id: String
    /// The revision of the last commit that changed it.
    public var revision: UInt64
    /// The object's bytes.
    public var bytes: [UInt8]

    /// An object as the commit `revision` left it.
    public init(kind: String, id: String, revision: UInt64, bytes: [UInt8]) {
        self.kind = kind
        self.id = id
        self.revision = revision
        self.bytes = bytes
    }
}

/// Everything that a store holds, verified.
public struct StoreContents: Equatable, Sendable {
    /// Drawn when the store was made: (epoch, revision) names one state.
    public var epoch: UInt64
    /// The revision of the last commit; 0 in a new store.
    public var revision: UInt64
    /// Every object at `revision`, in order of kind, then id.
    public var objects: [StoredObject]
    /// The commits still kept, in order; the last one has `revision`.
    public var history: [LogEncoding]

    /// What a store holds at `revision`.
    public init(epoch: UInt64, revision: UInt64, objects: [StoredObject], history: [LogEncoding]) {
        self.epoch = epoch
        self.revision = revision
        self.objects = objects
        self.history = history
    }
}
