import DequeModule
import NetworkModel
import Southbound

/// The changes of commits, worked out once for all chassis that share them.
///
/// An answer contains at most one long commit, and short ones only up to a bound: so hosts that were at different
/// revisions ask for the same after their first answer, and a long commit is worked out once, in pieces.
struct Deltas: Sendable {
    /// The number of touched records from which on a commit is a long one, and that short ones may touch together:
    /// about two milliseconds of work.
    static let shortCountMaximum = 2000
    /// The most deltas of short commits that are kept.
    static let shortKeptCountMaximum = 8
    /// The most deltas of long commits that are kept, each with some megabytes of text.
    static let longKeptCountMaximum = 2
    /// The most long commits that are worked out at a time; who asks for another waits.
    static let builderCountMaximum = 4
    /// The records that one piece of the work looks at.
    static let pieceCount = 500

    private var builders: [UInt64: SharedDelta.Builder] = [:]
    private var long: Deque<SharedDelta> = []
    private var short: Deque<SharedDelta> = []
    private let pages: PageBounds

    init(pages: PageBounds) { self.pages = pages }

    /// True if long commits are being worked out.
    var isBusy: Bool { !builders.isEmpty }

    /// The state of a delta.
    enum Found {
        case ready(SharedDelta)
        /// It is being worked out, piece by piece.
        case later
        /// The revisions are no longer kept, or not there yet, or too far apart for one answer.
        case none
    }

    /// The revision that the answer to one who has `revision` leads to.
    static func target(after revision: UInt64, in past: Past) -> UInt64? {
        guard let entries = past.after(revision) else { return nil }
        var touchedCount = 0
        var target = revision
        for entry in entries {
            touchedCount += entry.touched.count
            guard target == revision || touchedCount <= shortCountMaximum else { break }
            target = entry.record.revision
        }
        return target
    }

    /// The delta between two revisions.
    mutating func delta(from: UInt64, to: UInt64, in past: Past) -> Found {
        if let known = (short + long).first(where: { $0.from == from && $0.to == to }) { return .ready(known) }
        guard let before = past.network(at: from), let after = past.network(at: to), from < to,
            let entries = past.after(from)?.prefix(while: { $0.record.revision <= to })
        else { return .none }
        let touchedCount = entries.reduce(0) { $0 + $1.touched.count }
        guard touchedCount <= Self.shortCountMaximum || entries.count == 1 else { return .none }
        if touchedCount > Self.shortCountMaximum, builders[to] != nil { return .later }
        var touched: [(key: RecordKey, revision: UInt64)] = []
        if entries.count == 1, let entry = entries.first {
            touched = entry.touched.map { ($0, to) }
        } else {
            var last: [RecordKey: UInt64] = [:]
            for entry in entries { for key in entry.touched { last[key] = entry.record.revision } }
            touched = last.map { ($0.key, $0.value) }
        }
        var builder = SharedDelta.Builder(
            from: from,
            to: to,
            before: before.southbound,
            after: after.southbound,
            touched: touched,
            pages: pages
        )
        guard touchedCount <= Self.shortCountMaximum else {
            if builders.count < Self.builderCountMaximum { builders[to] = builder }
            return .later
        }
        while true {
            guard let delta = builder.advance(by: Self.shortCountMaximum) else { continue }
            short.append(delta)
            if short.count > Self.shortKeptCountMaximum { short.removeFirst() }
            return .ready(delta)
        }
    }

    /// Goes on with a long commit.
    /// - Parameter remains: has what is no longer kept for it added.
    mutating func advance(leaving remains: inout Remains) {
        guard let revision = builders.keys.min(), var builder = builders.removeValue(forKey: revision) else { return }
        if let delta = builder.advance(by: Self.pieceCount) {
            long.append(delta)
            if long.count > Self.longKeptCountMaximum { remains.add(long.removeFirst()) }
        } else {
            builders[revision] = builder
        }
    }

    /// Lets go of what nobody can ask for any more.
    /// - Parameter remains: has the long commits of it added.
    mutating func forget(before oldest: UInt64, leaving remains: inout Remains) {
        for delta in long.lazy.filter({ $0.from < oldest }) { remains.add(delta) }
        long.removeAll { $0.from < oldest }
        short.removeAll { $0.from < oldest }
    }
}
