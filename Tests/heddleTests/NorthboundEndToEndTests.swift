import Foundation
import TestSupport
import Testing

@testable import heddle

@Suite struct NorthboundEndToEndTests {
    /// The lines that a user types, on a network that is empty at first.
    private static let session = [
        "nb show", "nb ls-list", "sb show",
        "nb ls-add ls0", "nb ls-add ls0", "nb --may-exist ls-add ls0", "nb ls-add --may-exist ls1", "nb ls-list",
        "nb lsp-add ls0 lp0", "nb lsp-add ls0 lp0", "nb lsp-add ls2 lp1", "nb --may-exist lsp-add ls0 lp0",
        "nb --may-exist lsp-add ls1 lp0", "nb lsp-list ls0", "nb lsp-list ls2",
        "nb lsp-set-addresses lp0 '02:00:00:00:00:01 10.0.0.1' unknown", "nb lsp-get-addresses lp0",
        "nb lsp-set-port-security lp0 '02:00:00:00:00:01 10.0.0.1'", "nb lsp-get-port-security lp0",
        "nb lsp-get-up lp0", "nb lsp-get-enabled lp0", "nb lsp-set-enabled lp0 disabled", "nb lsp-get-enabled lp0",
        "nb lsp-set-options lp0 requested-chassis=hv1,hv2 disable_arp_nd_rsp=true", "nb lsp-get-options lp0",
        "nb lsp-set-options lp0 requested-chassis=hv2", "nb lsp-get-options lp0",
        "nb lsp-set-options lp0", "nb lsp-get-options lp0", "nb lsp-set-options lp0 no-such-option=1",
        "nb lsp-add ls0 lp1 -- lsp-set-addresses lp1 '02:00:00:00:00:02 10.0.0.1'", "nb lsp-list ls0",
        "nb lsp-add ls0 lp1 -- lsp-set-addresses lp1 '02:00:00:00:00:01'", "nb lsp-get-up lp1",
        "nb lsp-add ls0 lp1 -- lsp-set-addresses lp1 '02:00:00:00:00:02 10.0.0.2' -- lsp-get-addresses lp1",
        "nb show", "nb show ls1", "nb show ls0", "nb show ls2",
        "nb ls-add 'a b'", "nb lsp-set-addresses lp0 10.0.0.1", "nb lsp-set-addresses lp9 unknown",
        "nb ls-add ls3 -- lsp-add ls3 lp3 -- lsp-add ls3 lp3", "nb ls-list",
        "nb lsp-del lp0", "nb lsp-del lp0", "nb --if-exists lsp-del lp0", "nb ls-del ls0", "nb lsp-get-up lp1",
        "nb ls-del ls0", "nb ls-del --if-exists ls0", "nb ls-del ls1 -- ls-add ls1 -- lsp-add ls1 lp1", "nb show",
        "nb sync", "nb --wait=sb sync", "nb --wait=hv --timeout=5 sync", "nb --wait=hv ls-del ls1", "nb show",
        "sb chassis-del hv1", "sb --if-exists chassis-del hv1",
    ]

    @Test func `A user's session with a real central prints this`() throws {
        let central = try RunningCentral()
        var transcript = ""
        for line in Self.session {
            let outcome = try HeddleBinary.run(words(line), environment: central.environment)
            transcript += "$ heddle \(line)\n" + outcome.output + outcome.errors
            if outcome.status != 0 { transcript += "[\(outcome.status)]\n" }
        }
        #expect(central.daemon.stop() == 0)
        let mismatch = goldenMismatch(numbered(transcript), named: "northbound-session")
        #expect(mismatch == nil, Comment(rawValue: mismatch ?? ""))
    }

    @Test func `UUIDs stand for names`() throws {
        let central = try RunningCentral()
        func heddle(_ words: String...) throws -> HeddleBinary.Outcome {
            try HeddleBinary.run(["nb"] + words, environment: central.environment)
        }
        #expect(try heddle("ls-add", "ls0").status == 0)
        let id = try String(heddle("ls-list").output.prefix(36))
        #expect(try heddle("lsp-add", id, "lp0", "--", "lsp-set-addresses", "lp0", "unknown").status == 0)
        let port = try String(heddle("lsp-list", id).output.prefix(36))
        #expect(try heddle("lsp-get-addresses", port).output == "unknown\n")
        #expect(try heddle("--may-exist", "lsp-add", "ls0", "lp0").status == 0)
        #expect(try heddle("lsp-del", port).status == 0)
        #expect(try heddle("lsp-list", "ls0").output.isEmpty)
        #expect(try heddle("ls-del", id).status == 0)
        let missing = try heddle("ls-del", id)
        #expect(missing.status == 1)
        #expect(missing.errors == "heddle: \(id): switch UUID not found\n")
    }

    @Test func `Many at once with --may-exist make one switch, and none fails`() throws {
        let central = try RunningCentral()
        let words = ["nb", "--may-exist", "ls-add", "ls0", "--", "--may-exist", "lsp-add", "ls0", "lp0"]
        let environment = central.environment
        let statuses = Statuses()
        DispatchQueue.concurrentPerform(iterations: 12) { _ in
            let outcome = try? HeddleBinary.run(words, environment: environment)
            statuses.add(outcome?.status ?? -1)
        }
        #expect(statuses.all == Array(repeating: 0, count: 12))
        #expect(try HeddleBinary.run(["nb", "lsp-list", "ls0"], environment: environment).output.hasSuffix(" (lp0)\n"))
    }

    @Test func `A chain is one commit`() throws {
        let central = try RunningCentral()
        func revision() throws -> String {
            let words = ["nb", "--wait=sb", "--print-wait-time", "sync"]
            let output = try HeddleBinary.run(words, environment: central.environment).output
            return String(output.prefix { $0 != ":" })
        }
        #expect(try revision() == "Time spent on processing revision 0")
        let words = ["nb", "ls-add", "ls0", "--", "lsp-add", "ls0", "lp0", "--", "lsp-set-addresses", "lp0", "unknown"]
        #expect(try HeddleBinary.run(words, environment: central.environment).status == 0)
        #expect(try revision() == "Time spent on processing revision 1")
        #expect(try HeddleBinary.run(words, environment: central.environment).status == 1)
        #expect(try revision() == "Time spent on processing revision 1")
    }

    /// The exit statuses of commands that run at the same time.
    private final class Statuses: @unchecked Sendable {
        private let lock = NSLock()
        private var values: [Int32] = []

        func add(_ value: Int32) { lock.withLock { values.append(value) } }
        var all: [Int32] { lock.withLock { values } }
    }

    /// Splits at blanks; what is in quotes is one word.
    private func words(_ line: String) -> [String] {
        line.split(separator: "'", omittingEmptySubsequences: false).enumerated().flatMap { index, part in
            index % 2 == 1 ? [String(part)] : part.split(separator: " ").map(String.init)
        }
    }

    /// Every UUID replaced by the number of its first appearance.
    private func numbered(_ transcript: String) -> String {
        var numbers: [Substring: Int] = [:]
        return transcript.replacing(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/) { match in
            if numbers[match.output.0] == nil { numbers[match.output.0] = numbers.count + 1 }
            return "<uuid \(numbers[match.output.0] ?? 0)>"
        }
    }
}
