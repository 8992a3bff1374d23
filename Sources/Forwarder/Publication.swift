/// Which commits are in which generation, and which of them every poller forwards by: what may be published when, and
/// what may be acknowledged.
struct Publication {
    /// Generations that exist at once: the newest and those that a poller may still use. While there are so many,
    /// commits gather for the next one: a poller that is stuck must not let memory grow.
    static let generationCountMaximum = 3

    /// Which commit.
    struct Stamp: Hashable {
        var epoch: UInt64
        var revision: UInt64
    }

    /// The last commit that every poller forwards by.
    private(set) var acknowledged = Stamp(epoch: 0, revision: 0)
    /// The number of the newest generation; 0 before the first.
    private(set) var newest: UInt64 = 0
    /// Every poller has seen this generation.
    private(set) var seen: UInt64 = 0
    /// True if the newest generation lacks something.
    private var isOutdated = false
    /// Commits that the newest generation may lack.
    private var gathered: [Stamp] = []
    /// Commits with the generation that has them, which a poller may not have seen.
    private var unseen: [(generation: UInt64, stamp: Stamp)] = []

    /// Notes that the tables, sockets or devices have changed, so that a new generation is due.
    mutating func outdate() {
        isOutdated = true
    }

    /// A commit is to be in the next generation; if it has changed nothing, the newest one has it already.
    mutating func add(_ stamp: Stamp) {
        gathered.append(stamp)
    }

    /// The number of the generation that is to be made now, with all that has been gathered; `nil` while there is
    /// nothing new, or pollers have not moved on far enough.
    mutating func begin() -> UInt64? {
        guard isOutdated else {
            stampGathered()
            return nil
        }
        // That which all have seen is still there, for it is what they forward by.
        let inUse = newest - seen + (seen > 0 ? 1 : 0)
        guard inUse < Self.generationCountMaximum else { return nil }
        newest += 1
        isOutdated = false
        stampGathered()
        return newest
    }

    /// Every poller has seen a generation; the commits that can be acknowledged now, in order.
    mutating func see(_ generation: UInt64) -> [Stamp] {
        seen = max(seen, generation)
        let count = unseen.prefix { $0.generation <= seen }.count
        let stamps = unseen[..<count].map(\.stamp)
        unseen.removeFirst(count)
        acknowledged = stamps.last ?? acknowledged
        return stamps
    }

    private mutating func stampGathered() {
        unseen += gathered.map { (newest, $0) }
        gathered = []
    }
}
