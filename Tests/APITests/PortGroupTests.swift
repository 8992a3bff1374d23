import JSON
import NetworkModel
import Testing

@testable import API

/// Port groups: ports of any switches, which leave them when they go.
@Suite struct PortGroupTests {
    private let bench: APIBench

    init() throws {
        bench = try APIBench()
        for home in ["ls1", "ls2"] { bench.send("PUT", "/v1/switches/\(home)", [:]) }
        for (port, home) in [("p1", "ls1"), ("p2", "ls1"), ("q1", "ls2")] {
            bench.send("PUT", "/v1/ports/\(port)", ["switch": .string(home)])
        }
        bench.send("PUT", "/v1/port-groups/web", ["ports": ["q1", "p1"]])
    }

    private func ports(_ group: String) -> JSONValue? { bench.send("GET", "/v1/port-groups/\(group)").json["ports"] }

    private func problem(_ answer: APIBench.Response) -> String {
        func text(_ name: String) -> String { answer.json[name]?.stringValue ?? "" }
        return "\(answer.status) \(text("code")) \(text("pointer")): \(text("detail"))"
    }

    @Test func `It has ports of any switch, by name or UUID, in the user's order`() {
        #expect(ports("web") == ["q1", "p1"])
        let id = bench.send("GET", "/v1/ports/p2").json["id"] ?? .null
        let patched = bench.send("PATCH", "/v1/port-groups/web", ["ports": [id, "p1"], "labels": ["app": "web"]])
        #expect(patched.json["ports"] == ["p2", "p1"] && patched.json["labels"] == ["app": "web"])
        #expect(bench.send("PATCH", "/v1/port-groups/web", ["ports": .null]).json["ports"] == [])
        #expect(bench.send("POST", "/v1/port-groups", ["name": "empty"]).json["ports"] == [])
        #expect(bench.send("DELETE", "/v1/port-groups/web").status == 204)
        #expect(bench.send("GET", "/v1/ports/p1").status == 200)
    }

    @Test func `A port that is not there, or twice, and too many are refused`() {
        #expect(
            problem(bench.send("PUT", "/v1/port-groups/db", ["ports": ["p1", "p9"]]))
                == #"422 reference_not_found /ports/1: There is no port "p9"; create it first."#
        )
        #expect(
            problem(bench.send("PUT", "/v1/port-groups/db", ["ports": ["p1", "p1"]]))
                == #"422 invalid_value /ports/1: The port "p1" appears twice in "ports"."#
        )
        let many = Array(repeating: JSONValue.string("p1"), count: PortGroup.portCountMaximum + 1)
        #expect(
            problem(bench.send("PUT", "/v1/port-groups/db", ["ports": .array(many)]))
                == #"422 limit_exceeded /ports: "ports" has at most 4096 elements."#
        )
        #expect(bench.send("GET", "/v1/port-groups/db").status == 404)
    }

    @Test func `A port that goes leaves its groups in the same commit, alone or with its switch`() {
        bench.send("PUT", "/v1/port-groups/all", ["ports": ["p1", "p2", "q1"]])
        let before = bench.network.revision
        #expect(bench.send("DELETE", "/v1/ports/p1").status == 204)
        #expect(bench.network.revision == before + 1)
        #expect(ports("web") == ["q1"] && ports("all") == ["p2", "q1"])
        let changes = bench.send("GET", "/v1/changes?since=\(before)&kinds=port_group").json["changes"]?.arrayValue
        #expect(changes?.compactMap { $0["name"]?.stringValue }.sorted() == ["all", "web"])
        // A user's change is what `config_revision` tells, and what `If-Match` still takes.
        let group = bench.send("GET", "/v1/port-groups/all").json
        #expect(group["config_revision"]?.integerValue == Int64(before))
        #expect(group["revision"]?.integerValue == Int64(before) + 1)
        #expect(bench.send("DELETE", "/v1/switches/ls1").status == 204)
        #expect(ports("all") == ["q1"])
        // Another port of the same name is another port.
        bench.send("PUT", "/v1/switches/ls1", [:])
        bench.send("PUT", "/v1/ports/p2", ["switch": "ls1"])
        #expect(ports("all") == ["q1"])
        let again: JSONValue = [
            "ops": [
                ["op": "delete", "path": "/v1/ports/q1"],
                ["op": "create", "path": "/v1/ports", "body": ["name": "q1", "switch": "ls2"]],
                ["op": "patch", "path": "/v1/port-groups/web", "body": ["ports": ["q1"]]],
            ]
        ]
        #expect(bench.send("POST", "/v1/transactions", again).status == 200)
        #expect(ports("all") == [] && ports("web") == ["q1"])
    }

    @Test func `A topology has its groups, and prunes ports out of groups of others`() {
        let topology: JSONValue = [
            "switches": [["name": "t"]], "ports": [["name": "t1", "switch": "t"], ["name": "t2", "switch": "t"]],
            "port_groups": [["name": "mine", "ports": ["t2", "p1"]]],
        ]
        #expect(bench.send("PUT", "/v1/topologies/me", topology).status == 200)
        bench.send("PUT", "/v1/port-groups/web", ["ports": ["t1", "t2"]])
        let read = bench.send("GET", "/v1/topologies/me").json
        #expect(read["port_groups"] == [["name": "mine", "ports": ["t2", "p1"], "labels": [:]]])
        let rest: JSONValue = ["switches": [["name": "t"]], "ports": [["name": "t1", "switch": "t"]]]
        let pruned = bench.send("PUT", "/v1/topologies/me?prune=true", rest)
        let steps = (pruned.json["plan"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
        #expect(steps.sorted() == ["mine", "t2"])
        #expect(ports("web") == ["t1"] && bench.send("GET", "/v1/port-groups/mine").status == 404)
    }

    @Test func `A restart brings it back`() throws {
        bench.send("DELETE", "/v1/ports/p1")
        let before = bench.send("GET", "/v1/port-groups").text
        try bench.restart()
        #expect(bench.send("GET", "/v1/port-groups").text == before && ports("web") == ["q1"])
        bench.send("DELETE", "/v1/ports/q1")
        try bench.restart()
        #expect(ports("web") == [])
    }
}
