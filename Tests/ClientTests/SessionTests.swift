import HTTP
import HTTPTypes
import JSON
import Testing

@testable import Client

@Suite struct SessionTests {
    @Test func `port add sends only what the user said`() throws {
        let caller = ScriptedCaller { _ in Reply(status: 200, body: ["name": "vm1", "state": "up", "detail": ""]) }
        let session = PortSession(caller: caller)
        #expect(try session.add("vm1", to: "ls1-vm1") == "vm1: up\n")
        _ = try session.add(
            "vm1",
            to: "ls1-vm1",
            interface: "eth0",
            netns: "vm1",
            mac: "02:00:00:00:00:01",
            addresses: ["10.0.0.1/24", "fd00::1/64"],
            mtu: 1400
        )
        #expect(caller.lines == ["PUT /v1/ports/vm1", "PUT /v1/ports/vm1"])
        #expect(caller.calls[0].body == ["logical_port": "ls1-vm1"])
        #expect(
            caller.calls[1].body == [
                "logical_port": "ls1-vm1", "interface": "eth0", "netns": "vm1", "mac": "02:00:00:00:00:01",
                "addresses": ["10.0.0.1/24", "fd00::1/64"], "mtu": 1400,
            ]
        )
    }

    @Test func `A pending port is no error, a failed one is`() throws {
        var state = "pending"
        let caller = ScriptedCaller { _ in
            Reply(status: 200, body: ["name": "vm1", "state": .string(state), "detail": "why"])
        }
        let session = PortSession(caller: caller)
        #expect(try session.add("vm1", to: "ls1-vm1") == "vm1: pending: why\n")
        state = "failed"
        #expect(throws: ClientError.refused("vm1: failed: why")) { try session.add("vm1", to: "ls1-vm1") }
    }

    @Test func `port del of a port that is not there fails unless --if-exists`() throws {
        let session = PortSession(caller: ScriptedCaller { _ in .problem(404, "not_found", "none") })
        #expect(throws: ClientError.self) { try session.delete("vm1", ifExists: false) }
        try session.delete("vm1", ifExists: true)
        let present = PortSession(caller: ScriptedCaller { _ in Reply(status: 204) })
        try present.delete("vm1", ifExists: false)
    }

    @Test func `port list asks for counters only where they are shown`() throws {
        let caller = ScriptedCaller { _ in Reply(status: 200, body: ["ports": []]) }
        #expect(try PortSession(caller: caller).list(withStatistics: false).hasPrefix("NAME"))
        #expect(try PortSession(caller: caller).list(withStatistics: true).contains("DROPS"))
        #expect(caller.lines == ["GET /v1/ports", "GET /v1/ports?stats=true"])
    }

    @Test func `port list is also for programs`() throws {
        let answer: JSONValue = ["ports": [["name": "b", "state": "up"], ["name": "a", "state": "pending"]]]
        let session = PortSession(caller: ScriptedCaller { _ in Reply(status: 200, body: answer) })
        #expect(try JSONParser.parse(Array(session.list(withStatistics: true, as: .json).utf8)) == answer)
        #expect(try session.list(withStatistics: false, as: .yaml).hasPrefix("ports:\n"))
        #expect(try session.list(withStatistics: false, as: .name) == "port/a\nport/b\n")
    }

    private func sb(_ words: [String], _ caller: ScriptedCaller) throws -> String {
        var output = ""
        guard case .run(let line) = try SbCommand.grammar.parse(words) else { return "" }
        try SbSession(line, caller: caller, clock: { .zero }, output: { output += $0 }).run()
        return output
    }

    @Test func `chassis-del speaks OVN's words where there is no such chassis`() throws {
        let caller = ScriptedCaller { _ in .problem(404, "not_found", "none") }
        #expect(throws: ClientError.refused("no chassis named hv1")) { try sb(["chassis-del", "hv1"], caller) }
        #expect(try sb(["--if-exists", "chassis-del", "hv1"], caller).isEmpty)
        let busy = ScriptedCaller { _ in .problem(503, "storage_full", "The log is full.") }
        #expect(throws: ClientError.self) { try sb(["--if-exists", "chassis-del", "hv1"], busy) }
    }

    @Test func `sb show reads chassis and bindings`() throws {
        let caller = ScriptedCaller { call in
            let items: JSONValue =
                call.path.hasPrefix("/v1/chassis")
                ? [["name": "hv1", "encaps": []]]
                : [["logical_port": "p1", "locations": [["chassis": "hv1"]]]]
            return Reply(status: 200, body: ["items": items, "next_page_token": .null])
        }
        #expect(try sb(["show"], caller) == "Chassis hv1\n    Port_Binding p1\n")
    }

    @Test func `Problem documents become a sentence, other answers a status`() {
        let problem = Problem(
            status: 422,
            body: ["code": "invalid_value", "detail": "No.", "errors": [["pointer": "/ops/12/body/x"]]]
        )
        #expect(problem.sentence == "No (field x)")
        #expect(problem.operationIndex == 12)
        #expect(Problem(status: 422, body: ["pointer": "/addresses/0"]).operationIndex == nil)
        #expect(Problem(status: 502, body: nil).sentence.contains("502"))
        #expect(Problem(status: 500, body: ["title": "Broken"]).sentence == "Broken")
    }

    @Test(arguments: [
        ("/addresses/0", "Bad. (field addresses[0])"), ("/ops/3/body/labels/a", "Bad. (field labels.a)"),
        ("/ops/3", "Bad."), ("/ports/7/port_security/1", "Bad. (field port_security[1])"), ("/ports/7", "Bad."),
        ("", "Bad."), ("/Bad", "Bad."), ("/switches", "Bad. (field switches)"),
    ])
    func `A sentence names the field at fault, unless it does already`(pointer: String, sentence: String) {
        let problem = Problem(422, code: "invalid_value", detail: "Bad..", pointer: pointer)
        #expect(problem.sentence == sentence)
    }

    @Test func `The environment names the servers`() {
        let environment = ["HEDDLE_NB": "http://[fd00::2]:6641", "HEDDLE_AGENT_SOCKET": "/s", "HEDDLE_TOKEN": "t"]
        #expect(Server.central(from: { environment[$0] }) == .central(url: "http://[fd00::2]:6641"))
        #expect(Server.agent(from: { environment[$0] }) == .agent(socket: "/s"))
        #expect(Server.token(from: { environment[$0] }) == "t")
        #expect(Server.agent(from: { _ in nil }) == .agent(socket: Server.defaultAgentSocket))
        #expect(Server.central(from: { _ in nil }) == .central(url: Server.defaultNorthbound))
    }

    @Test func `Every failure says what to do and has its exit status`() {
        let server = Server.central(url: "http://127.0.0.1:6641")
        let down = ClientError.unreachable(server, reason: "Connection refused", mayHaveActed: false)
        #expect(
            down.message == "cannot reach central at http://127.0.0.1:6641: Connection refused; "
                + "start it with 'heddle central' or set HEDDLE_NB"
        )
        #expect(down.exitStatus == .refused)
        #expect(ClientError.unreachable(server, reason: "r", mayHaveActed: true).message.contains("may have been made"))
        #expect(ClientError.badAnswer(.agent(socket: "/s"), "x").message.contains("HEDDLE_AGENT_SOCKET"))
        #expect(ClientError.usage("u").exitStatus == .usage)
        #expect(ClientError.timedOut("t").exitStatus == .timedOut)
    }

    @Test func `Names are encoded where a path does not take them as they are`() {
        #expect(percentEncoded("a.b_c:d@e-f~9Z") == "a.b_c:d@e-f~9Z")
        #expect(percentEncoded("a/b ?ü%") == "a%2Fb%20%3F%C3%BC%25")
    }
}
