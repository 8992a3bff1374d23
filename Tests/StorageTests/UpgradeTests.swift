import CSQLite
import Foundation
import NetworkModel
import Persistent
import Testing

@testable import Storage

/// Logs of older versions are taken over.
@Suite struct UpgradeTests {
    @Test func `A log of version 1 is read, gets the tables of today and goes on`() throws {
        let folder = TemporaryFolder()
        let dump = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Golden/version-1.sql"
        try build(String(contentsOfFile: dump, encoding: .utf8), at: folder.database)
        do {
            let store = try SQLiteStore(path: folder.database, newEpoch: 1)
            let contents = try store.load()
            #expect(contents.warning == nil && contents.revision == 7 && contents.history.count == 7)
            var network = contents.network
            for commit in contents.history { try network.apply(commit) }
            #expect(network.northbound.switches.map { $0.value.value.name }.sorted() == ["s1", "s3"])
            let next = Commit(
                revision: 8,
                epoch: contents.network.epoch,
                time: Workload.time,
                author: "token/1",
                requestID: "",
                changes: []
            )
            try store.append([next], expecting: 7)
            let answer = try store.audit(AuditRequest(before: nil, limit: 10, author: nil))
            #expect(answer.records.map(\.revision) == [8] && answer.after == 7)
        }
        let store = try SQLiteStore(path: folder.database, newEpoch: 1)
        #expect(try store.load().revision == 8)
        #expect(try store.connection.query("PRAGMA user_version") { $0.integer(0) } == [4])
    }

    @Test func `A log of version 2 is read, and its epoch forces nobody`() throws {
        let folder = TemporaryFolder()
        try SQLiteStore(path: folder.database, newEpoch: 5).close()
        try build("ALTER TABLE meta DROP COLUMN forces_hosts; DROP TABLE parts", version: 2, at: folder.database)
        for _ in 1...2 {
            let network = try SQLiteStore(path: folder.database, newEpoch: 6).load().network
            #expect(network.epoch == 5 && !network.forcesHosts)
        }
    }

    @Test func `A log of version 3 is read, and takes a large commit in parts`() throws {
        let folder = TemporaryFolder()
        do {
            let store = try SQLiteStore(path: folder.database, newEpoch: Workload.epoch)
            try store.append(Workload.commits(1...4), expecting: 0)
            try store.close()
        }
        try build("DROP TABLE parts", version: 3, at: folder.database)
        var retention = Retention()
        retention.partByteCountMaximum = 1000
        do {
            let store = try SQLiteStore(path: folder.database, newEpoch: 6, retention: retention)
            #expect(try Workload.State(store.load()) == Workload.state(at: 4))
            let large = Workload.commit(5, padding: 5000)
            while try store.stage(large) {}
            try store.append([large], expecting: 4)
        }
        let store = try SQLiteStore(path: folder.database, newEpoch: 6)
        #expect(try Workload.State(store.load()) == Workload.state(at: 5))
    }

    @Test func `A flipped bit in the meta row of version 1 is found before it is taken over`() throws {
        let folder = TemporaryFolder()
        let dump = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Golden/version-1.sql"
        let text = try String(contentsOfFile: dump, encoding: .utf8)
        try build(
            text.replacingOccurrences(of: "INTO meta VALUES(1,5", with: "INTO meta VALUES(1,6"),
            at: folder.database
        )
        let error = #expect(throws: StorageError.self) { try SQLiteStore(path: folder.database, newEpoch: 1) }
        #expect("\(try #require(error))".contains("seal"))
    }

    private func build(_ sql: String, version: Int = 1, at path: String) throws {
        var handle: OpaquePointer?
        #expect(sqlite3_open(path, &handle) == SQLITE_OK)
        let header =
            "PRAGMA application_id = \(SQLiteStore.applicationID); PRAGMA user_version = \(version); "
            + "PRAGMA journal_mode = WAL"
        for text in [sql, header] { #expect(sqlite3_exec(handle, text, nil, nil, nil) == SQLITE_OK) }
        #expect(sqlite3_close(handle) == SQLITE_OK)
    }
}
