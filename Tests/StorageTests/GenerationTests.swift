import Foundation
import NetworkModel
import Testing

@testable import Storage

/// A log that is put back to an earlier state is noticed, and goes on under another epoch.
@Suite struct GenerationTests {
    private let folder = TemporaryFolder()
    private static let retention = Retention(8, slice: 4)

    private func open() throws -> SQLiteStore {
        try SQLiteStore(path: folder.database, newEpoch: 99, retention: Self.retention)
    }

    /// Commits of a running log up to a revision, then its end.
    private func write(
        upTo last: UInt64,
        padding: Int = 0,
        epoch: UInt64 = Workload.epoch,
        closes: Bool = true
    ) throws {
        let store = try SQLiteStore(path: folder.database, newEpoch: epoch, retention: Self.retention)
        let first = try store.load().revision + 1
        for revision in first...last {
            let commit = Workload.commit(revision, epoch: store.meta.epoch, padding: padding)
            try store.append([commit], expecting: revision - 1)
            _ = try store.trim()
        }
        if closes { try store.close() }
    }

    /// Returns the contents that a start finds; a second start must find the same.
    private func start() throws -> (contents: StoreContents, state: Workload.State) {
        let contents = try open().load()
        let again = try open().load()
        #expect(again.warning == nil && again.network.epoch == contents.network.epoch)
        return (contents, try Workload.State(contents))
    }

    @Test func `A log goes on under its epoch, however it ended`() throws {
        for end in 1...6 as ClosedRange<UInt64> {
            try write(upTo: end * 9, closes: end % 2 == 0)
            #expect(try open().load().warning == nil)
        }
        #expect(try start().state == Workload.state(at: 54))
    }

    @Test func `An older file has a new epoch, its rows and its revision, and a line for the log`() throws {
        try write(upTo: 20)
        let backup = folder.bytes()
        try write(upTo: 31)
        try folder.write(backup)
        let (contents, state) = try start()
        let warning = try #require(contents.warning)
        #expect(warning.contains("revisions up to 31 were seen, this file ends at 20"))
        #expect(
            state
                == Workload.State(epoch: 99, revision: 20 + SQLiteStore.epochGap, fences: Workload.state(at: 20).fences)
        )
        #expect(contents.history.isEmpty)
        try write(upTo: 24 + SQLiteStore.epochGap)
        #expect(try Workload.State(open().load()).revision == 24 + SQLiteStore.epochGap)
    }

    @Test func `A file that was at another place meanwhile, and is as long, is known by the hash of a commit`() throws {
        try write(upTo: 20)
        let backup = folder.bytes()
        try write(upTo: 26)
        let evidence = folder.bytes("generation")
        try folder.write(backup)
        folder.remove("generation")
        try write(upTo: 29, padding: 7)
        try folder.write(evidence, to: "generation")
        #expect(try #require(try start().contents.warning).contains("its commit 26 is not the one that was seen"))
    }

    @Test func `A file that has forgotten the commit that was seen cannot prove its history`() throws {
        try write(upTo: 20)
        let evidence = folder.bytes("generation")
        try write(upTo: 60)
        try folder.write(evidence, to: "generation")
        #expect(try start().contents.network.epoch == 99)
    }

    @Test func `A log of another epoch, and evidence that cannot be read, make a new epoch`() throws {
        try write(upTo: 5)
        let other = TemporaryFolder()
        let stranger = try SQLiteStore(path: other.database, newEpoch: 7)
        _ = try stranger.load()
        try stranger.append([Workload.commit(1, epoch: 7)], expecting: 0)
        try stranger.close()
        try folder.write(other.bytes())
        #expect(try #require(try start().contents.warning).contains("another history"))
        try folder.write(Array("nonsense".utf8), to: "generation")
        #expect(try #require(try open().load().warning).contains("generation cannot be read"))
    }

    @Test func `Without evidence, as of an older version, there is nothing to compare, and evidence is made`() throws {
        try write(upTo: 5)
        folder.remove("generation")
        #expect(try start().contents.warning == nil)
        #expect(!folder.bytes("generation").isEmpty)
    }

    @Test func `A missing or empty log beside evidence or a write-ahead log is refused with the remedy`() throws {
        try write(upTo: 5)
        for isEmpty in [true, false] {
            if isEmpty { try folder.write([]) } else { folder.remove("central.db") }
            let error = #expect(throws: StorageError.self) { try open() }
            let text = "\(try #require(error))"
            #expect(text.contains("heddle central restore FILE") && text.contains("generation"))
        }
        folder.remove("generation")
        try folder.write([1], to: "central.db-wal")
        let error = #expect(throws: StorageError.self) { try open() }
        #expect("\(try #require(error))".contains("is missing, but there is \(folder.database)-wal"))
        folder.remove("central.db-wal")
        #expect(try open().load().revision == 0)
    }

    @Test func `A full disk holds folding back rather than the evidence`() throws {
        let store = try SQLiteStore(path: folder.database, newEpoch: 1, retention: Self.retention)
        _ = try store.load()
        // A folder in its place cannot be replaced by a file.
        try FileManager.default.createDirectory(
            atPath: folder.path + "/generation.new",
            withIntermediateDirectories: false
        )
        for revision in 1...40 as ClosedRange<UInt64> {
            try store.append([Workload.commit(revision, epoch: 1)], expecting: revision - 1)
            #expect(try store.trim() == 0)
        }
        folder.remove("generation.new")
        #expect(try store.trim() > 0)
    }
}
