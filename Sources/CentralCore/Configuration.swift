import NetworkModel
import Southbound
import Wire

/// The bounds and times of a ``CentralCore``. The defaults are those of the product; tests make them small.
public struct Configuration: Sendable {
    /// True if this member of a central hears hosts and makes commits. One that does not follows the commits of another
    /// and answers reads, watches and the feed.
    public var isLeader = true
    /// The time that a chassis counts as live after its last sync.
    public var lease: Duration = .seconds(30)
    /// The pause after a failed append before the core commits hosts' reports again; each further failure doubles
    /// it, up to ``storageRetryMaximum``.
    public var storageRetry: Duration = .seconds(1)
    /// The longest time between two such tries.
    public var storageRetryMaximum: Duration = .seconds(30)
    /// The most commits that deltas, watches and pages of lists can go back over.
    public var historyCountMaximum = 4096
    /// The most memory that those commits keep, in bytes, about: some thousand commits of one object, or one of ten
    /// thousand objects with those that are made while hosts are told of it. With less, small writes behind a large one
    /// push it out, and all hosts that it concerns fetch everything anew.
    public var historyByteCountMaximum = 48 << 20
    /// Their greatest age: a client that was away for longer begins anew.
    public var historyAgeMaximum: Duration = .seconds(86_400)
    /// The most changes on one page of the feed.
    public var pageChangeCountMaximum = 5000
    /// The size of a page of the feed, in bytes of records, after which the next one begins.
    public var pageByteCountMaximum = 1 << 20
    /// The most polls of chassis that are parked at a time.
    public var parkedCountMaximum = 20_000
    /// The most requests that wait for something to change.
    public var watchCountMaximum = 20_000
    /// The most requests that wait for hosts.
    public var realizationCountMaximum = 20_000
    public var revisionWaitCountMaximum = 1 << 14
    /// The most questions that wait for hosts' replies.
    public var queryCountMaximum = 1024
    /// The time that a host has for its reply.
    public var queryPatience: Duration = .seconds(5)
    /// The most chassis that one step looks at to find out what such a request still waits for.
    public var witnessLookCountMaximum = 5000
    /// The most woken polls that one step answers: some milliseconds, if all ask for their share of a long commit.
    public var wokenCountMaximum = 64
    /// The most ports that one step settles, and the most records that one piece of an upgrade changes.
    public var pieceCountMaximum = 128
    /// The delay of a timer beyond which it counts as a pause of central itself, by which leases are extended.
    public var latenessMaximum: Duration = .milliseconds(100)
    /// The most time that hosts get to be heard after a pause.
    public var pauseGraceMaximum: Duration = .seconds(5)
    public var chassisCountMaximum = 10_000
    /// The most commits that wait for the append under way.
    public var pendingCommitCountMaximum = 10_000
    /// The most bytes of commits that wait for the append under way.
    public var pendingByteCountMaximum = 64 << 20
    public var operationCountMaximum = Limits.operationCountMaximum
    /// The most answers to requests with an idempotency key that are kept: a client that repeats a request does so
    /// within minutes, and these reach back for hours at 10 writes a second.
    public var keptAnswerCountMaximum = 100_000
    /// The most bytes of objects in kept answers.
    public var keptAnswerByteCountMaximum = 32 << 20
    /// The time that an answer is kept, in seconds.
    public var keptAnswerSeconds: Int64 = 86_400
    public var commitByteCountMaximum = Commit.byteCountMaximum
    public var keys = Transaction.KeyMaximums()
    /// The prefix of the MAC addresses that ports are given; `nil` for the network's own, which is random.
    public var macPrefix: MACPrefix?

    /// The bounds of the feed's pages.
    var pageBounds: PageBounds { PageBounds(changeCount: pageChangeCountMaximum, byteCount: pageByteCountMaximum) }
    var pastBounds: Past.Bounds {
        .init(count: historyCountMaximum, byteCount: historyByteCountMaximum, age: historyAgeMaximum)
    }

    /// The product's bounds and times.
    public init() {}
}
