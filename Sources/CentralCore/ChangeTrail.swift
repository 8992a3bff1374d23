import DequeModule

/// The revisions at which something changed, as far back as anybody may still have to hear of them.
///
/// It is bounded: of forgotten ones it knows only the highest, and takes every revision up to there for a change.
struct ChangeTrail: Sendable {
    /// The most revisions that one trail remembers: a host that lags by more changes is taken to lack something.
    static let countMaximum = 64

    /// Up to here every revision counts as a change.
    private var floor: UInt64
    private var revisions: Deque<UInt64> = []

    /// A trail of which nothing up to a revision is known.
    init(unknownUpTo floor: UInt64) { self.floor = floor }

    var last: UInt64 { revisions.last ?? floor }

    /// Takes note of a change, later than all before or at the same revision as the last.
    mutating func note(_ revision: UInt64) {
        guard revision > last else { return }
        revisions.append(revision)
        if revisions.count > Self.countMaximum, let oldest = revisions.popFirst() { floor = oldest }
    }

    /// The first change after a revision; `nil` if there is none.
    func first(after revision: UInt64) -> UInt64? {
        if revision < floor { return revision + 1 }
        guard let last = revisions.last, last > revision else { return nil }
        var low = 0
        var high = revisions.count
        while low < high {
            let middle = (low + high) / 2
            if revisions[middle] > revision { high = middle } else { low = middle + 1 }
        }
        return revisions[low]
    }
}
