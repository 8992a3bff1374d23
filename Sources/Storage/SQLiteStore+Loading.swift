import NetworkModel
import Reactor
import Security

extension SQLiteStore {
    /// Reads everything and verifies it: SQLite's own structure, the chain of the kept commits, every row, and that the
    /// log is not an earlier one than what was seen here before. Where it is, it goes on under a new epoch.
    public func load() throws(StorageError) -> StoreContents {
        do {
            var contents = try read()
            if let lapse = lapse(contents) {
                try beginEpoch()
                contents = try read()
                contents.warning = "\(path) \(lapse); with a new epoch all hosts and watchers fetch everything again"
            }
            leaveEvidence()
            // The parts of a process that was killed. On a full disk they stay.
            staged = []
            mayHaveWaste = true
            while (try? removeWaste()) == true {}
            return contents
        } catch let error as SQLiteError {
            throw Self.openingError(error, path: path)
        } catch let error as CommitError {
            throw damaged(error.description)
        } catch let error as StorageError {
            throw error
        } catch {
            throw damaged("\(error)")
        }
    }

    private func read() throws -> StoreContents {
        for table in ["meta", "commits", "parts", "objects"] {
            let report = try connection.query("PRAGMA quick_check('\(table)')") { $0.text(0) }
            guard report == ["ok"] else { throw damaged(report.first ?? "no answer from quick_check") }
        }
        var (encodings, hashes) = try verifiedHistory()
        historyByteCount = encodings.reduce(0) { $0 + $1.count }
        var rows = try verifiedRows()
        var history = try encodings.map { try Commit(decoding: $0) }
        self.history = ArraySlice(history.map { ($0.revision, $0.encoded.count) })
        encodings = []
        var base = (revision: meta.foldedRevision, hash: CommitHash(chain: meta.foldedHash))
        if meta.foldPosition > 0, let commit = history.first, let hash = hashes.first {
            // Its rows are there in part: it is taken for folded.
            rows = Self.folding(commit, into: rows)
            base = (commit.revision, hash)
            history.removeFirst()
            hashes.removeFirst()
        }
        var network = try Self.network(epoch: meta.epoch, revision: base.revision, rows: rows)
        if base.revision > 0 { network.hash = base.hash }
        network.forcesHosts = meta.forcesHosts
        return StoreContents(network: network, history: history, hashes: hashes)
    }

    /// The network of all rows, of which two threads read one half each: most of a start's time goes here.
    private static func network(epoch: UInt64, revision: UInt64, rows: [StoredRow]) throws(CommitError) -> Network {
        let users = rows.filter(\.kind.isOfUsers)
        let half = OneShot<Result<Network, CommitError>>()
        startThread(named: "restore") {
            half.put(Result { () throws(CommitError) in try Network(epoch: epoch, revision: revision, rows: users) })
        }
        let others = Result { () throws(CommitError) in
            try Network(epoch: epoch, revision: revision, rows: rows.filter { !$0.kind.isOfUsers })
        }
        return Network(users: try half.take().get(), others: try others.get())
    }

    private static func folding(_ commit: Commit, into rows: [StoredRow]) -> [StoredRow] {
        let changed = Set(commit.changes.map(\.row))
        return rows.filter { !changed.contains(CommitChange.Row(kind: $0.kind, id: $0.id)) }
            + commit.changes.compactMap { change in
                change.object.map {
                    StoredRow(kind: change.kind, id: change.id, revision: commit.revision, object: $0)
                }
            }
    }

    /// What tells that the log is not the one that was seen here before, or not all of it.
    private func lapse(_ contents: StoreContents) -> String? {
        switch generation {
        case nil, .missing: return nil
        case .unreadable: return "cannot be compared with what was seen before: \(Generation.name) cannot be read"
        case .seen(let seen):
            guard seen.epoch == meta.epoch else { return "has another history than the log that was here before" }
            guard seen.revision <= meta.revision else {
                return "was put back to an earlier state: revisions up to \(seen.revision) were seen, this file ends "
                    + "at \(meta.revision), and the commits in between are lost"
            }
            guard seen.revision > 0 else { return nil }
            guard hash(of: seen.revision, in: contents) == seen.hash else {
                return "was put back: its commit \(seen.revision) is not the one that was seen, and what was committed "
                    + "before is lost"
            }
            return nil
        }
    }

    /// The hash of a commit, where it is not older than what is kept.
    private func hash(of revision: UInt64, in contents: StoreContents) -> CommitHash? {
        let base = contents.network.revision
        if revision > base {
            return contents.history.firstIndex { $0.revision == revision }.map { contents.hashes[$0] }
        }
        if revision == base { return contents.network.hash }
        return revision == meta.foldedRevision ? CommitHash(chain: meta.foldedHash) : nil
    }

    /// How far beyond the last revision a new epoch begins: further than the history that was lost can have gone, so
    /// that no entity tag of that names anything in this one.
    static let epochGap: UInt64 = 1_000_000_000

    /// Begins a new epoch: the rows stay, the kept commits, which are of the former, are folded.
    /// - Parameter forcesHosts: Whether hosts go by it whatever it takes from them.
    func beginEpoch(forcesHosts: Bool = false) throws(StorageError) {
        while try fold(all: true) > 0 {}
        var next = meta
        next.revision += Self.epochGap
        next.foldedRevision = next.revision
        next.forcesHosts = forcesHosts
        next.epoch = newEpoch == meta.epoch ? max(1, newEpoch &+ 1) : newEpoch
        do {
            try connection.transaction { () throws(SQLiteError) in try next.write(by: replaceMeta) }
        } catch {
            throw StorageError(writing: error.code, error.text)
        }
        meta = next
    }

    /// Leaves evidence of the newest commit outside of the log.
    /// - Returns: Whether it is there.
    @discardableResult
    public func leaveEvidence() -> Bool {
        let newest = Generation(epoch: meta.epoch, revision: meta.revision, hash: CommitHash(chain: meta.hash))
        guard let generation, generation != .seen(newest) else { return true }
        do throws(SystemError) {
            try newest.write(to: Self.generationPath(of: path))
            self.generation = .seen(newest)
            return true
        } catch {
            // The former evidence stays: it proves less, and nothing that is not so.
            return false
        }
    }

    /// The commits after `revision` that are still kept, in order.
    public func tail(after revision: UInt64, limit: Int) throws(StorageError) -> [Commit] {
        try reading { () throws(SQLiteError) in try storedCommits(after: revision, limit: limit) }
            .map { row throws(StorageError) in try decoded(row.encoding) }
    }

    func decoded(_ encoding: [UInt8]) throws(StorageError) -> Commit {
        do throws(CommitError) { return try Commit(decoding: encoding) } catch { throw .broken(error.description) }
    }

    /// Reads. If a read fails that succeeded at the start, the whole log is in doubt.
    func reading<Result>(_ body: () throws(SQLiteError) -> Result) throws(StorageError) -> Result {
        do throws(SQLiteError) { return try body() } catch { throw .broken(error.text) }
    }

    private func verifiedHistory() throws -> (encodings: [[UInt8]], hashes: [CommitHash]) {
        var revision = meta.foldedRevision
        var hash = meta.foldedHash
        var hashes: [CommitHash] = []
        let rows = try storedCommits(after: 0, limit: -1)
        for row in rows {
            hash = row.chained(to: hash)
            guard row.revision > revision, hash == row.hash else {
                throw damaged("commit \(row.revision) does not match the hash chain")
            }
            revision = row.revision
            hashes.append(CommitHash(chain: hash))
        }
        guard revision == meta.revision, hash == meta.hash else {
            throw damaged("the log ends at commit \(revision) where \(meta.revision) is recorded as the last")
        }
        return (rows.map(\.encoding), hashes)
    }

    private func verifiedRows() throws -> [StoredRow] {
        var sum = StoreMeta(epoch: meta.epoch)
        var broken: String?
        let rows = try connection.query("SELECT kind, id, revision, object, hash FROM objects") { row in
            let stored = CommitChange.Kind(rawValue: row.text(0)).map { kind in
                StoredRow(
                    kind: kind,
                    id: row.text(1),
                    revision: UInt64(bitPattern: row.integer(2)),
                    object: row.bytes(3)
                )
            }
            guard let stored, stored.hash == row.bytes(4) else {
                broken = broken ?? "\(row.text(0)) \(row.text(1))"
                return stored
            }
            sum.toggleRow(hash: stored.hash)
            return stored
        }
        if let broken { throw damaged("the row of \(broken) does not match its hash") }
        guard sum.rowDigest == meta.rowDigest else { throw damaged("a row is missing, or there is one too many") }
        return rows.compactMap { $0 }
    }

    private func damaged(_ what: String) -> StorageError { Self.damaged(path, what) }
}
