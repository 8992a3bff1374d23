import NetworkModel
import Reactor

/// The rows of a start, made into a network by two threads: one makes that of users, this one the rest, and whichever
/// is done first reads rows for the other.
extension SQLiteStore {
    /// A row as it was found, with the hash that it is to have.
    private struct FoundRow {
        let row: StoredRow
        let hash: [UInt8]
    }

    /// The rows that one piece of work reads: few enough that both threads are done at about the same time.
    private static let pieceCount = 1024

    private typealias RowWork = SharedWork<[Network.ReadRow]>

    /// Reads all rows, and begins to make a network of them.
    /// - Parameter commit: The commit of which only some rows are there.
    /// - Returns: A closure that does the rest and gives the network.
    func networkUnderWay(at revision: UInt64, behind commit: Commit?) throws -> () throws -> Network {
        var sum = StoreMeta(epoch: meta.epoch)
        func rows(_ kind: CommitChange.Kind) throws -> [FoundRow] {
            Self.folding(commit, into: try foundRows(of: kind, &sum), of: kind)
        }
        var empty = Network(epoch: meta.epoch)
        empty.revision = revision
        let kinds = CommitChange.Kind.allCases
        let (work, records) = (RowWork(), RowWork())
        let users = OneShot<Result<Network, any Error>>()
        let found = try kinds.filter(\.isOfUsers).map { ($0, try rows($0)) }
        startThread(named: "restore") { [empty, path] in
            users.put(Result { try Self.network(empty, found, work, path) })
            records.help()
        }
        let recordRows = try kinds.filter(\.isOfRecords).flatMap(rows)
        let otherRows = try kinds.filter { !$0.isOfUsers && !$0.isOfRecords }.flatMap(rows)
        guard sum.rowDigest == meta.rowDigest else { throw damaged("a row is missing, or there is one too many") }
        records.offer(Self.pieces(of: recordRows, in: empty, path))
        return { [empty, path] in
            var others = empty
            try others.put(otherRows.map { try Self.verified($0, path) })
            try records.forEach { others.put($0) }
            work.help()
            return Network(users: try users.take().get(), others: others)
        }
    }

    /// The network of rows that make up what users wrote, by kind: those that others refer to come first.
    private static func network(
        _ empty: Network,
        _ rows: [(kind: CommitChange.Kind, rows: [FoundRow])],
        _ work: RowWork,
        _ path: String
    ) throws -> Network {
        var network = empty
        for (kind, rows) in rows {
            if case .object = kind {
                work.offer(pieces(of: rows, in: network, path))
                try work.forEach { network.put($0) }
            } else {
                try network.put(rows.map { try verified($0, path) })
            }
        }
        return network
    }

    private static func pieces(of rows: [FoundRow], in network: Network, _ path: String) -> [RowWork.Piece] {
        stride(from: 0, to: rows.count, by: pieceCount).map { start in
            let piece = rows[start..<min(start + pieceCount, rows.count)]
            return { try piece.map { try network.read(verified($0, path)) } }
        }
    }

    private static func verified(_ found: FoundRow, _ path: String) throws(StorageError) -> StoredRow {
        guard found.row.hash == found.hash else {
            throw damaged(path, "the row of \(found.row.kind.rawValue) \(found.row.id) does not match its hash")
        }
        return found.row
    }

    private static func folding(
        _ commit: Commit?,
        into rows: [FoundRow],
        of kind: CommitChange.Kind
    ) -> [FoundRow] {
        let changes = commit?.changes.filter { $0.kind == kind } ?? []
        guard let commit, !changes.isEmpty else { return rows }
        let changed = Set(changes.map(\.id))
        return rows.filter { !changed.contains($0.row.id) }
            + changes.compactMap { change in
                guard let object = change.object else { return nil }
                let row = StoredRow(kind: kind, id: change.id, revision: commit.revision, object: object)
                return FoundRow(row: row, hash: row.hash)
            }
    }

    /// - Parameter sum: Has the digest of all rows that are found put together.
    private func foundRows(of kind: CommitChange.Kind, _ sum: inout StoreMeta) throws -> [FoundRow] {
        var rows: [FoundRow] = []
        let statement = try connection.prepare("SELECT id, revision, object, hash FROM objects WHERE kind = ?")
        try statement.run([.text(kind.rawValue)]) { (row) -> Void in
            let stored = StoredRow(
                kind: kind,
                id: row.text(0),
                revision: UInt64(bitPattern: row.integer(1)),
                object: row.bytes(2)
            )
            let hash = row.bytes(3)
            sum.toggleRow(hash: hash)
            rows.append(FoundRow(row: stored, hash: hash))
        }
        return rows
    }
}

extension CommitChange.Kind {
    fileprivate var isOfRecords: Bool {
        switch self {
        case .record: true
        case .object, .chassisState, .bindingState, .lastKey, .topology, .keptAnswer, .token, .enrolment: false
        }
    }
}
