import NetworkModel

/// The commit log: an ordered, durable, hash-chained list of commits.
///
/// The newest commits are kept as they are, for readers of changes; older ones are folded into rows, which are the
/// network as it was before the oldest kept commit. One thread owns a store, and only one process may have it open.
public protocol CommitStore: AnyObject {
    /// Reads and verifies everything that is stored.
    /// - Throws: ``StorageError/refused(_:)`` naming what is wrong, if the store is damaged, of a newer version or
    ///   held by another process.
    func load() throws(StorageError) -> StoreContents

    /// Makes commits durable, all or none. When this returns they survive a loss of power.
    /// - Returns: The hash of each.
    /// - Parameters:
    ///   - commits: Commits with rising revisions.
    ///   - revision: The revision of the last stored commit, as the caller believes: the fence.
    /// - Throws: ``StorageError/full(_:)`` if there is no room (nothing has changed, the store stays usable),
    ///   ``StorageError/fenced(expected:found:)`` if the belief is wrong, ``StorageError/broken(_:)`` if nobody
    ///   can say what is on the disk.
    @discardableResult
    func append(_ commits: [Commit], expecting revision: UInt64) throws(StorageError) -> [CommitHash]

    /// Writes a part of the encoding of a large commit before the commit, so that other appends can go between. If all
    /// parts are there, ``append(_:expecting:)`` has little left to do. Parts have no effect before that; those of a
    /// commit that is never appended are removed later.
    /// - Returns: True if there are more parts to write; a small commit has none.
    /// - Throws: As ``append(_:expecting:)``.
    func stage(_ commit: Commit) throws(StorageError) -> Bool

    /// Folds the oldest commits beyond the ``Retention`` into rows, one slice of them, when a whole one is due. It is
    /// for times at which nobody waits for an append, or for when ``trimNeed`` says so.
    /// - Returns: About how many bytes of encodings it read or folded; 0 when there is nothing left to do.
    func trim() throws(StorageError) -> Int

    var trimNeed: TrimNeed { get }

    /// Leaves evidence of the newest commit outside of the log, against a log that is put back to an earlier state.
    /// For quiet times, some seconds apart; it costs two syncs to disk.
    /// - Returns: True if it was written; if it cannot be, the former stays.
    @discardableResult
    func leaveEvidence() -> Bool

    /// The commits that there were, newest first, with bounded work.
    func audit(_ request: AuditRequest) throws(StorageError) -> AuditAnswer

    /// Ends the use of the store and leaves it tidy. Nothing depends on it: a start reads any state.
    func close() throws(StorageError)
}

/// The urgency of folding.
public enum TrimNeed: Comparable, Sendable {
    /// For a quiet time.
    case none
    /// A slice now and then, with appends between.
    case paced
    /// It goes on between appends, a slice each.
    case urgent
    /// No append is taken before there is less of it: the store would outgrow its bound.
    case overdue
}

/// The amount of history that a store keeps unfolded.
public struct Retention: Sendable {
    /// Commits: as many as deltas of the feed may reach back over.
    public var commitCountMaximum = 4096
    /// Bytes of their encodings, which a start has to parse: 16 MiB, a quarter of a second. The last commit stays
    /// whatever its size.
    public var byteCountMaximum = 16 << 20
    /// The number of commits to which a store that is always busy may grow: folding writes rows all over the file,
    /// which costs the disk ten times as much as an append. A start reads as many in a second.
    public var urgentCommitCount = 32_768
    /// The most commits that are folded at once: so that no append waits for more than some milliseconds.
    public var sliceCountMaximum = 64
    /// The most bytes of encodings that are folded at once, for the same reason: some hundred rows. A commit that has
    /// more is folded in parts.
    public var sliceByteCountMaximum = 128 << 10
    /// The most bytes of a commit's encoding that are staged at once: what takes about two milliseconds to write.
    public var partByteCountMaximum = 256 << 10

    /// The product's bounds.
    public init() {}
}

/// Everything that a store holds, verified.
public struct StoreContents: Sendable {
    /// The network before the oldest kept commit, with its hash; its epoch was drawn when the store was made.
    public var network: Network
    /// The kept commits, in order.
    public var history: [Commit]
    /// The hash of each kept commit.
    public var hashes: [CommitHash]
    /// A warning for the operator: a log that is older than what was seen of it, and has a new epoch for that.
    public var warning: String?

    /// The revision of the last commit; 0 in a new store.
    public var revision: UInt64 { history.last?.revision ?? network.revision }
}
