import Foundation
import Glibc
import HTTPTransport
import JSON
import Security
import Testing

/// Backups of a real central, and what becomes of a data directory that somebody put back by hand.
@Suite struct BackupTests {
    private let folder = DataFolder()

    private var parent: String { String(folder.path.dropLast("/data".count)) }

    /// Runs `heddle central WORDS` and tells what it said and how it ended.
    private func run(_ words: [String]) throws -> (text: String, status: Int32) {
        try CentralProcess.refusal(["central"] + words + ["--data-dir", folder.path])
    }

    private func add(_ names: [String], to central: CentralProcess) throws {
        let client = try BlockingClient(central.northbound)
        for name in names { #expect(try client.send("POST", "/v1/switches", ["name": .string(name)]).status == 201) }
    }

    private func state(of central: CentralProcess) throws -> (epoch: String, hash: String, names: [String]) {
        let client = try BlockingClient(central.northbound)
        let answer = try client.send("GET", "/v1/switches")
        let names = try client.items("/v1/switches").compactMap { $0["name"]?.stringValue }
        return (answer["Heddle-Epoch"] ?? "", answer["Heddle-Hash"] ?? "", names)
    }

    @Test func `A backup of a running central is restored under a new epoch, with the authority`() throws {
        let backup = parent + "/backup"
        let first = try CentralProcess(folder)
        try add(["s1", "s2"], to: first)
        #expect(try run(["backup", backup]).status == 0)
        try add(["s3"], to: first)
        let before = try state(of: first)
        let refused = try run(["backup", backup])
        #expect(refused.status == 1 && refused.text.contains("--force"))
        #expect(
            try run(["restore", backup]).text.contains("another central (process \(first.process.processIdentifier))")
        )
        #expect(first.end() == 0)
        let key = FileManager.default.contents(atPath: folder.path + "/ca.key")

        #expect(try run(["restore", backup]).status == 0)
        let second = try CentralProcess(folder)
        let after = try state(of: second)
        #expect(after.names == ["s1", "s2"] && after.epoch != before.epoch)
        let place = "since=3&epoch=\(before.epoch)&hash=\(before.hash)"
        #expect(try BlockingClient(second.northbound).send("GET", "/v1/changes?" + place).status == 410)
        second.end()
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names.contains { $0.hasPrefix("central.db.before-") })

        // On another machine.
        try FileManager.default.removeItem(atPath: folder.path)
        #expect(try run(["restore", backup]).status == 0)
        #expect(FileManager.default.contents(atPath: folder.path + "/ca.key") == key)
        let third = try CentralProcess(folder)
        #expect(try state(of: third).names == ["s1", "s2"])
        #expect(try state(of: third).epoch != after.epoch)
    }

    @Test func `A backup is of one revision while many write, and one can be made of a central that does not run`()
        throws
    {
        let central = try CentralProcess(folder)
        let endpoint = central.northbound
        let writer = Thread {
            guard let client = try? BlockingClient(endpoint) else { return }
            for index in 0..<300 { _ = try? client.send("POST", "/v1/switches", ["name": .string("w\(index)")]) }
        }
        writer.start()
        for index in 0..<3 { #expect(try run(["backup", parent + "/b\(index)"]).status == 0) }
        let permissions = try FileManager.default.attributesOfItem(atPath: parent + "/b0")[.posixPermissions] as? Int
        #expect(permissions == 0o600)
        while !writer.isFinished { usleep(1000) }
        central.end(SIGKILL)
        #expect(try run(["backup", parent + "/b3"]).status == 0)
        #expect(try run(["restore", parent + "/b3"]).status == 0)
        let restored = try CentralProcess(folder)
        #expect(try state(of: restored).names.count == 300)
    }

    @Test func `A data directory that was put back by hand has a new epoch and a warning`() throws {
        let copy = parent + "/central.db.copy"
        let first = try CentralProcess(folder)
        try add(["s1"], to: first)
        first.end()
        try FileManager.default.copyItem(atPath: folder.path + "/central.db", toPath: copy)
        let second = try CentralProcess(folder)
        try add(["s2"], to: second)
        let before = try state(of: second)
        second.end()
        try FileManager.default.removeItem(atPath: folder.path + "/central.db")
        try FileManager.default.copyItem(atPath: copy, toPath: folder.path + "/central.db")
        let third = try CentralProcess(folder)
        let after = try state(of: third)
        #expect(after.names == ["s1"] && after.epoch != before.epoch)
        third.end()
        #expect(third.log.contains("revisions up to 2 were seen, this file ends at 1"))
        let fourth = try CentralProcess(folder)
        #expect(try state(of: fourth).epoch == after.epoch)
        fourth.end()
        #expect(!fourth.log.contains("were seen"))
    }

    @Test func `An empty or missing log beside an authority is refused with the remedy`() throws {
        try CentralProcess(folder).end()
        try FileManager.default.removeItem(atPath: folder.path + "/generation")
        for isEmpty in [true, false] {
            if isEmpty {
                try Data().write(to: URL(fileURLWithPath: folder.path + "/central.db"))
            } else {
                try FileManager.default.removeItem(atPath: folder.path + "/central.db")
            }
            let refused = try CentralProcess.refusal(CentralProcess.arguments(folder.path))
            #expect(refused.status == 1 && refused.text.contains("ca.key"))
            #expect(refused.text.contains("heddle central restore FILE"))
        }
    }

    @Test func `A lost authority that hosts have joined is not replaced without being told to`() throws {
        let central = try CentralProcess(folder, ["--tls"])
        let local = try BlockingClient(.unix(path: folder.path + "/northbound.sock"))
        let token = try #require(try local.send("POST", "/v1/tokens", ["chassis": "hv1"]).json["token"]?.stringValue)
        let pem = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path + "/ca.crt")))
        let agent = try BlockingClient(central.southbound, tls: .client(trusting: .authorities(pem: pem)))
        let request = String(decoding: try CertificateRequest.make(for: .make()).pem(), as: UTF8.self)
        let answer = try agent.send(
            "POST",
            "/v1/chassis/hv1/enrolment",
            ["token": .string(token), "request": .string(request)]
        )
        #expect(answer.status == 201)
        central.end()
        for name in ["ca.key", "ca.crt"] { try FileManager.default.removeItem(atPath: folder.path + "/" + name) }
        let refused = try CentralProcess.refusal(CentralProcess.arguments(folder.path))
        #expect(refused.status == 1 && refused.text.contains("hosts have joined"))
        #expect(refused.text.contains("--new-authority"))
        try CentralProcess(folder, ["--new-authority"]).end()
        #expect(FileManager.default.fileExists(atPath: folder.path + "/ca.key"))
    }
}
