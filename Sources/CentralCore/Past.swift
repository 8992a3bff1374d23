import DequeModule
import NetworkModel
import Southbound
import Wire

/// The newest commits with their networks, from which deltas start and to which watches and later pages of lists go
/// back.
///
/// One ring for all of them, bounded in commits, bytes and time. The newest commit stays in any case.
struct Past: Sendable {
    /// A commit that is kept.
    struct Entry: Sendable {
        /// The network after the commit.
        let network: Network
        /// The commit as users see it.
        let record: CommitRecord
        /// The southbound records that the commit put or deleted.
        let touched: [RecordKey]
        /// About what the commit keeps in memory.
        let byteCount: Int
        /// When it became durable, monotonic.
        let time: Duration
    }

    /// In the order of their revisions, which may skip some.
    private var entries: Deque<Entry> = []
    private var byteCount = 0
    private let bounds: Bounds
    /// The network before the oldest commit that is kept.
    private(set) var base: Network

    struct Bounds: Sendable {
        /// Commits.
        var count: Int
        /// Bytes that they keep in memory, about.
        var byteCount: Int
        var age: Duration
    }

    init(_ base: Network, _ bounds: Bounds) {
        self.base = base
        self.bounds = bounds
    }

    /// The oldest revision that a delta can start from.
    var oldest: UInt64 { base.revision }

    var newest: UInt64 { entries.last?.network.revision ?? oldest }

    /// Adds the next commit, and lets go of the oldest beyond the bounds.
    /// - Parameter remains: has what those leave behind added.
    mutating func append(_ entry: Entry, leaving remains: inout Remains) {
        entries.append(entry)
        byteCount += entry.byteCount
        while entries.count > 1, let first = entries.first,
            entries.count > bounds.count || byteCount > bounds.byteCount || entry.time - first.time > bounds.age
        {
            entries.removeFirst()
            byteCount -= first.byteCount
            remains.add(first, behind: base)
            base = first.network
        }
    }

    /// The network at a revision; `nil` if it is too old or still to come.
    func network(at revision: UInt64) -> Network? {
        revision == oldest ? base : entry(at: revision)?.network
    }

    /// The commit of a revision; `nil` if it is too old or still to come.
    func entry(at revision: UInt64) -> Entry? {
        guard revision > oldest else { return nil }
        let index = index(after: revision - 1)
        guard index < entries.count, entries[index].network.revision == revision else { return nil }
        return entries[index]
    }

    /// The index of the first commit after a revision.
    private func index(after revision: UInt64) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].network.revision > revision { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// True if a client's evidence fits this history: the hash of the commit at a revision that is kept.
    func agrees(_ hash: CommitHash, at revision: UInt64) -> Bool {
        network(at: revision)?.hash == hash
    }

    /// The commits after a revision, oldest first; `nil` if some of them are no longer kept.
    func after(_ revision: UInt64) -> Deque<Entry>.SubSequence? {
        guard revision >= oldest else { return nil }
        return entries.dropFirst(index(after: revision))
    }
}

extension Commit {
    /// The southbound records that the commit puts or deletes.
    var touchedRecords: [RecordKey] {
        changes.indices.compactMap { index in
            if case .record(let kind) = changes[index].kind { RecordKey(kind, id: changes[index].id) } else { nil }
        }
    }

    /// The ports that the commit puts or deletes, or the bindings of.
    var touchedPorts: [ObjectID] {
        changes.compactMap { change in
            switch change.kind {
            case .object(.logicalSwitchPort), .record(.portBinding): ObjectID(change.id)
            case .object, .record, .chassisState, .bindingState, .lastKey, .topology, .keptAnswer, .token, .enrolment:
                nil
            }
        }
    }

    /// About the bytes of memory that a commit keeps while it can be gone back to: the paths that it copied in the maps
    /// (some 6 KiB for one object), its own objects twice over, and those that it took the place of.
    func keptByteCount(replaced: Int) -> Int {
        6144 + 2 * (replaced + changes.indices.reduce(0) { $0 + 100 + (changes[$1].object?.count ?? 0) })
    }
}
