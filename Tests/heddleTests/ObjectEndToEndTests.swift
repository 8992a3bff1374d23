import Foundation
import TestSupport
import Testing

@testable import heddle

@Suite struct ObjectEndToEndTests {
    /// The lines that a user types, on a network that is empty at first.
    private static let session = [
        "get switches", "get ports", "get chassis",
        "nb ls-add ls1 -- lsp-add ls1 p1 -- lsp-add ls1 p2 -- lsp-set-addresses p2 '02:00:00:00:00:02 10.0.0.2'",
        "get Logical_Switch", "get lsp -o wide", "get port p1 p2 -o name", "get ports --switch ls1 --filter name=p2",
        "get ports -l app=web", "get switch ls1 -o yaml", "get port p2 -o json", "get dp", "get pb", "get mg",
        "describe port p1", "describe switch ls1", "describe port p9", "get router r1", "get ports --switch ls9",
        "get ports -l =x", "get ports -o xml", "delete port p1 p9", "get ports -o name",
        "delete port p1 p9 --if-exists",
        "delete pb p2", "delete chassis hv1", "delete switch ls1", "get all",
    ]

    @Test func `A user's session with a real central prints this`() throws {
        let central = try RunningCentral()
        var transcript = ""
        for line in Self.session {
            let words = line.split(separator: "'", omittingEmptySubsequences: false).enumerated().flatMap {
                index,
                part in
                index % 2 == 1 ? [String(part)] : part.split(separator: " ").map(String.init)
            }
            let outcome = try HeddleBinary.run(words, environment: central.environment)
            transcript += "$ heddle \(line)\n" + outcome.output + outcome.errors
            if outcome.status != 0 { transcript += "[\(outcome.status)]\n" }
        }
        #expect(central.daemon.stop() == 0)
        transcript.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, with: "00000000-0000-4000-8000-000000000000")
        transcript.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/, with: "2026-01-02T03:04:05Z")
        // A UUID that begins with a digit is in quotes in YAML.
        transcript.replace(
            "\nid: \"00000000-0000-4000-8000-000000000000\"",
            with: "\nid: 00000000-0000-4000-8000-000000000000"
        )
        let mismatch = goldenMismatch(transcript, named: "object-session")
        #expect(mismatch == nil, Comment(rawValue: mismatch ?? ""))
    }

    @Test func `doctor finds nothing to say about a central alone, and ends with 1 where there is none`() throws {
        let central = try RunningCentral()
        let directory = try TemporaryDirectory()
        let words = ["doctor", "--data-dir", directory.path + "/none"]
        let fine = try HeddleBinary.run(words, environment: central.environment)
        // This machine may have an agent, and its kernel may be old; central is another matter.
        #expect(fine.output.contains("is ready, revision 0"), "\(fine.output)")
        #expect(fine.errors.isEmpty)
        let broken = try HeddleBinary.run(
            words + ["--state-dir", directory.path, "-o", "json"],
            environment: ["HEDDLE_NB": "http://127.0.0.1:9"]
        )
        #expect(broken.status == 1)
        #expect(broken.errors.isEmpty)
        #expect(broken.output.contains("\"healthy\": false"))
        #expect(broken.output.contains("Connection refused"))
    }

    @Test func `A topology is applied, changed, pruned, refused with its line, and exported as it was`() throws {
        let central = try RunningCentral()
        let directory = try TemporaryDirectory()
        let file = directory.path + "/net.yaml"
        var transcript = ""
        func heddle(_ words: String...) throws {
            let outcome = try HeddleBinary.run(words, environment: central.environment)
            transcript += "$ heddle \(words.joined(separator: " "))\n" + outcome.output + outcome.errors
            if outcome.status != 0 { transcript += "[\(outcome.status)]\n" }
        }
        func write(_ text: String) throws {
            transcript += "$ cat net.yaml\n" + text
            try text.write(toFile: file, atomically: false, encoding: .utf8)
        }
        try write(
            """
            owner: shop
            switches:
              - name: web
                labels: {env: prod}
                ports:
                  - name: web-1
                    addresses: ["02:00:00:00:00:01 10.0.0.1"]
                  - name: web-2
                    addresses: [02:00:00:00:00:02]
                    enabled: false

            """
        )
        try heddle("apply", "-f", file, "--dry-run")
        try heddle("get", "ports", "-o", "name")
        try heddle("apply", "-f", file)
        try heddle("apply", "-f", file)
        try heddle("export", "--owner", "shop")
        try write(
            """
            switches:
              - name: web
                ports:
                  - name: web-1
                    addresses:
                      - 02:00:00:00:00:01 10.0.0.9

            """
        )
        try heddle("apply", "-f", file, "--owner", "shop", "--prune", "--dry-run", "--if-revision", "1")
        try heddle("apply", "-f", file, "--owner", "shop", "--prune", "--if-revision", "9")
        try heddle("apply", "-f", file, "--owner", "shop", "--prune", "--wait=hv", "--timeout", "20")
        try heddle("apply", "-f", file, "--owner", "other")
        try heddle("apply", "-f", file, "--owner", "other", "--adopt", "any")
        try write("ports:\n  - name: x\n    switch: web\n    addresses:\n      - nonsense\n")
        try heddle("apply", "-f", file)
        try write("switches:\n  - name: web\n    colour: red\n")
        try heddle("apply", "-f", file)
        try write("switches:\n  - name: [\n")
        try heddle("apply", "-f", file)
        try heddle("apply", "-f", directory.path + "/none.yaml")
        try heddle("export", "-o", "json")
        try heddle("export", "--owner", "shop")
        let mismatch = goldenMismatch(
            transcript.replacing(directory.path + "/", with: ""),
            named: "topology-session"
        )
        #expect(mismatch == nil, Comment(rawValue: mismatch ?? ""))
    }

    @Test func `bash completes names with colons`() throws {
        let central = try RunningCentral()
        for line in ["nb ls-add net:1 -- ls-add net:2 -- ls-add other", "nb lsp-add net:1 net:1:a"] {
            #expect(
                try HeddleBinary.run(line.split(separator: " ").map(String.init), environment: central.environment)
                    .status == 0
            )
        }
        // The completion of bash at a tab, with the words as it splits them.
        let complete = """
            shopt -s extglob
            source <("$1" completion bash)
            heddle() { "$HEDDLE" "$@"; }
            COMP_LINE="$2" COMP_POINT=${#2}; shift 2
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
            complete=$(complete -p heddle | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
            "$complete" heddle "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            echo "${COMPREPLY[*]}"
            """
        let cases: [(line: String, words: [String], reply: String)] = [
            ("heddle nb show ne", ["heddle", "nb", "show", "ne"], "net:1 net:2"),
            ("heddle nb show net:", ["heddle", "nb", "show", "net", ":"], "1 2"),
            ("heddle nb show net:1", ["heddle", "nb", "show", "net", ":", "1"], "1"),
            ("heddle nb lsp-del net:1:", ["heddle", "nb", "lsp-del", "net", ":", "1", ":"], "a"),
            ("heddle nb lsp-add net:1", ["heddle", "nb", "lsp-add", "net", ":", "1"], "1"),
            (
                "heddle nb ls-del net:1 -- ls-del net:",
                ["heddle", "nb", "ls-del", "net", ":", "1", "--", "ls-del", "net", ":"], "1 2"
            ),
            ("heddle get switches ot", ["heddle", "get", "switches", "ot"], "other"),
            ("heddle get ports --switch net:", ["heddle", "get", "ports", "--switch", "net", ":"], "1 2"),
            ("heddle des", ["heddle", "des"], "describe"),
        ]
        for (line, words, reply) in cases {
            let bash = Process()
            bash.executableURL = URL(fileURLWithPath: "/bin/bash")
            bash.arguments = ["--norc", "-c", complete, "bash", HeddleBinary.path, line] + words
            bash.environment = central.environment.merging(["HEDDLE": HeddleBinary.path, "PATH": "/usr/bin:/bin"]) {
                $1
            }
            let output = Pipe()
            bash.standardOutput = output
            try bash.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            bash.waitUntilExit()
            #expect(text == reply + "\n", "\(line)")
        }
        #expect(central.daemon.stop() == 0)
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func `completion prints a script for each shell`(shell: String) throws {
        let outcome = try HeddleBinary.run(["completion", shell])
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("describe"))
        #expect(outcome.output.contains("heddle"))
    }
}
