import JSON
import Testing

@testable import Client

@Suite struct NbSessionTests {
    /// The output, warnings and failure of a run.
    private struct Outcome: Equatable {
        var output = ""
        var warnings: [String] = []
        var error: ClientError?
    }

    /// A clock that tests turn by hand.
    private final class ManualClock: @unchecked Sendable {
        var now = Duration.seconds(100)
    }

    private let clock = ManualClock()

    private func run(_ words: String, _ caller: ScriptedCaller) throws -> Outcome {
        let clock = clock
        var outcome = Outcome()
        guard case .run(let line) = try NbCommand.grammar.parse(words.split(separator: " ").map(String.init)) else {
            return outcome
        }
        var output = ""
        var warnings: [String] = []
        let session = NbSession(line, caller: caller, clock: { clock.now }, output: { output += $0 }) {
            warnings.append($0)
        }
        do throws(ClientError) { try session.run() } catch { outcome.error = error }
        outcome.output = output
        outcome.warnings = warnings
        return outcome
    }

    private static let missing = Reply.problem(404, "not_found", "There is none.")
    private static let ls1 = Reply(
        status: 200,
        revision: 7,
        body: ["id": "aaaaaaaa-0000-4000-8000-000000000001", "name": "ls1", "revision": 5]
    )

    @Test func `A chain reads what it names, then is one transaction`() throws {
        let caller = ScriptedCaller { call in
            if call.method == .post { return Reply(status: 200, body: ["revision": 8, "results": []]) }
            return call.path == "/v1/switches/ls1" ? Self.ls1 : Self.missing
        }
        let outcome = try run("--may-exist ls-add ls1 -- lsp-add ls1 p1 -- lsp-set-addresses p1 unknown", caller)
        #expect(outcome == Outcome())
        #expect(caller.lines == ["GET /v1/switches/ls1", "GET /v1/ports/p1", "POST /v1/transactions"])
        #expect(
            caller.calls.last?.body == [
                "require": [["path": "/v1/switches/ls1", "etag": "\"5\""]],
                "ops": [
                    ["op": "create", "path": "/v1/switches/ls1/ports", "body": ["name": "p1"]],
                    ["op": "patch", "path": "/v1/ports/p1", "body": ["addresses": ["unknown"]]],
                ],
            ]
        )
    }

    @Test func `What others did between reading and commit is read again`() throws {
        var isThere = false
        let caller = ScriptedCaller { call in
            if call.method == .get { return isThere ? Self.ls1 : Self.missing }
            isThere = true
            return .problem(409, "name_conflict", "ls1 is there already.", pointer: "/ops/0/body/name")
        }
        #expect(try run("--may-exist ls-add ls1", caller) == Outcome())
        #expect(caller.lines == ["GET /v1/switches/ls1", "POST /v1/transactions", "GET /v1/switches/ls1"])

        isThere = false
        let outcome = try run("ls-add ls1", caller)
        #expect(outcome.error == .refused("ls1: a switch with this name already exists"))
    }

    @Test func `A race that is lost again and again ends with the server's own words`() throws {
        let caller = ScriptedCaller { call in
            call.method == .get ? Self.missing : .problem(412, "precondition_failed", "It changed.")
        }
        let outcome = try run("ls-add ls1", caller)
        #expect(outcome.error?.message == "It changed")
        #expect(caller.calls.count == 2 * NbSession.attemptMaximum)
    }

    @Test func `A refusal is not tried again, and names the command of a chain that it is about`() throws {
        let caller = ScriptedCaller { call in
            if call.method == .get { return call.path.hasPrefix("/v1/switches") ? Self.ls1 : Self.missing }
            return .problem(409, "mac_conflict", "The MAC is taken.", pointer: "/ops/1/body/addresses/0")
        }
        let outcome = try run("lsp-add ls1 p1 -- lsp-set-addresses p1 02:00:00:00:00:01", caller)
        #expect(outcome.error?.message == "lsp-set-addresses p1 02:00:00:00:00:01: The MAC is taken")
        #expect(outcome.error?.exitStatus == .refused)
        #expect(caller.calls.count(where: { $0.method == .post }) == 1)
    }

    @Test func `Lists are read page by page`() throws {
        let caller = ScriptedCaller { call in
            let isFirst = !call.path.contains("page_token")
            return Reply(
                status: 200,
                body: [
                    "items": [["id": .string(isFirst ? "2" : "1"), "name": .string(isFirst ? "b" : "a")]],
                    "next_page_token": isFirst ? "b/+" : .null,
                ]
            )
        }
        #expect(try run("ls-list", caller).output == "1 (a)\n2 (b)\n")
        #expect(
            caller.lines == ["GET /v1/switches?limit=5000", "GET /v1/switches?limit=5000&page_token=b%2F%2B"]
        )
    }

    @Test func `What is printed before the first change shows the network before it, the rest behind it`() throws {
        var isCommitted = false
        let caller = ScriptedCaller { call in
            if call.method == .post {
                isCommitted = true
                return Reply(status: 200, body: ["revision": 8])
            }
            return Reply(status: 200, body: ["name": "p1", "revision": 3, "enabled": .bool(!isCommitted)])
        }
        let outcome = try run("lsp-get-enabled p1 -- lsp-set-enabled p1 disabled -- lsp-get-enabled p1", caller)
        #expect(outcome.output == "enabled\ndisabled\n")
    }

    @Test func `sync without --wait says that it does nothing`() throws {
        let caller = ScriptedCaller { _ in Reply(status: 200, revision: 9, body: ["items": []]) }
        let outcome = try run("sync", caller)
        #expect(outcome.error == nil)
        #expect(outcome.warnings == ["\"sync\" command has no effect without --wait=sb or --wait=hv"])
    }

    @Test func `--wait=hv asks until every chassis has it`() throws {
        var polls = 0
        let caller = ScriptedCaller { call in
            guard call.path.hasPrefix("/v1/realization") else { return Reply(status: 200, revision: 9) }
            polls += 1
            return Reply(status: polls == 1 ? 202 : 200, body: ["pending": polls == 1 ? ["hv2"] : []])
        }
        #expect(try run("--wait=hv sync", caller) == Outcome())
        #expect(caller.lines.dropFirst() == Array(repeating: "GET /v1/realization?revision=9&wait=20", count: 2)[...])
    }

    @Test func `--wait=hv that runs out of time names who is missing and ends with 3`() throws {
        let caller = ScriptedCaller { [clock] call in
            guard call.path.hasPrefix("/v1/realization") else { return Reply(status: 200, revision: 9) }
            clock.now += .seconds(3)
            return Reply(status: 202, body: ["pending": ["hv2", "hv3"]])
        }
        let outcome = try run("--wait=hv --timeout=5 sync", caller)
        #expect(outcome.error?.exitStatus == .timedOut)
        #expect(outcome.error?.message.contains("hv2, hv3") == true)
        #expect(
            caller.lines.suffix(2) == [
                "GET /v1/realization?revision=9&wait=5", "GET /v1/realization?revision=9&wait=2",
            ]
        )
    }

    @Test func `Chassis that are not waited for are named`() throws {
        let caller = ScriptedCaller { call in
            guard call.path.hasPrefix("/v1/realization") else { return Reply(status: 200, revision: 9) }
            return Reply(
                status: 200,
                body: ["state": "complete", "pending": [], "excluded": [["chassis": "hv3", "reason": "dead"]]]
            )
        }
        let outcome = try run("--wait=hv sync", caller)
        #expect(outcome.error == nil)
        #expect(outcome.warnings == ["not waited for, as central does not hear from them: hv3"])
    }

    @Test func `--print-wait-time tells how long commit and chassis took`() throws {
        let caller = ScriptedCaller { [clock] call in
            clock.now += .milliseconds(2)
            guard call.path.hasPrefix("/v1/realization") else { return Reply(status: 200, revision: 9) }
            return Reply(status: 200, body: ["pending": []])
        }
        let outcome = try run("--wait=hv --print-wait-time sync", caller)
        #expect(
            outcome.output == """
                Time spent on processing revision 9:
                \tcommit, northbound and southbound:\t2ms
                \tchassis completion:\t\t\t4ms

                """
        )
    }

    @Test func `A server that is silent until --timeout ends the command with 3`() throws {
        let caller = ScriptedCaller { [clock] call throws(ClientError) in
            #expect(call.timeout == .seconds(4))
            clock.now += call.timeout
            throw .unreachable(.central(url: "u"), reason: "no answer", mayHaveActed: false)
        }
        #expect(try run("--timeout=4 show", caller).error?.exitStatus == .timedOut)
    }
}
