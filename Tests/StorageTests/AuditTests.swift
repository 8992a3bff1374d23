import Foundation
import NetworkModel
import Southbound
import Testing

@testable import Storage

/// The audit is kept apart from the commits, by time and by bytes, and hosts cannot push users out.
@Suite struct AuditTests {
    private let folder = TemporaryFolder()

    /// Clocks as a test sets them.
    private final class Clocks {
        var wall: Int64 = 0
        var monotonic = Duration.zero
    }

    private func open(
        _ audit: AuditRetention = AuditRetention(),
        now: Int64 = 1000,
        clocks: Clocks? = nil
    ) throws -> SQLiteStore {
        let store = try SQLiteStore(
            path: folder.database,
            newEpoch: 1,
            retention: Retention(2, slice: 2),
            auditRetention: audit,
            wallClock: { clocks?.wall ?? now },
            monotonicClock: { clocks?.monotonic ?? .zero }
        )
        _ = try store.load()
        return store
    }

    private func append(
        _ author: String,
        time: Int64 = 1000,
        changes: [CommitChange] = [],
        to store: SQLiteStore
    ) throws {
        let revision = store.meta.revision + 1
        let commit = Commit(
            revision: revision,
            epoch: 1,
            time: time,
            author: author,
            requestID: "r\(revision)",
            source: "10.0.0.9",
            changes: changes
        )
        try store.append([commit], expecting: revision - 1)
    }

    private func revisions(_ store: SQLiteStore, _ before: UInt64? = nil, limit: Int = 100, by author: String? = nil)
        throws -> [UInt64]
    {
        try store.audit(AuditRequest(before: before, limit: limit, author: author)).records.map(\.revision)
    }

    @Test func `An audit has the objects of a commit by name, of the deleted too, and no bytes of them`() throws {
        let store = try open()
        let id = "00000000-0000-0000-0000-000000000001"
        let changes = [
            CommitChange(kind: .logicalSwitch, id: id, object: nil, name: "old"),
            CommitChange(kind: .logicalSwitchPort, id: id, object: Array(#"{"id":"x","name":"p \"1\""}"#.utf8)),
            CommitChange(kind: .record(.portBinding), id: id, object: Array("{}".utf8)),
            CommitChange(kind: .record(.chassis), id: "hv1", object: Array("{}".utf8)),
            CommitChange(kind: .chassisState, id: "hv1", object: Array("{}".utf8)),
        ]
        try append("token/1", changes: changes, to: store)
        let record = try #require(try newest(store).first)
        #expect(record.author == "token/1" && record.source == "10.0.0.9" && record.requestID == "r1")
        #expect(record.time == 1000 && record.changeCount == 3)
        #expect(record.changes.map(\.name) == ["old", "p \"1\"", "hv1"])
        #expect(record.changes.map { $0.object == nil } == [true, false, false])
    }

    private func newest(_ store: SQLiteStore) throws -> [CommitRecord] {
        try store.audit(AuditRequest(before: nil, limit: 10, author: nil)).records
    }

    @Test func `Pages go back from the newest, of all or of one author`() throws {
        let store = try open()
        for index in 0..<12 { try append(index % 3 == 0 ? "token/1" : "chassis/hv\(index % 3)", to: store) }
        #expect(try revisions(store, limit: 5) == [12, 11, 10, 9, 8])
        #expect(try revisions(store, 8, limit: 3) == [7, 6, 5])
        #expect(try revisions(store, by: "token/1") == [10, 7, 4, 1])
        #expect(try revisions(store, 10, limit: 2, by: "chassis/hv2") == [9, 6])
        let page = try store.audit(AuditRequest(before: 3, limit: 2, author: nil))
        #expect(page.records.map(\.revision) == [2, 1] && !page.hasMore && page.after == 0 && !page.isGone)
        #expect(try store.audit(AuditRequest(before: 4, limit: 2, author: nil)).hasMore)
    }

    @Test func `Hosts push out hosts only, and what is gone is said to be`() throws {
        var audit = AuditRetention()
        audit.hostByteCountMaximum = 3000
        audit.sliceCountMaximum = 8
        let store = try open(audit)
        try append("token/1", to: store)
        for _ in 0..<200 { try append("chassis/hv1", to: store) }
        while try store.trim() > 0 {}
        #expect(try revisions(store, by: "token/1") == [1])
        let kept = try revisions(store, by: "chassis/hv1")
        #expect((10..<25).contains(kept.count))
        let after = try store.audit(AuditRequest(before: nil, limit: 1, author: nil)).after
        #expect(after == (kept.last ?? 0) - 1)
        // The user's is behind those that are gone.
        #expect(try revisions(store, after + 1) == [1])
        #expect(try store.audit(AuditRequest(before: after + 1, limit: 1, author: "chassis/hv1")).isGone)
        #expect(try !store.audit(AuditRequest(before: after + 1, limit: 1, author: nil)).isGone)
    }

    @Test func `What is older than the time is forgotten in slices, whoever did it`() throws {
        var audit = AuditRetention()
        audit.seconds = 100
        audit.sliceCountMaximum = 8
        do {
            let store = try open(audit)
            for index in 0..<40 { try append(index % 2 == 0 ? "token/1" : "central", time: Int64(index), to: store) }
            while try store.trim() > 0 {}
            #expect(try revisions(store).isEmpty)
            #expect(try store.audit(AuditRequest(before: nil, limit: 1, author: nil)).after == 40)
        }
        let store = try open(audit, now: 130)
        for index in 0..<4 { try append("token/1", time: Int64(29 + index), to: store) }
        while try store.trim() > 0 {}
        #expect(try revisions(store) == [44, 43, 42])
        #expect(store.meta.audits.users.byteCount < 600 && store.meta.audits.hosts.byteCount == 0)
    }

    @Test func `A clock that is wrong by years takes hours of the audit and not all of it`() throws {
        let (hour, day) = (Int64(3600), Int64(86_400))
        let clocks = Clocks()
        let store = try open(clocks: clocks)
        // Forty days, a commit an hour.
        let commits = (0..<40 * 24).map { index in
            Commit(
                revision: UInt64(index + 1),
                epoch: 1,
                time: Int64(index) * hour,
                author: "token/1",
                requestID: "r",
                source: "10.0.0.9",
                changes: []
            )
        }
        try store.append(commits, expecting: 0)
        clocks.wall = 4000 * day
        func trim() throws -> Int64 {
            while try store.trim() > 0 {}
            return Int64(try store.audit(AuditRequest(before: nil, limit: 1, author: nil)).after)
        }
        #expect(try trim() == 1)
        clocks.monotonic = .seconds(600)
        #expect(try trim() == 5)
        // Time that the horizon has not used is not saved up.
        clocks.wall = 30 * day
        clocks.monotonic = .seconds(100 * day)
        #expect(try trim() == 5)
        clocks.wall = 4000 * day
        #expect(try trim() == 29)
        // Old rows go, at the pace of a day an hour.
        clocks.wall = 40 * day
        for _ in 0..<11 {
            clocks.monotonic += .seconds(hour)
            _ = try trim()
        }
        #expect(try trim() == 10 * 24)
    }

    @Test func `A flood of large commits is answered page by page`() throws {
        let store = try open()
        let changes = (0..<200).map { number in
            CommitChange(kind: .token, id: String(repeating: "t", count: 200) + "\(number)", object: nil)
        }
        for _ in 0..<20 { try append("token/1", changes: changes, to: store) }
        var seen: [UInt64] = []
        var before: UInt64?
        repeat {
            let page = try store.audit(AuditRequest(before: before, limit: 5000, author: nil))
            #expect(page.records.count < 10 && page.records.allSatisfy { $0.changeCount == 200 })
            seen += page.records.map(\.revision)
            before = page.hasMore ? page.records.last?.revision : nil
        } while before != nil
        #expect(seen == Array((1...20).reversed()))
    }
}
