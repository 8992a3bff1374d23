import JSON
import Testing

@testable import Client

@Suite struct MigrationTests {
    private static func migration(_ state: String) -> Reply {
        let body: JSONValue = [
            "port": "vm1", "source": "hv1", "target": "hv2", "strategy": ["rarp"], "state": .string(state), "up": true,
        ]
        return Reply(status: 200, revision: 7, epoch: "0000000000000abc", body: body)
    }

    /// A central at which a move is in each of these states, one after the other; the last one stays.
    private func caller(_ states: [String]) -> ScriptedCaller {
        var left = states[...]
        return ScriptedCaller { call throws(ClientError) in
            if call.method == .post { return Reply(status: 200, body: ["status": ["chassis": "hv2"]]) }
            if call.path.hasPrefix("/v1/changes") { return Reply(status: 410) }
            let state = left.first ?? ""
            if left.count > 1 { left.removeFirst() }
            return Self.migration(state)
        }
    }

    @Test func `A move begins, and its progress is a line`() throws {
        let caller = caller(["ready"])
        let session = MigrationSession(caller: caller)
        let line = try session.begin("vm1", to: "hv2", strategy: ["rarp", "na"])
        #expect(line == "vm1: from hv1 to hv2, ready: the guest can be started at hv2\n")
        #expect(caller.lines == ["POST /v1/ports/vm1/migration", "GET /v1/ports/vm1/migration"])
        #expect(caller.calls[0].body == ["target": "hv2", "strategy": ["rarp", "na"]])
        #expect(try session.abort("vm1") == "vm1: called off, at hv2\n")
        #expect(caller.lines.last == "POST /v1/ports/vm1/migration/abort")
    }

    @Test func `Whoever waits is told each state once, and the move is completed at its end`() throws {
        let caller = caller(["waiting", "waiting", "preparing", "ready", "moved"])
        var lines: [String] = []
        let end = try MigrationSession(caller: caller).wait(
            for: "vm1",
            until: Deadline(seconds: nil) { .zero }
        ) { lines.append($0) }
        #expect(end == "vm1: at hv2\n")
        let stories = [
            "waiting for hv2 to plug it in", "hv2 prepares its tables", "ready: the guest can be started at hv2",
        ]
        #expect(lines == stories.map { "vm1: from hv1 to hv2, \($0)\n" })
        #expect(caller.lines.last == "POST /v1/ports/vm1/migration/complete")
        let parked = "GET /v1/changes?since=7&epoch=0000000000000abc&kinds=logical_switch_port&wait=20"
        #expect(caller.lines[1] == parked)
    }

    @Test func `The wait ends at the deadline, and the move goes on`() {
        let caller = caller(["waiting"])
        let error = #expect(throws: ClientError.self) {
            try MigrationSession(caller: caller).wait(for: "vm1", until: Deadline(seconds: 0) { .zero }) { _ in }
        }
        #expect(error?.message.contains("waiting for hv2") == true)
        #expect(caller.lines == ["GET /v1/ports/vm1/migration"])
    }
}
