import NetworkModel
import Reactor
import Security

extension SQLiteStore {
    /// Reads everything and verifies it: SQLite's own structure, the chain of the kept commits, every row, and that the
    /// log is not an earlier one than what was seen here before. If it is, it goes on under a new epoch.
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
        var base = (revision: meta.foldedRevision, hash: CommitHash(chain: meta.foldedHash))
        let isInPart = try commitInPart()
        if let isInPart { base = (isInPart.commit.revision, isInPart.hash) }
        // The rows come first: other threads make a network of them meanwhile.
        let network = try networkUnderWay(at: base.revision, behind: isInPart?.commit)
        var (history, hashes) = try verifiedHistory()
        self.history = ArraySlice(history.map { ($0.revision, $0.encoded.count) })
        historyByteCount = self.history.reduce(0) { $0 + $1.byteCount }
        if isInPart != nil {
            history.removeFirst()
            hashes.removeFirst()
        }
        var contents = StoreContents(network: try network(), history: history, hashes: hashes)
        if base.revision > 0 { contents.network.hash = base.hash }
        contents.network.forcesHosts = meta.forcesHosts
        return contents
    }

    /// The commit of which some rows are there already: it is taken for folded.
    private func commitInPart() throws -> (commit: Commit, hash: CommitHash)? {
        guard meta.foldPosition > 0 else { return nil }
        guard let stored = try storedCommits(after: meta.foldedRevision, limit: 1).first else {
            throw damaged("the commit after \(meta.foldedRevision) is missing, which some rows are of")
        }
        guard stored.chained(to: meta.foldedHash) == stored.hash else { throw damaged(stored) }
        var large = LargeCommit(revision: stored.revision, hash: stored.hash)
        large.encoding = stored.encoding
        try beginChanges(of: &large)
        self.large = large
        return (try Commit(decoding: stored.encoding), CommitHash(chain: stored.hash))
    }

    /// Returns the evidence that the log is not the one that was seen here before, or not all of it.
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

    /// The hash of a commit, if it is not older than what is kept.
    private func hash(of revision: UInt64, in contents: StoreContents) -> CommitHash? {
        let base = contents.network.revision
        if revision > base {
            return contents.history.firstIndex { $0.revision == revision }.map { contents.hashes[$0] }
        }
        if revision == base { return contents.network.hash }
        return revision == meta.foldedRevision ? CommitHash(chain: meta.foldedHash) : nil
    }

    /// The distance from the last revision to the first of a new epoch: further than the history that was lost can have
    /// gone, so that no entity tag of that names anything in this one.
    static let epochGap: UInt64 = 1_000_000_000

    /// Begins a new epoch: the rows stay, the kept commits, which are of the former, are folded.
    /// - Parameter forcesHosts: True if hosts use it whatever it takes from them.
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
    /// - Returns: True if it is there.
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

    func decoded(_ encoding: [UInt8]) throws(StorageError) -> Commit {
        do throws(CommitError) { return try Commit(decoding: encoding) } catch { throw .broken(error.description) }
    }

    /// Reads. If a read fails that succeeded at the start, the whole log is in doubt.
    func reading<Result>(_ body: () throws(SQLiteError) -> Result) throws(StorageError) -> Result {
        do throws(SQLiteError) { return try body() } catch { throw .broken(error.text) }
    }

    private func verifiedHistory() throws -> (history: [Commit], hashes: [CommitHash]) {
        var revision = meta.foldedRevision
        var hash = meta.foldedHash
        var hashes: [CommitHash] = []
        let rows = try storedCommits(after: 0, limit: -1)
        for row in rows {
            hash = row.chained(to: hash)
            guard row.revision > revision, hash == row.hash else {
                throw damaged(row)
            }
            revision = row.revision
            hashes.append(CommitHash(chain: hash))
        }
        guard revision == meta.revision, hash == meta.hash else {
            throw damaged("the log ends at commit \(revision) where \(meta.revision) is recorded as the last")
        }
        return (try rows.map { try Commit(decoding: $0.encoding) }, hashes)
    }

    func damaged(_ what: String) -> StorageError { Self.damaged(path, what) }

    private func damaged(_ commit: StoredCommit) -> StorageError {
        damaged("commit \(commit.revision) does not match the hash chain")
    }
}
