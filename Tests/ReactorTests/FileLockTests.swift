import Glibc
import Testing

@testable import Reactor

@Suite struct FileLockTests {
    @Test func `A lock that is held says by whom, and is free when its holder has gone`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/pid"
        do {
            let lock = try FileLock(path: path)
            #expect(throws: FileLock.Failure.held(byProcess: getpid())) { try FileLock(path: path) }
            #expect(try String(decoding: readFile(path), as: UTF8.self) == "\(getpid())\n")
            withExtendedLifetime(lock) {}
        }
        try writeFile(Array("not a number, and longer than a pid".utf8), replacing: path)
        let lock = try FileLock(path: path)
        #expect(throws: FileLock.Failure.held(byProcess: getpid())) { try FileLock(path: path) }
        withExtendedLifetime(lock) {}
        let nowhere = folder.path + "/none/pid"
        #expect(throws: FileLock.Failure.system(SystemError(call: "open \(nowhere)", errno: ENOENT))) {
            try FileLock(path: nowhere)
        }
    }

    @Test func `A lock's file that names nobody is told as held by somebody`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/pid"
        let file = try Descriptor.open(path, flags: O_RDWR | O_CREAT)
        #expect(flock(file.raw, LOCK_EX) == 0)
        #expect(throws: FileLock.Failure.held(byProcess: nil)) { try FileLock(path: path) }
    }
}
