import Glibc
import Testing

@testable import Reactor

@Suite struct FilesTests {
    @Test func `A file is replaced whole, with nothing left beside it`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/state"
        try writeFile([1, 2, 3], replacing: path)
        #expect(try readFile(path) == [1, 2, 3])
        let long = [UInt8](repeating: 7, count: 200_000)
        try writeFile(long, replacing: path)
        #expect(try readFile(path) == long)
        #expect(throws: SystemError(call: "read \(path)", errno: EFBIG)) { try readFile(path, maximum: 199_999) }
        #expect(try readFile(path, maximum: 200_000).count == 200_000)
        #expect(throws: SystemError(call: "open \(path).new", errno: ENOENT)) { try readFile(path + ".new") }
        var information = stat()
        #expect(stat(path, &information) == 0 && information.st_mode & 0o777 == 0o600)
    }

    @Test func `A write that fails leaves the old file`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/state"
        try writeFile([1], replacing: path)
        try makeDirectory(path + ".new")
        #expect(throws: SystemError(call: "open \(path).new", errno: EISDIR)) {
            try writeFile([2], replacing: path)
        }
        #expect(try readFile(path) == [1])
    }

    @Test func `A missing file is an error to read and none to remove`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/none"
        #expect(throws: SystemError(call: "open \(path)", errno: ENOENT)) { try readFile(path) }
        try removeFile(path)
        try writeFile([], replacing: path)
        #expect(try readFile(path) == [])
        try removeFile(path)
        #expect(throws: SystemError.self) { try readFile(path) }
    }

    @Test func `A directory is made with those above it and may be there`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/a/b/c"
        try makeDirectory(path)
        try makeDirectory(path)
        try writeFile([1], replacing: path + "/file")
        var information = stat()
        #expect(stat(folder.path + "/a", &information) == 0 && information.st_mode & 0o777 == 0o700)
        #expect(throws: SystemError(call: "mkdir \(path)/file/d", errno: ENOTDIR)) {
            try makeDirectory(path + "/file/d")
        }
    }

    @Test func `This machine has a name`() throws {
        #expect(try !hostName().isEmpty)
    }
}
