import CSQLite
import Foundation
import Glibc
import Storage
import Testing

@Suite struct SQLiteStoreTests {
    private func open(_ folder: TemporaryFolder) throws -> SQLiteStore {
        try SQLiteStore(path: folder.database, newEpoch: Workload.epoch)
    }

    @Test func `A new store is empty, at revision 0, with the epoch it was given`() throws {
        let folder = TemporaryFolder()
        #expect(try open(folder).load() == Workload.contents(at: 0))
    }

    @Test func `What was appended is there after a reopening, and the first epoch stays`() throws {
        let folder = TemporaryFolder()
        try open(folder).append(Workload.entries(1...12), expecting: 0)
        do {
            let reopened = try SQLiteStore(path: folder.database, newEpoch: 1)
            #expect(try reopened.load() == Workload.contents(at: 12))
            try reopened.append(Workload.entries(13...14), expecting: 12)
        }
        #expect(try open(folder).load() == Workload.contents(at: 14))
    }

    @Test func `An append that expects another revision is fenced and changes nothing`() throws {
        let folder = TemporaryFolder()
        let store = try open(folder)
        try store.append(Workload.entries(1...3), expecting: 0)
        #expect(throws: StorageError.fenced(expected: 2, found: 3)) {
            try store.append(Workload.entries(3...4), expecting: 2)
        }
        #expect(try store.load() == Workload.contents(at: 3))
    }

    @Test func `A batch with a gap is not written at all`() throws {
        let folder = TemporaryFolder()
        let store = try open(folder)
        #expect(throws: StorageError.self) {
            try store.append([Workload.entry(1), Workload.entry(3)], expecting: 0)
        }
        #expect(try store.load() == Workload.contents(at: 0))
    }

    @Test func `The tail begins after the revision that is asked for and is cut at the limit`() throws {
        let folder = TemporaryFolder()
        let store = try open(folder)
        try store.append(Workload.entries(1...9), expecting: 0)
        #expect(try store.tail(after: 3, limit: 4).map(\.revision) == [4, 5, 6, 7])
        #expect(try store.tail(after: 9, limit: 4).isEmpty)
    }

    @Test func `A second process, or connection, is refused while the first has the store`() throws {
        let folder = TemporaryFolder()
        let first = try open(folder)
        try first.append(Workload.entries(1...1), expecting: 0)
        let error = #expect(throws: StorageError.self) { try open(folder) }
        #expect("\(try #require(error))".contains("open in another process"))
        #expect(try first.load() == Workload.contents(at: 1))
    }

    @Test func `A file of a newer schema is refused, naming both versions`() throws {
        let folder = TemporaryFolder()
        try open(folder).append(Workload.entries(1...2), expecting: 0)
        try execute("PRAGMA user_version = 7", on: folder.database)
        let error = #expect(throws: StorageError.self) { try open(folder) }
        let text = "\(try #require(error))"
        #expect(text.contains("version 7") && text.contains("up to 1"))
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
        try open(folder).append(Workload.entries(1...1), expecting: 0)
        try folder.write([])
        try folder.write([1], to: "central.db-wal")
        #expect(throws: StorageError.self) { try open(folder) }
    }

    @Test func `Old commits are trimmed in slices, objects stay, and the chain still holds`() throws {
        let folder = TemporaryFolder()
        let count = UInt64(SQLiteStore.trimSliceMaximum + 40)
        do {
            let store = try SQLiteStore(path: folder.database, newEpoch: Workload.epoch, historyMaximum: 20)
            try store.append(Workload.entries(1...count), expecting: 0)
            #expect(try store.trim() == SQLiteStore.trimSliceMaximum)
            #expect(try store.trim() == 20)
            #expect(try store.trim() == 0)
            let whole = Workload.contents(at: count)
            let kept = try store.load()
            #expect(kept.objects == whole.objects)
            #expect(kept.history == Array(whole.history.suffix(20)))
            try store.append(Workload.entries(count + 1...count + 1), expecting: count)
            #expect(try store.trim() == 1)
        }
        #expect(try open(folder).load().history.count == 20)
    }

    @Test func `Commits beyond the kept bytes are trimmed too, but never the last`() throws {
        let folder = TemporaryFolder()
        let store = try SQLiteStore(path: folder.database, newEpoch: 1, historyByteCountMaximum: 10)
        try store.append(Workload.entries(1...5), expecting: 0)
        #expect(try store.trim() == 4)
        #expect(try store.load().history == [LogEncoding(revision: 5, bytes: Array("commit 5".utf8))])
    }

    @Test func `The write-ahead log is moved into the database when it has grown`() throws {
        let folder = TemporaryFolder()
        let store = try open(folder)
        let body = [UInt8](repeating: 7, count: 1 << 20)
        for revision in 1...12 as ClosedRange<UInt64> {
            let change = ObjectChange(kind: "port", id: "p", bytes: body)
            try store.append(
                [LogEntry(revision: revision, encoding: body, changes: [change])],
                expecting: revision - 1
            )
        }
        #expect(folder.bytes().count > 4 << 20)
        #expect(folder.bytes("central.db-wal").count < 9 << 20)
    }

    private func execute(_ sql: String, on path: String) throws {
        var handle: OpaquePointer?
        #expect(sqlite3_open(path, &handle) == SQLITE_OK)
        #expect(sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK)
        #expect(sqlite3_close(handle) == SQLITE_OK)
    }
}
