import DequeModule
import Northbound
import Northd

/// The newest commits of the log as users see them, for those who watch and those who look back.
struct RecentCommits: Sendable {
    private var records: Deque<CommitRecord> = []
    private var byteCount = 0
    private let countMaximum: Int
    private let byteCountMaximum: Int
    /// The revision before the oldest commit that is kept.
    private(set) var base: UInt64

    init(base: UInt64, countMaximum: Int, byteCountMaximum: Int) {
        self.base = base
        self.countMaximum = countMaximum
        self.byteCountMaximum = byteCountMaximum
    }

    /// Adds the next commit, and lets go of the oldest beyond the bounds.
    mutating func append(_ record: CommitRecord) {
        records.append(record)
        byteCount += record.byteCount
        while records.count > countMaximum || byteCount > byteCountMaximum, let oldest = records.first {
            records.removeFirst()
            byteCount -= oldest.byteCount
            base = oldest.revision
        }
    }

    /// The commits after a revision, oldest first; `nil` where some of them are no longer kept.
    func after(_ revision: UInt64) -> Deque<CommitRecord>.SubSequence? {
        guard revision >= base else { return nil }
        return records.dropFirst(Int(clamping: revision - base))
    }

    /// The commits before a revision, newest first.
    func before(_ revision: UInt64) -> some Sequence<CommitRecord> {
        records.prefix(Int(clamping: revision > base ? revision - base - 1 : 0)).reversed()
    }
}
