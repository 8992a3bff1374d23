import Foundation
import Storage
import Testing

/// Bits flip and files are cut: the store gives what it had, an earlier whole state, or refuses. Never anything else.
@Suite struct DamageTests {
    /// The bytes of a closed store (all in the database file) and of a killed one (the newest in the log beside it).
    private struct Image {
        var database: [UInt8]
        var log: [UInt8]
    }

    private static let revision: UInt64 = 24

    private func closedImage() throws -> Image {
        let folder = TemporaryFolder()
        try write(to: folder, in: [1...Self.revision])
        return Image(database: folder.bytes(), log: [])
    }

    private func killedImage() throws -> Image {
        let folder = TemporaryFolder()
        try write(to: folder, in: [1...12])
        let store = try SQLiteStore(path: folder.database, newEpoch: 1)
        for revision in 13...Self.revision {
            try store.append([Workload.commit(revision)], expecting: revision - 1)
        }
        // A killed process leaves the files as they are while the store is open.
        return Image(database: folder.bytes(), log: folder.bytes("central.db-wal"))
    }

    private func write(to folder: TemporaryFolder, in batches: [ClosedRange<UInt64>]) throws {
        let store = try SQLiteStore(path: folder.database, newEpoch: Workload.epoch, retention: Retention(10))
        for batch in batches { try store.append(Workload.commits(batch), expecting: batch.lowerBound - 1) }
        while try store.trim() > 0 {}
        try store.close()
    }

    /// Returns the result of loading an image: contents, or the reason of the refusal.
    private func outcome(_ image: Image, in folder: TemporaryFolder) throws -> Result<Workload.State, any Error> {
        folder.remove("central.db-wal")
        folder.remove("central.db-journal")
        folder.remove("generation")
        try folder.write(image.database)
        if !image.log.isEmpty { try folder.write(image.log, to: "central.db-wal") }
        return Result {
            let store = try SQLiteStore(path: folder.database, newEpoch: Workload.epoch, retention: Retention(10))
            return try Workload.State(store.load())
        }
    }

    @Test func `A flipped bit in the database is refused, unless it lies where nothing is kept`() throws {
        let image = try closedImage()
        let folder = TemporaryFolder()
        var refusals = 0
        for offset in stride(from: 0, to: image.database.count, by: 23) {
            var damaged = image
            damaged.database[offset] ^= 1 << (offset % 8)
            switch try outcome(damaged, in: folder) {
            case .success(let contents):
                #expect(contents == Workload.state(at: Self.revision), "byte \(offset)")
            case .failure(let error):
                #expect("\(error)".contains(folder.database), "byte \(offset): \(error)")
                refusals += 1
            }
        }
        #expect(refusals > 10)
    }

    @Test func `A flipped bit in a commit is refused, naming the commit`() throws {
        var image = try closedImage()
        let needle = Array("\"request_id\":\"r17\"".utf8)
        let index = try #require(image.database.indices.first { image.database[$0...].starts(with: needle) })
        image.database[index + 1] ^= 1
        let result = try outcome(image, in: TemporaryFolder())
        #expect(throws: StorageError.self) { try result.get() }
        guard case .failure(let error) = result else { return }
        #expect("\(error)".contains("commit 17 does not match the hash chain"))
    }

    @Test func `A flipped bit in the write-ahead log leaves an earlier whole state`() throws {
        let image = try killedImage()
        let folder = TemporaryFolder()
        var revisions: Set<UInt64> = []
        for offset in stride(from: 0, to: image.log.count, by: 211) {
            var damaged = image
            damaged.log[offset] ^= 1 << (offset % 8)
            guard case .success(let contents) = try outcome(damaged, in: folder) else { continue }
            #expect(contents == Workload.state(at: contents.revision), "byte \(offset)")
            revisions.insert(contents.revision)
        }
        #expect(revisions.count > 5)
    }

    @Test func `A cut write-ahead log leaves an earlier whole state, never less for more bytes`() throws {
        let image = try killedImage()
        let folder = TemporaryFolder()
        var last: UInt64 = 0
        for length in stride(from: 0, through: image.log.count, by: 509) {
            var damaged = image
            damaged.log.removeSubrange(length...)
            let contents = try outcome(damaged, in: folder).get()
            #expect(contents == Workload.state(at: contents.revision), "length \(length)")
            #expect(contents.revision >= last)
            last = contents.revision
        }
        #expect(try outcome(image, in: folder).get() == Workload.state(at: Self.revision))
    }

    @Test func `A cut database is refused, unless only unused pages are missing`() throws {
        let image = try closedImage()
        let folder = TemporaryFolder()
        var refusals = 0
        for length in stride(from: 1, to: image.database.count, by: 509) {
            var damaged = image
            damaged.database.removeSubrange(length...)
            switch try outcome(damaged, in: folder) {
            case .success(let state): #expect(state == Workload.state(at: Self.revision), "length \(length)")
            case .failure: refusals += 1
            }
        }
        #expect(refusals > image.database.count / 509 / 2)
    }
}
