import Foundation
import NetworkModel
import Testing

@testable import Storage

/// Large commits are folded in parts, and a start at any part sees a whole network.
@Suite struct FoldingTests {
    private static let retention: Retention = {
        var retention = Retention(2, slice: 2)
        retention.sliceByteCountMaximum = 1000
        return retention
    }()

    /// A commit of so many bindings, each with its revision as the fence.
    private func large(_ revision: UInt64, rows: UInt64, deletes: ClosedRange<UInt64>? = nil) -> Commit {
        func id(_ number: UInt64) -> String { ObjectIDText.of(1000 + number) }
        var changes = (deletes.map(Array.init) ?? []).map { number in
            CommitChange(kind: .bindingState, id: id(number), object: nil, name: "p\(number)")
        }
        changes += (0..<rows).map { number in
            let object = Array(#"{"bind_seq":\#(revision),"bound_at":1,"claims":[]}"#.utf8)
            return CommitChange(kind: .bindingState, id: id(number), object: object)
        }
        return Commit(
            revision: revision,
            epoch: Workload.epoch,
            time: Workload.time,
            author: "test",
            requestID: "",
            changes: changes
        )
    }

    @Test func `Folding large commits lets the write-ahead log grow to no more than a checkpoint of some milliseconds`()
        throws
    {
        var retention = Retention(2, slice: 2)
        retention.sliceByteCountMaximum = 128 << 10
        let folder = TemporaryFolder()
        let store = try SQLiteStore(path: folder.database, newEpoch: Workload.epoch, retention: retention)
        try store.append([large(1, rows: 20_000)], expecting: 0)
        try store.append([large(2, rows: 20_000)], expecting: 1)
        try store.append(Workload.commits(3...6), expecting: 2)
        var slices = 0
        while try store.trim() > 0 {
            slices += 1
            #expect(!store.connection.isCheckpointDue(from: SQLiteConnection.checkpointFrameCount * 2))
        }
        #expect(slices > 20)
        #expect(!store.connection.isCheckpointDue(from: SQLiteConnection.checkpointFrameCount))
    }

    @Test func `Folding comes now and then where there is half as much again as is kept, and goes on at twice as much`()
        throws
    {
        var retention = Retention(2, slice: 2)
        retention.byteCountMaximum = 20_000
        retention.sliceByteCountMaximum = 1000
        let folder = TemporaryFolder()
        let store = try SQLiteStore(path: folder.database, newEpoch: Workload.epoch, retention: retention)
        var needs: [TrimNeed] = []
        for revision in 1...10 as ClosedRange<UInt64> {
            try store.append([large(revision, rows: 100)], expecting: revision - 1)
            if needs.last != store.trimNeed { needs.append(store.trimNeed) }
        }
        #expect(needs == [.none, .paced, .urgent, .overdue])
        while try store.trim() > 0 {}
        #expect(store.trimNeed == .none)
    }

    @Test func `A large commit is folded in parts, each of which leaves a whole network behind`() throws {
        let folder = TemporaryFolder()
        func open() throws -> SQLiteStore {
            try SQLiteStore(path: folder.database, newEpoch: Workload.epoch, retention: Self.retention)
        }
        let expected: Workload.State
        do {
            let store = try open()
            try store.append([large(1, rows: 100)], expecting: 0)
            try store.append([large(2, rows: 50, deletes: 50...99)], expecting: 1)
            try store.append(Workload.commits(3...6), expecting: 2)
            expected = try Workload.State(store.load())
        }
        #expect(expected.fences.values.filter { $0 == 2 }.count == 50)
        var parts = 0
        var isDone = false
        while !isDone {
            // A new process goes on after every third part.
            let store = try open()
            #expect(try Workload.State(store.load()) == expected)
            for _ in 0..<3 where !isDone {
                isDone = try store.trim() == 0
                parts += isDone ? 0 : 1
                #expect(try Workload.State(store.load()) == expected)
            }
        }
        #expect(parts > 12)
        let contents = try open().load()
        #expect(contents.network.revision >= 2 && contents.history.count <= 4)
    }
}

private enum ObjectIDText {
    static func of(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return "00000000-0000-0000-0000-" + String(repeating: "0", count: 12 - digits.count) + digits
    }
}
