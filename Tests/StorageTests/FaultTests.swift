import CSQLite
import Foundation
import Glibc
import Testing

@testable import Storage

/// Full disks, failing syncs and processes that die.
@Suite struct FaultTests {
    @Test(.enabled(if: geteuid() == 0, "mounting a small file system takes root"))
    func `A full disk refuses the write, keeps the state, and takes writes again when there is room`() throws {
        let folder = TemporaryFolder()
        let mounted = folder.path
        try #require(mount("tmpfs", mounted, "tmpfs", 0, "size=512k") == 0)
        defer { umount2(mounted, Int32(MNT_DETACH)) }
        let store = try SQLiteStore(path: folder.database, newEpoch: Workload.epoch)
        try store.append(Workload.commits(1...4), expecting: 0)
        let ballast = [UInt8](repeating: 0x20, count: 300 << 10)
        try folder.write(ballast, to: "ballast")

        let large = Workload.large(5, byteCount: 200 << 10)
        for _ in 1...3 {
            let error = #expect(throws: StorageError.self) { try store.append([large], expecting: 4) }
            guard case .full = try #require(error) else {
                Issue.record("\(String(describing: error)) is not .full")
                return
            }
        }
        #expect(try Workload.State(store.load()) == Workload.state(at: 4))
        folder.remove("ballast")
        try store.append(Workload.commits(5...6), expecting: 4)
        #expect(try Workload.State(store.load()) == Workload.state(at: 6))
    }

    @Test(.enabled(if: geteuid() == 0, "mounting a small file system takes root"))
    func `A start on a full disk writes the log over itself, where there is no room for a copy`() throws {
        let folder = TemporaryFolder()
        try #require(mount("tmpfs", folder.path, "tmpfs", 0, "size=1m") == 0)
        defer { umount2(folder.path, Int32(MNT_DETACH)) }
        do {
            let store = try SQLiteStore(path: folder.database, newEpoch: Workload.epoch)
            try store.append(Workload.commits(1...20), expecting: 0)
        }
        let inode = try inode(folder.database + "-wal")
        var room = statvfs()
        try #require(statvfs(folder.path, &room) == 0)
        try folder.write([UInt8](repeating: 0x20, count: Int(room.f_bavail * room.f_bsize) - 8192), to: "ballast")
        do {
            let store = try SQLiteStore(path: folder.database, newEpoch: Workload.epoch)
            #expect(try Workload.State(store.load()) == Workload.state(at: 20))
        }
        #expect(try self.inode(folder.database + "-wal") == inode)
        folder.remove("ballast")
        let store = try SQLiteStore(path: folder.database, newEpoch: Workload.epoch)
        #expect(try Workload.State(store.load()) == Workload.state(at: 20))
        #expect(try self.inode(folder.database + "-wal") != inode)
    }

    private func inode(_ path: String) throws -> UInt {
        var status = stat()
        try #require(stat(path, &status) == 0)
        return UInt(status.st_ino)
    }

    @Test func `No room is full; a failed sync, or what is not understood, is broken`() {
        for code in [SQLITE_FULL, StorageError.ioErrorWrite, StorageError.ioErrorTruncate] {
            #expect(StorageError(writing: code, "x") == .full("x"))
        }
        for code in [StorageError.ioErrorSync, StorageError.ioErrorDirectorySync, SQLITE_CORRUPT, SQLITE_MISUSE] {
            #expect(StorageError(writing: code, "x") == .broken("x"))
        }
    }

    @Test func `A file that may not grow refuses the write and keeps the state`() async {
        await #expect(processExitsWith: .success) {
            let folder = TemporaryFolder()
            signal(SIGXFSZ, SIG_IGN)
            let store = try SQLiteStore(path: folder.database, newEpoch: Workload.epoch)
            try store.append(Workload.commits(1...4), expecting: 0)
            var limit = rlimit(rlim_cur: 128 << 10, rlim_max: .max)
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            do {
                try store.append([Workload.large(5, byteCount: 200 << 10)], expecting: 4)
                exit(2)
            } catch StorageError.full {
                exit(try Workload.State(store.load()) == Workload.state(at: 4) ? 0 : 3)
            }
        }
    }

    @Test(arguments: 1...6)
    func `What a process had acknowledged before it was killed is there, whole`(round: Int) async throws {
        let folder = TemporaryFolder()
        let path = folder.database
        let delay = UInt32(7_000 * round)
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, delay = delay as UInt32] in
            let store = try SQLiteStore(path: path, newEpoch: Workload.epoch, retention: Retention(50, slice: 7))
            let acknowledgements = open(path + ".acknowledged", O_WRONLY | O_CREAT, 0o600)
            Thread.detachNewThread {
                usleep(delay)
                kill(getpid(), SIGKILL)
            }
            for first in stride(from: UInt64(1), to: .max, by: 3) {
                try store.append(Workload.commits(first...first + 2), expecting: first - 1)
                var last = first + 2
                pwrite(acknowledgements, &last, 8, 0)
                _ = try store.trim()
            }
        }
        let acknowledged = folder.bytes("central.db.acknowledged").reversed().reduce(0) { $0 << 8 | UInt64($1) }
        let contents = try SQLiteStore(path: path, newEpoch: Workload.epoch).load()
        #expect(contents.revision >= acknowledged && contents.revision % 3 == 0)
        #expect(try Workload.State(contents) == Workload.state(at: contents.revision))
    }
}
