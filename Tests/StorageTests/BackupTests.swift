import Foundation
import NetworkModel
import Testing

@testable import Storage

/// A copy of a log that is written meanwhile is whole, and becomes a log of its own under a new epoch.
@Suite struct BackupTests {
    private let folder = TemporaryFolder()
    private let file: SQLiteStore.CompanionFile = .init(name: "ca.key", bytes: [1, 0, 2])

    private func written(_ last: UInt64, in folder: TemporaryFolder) throws -> SQLiteStore {
        let store = try SQLiteStore(path: folder.database, newEpoch: Workload.epoch, retention: Retention(9, slice: 4))
        _ = try store.load()
        for revision in 1...last {
            try store.append([Workload.commit(revision, padding: 20_000)], expecting: revision - 1)
        }
        return store
    }

    @Test func `A copy that is made while the log is written and folded is of the last commit when it is done`() throws
    {
        let store = try written(150, in: folder)
        let backup = try store.beginBackup(to: folder.path + "/copy")
        var revision: UInt64 = 150
        var steps = 0
        while case let progress = try backup.step(), !progress.isComplete {
            #expect(progress.done <= progress.total && progress.total > 0)
            steps += 1
            revision += 1
            try store.append([Workload.commit(revision)], expecting: revision - 1)
            if steps % 2 == 0 { _ = try store.trim() }
            if steps == 2 { try store.checkpoint(from: 0) }
        }
        #expect(steps > 2)
        let contents = try SQLiteStore.completeBackup(at: folder.path + "/copy", with: [file])
        #expect(contents.revision == revision && contents.epoch == Workload.epoch)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix("copy") } == ["copy"]
        )
        #expect(try Workload.State(store.load()) == Workload.state(at: revision))

        let other = TemporaryFolder()
        let restored = try SQLiteStore.prepareRestore(
            of: folder.path + "/copy",
            at: other.database + ".restored",
            newEpoch: 77
        )
        #expect(restored.files == [file] && restored.revision == revision && restored.epoch == 77)
        try SQLiteStore.putInPlace(other.database + ".restored", at: other.database, keeping: other.database + ".old")
        let found = try SQLiteStore(path: other.database, newEpoch: 78).load()
        #expect(found.warning == nil)
        #expect(
            try Workload.State(found)
                == Workload.State(
                    epoch: 77,
                    revision: revision + SQLiteStore.epochGap,
                    fences: Workload.state(at: revision).fences
                )
        )
    }

    @Test func `A restore for hosts says so until the next epoch, over starts and backups`() throws {
        try written(5, in: folder).close()
        var file = folder.database
        for (epoch, forcesHosts) in [(77, true), (78, false)] as [(UInt64, Bool)] {
            let other = TemporaryFolder()
            _ = try SQLiteStore.prepareRestore(
                of: file,
                at: other.database,
                newEpoch: epoch,
                forcesHosts: forcesHosts
            )
            for _ in 1...2 {
                let store = try SQLiteStore(path: other.database, newEpoch: 1)
                let contents = try store.load()
                #expect(contents.network.forcesHosts == forcesHosts && contents.network.epoch == epoch)
                let next = Commit(
                    revision: contents.revision + 1,
                    epoch: epoch,
                    time: Workload.time,
                    author: "token/1",
                    requestID: "",
                    changes: []
                )
                try store.append([next], expecting: contents.revision)
                try store.close()
            }
            file = folder.path + "/copy-\(epoch)"
            try FileManager.default.copyItem(atPath: other.database, toPath: file)
        }
    }

    @Test func `A restore keeps what was there, with its write-ahead log`() throws {
        try written(20, in: folder).close()
        let backup = folder.bytes()
        do {
            let store = try SQLiteStore(path: folder.database, newEpoch: 1)
            _ = try store.load()
            try store.append(Workload.commits(21...23), expecting: 20)
        }
        try folder.write(backup, to: "backup")
        let prepared = folder.database + ".restored"
        _ = try SQLiteStore.prepareRestore(of: folder.path + "/backup", at: prepared, newEpoch: 5)
        try SQLiteStore.putInPlace(prepared, at: folder.database, keeping: folder.database + ".old")
        let restored = try SQLiteStore(path: folder.database, newEpoch: 6).load()
        #expect(
            restored.revision == 20 + SQLiteStore.epochGap && restored.network.epoch == 5 && restored.warning == nil
        )
        let old = try SQLiteStore(path: folder.database + ".old", newEpoch: 6, keepsEvidence: false).load()
        #expect(try Workload.State(old) == Workload.state(at: 23))
    }

    @Test func `A damaged, cut or foreign backup is refused and changes nothing`() throws {
        try written(20, in: folder).close()
        let whole = folder.bytes()
        var damaged = whole
        let needle = Array("\"request_id\":\"r17".utf8)
        damaged[try #require(damaged.indices.first { damaged[$0...].starts(with: needle) }) + 1] ^= 1
        for bytes in [damaged, Array(whole.prefix(whole.count / 2)), [], Array("hello, I am no log".utf8)] {
            try folder.write(bytes, to: "backup")
            #expect(throws: StorageError.self) {
                _ = try SQLiteStore.prepareRestore(
                    of: folder.path + "/backup",
                    at: folder.database + ".restored",
                    newEpoch: 5
                )
            }
        }
        #expect(folder.bytes() == whole)
    }
}
