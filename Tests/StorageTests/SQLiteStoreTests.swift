import CSQLite
import Foundation
import Glibc
import NetworkModel
import Testing

@testable import Storage

@Suite struct SQLiteStoreTests {
    private func open(_ folder: TemporaryFolder) throws -> SQLiteStore {
        try SQLiteStore(path: folder.database, newEpoch: Workload.epoch)
    }

    @Test func `A new store is empty, at revision 0, with the epoch it was given`() throws {
        let folder = TemporaryFolder()
        #expect(try Workload.State(open(folder).load()) == Workload.state(at: 0))
    }

    @Test func `What was appended is there after a reopening, and the first epoch stays`() throws {
        let folder = TemporaryFolder()
        try open(folder).append(Workload.commits(1...12), expecting: 0)
        do {
            let reopened = try SQLiteStore(path: folder.database, newEpoch: 1)
            #expect(try Workload.State(reopened.load()) == Workload.state(at: 12))
            try reopened.append(Workload.commits(13...14), expecting: 12)
        }
        #expect(try Workload.State(open(folder).load()) == Workload.state(at: 14))
    }

    @Test func `An append that expects another revision is fenced and changes nothing`() throws {
        let folder = TemporaryFolder()
        let store = try open(folder)
        try store.append(Workload.commits(1...3), expecting: 0)
        #expect(throws: StorageError.fenced(expected: 2, found: 3)) {
            try store.append(Workload.commits(3...4), expecting: 2)
        }
        #expect(try Workload.State(store.load()) == Workload.state(at: 3))
    }

    @Test func `A batch out of order is not written at all`() throws {
        let folder = TemporaryFolder()
        let store = try open(folder)
        #expect(throws: StorageError.self) {
            try store.append([Workload.commit(1), Workload.commit(3), Workload.commit(2)], expecting: 0)
        }
        #expect(try Workload.State(store.load()) == Workload.state(at: 0))
    }

    @Test func `The tail begins after the revision that is asked for and is cut at the limit`() throws {
        let folder = TemporaryFolder()
        let store = try open(folder)
        try store.append(Workload.commits(1...9), expecting: 0)
        #expect(try store.storedCommits(after: 3, limit: 4).map(\.revision) == [4, 5, 6, 7])
        #expect(try store.storedCommits(after: 9, limit: 4).isEmpty)
    }

    @Test func `A second process, or connection, is refused while the first has the store`() throws {
        let folder = TemporaryFolder()
        let first = try open(folder)
        try first.append(Workload.commits(1...1), expecting: 0)
        let error = #expect(throws: StorageError.self) { try open(folder) }
        #expect("\(try #require(error))".contains("open in another process"))
        #expect(try Workload.State(first.load()) == Workload.state(at: 1))
    }

    @Test func `A file of a newer schema is refused, naming both versions`() throws {
        let folder = TemporaryFolder()
        try open(folder).append(Workload.commits(1...2), expecting: 0)
        try execute("PRAGMA user_version = 7", on: folder.database)
        let error = #expect(throws: StorageError.self) { try open(folder) }
        let text = "\(try #require(error))"
        #expect(text.contains("version 7") && text.contains("up to \(SQLiteStore.schemaVersion)"))
    }

    @Test func `Somebody else's database, or no database at all, is refused and left alone`() throws {
        let folder = TemporaryFolder()
        try execute("CREATE TABLE songs (title)", on: folder.database)
        #expect(throws: StorageError.self) { try open(folder) }
        let noise = [UInt8](repeating: 0x5a, count: 8192)
        try folder.write(noise)
        let error = #expect(throws: StorageError.self) { try open(folder) }
        #expect("\(try #require(error))".contains("not a commit log"))
        #expect(folder.bytes() == noise)
    }

    @Test func `A file cut to nothing beside its write-ahead log is refused, a new and empty one is not`() throws {
        let folder = TemporaryFolder()
        try folder.write([])
        try open(folder).append(Workload.commits(1...1), expecting: 0)
        try folder.write([])
        try folder.write([1], to: "central.db-wal")
        #expect(throws: StorageError.self) { try open(folder) }
    }

    @Test func `Old commits are folded into rows in slices, and nothing of the network is lost`() throws {
        let folder = TemporaryFolder()
        do {
            let retention = Retention(20, slice: 64)
            let store = try SQLiteStore(path: folder.database, newEpoch: Workload.epoch, retention: retention)
            try store.append(Workload.commits(1...83), expecting: 0)
            #expect(try store.trim() == 0)
            try store.append(Workload.commits(84...160), expecting: 83)
            #expect(try store.trim() > 0)
            #expect(try store.trim() > 0)
            #expect(try store.trim() == 0)
            let contents = try store.load()
            #expect(contents.history.map(\.revision) == Array(129...160))
            #expect(try Workload.State(contents) == Workload.state(at: 160))
            try store.append(Workload.commits(161...161), expecting: 160)
        }
        let contents = try open(folder).load()
        #expect(contents.network.revision == 128 && contents.history.count == 33)
        #expect(try Workload.State(contents) == Workload.state(at: 161))
    }

    @Test func `Commits beyond the kept bytes are folded too, but never the last`() throws {
        let folder = TemporaryFolder()
        let retention = Retention(100, bytes: 8, slice: 64)
        let store = try SQLiteStore(path: folder.database, newEpoch: Workload.epoch, retention: retention)
        try store.append(Workload.commits(1...5), expecting: 0)
        while try store.trim() > 0 {}
        #expect(try store.trim() == 0)
        #expect(try store.load().history.map(\.encoded) == [Workload.commit(5).encoded])
    }

    @Test func `The write-ahead log is moved into the database in a quiet time, and at once when it has grown large`()
        throws
    {
        let folder = TemporaryFolder()
        let store = try open(folder)
        func append(_ revisions: ClosedRange<UInt64>) throws {
            for revision in revisions {
                try store.append([Workload.large(revision, byteCount: 2 << 20)], expecting: revision - 1)
            }
        }
        try append(1...3)
        #expect(folder.bytes().count < 1 << 20)
        // The checkpoint, then nothing.
        #expect(try store.trim() == 1)
        #expect(try store.trim() == 0)
        #expect(folder.bytes().count > 6 << 20)
        try append(4...24)
        #expect(folder.bytes().count > 32 << 20)
        #expect(folder.bytes("central.db-wal").count < 36 << 20)
    }

    @Test func `Folding waits for a quiet time until there is too much of it`() throws {
        var retention = Retention(4, slice: 2)
        retention.urgentCommitCount = 10
        let folder = TemporaryFolder()
        let store = try SQLiteStore(path: folder.database, newEpoch: Workload.epoch, retention: retention)
        try store.append(Workload.commits(1...9), expecting: 0)
        #expect(store.trimNeed == .none)
        try store.append(Workload.commits(10...10), expecting: 9)
        #expect(store.trimNeed == .urgent)
        #expect(try store.trim() > 0)
        #expect(store.trimNeed == .none)
    }

    @Test func `A closed store is one file, and can still be opened`() throws {
        let folder = TemporaryFolder()
        do {
            let store = try open(folder)
            try store.append(Workload.commits(1...3), expecting: 0)
            try store.close()
            #expect(folder.bytes("central.db-wal").isEmpty)
        }
        #expect(try Workload.State(open(folder).load()) == Workload.state(at: 3))
    }

    private func execute(_ sql: String, on path: String) throws {
        var handle: OpaquePointer?
        #expect(sqlite3_open(path, &handle) == SQLITE_OK)
        #expect(sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK)
        #expect(sqlite3_close(handle) == SQLITE_OK)
    }
}
