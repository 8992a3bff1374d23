import DiskRecorder
import Foundation
import NetworkModel
import TestSupport
import Testing

@testable import Storage

/// Power goes at every moment, pages are forgotten and torn, syncs fail: what was acknowledged is there.
@Suite(.serialized) struct CrashTests {
    /// Runs, each of some lives of a store, and the images that are made of each; the environment may ask for more.
    private static let seeds = 1...UInt64(number("HEDDLE_CRASH_SEEDS") ?? 24)
    private static let imageCount = number("HEDDLE_CRASH_IMAGES") ?? 128

    private static func number(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap(Int.init) }

    private static let retention: Retention = {
        var retention = Retention(4, bytes: 8 << 10, slice: 2)
        retention.sliceByteCountMaximum = 600
        retention.partByteCountMaximum = 700
        return retention
    }()

    /// The end of a process.
    private enum End: CaseIterable {
        case closed
        case killed
        case syncFailed
    }

    /// A mark of the recording: the store is open, or is acknowledged up to a revision.
    private struct Moment {
        var isMade = false
        var acknowledged: UInt64 = 0
    }

    @Test(arguments: seeds)
    func `No acknowledged commit is lost and none doubled, whenever power goes`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let folder = TemporaryFolder(inMemory: true)
        disk_record(folder.path)
        let groups = try live(in: folder, using: &generator)
        let operations = CrashDisk.stopRecording()
        let images = TemporaryFolder(inMemory: true)
        disk_spare_syncs(images.path)

        var disk = CrashDisk()
        var moment = Moment()
        var left = Self.imageCount
        for (index, step) in operations.enumerated() {
            if let mark = disk.perform(step.operation, step.bytes, using: &generator) {
                moment = Moment(isMade: true, acknowledged: mark)
            }
            // As many as are due by now, each moment as likely as any other.
            let due = Int.random(in: 0..<operations.count - index, using: &generator) < left ? 1 : 0
            for _ in 0..<(index == operations.count - 1 ? left : due) {
                left -= 1
                let fate = CrashDisk.Fate.allCases.randomElement(using: &generator) ?? .mixed
                let image = disk.image(fate, using: &generator)
                let what = "seed \(seed), operation \(index) of \(operations.count), \(fate)"
                try look(at: image, moment, groups, in: images, what)
            }
        }
        #expect(left == 0 && moment.acknowledged > 20)
    }

    @Test func `What is acknowledged after a failed sync and a restart survives the loss of power`() throws {
        let folder = TemporaryFolder(inMemory: true)
        disk_record(folder.path)
        var lost: UInt64 = 0
        do {
            let store = try SQLiteStore(path: folder.database, newEpoch: Workload.epoch)
            _ = try store.load()
            for revision in 1...5 as ClosedRange<UInt64> {
                try store.append(Workload.commits(revision...revision), expecting: revision - 1)
            }
            disk_fail_sync(1)
            #expect(throws: StorageError.self) { try store.append(Workload.commits(6...6), expecting: 5) }
        }
        do {
            let store = try SQLiteStore(path: folder.database, newEpoch: Workload.epoch)
            lost = try store.load().revision
            for revision in (lost + 1)...(lost + 20) {
                try store.append(Workload.commits(revision...revision), expecting: revision - 1)
            }
        }
        var generator = SeededGenerator(seed: 1)
        var disk = CrashDisk()
        for step in CrashDisk.stopRecording() { _ = disk.perform(step.operation, step.bytes, using: &generator) }
        let moment = Moment(isMade: true, acknowledged: lost + 20)
        try look(
            at: disk.image(.lost, using: &generator),
            moment,
            [lost + 20],
            in: TemporaryFolder(inMemory: true),
            "power loss"
        )
    }

    @Test(arguments: 1...30)
    func `Whatever sync of a start fails, the next start loses nothing`(number: UInt64) throws {
        let folder = TemporaryFolder(inMemory: true)
        disk_record(folder.path)
        var acknowledged: UInt64 = 0
        for life in 0..<3 {
            disk_fail_sync(life == 1 ? number : 0)
            do {
                let store = try SQLiteStore(
                    path: folder.database,
                    newEpoch: Workload.epoch,
                    retention: Self.retention
                )
                let first = try store.load().revision + 1
                #expect(first > acknowledged)
                for revision in first..<first + 6 {
                    try store.append(Workload.commits(revision...revision), expecting: revision - 1)
                    acknowledged = revision
                    _ = try store.trim()
                    if revision % 3 == 0 { try store.checkpoint(from: 0) }
                }
            } catch {
                #expect(life == 1, "\(error)")
            }
        }
        var generator = SeededGenerator(seed: number)
        var disk = CrashDisk()
        for step in CrashDisk.stopRecording() { _ = disk.perform(step.operation, step.bytes, using: &generator) }
        let moment = Moment(isMade: true, acknowledged: acknowledged)
        try look(
            at: disk.image(.lost, using: &generator),
            moment,
            [acknowledged],
            in: TemporaryFolder(inMemory: true),
            "\(number)"
        )
    }

    @Test func `Power that goes during a restore leaves the old log or the new one, and the old one beside it`() throws
    {
        let folder = TemporaryFolder(inMemory: true)
        disk_record(folder.path)
        func write(_ revisions: ClosedRange<UInt64>, closes: Bool) throws {
            let store = try SQLiteStore(path: folder.database, newEpoch: Workload.epoch)
            _ = try store.load()
            try store.append(Workload.commits(revisions), expecting: revisions.lowerBound - 1)
            if closes { try store.close() }
        }
        try write(1...20, closes: true)
        let backup = TemporaryFolder(inMemory: true)
        try backup.write(folder.bytes())
        try write(21...23, closes: false)
        disk_mark(1)
        let prepared = folder.database + ".restored"
        _ = try SQLiteStore.prepareRestore(of: backup.database, at: prepared, newEpoch: 5)
        try SQLiteStore.putInPlace(prepared, at: folder.database, keeping: folder.database + ".old")
        let operations = CrashDisk.stopRecording()
        let images = TemporaryFolder(inMemory: true)
        disk_spare_syncs(images.path)

        var generator = SeededGenerator(seed: 3)
        var disk = CrashDisk()
        var hasBegun = false
        var epochs: Set<Bool> = []
        for step in operations {
            if disk.perform(step.operation, step.bytes, using: &generator) != nil { hasBegun = true }
            // A file system that keeps the order of changes to names, or has kept none or all of them.
            for fate in [.lost, .kept, .mixed] as [CrashDisk.Fate] where hasBegun {
                for name in try FileManager.default.contentsOfDirectory(atPath: images.path) { images.remove(name) }
                for (name, bytes) in disk.image(fate, using: &generator) { try images.write(bytes, to: name) }
                let found = try Workload.State(SQLiteStore(path: images.database, newEpoch: 99).load())
                let isOld = found.epoch == Workload.epoch
                epochs.insert(isOld)
                let kept =
                    isOld
                    ? found
                    : try Workload.State(
                        SQLiteStore(path: images.database + ".old", newEpoch: 99, keepsEvidence: false).load()
                    )
                #expect(kept == Workload.state(at: 23))
                #expect(isOld || found.revision % SQLiteStore.epochGap == 20)
            }
        }
        #expect(epochs == [true, false])
    }

    /// Opens a store whose last user has just let go of it. A process that another test starts at this moment has its
    /// lock, too, until it becomes another program.
    private static func open(_ folder: TemporaryFolder) throws -> SQLiteStore {
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            do {
                return try SQLiteStore(path: folder.database, newEpoch: Workload.epoch, retention: retention)
            } catch {
                guard "\(error)".contains("another process"), ContinuousClock.now < deadline else { throw error }
                sched_yield()
            }
        }
    }

    /// Some lives of a central on one folder, each with its end.
    /// - Returns: The revisions at which groups ended.
    private func live(
        in folder: TemporaryFolder,
        using generator: inout SeededGenerator
    ) throws -> Set<UInt64> {
        var ends: Set<UInt64> = [0]
        for _ in 0..<7 {
            let end = End.allCases.randomElement(using: &generator) ?? .killed
            do {
                let store = try Self.open(folder)
                var revision = try store.load().revision
                disk_mark(revision)
                if end == .syncFailed { disk_fail_sync(.random(in: 1...12, using: &generator)) }
                for _ in 0..<Int.random(in: 2...9, using: &generator) {
                    let large =
                        Int.random(in: 0..<3, using: &generator) == 0
                        ? try stage(in: store, behind: &revision, &ends, using: &generator) : nil
                    let group = (revision + 1)...(revision + .random(in: 1...3, using: &generator))
                    let padding = Int.random(in: 0..<4, using: &generator) == 0 ? 5000 : 10
                    ends.insert(group.upperBound)
                    var commits = group.map { Workload.commit($0, padding: padding) }
                    if let large { commits[0] = large }
                    try store.append(commits, expecting: revision)
                    revision = group.upperBound
                    disk_mark(revision)
                    if Bool.random(using: &generator) { _ = try store.trim() }
                    if Int.random(in: 0..<6, using: &generator) == 0 { store.leaveEvidence() }
                    if Int.random(in: 0..<6, using: &generator) == 0 { try store.checkpoint(from: 1) }
                }
                if end == .closed { try store.close() }
            } catch {
                #expect(end == .syncFailed, "\(error)")
            }
            disk_fail_sync(0)
        }
        return ends
    }

    /// Stages a commit, maybe not to its end, with appends between.
    /// - Returns: The commit that is to be appended next; `nil` if it is given up.
    private func stage(
        in store: SQLiteStore,
        behind revision: inout UInt64,
        _ ends: inout Set<UInt64>,
        using generator: inout SeededGenerator
    ) throws -> Commit? {
        let overtakerCount = UInt64.random(in: 0...3, using: &generator)
        let large = Workload.commit(revision + overtakerCount + 1, padding: .random(in: 600...9000, using: &generator))
        let last = revision + overtakerCount
        while try store.stage(large) {
            if revision < last, Bool.random(using: &generator) {
                revision += 1
                ends.insert(revision)
                try store.append([Workload.commit(revision)], expecting: revision - 1)
                disk_mark(revision)
            }
            if Int.random(in: 0..<4, using: &generator) == 0 { _ = try store.trim() }
            if Int.random(in: 0..<12, using: &generator) == 0 { try store.checkpoint(from: 1) }
            // A process that ends here leaves parts behind, or goes on with other commits.
            if Int.random(in: 0..<16, using: &generator) == 0 { return nil }
        }
        return revision == last && Int.random(in: 0..<6, using: &generator) > 0 ? large : nil
    }

    private func look(
        at image: [String: [UInt8]],
        _ moment: Moment,
        _ groups: Set<UInt64>,
        in folder: TemporaryFolder,
        _ what: String
    ) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) { folder.remove(name) }
        for (name, bytes) in image { try folder.write(bytes, to: name) }
        do {
            let store = try SQLiteStore(path: folder.database, newEpoch: 99, retention: Self.retention)
            let contents = try store.load()
            let revision = contents.revision
            let state = try Workload.State(contents)
            guard moment.isMade || state.epoch == Workload.epoch else {
                #expect(revision == 0)
                return
            }
            #expect(contents.warning == nil, "\(what)")
            #expect(revision >= moment.acknowledged && groups.contains(revision), "\(what): \(revision)")
            #expect(state == Workload.state(at: revision), "\(what)")
            #expect(try store.wasteCount() == 0, "\(what)")
            try store.append([Workload.commit(revision + 1)], expecting: revision)
            _ = try store.trim()
            #expect(try Workload.State(store.load()) == Workload.state(at: revision + 1), "\(what)")
        } catch {
            Issue.record("\(what): \(error)")
        }
    }
}
