import Northbound
import Northd
import Southbound

/// The bounds and times of a ``CentralCore``. The defaults are those of the product; tests make them small.
public struct Configuration: Sendable {
    /// How long a chassis counts as live after its last sync.
    public var lease: Duration = .seconds(30)
    /// How long after a failed append the core tries again to commit what hosts have said.
    public var storageRetry: Duration = .seconds(1)
    /// The most commits that deltas can reach back over; a store keeps at least as many.
    public var historyCountMaximum = 4096
    /// The most bytes of objects in the commits that users can look back at; the count is that of the history.
    public var recentByteCountMaximum = 64 << 20
    /// The most changes on one page of the feed.
    public var pageChangeCountMaximum = 5000
    /// The size of a page of the feed, in bytes of records, behind which the next one begins.
    public var pageByteCountMaximum = 1 << 20
    /// The most requests that are parked at a time, over all chassis.
    public var parkedCountMaximum = 20_000
    /// The most woken polls that one step answers: what takes about a millisecond.
    public var wokenCountMaximum = 256
    /// The most chassis that may be registered.
    public var chassisCountMaximum = 10_000
    /// The most commits that wait for the append under way.
    public var pendingCommitCountMaximum = 10_000
    /// The most bytes of commits that wait for the append under way.
    public var pendingByteCountMaximum = 64 << 20
    /// The most operations of one transaction.
    public var operationCountMaximum = Limits.operationCountMaximum
    /// The most answers to requests with an idempotency key that are kept: a client that repeats a request does so
    /// within minutes, and these reach back for hours at 10 writes a second.
    public var keptAnswerCountMaximum = 100_000
    /// The most bytes of objects in kept answers.
    public var keptAnswerByteCountMaximum = 32 << 20
    /// How long an answer is kept, in seconds.
    public var keptAnswerSeconds: Int64 = 86_400
    /// The largest encoding of a commit, in bytes.
    public var commitByteCountMaximum = Commit.byteCountMaximum
    /// The largest key of a datapath.
    public var datapathKeyMaximum = DatapathBinding.tunnelKeyMaximum
    /// The largest key of a port.
    public var portKeyMaximum = PortBinding.tunnelKeyMaximum

    /// The product's bounds and times.
    public init() {}
}
