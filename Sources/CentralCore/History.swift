import DequeModule
import Northd
import Southbound

/// The southbound databases of the last commits: what deltas start from.
struct History: Sendable {
    private struct Root: Sendable {
        var database: SouthboundDatabase
        /// The records that the commit touched.
        var touched: [RecordKey]
    }

    /// One for each revision from ``oldest`` on, without a gap.
    private var roots: Deque<Root>
    /// The oldest revision that a delta can start from.
    private(set) var oldest: UInt64
    private let countMaximum: Int

    /// A history that begins with this network.
    init(_ network: Network, countMaximum: Int) {
        roots = [Root(database: network.southbound, touched: [])]
        oldest = network.revision
        self.countMaximum = countMaximum
    }

    /// Adds the next commit.
    mutating func append(_ database: SouthboundDatabase, touched: [RecordKey]) {
        roots.append(Root(database: database, touched: touched))
        while roots.count > countMaximum + 1 {
            roots.removeFirst()
            oldest += 1
        }
    }

    /// The database at a revision, `nil` where it is too old or still to come.
    func database(at revision: UInt64) -> SouthboundDatabase? {
        guard revision >= oldest, let index = Int(exactly: revision - oldest), index < roots.count else { return nil }
        return roots[index].database
    }

    /// The records that the commits after one revision up to another touched, with the last revision that did.
    func touched(after from: UInt64, through to: UInt64) -> [RecordKey: UInt64] {
        guard from >= oldest, from < to, let end = Int(exactly: to - oldest), end < roots.count else { return [:] }
        var touched: [RecordKey: UInt64] = [:]
        for index in Int(from - oldest) + 1...end {
            for key in roots[index].touched { touched[key] = oldest + UInt64(index) }
        }
        return touched
    }
}

extension Commit {
    /// The southbound records that the commit puts or deletes.
    var touchedRecords: [RecordKey] { changes.compactMap { RecordKey(kind: $0.kind.rawValue, id: $0.id) } }
}
