import Foundation
import Glibc
import JSON
import Testing

/// Why a central does not start: one sentence with the remedy, and the exit code that scripts rely on.
@Suite struct StartTests {
    @Test func `A certificate that cannot be used is named`() throws {
        let arguments = CentralProcess.arguments(DataFolder().path)
        let refused = try CentralProcess.refusal(
            arguments + ["--tls", "--certificate", "/dev/null", "--key", "/dev/null"]
        )
        #expect(refused.status == 1 && refused.text.contains("/dev/null with /dev/null"))
        #expect(refused.text.split(separator: "\n").count == 1)
    }

    @Test func `Half an authority is refused rather than replaced`() throws {
        let folder = DataFolder()
        try CentralProcess(folder).end()
        try FileManager.default.removeItem(atPath: folder.path + "/ca.key")
        let refused = try CentralProcess.refusal(CentralProcess.arguments(folder.path))
        #expect(refused.status == 1 && refused.text.contains("ca.key, is missing"))
    }

    @Test func `A second central on the data directory is told who holds it`() throws {
        let folder = DataFolder()
        let first = try CentralProcess(folder)
        let refused = try CentralProcess.refusal(CentralProcess.arguments(folder.path))
        #expect(refused.status == 1)
        #expect(refused.text.contains("another central (process \(first.process.processIdentifier))"))
        #expect(first.process.isRunning)
    }

    @Test func `A port that is taken is named, with the option to choose another`() throws {
        let first = try CentralProcess(DataFolder())
        let taken = "\(first.northbound)"
        let refused = try CentralProcess.refusal(CentralProcess.arguments(DataFolder().path, northbound: taken))
        #expect(refused.status == 1)
        #expect(refused.text.contains("cannot listen on \(taken)") && refused.text.contains("--northbound"))
    }

    @Test func `What the command line cannot mean is refused as usage`() throws {
        let arguments = CentralProcess.arguments(DataFolder().path)
        let etcd = try CentralProcess.refusal(arguments + ["--store", "etcd://10.0.0.1:2379"])
        #expect(etcd.status == 2 && etcd.text.contains("not supported yet"))
        #expect(try CentralProcess.refusal(arguments + ["--store", "tape"]).status == 2)
        #expect(try CentralProcess.refusal(CentralProcess.arguments("/tmp", northbound: "here")).status == 2)
    }

    @Test func `A damaged log is refused, naming the file`() throws {
        let folder = DataFolder()
        let central = try CentralProcess(folder)
        try BlockingClient(central.northbound).send("POST", "/v1/switches", ["name": "precious"])
        central.end()
        let path = folder.path + "/central.db"
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        let needle = Array("precious".utf8)
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: needle) })
        bytes[place] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let refused = try CentralProcess.refusal(CentralProcess.arguments(folder.path))
        #expect(refused.status == 1 && refused.text.contains("\(path) is damaged: commit 1"))
    }
}
