import Glibc
import Testing

@testable import heddle

@Suite struct AgentCommandTests {
    private static let central = ["--central", "http://127.0.0.1:9"]

    @Test(arguments: [
        ["agent"], ["agent", "--encap-ip", "192.0.2.1"], ["agent", "--central", "nonsense", "--encap-ip", "192.0.2.1"],
        ["agent"] + central, ["agent", "--encap-ip", "nonsense"] + central,
        ["agent", "--encap-ip", "127.0.0.1"] + central, ["agent", "--encap-ip", "::1"] + central,
        ["agent", "--encap-ip", "fe80::1", "--insecure"] + central, ["agent", "--encap-ip", "0.0.0.0"] + central,
        ["agent", "stop", "--frobnicate"], ["agent", "frobnicate"], ["forwarder", "--frobnicate"],
    ])
    func `A wrong command line ends with 2 and one sentence`(words: [String]) throws {
        let outcome = try HeddleBinary.run(words)
        #expect(outcome.status == 2)
        #expect(outcome.errors.hasPrefix("heddle: "))
        #expect(outcome.errors.contains("--help'"))
        #expect(outcome.errors.count(where: { $0 == "\n" }) == 1)
    }

    @Test func `HEDDLE_CENTRAL stands for --central`() throws {
        let words = ["agent", "--encap-ip", "192.0.2.1"]
        let outcome = try HeddleBinary.run(words, environment: ["HEDDLE_CENTRAL": "nonsense"])
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains("\"nonsense\" names no server"))
    }

    @Test func `agent stop where nothing runs is refused and says where it looked`() throws {
        let directory = try TemporaryDirectory()
        for words in [["agent", "stop"], ["agent", "stop", "--all"]] {
            let outcome = try HeddleBinary.run(words + ["--state-dir", directory.path])
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains(directory.path))
        }
    }

    @Test func `agent stop --all ends a forwarder that has no agent, agent stop leaves it`() throws {
        let directory = try TemporaryDirectory()
        let forwarder = try DaemonProcess(["forwarder", "--state-dir", directory.path], sign: "serving")
        let second = try HeddleBinary.run(["forwarder", "--state-dir", directory.path])
        #expect(second.status == 1)
        #expect(second.errors.contains("already the forwarder"))
        #expect(try HeddleBinary.run(["agent", "stop", "--state-dir", directory.path]).status == 1)
        let outcome = try HeddleBinary.run(["agent", "stop", "--all", "--state-dir", directory.path])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(forwarder.waitUntilExit() == 0)
    }
}
