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
            try ForwarderProcess.run(stateDirectory: directory)
        }
        #expect(failure?.description == "process \(getpid()) is already the forwarder of \(directory)")
        withExtendedLifetime(lock) {}
    }

    @Test func `A directory that is not there is named`() {
        let failure = #expect(throws: ForwarderProcess.StartFailure.self) {
            try ForwarderProcess.run(stateDirectory: "/nonexistent")
        }
        #expect(failure?.description.hasPrefix("cannot lock /nonexistent/forwarder.pid: ") == true)
    }
}
