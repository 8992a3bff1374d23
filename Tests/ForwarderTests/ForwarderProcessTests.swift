import Foundation
import Reactor
import Testing

@testable import Forwarder

@Suite struct ForwarderProcessTests {
    @Test func `A second forwarder of a directory says who has it`() throws {
        let directory = NSTemporaryDirectory() + "hd-process-\(UUID().uuidString.prefix(8))"
        try makeDirectory(directory)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let lock = try FileLock(path: directory + "/forwarder.pid")
        let failure = #expect(throws: ForwarderProcess.StartFailure.self) {
            try ForwarderProcess.run(directory: directory)
        }
        #expect(failure?.description == "process \(getpid()) is already the forwarder of \(directory)")
        withExtendedLifetime(lock) {}
    }

    @Test func `A directory that cannot be made is named`() {
        let failure = #expect(throws: ForwarderProcess.StartFailure.self) {
            try ForwarderProcess.run(directory: "/dev/null/forwarder")
        }
        #expect(failure?.description.hasPrefix("cannot make /dev/null/forwarder: ") == true)
    }
}
