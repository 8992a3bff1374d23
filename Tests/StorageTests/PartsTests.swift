import NetworkModel
import Testing

@testable import Storage

extension SQLiteStore {
    /// The parts that belong to no commit.
    func wasteCount() throws -> Int {
        let sql = "SELECT count(*) FROM parts WHERE revision NOT IN (SELECT revision FROM commits)"
        return Int(try connection.query(sql) { $0.integer(0) }.first ?? 0)
    }
}

/// Large commits are written in parts ahead of their append.
@Suite struct PartsTests {
    private static let retention: Retention = {
        var retention = Retention(3, slice: 2)
        retention.sliceByteCountMaximum = 1000
        retention.partByteCountMaximum = 1000
        return retention
    }()

    private func open(_ folder: TemporaryFolder) throws -> SQLiteStore {
        try SQLiteStore(path: folder.database, newEpoch: Workload.epoch, retention: Self.retention)
    }

    private func partCount(_ store: SQLiteStore) throws -> Int64 {
        try store.connection.query("SELECT count(*) FROM parts") { $0.integer(0) }.first ?? 0
    }

    @Test func `Small commits go between the parts of a large one, which is then read like any other`() throws {
        let folder = TemporaryFolder()
        do {
            let store = try open(folder)
            let large = Workload.commit(5, padding: 10_000)
            for revision in 1...4 as ClosedRange<UInt64> {
                #expect(try store.stage(large))
                try store.append([Workload.commit(revision)], expecting: revision - 1)
                #expect(try store.storedCommits(after: 0, limit: 9).map(\.revision) == Array(1...revision))
            }
            while try store.stage(large) {}
            try store.append([large, Workload.commit(6)], expecting: 4)
            #expect(try store.storedCommits(after: 4, limit: 1).first?.encoding == large.encoded)
            #expect(try partCount(store) == 11)
        }
        do {
            let store = try open(folder)
            #expect(try Workload.State(store.load()) == Workload.state(at: 6))
            try store.append(Workload.commits(7...12), expecting: 6)
        }
        var isFolded = false
        while !isFolded {
            let store = try open(folder)
            #expect(try Workload.State(store.load()) == Workload.state(at: 12))
            for _ in 0..<14 where !isFolded { isFolded = try store.trim() == 0 }
        }
        let store = try open(folder)
        #expect(try store.load().history.count < 6)
        #expect(try partCount(store) == 0)
    }

    @Test func `A large commit is read again in parts before it is folded, each in a slice of its own`() throws {
        let folder = TemporaryFolder()
        let store = try open(folder)
        let large = Workload.commit(1, padding: 10_000)
        while try store.stage(large) {}
        try store.append([large], expecting: 0)
        try store.append(Workload.commits(2...9), expecting: 1)
        var byteCounts: [Int] = []
        while try store.trim() > 0 {
            if let large = store.large, large.changes == nil { byteCounts.append(large.encoding.count) }
        }
        #expect(byteCounts == (1...10).map { $0 * 1000 } + [large.encoded.count])
        #expect(try Workload.State(store.load()) == Workload.state(at: 9))
    }

    @Test func `A process that ends on the way leaves nothing behind but what the next one removes`() throws {
        let folder = TemporaryFolder()
        for count in [1, 6, 12] {
            do {
                let store = try open(folder)
                for _ in 0..<count { _ = try store.stage(Workload.commit(1, padding: 10_000)) }
                #expect(try store.wasteCount() == min(count, 11))
            }
            let store = try open(folder)
            #expect(try Workload.State(store.load()) == Workload.state(at: 0))
            #expect(try store.wasteCount() == 0)
        }
    }

    @Test func `What is given up is removed, also where its revision is given again`() throws {
        let folder = TemporaryFolder()
        let store = try open(folder)
        _ = try store.load()
        while try store.stage(Workload.commit(1, padding: 5000)) {}
        let other = Workload.commit(1, padding: 3000)
        while try store.stage(other) {}
        try store.append([other], expecting: 0)
        #expect(try partCount(store) == 4)
        for revision in 2...9 as ClosedRange<UInt64> {
            _ = try store.stage(Workload.commit(revision, padding: 5000))
            while try store.trim() > 0 {}
            #expect(store.trimNeed == .none)
            #expect(try store.wasteCount() <= 2)
        }
        let last = Workload.commit(30, padding: 5000)
        while try store.stage(last) {}
        try store.append(Workload.commits(2...8), expecting: 1)
        while try store.trim() > 0 {}
        #expect(try store.wasteCount() == 7)
        // It would have been in this one.
        try store.append(Workload.commits(9...9), expecting: 8)
        #expect(store.trimNeed == .paced)
        while try store.trim() > 0 {}
        #expect(store.trimNeed == .none)
        #expect(try store.wasteCount() == 0)
        #expect(try Workload.State(store.load()) == Workload.state(at: 9))
    }

    @Test func `A flipped bit in a part is refused, naming the commit`() throws {
        let folder = TemporaryFolder()
        do {
            let store = try open(folder)
            let large = Workload.commit(1, padding: 10_000)
            while try store.stage(large) {}
            try store.append([large], expecting: 0)
            try store.connection.execute(
                "UPDATE parts SET bytes = CAST('y' || substr(bytes, 2) AS BLOB) WHERE rowid = 7"
            )
        }
        let error = #expect(throws: StorageError.self) { try open(folder).load() }
        #expect("\(try #require(error))".contains("commit 1 does not match"))
    }

    @Test func `A copy that is made while a large commit is staged is a backup without it`() throws {
        let folder = TemporaryFolder()
        let store = try open(folder)
        try store.append(Workload.commits(1...3), expecting: 0)
        let large = Workload.commit(4, padding: 10_000)
        let copy = TemporaryFolder()
        let backup = try store.beginBackup(to: copy.database)
        while try !backup.step().isComplete { _ = try store.stage(large) }
        _ = try store.stage(large)
        #expect(try SQLiteStore.completeBackup(at: copy.database, with: []).revision == 3)
        let prepared = folder.database + ".restored"
        #expect(try SQLiteStore.prepareRestore(of: copy.database, at: prepared, newEpoch: 5).revision == 3)
        while try store.stage(large) {}
        try store.append([large], expecting: 3)
        #expect(try Workload.State(store.load()) == Workload.state(at: 4))
    }
}
