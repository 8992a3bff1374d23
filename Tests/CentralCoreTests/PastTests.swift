import NetworkModel
import Southbound
import Testing

@testable import CentralCore

@Suite struct PastTests {
    private func past(_ bounds: Past.Bounds, entries: [(byteCount: Int, time: Duration)]) -> Past {
        var network = Network(epoch: 1)
        var past = Past(network, bounds)
        var remains = Remains()
        for (index, entry) in entries.enumerated() {
            let commit = Commit(
                revision: UInt64(index + 1),
                epoch: 1,
                time: 0,
                author: "a",
                requestID: "",
                changes: []
            )
            let before = network
            network.revision = commit.revision
            network.hash = CommitHash(rawValue: commit.revision * 7)
            past.append(
                .init(
                    network: network,
                    record: CommitRecord(commit, before: before, after: network),
                    touched: [],
                    byteCount: entry.byteCount,
                    time: entry.time
                ),
                leaving: &remains
            )
        }
        return past
    }

    @Test func `it is bounded in commits, in bytes and in time, and keeps the newest whatever its size`() {
        let wide = Past.Bounds(count: 100, byteCount: 1000, age: .seconds(100))
        let many = past(
            .init(count: 3, byteCount: 1000, age: .seconds(100)),
            entries: Array(repeating: (1, .zero), count: 5)
        )
        #expect(many.oldest == 2 && many.newest == 5)
        #expect(many.network(at: 1) == nil && many.network(at: 2)?.revision == 2 && many.network(at: 6) == nil)
        let large = past(wide, entries: [(400, .zero), (400, .zero), (400, .zero)])
        #expect(large.oldest == 1 && large.after(1)?.count == 2 && large.after(0) == nil)
        let huge = past(wide, entries: [(400, .zero), (5000, .zero)])
        #expect(huge.oldest == 1 && huge.newest == 2)
        let old = past(wide, entries: [(1, .zero), (1, .seconds(50)), (1, .seconds(120))])
        #expect(old.oldest == 1 && old.after(1)?.map(\.record.revision) == [2, 3])
    }

    @Test func `a hash tells another history from this one at every revision that is kept`() {
        let past = past(
            .init(count: 3, byteCount: 1000, age: .seconds(1)),
            entries: Array(repeating: (1, .zero), count: 5)
        )
        #expect(past.agrees(CommitHash(rawValue: 14), at: 2) && past.agrees(CommitHash(rawValue: 35), at: 5))
        #expect(!past.agrees(CommitHash(rawValue: 14), at: 3) && !past.agrees(CommitHash(rawValue: 7), at: 1))
    }

    @Test func `a trail knows the first change after any revision, and errs towards a change`() {
        var trail = ChangeTrail(unknownUpTo: 10)
        #expect(trail.first(after: 4) == 5 && trail.first(after: 10) == nil && trail.last == 10)
        for revision in stride(from: UInt64(12), through: 40, by: 2) { trail.note(revision) }
        trail.note(40)
        #expect(trail.first(after: 10) == 12 && trail.first(after: 12) == 14 && trail.first(after: 40) == nil)
        for revision in UInt64(41)...200 { trail.note(revision) }
        #expect(trail.first(after: 50) == 51 && trail.first(after: 150) == 151 && trail.last == 200)
        #expect(trail.first(after: 199) == 200 && trail.first(after: 200) == nil)
    }
}
