import JSON
import NetworkModel
import Testing

@testable import API

/// Topologies: an owner's objects as one document.
@Suite struct TopologyTests {
    private let bench: APIBench

    init() throws { bench = try APIBench() }

    private static let web: JSONValue = [
        "switches": [["name": "web", "labels": ["tier": "front"]]],
        "ports": [
            ["name": "web-1", "switch": "web", "addresses": ["02:00:00:00:00:01 10.0.0.1"]],
            ["name": "web-2", "switch": "web", "addresses": ["02:00:00:00:00:02 10.0.0.2"]],
        ],
    ]

    private func put(_ body: JSONValue, _ query: String = "", owner: String = "me") -> APIBench.Response {
        bench.send("PUT", "/v1/topologies/\(owner)?\(query)", body)
    }

    private func steps(_ answer: APIBench.Response) -> [String] {
        (answer.json["plan"]?.arrayValue ?? []).map { step in
            let changes = step["changes"]?.arrayValue ?? []
            return "\(step["op"]?.stringValue ?? "") \(step["name"]?.stringValue ?? "")"
                + changes.map { " \($0["field"]?.stringValue ?? ""):\($0["from"]?.text ?? "")>\($0["to"]?.text ?? "")" }
                .joined()
        }
    }

    @Test func `A topology is one commit, its objects say whose they are, and the same again changes nothing`() {
        let first = put(Self.web)
        #expect(first.status == 200 && first.json["revision"] == 1 && first.json["unchanged"] == 0)
        #expect(steps(first) == ["create web", "create web-1", "create web-2"])
        #expect(bench.send("GET", "/v1/ports/web-1").json["owner"] == "me")
        #expect(bench.send("GET", "/v1/southbound/port-bindings").json["items"]?.arrayValue?.count == 2)
        let again = put(Self.web)
        #expect(steps(again) == [] && again.json["unchanged"] == 3 && again.json["revision"] == 1)
        #expect(bench.network.revision == 1)
        let list = bench.send("GET", "/v1/topologies").json["items"]
        #expect(
            list == [
                [
                    "owner": "me", "revision": 1, "dhcp_options": 0, "dns_records": 0, "mirrors": 0, "switches": 1,
                    "ports": 2, "port_groups": 0, "address_sets": 0, "acls": 0, "qos_rules": 0,
                ]
            ]
        )
    }

    @Test func `What it reads back is the body that makes it again`() throws {
        _ = put(Self.web)
        let read = bench.send("GET", "/v1/topologies/me")
        #expect(read.status == 200 && read["ETag"] == "\"1\"")
        let again = put(read.json, "prune=true")
        #expect(steps(again) == [] && again.json["unchanged"] == 3)
        #expect(bench.send("GET", "/v1/topologies/me", fields: [("If-None-Match", "\"1\"")]).status == 304)
        #expect(bench.send("GET", "/v1/topologies/you").status == 404)
        try bench.restart()
        #expect(bench.send("GET", "/v1/topologies/me").body == read.body)
        #expect(bench.send("GET", "/v1/topologies/me")["ETag"] == "\"1\"")
    }

    @Test func `An update tells each member that changes, and prune deletes what is left out`() {
        _ = put(Self.web)
        let body: JSONValue = [
            "switches": [["name": "web", "vlan_passthru": true]],
            "ports": [["name": "web-1", "addresses": ["02:00:00:00:00:01 10.0.0.1"], "enabled": false]],
        ]
        let kept = put(body, "dry_run=true")
        #expect(
            steps(kept) == [
                #"update web labels:{"tier":"front"}>{} vlan_passthru:false>true"#,
                "update web-1 enabled:true>false",
            ]
        )
        #expect(kept.json["revision"] == 1 && bench.network.revision == 1)
        let pruned = put(body, "prune=true&if_revision=1")
        #expect(steps(pruned).contains("delete web-2") && steps(pruned).count == 3)
        #expect(pruned.json["revision"] == 2)
        #expect(bench.send("GET", "/v1/ports/web-2").status == 404)
        #expect(steps(put([:], "prune=true")) == ["delete web-1", "delete web"])
        #expect(bench.send("GET", "/v1/topologies/me").status == 404)
        #expect(bench.send("GET", "/v1/southbound/datapath-bindings").json["items"] == [])
    }

    @Test func `if_revision demands that no user has changed the topology since`() {
        #expect(put(Self.web, "if_revision=3").status == 412)
        #expect(put(Self.web, "dry_run=true").json["revision"] == 0)
        #expect(put(Self.web, "if_revision=0").status == 200)
        bench.send("POST", "/v1/switches", ["name": "other"])
        bench.send("POST", "/v1/chassis/hv1/sync", WriteOptionTests.sync(seq: 1), on: .southbound)
        #expect(put(Self.web, "if_revision=1").status == 200)
        bench.send("DELETE", "/v1/ports/web-2")
        let late = put(Self.web, "if_revision=1")
        #expect(late.status == 412 && late.json["code"] == "precondition_failed")
        #expect(put(Self.web, "if_revision=\(bench.network.revision)").status == 200)
        bench.send("PATCH", "/v1/switches/web", ["labels": ["x": "y"]])
        #expect(put(Self.web, "if_revision=\(bench.network.revision - 1)").status == 412)
    }

    @Test func `If-Match and If-None-Match demand a topology as it was read, or none`() {
        func put(_ name: String, _ value: String) -> APIBench.Response {
            bench.send("PUT", "/v1/topologies/me", Self.web, fields: [(name, value)])
        }
        #expect(put("If-Match", "*").status == 412)
        #expect(put("If-None-Match", "*").status == 200)
        #expect(put("If-None-Match", "*").status == 412)
        #expect(put("If-None-Match", "\"1\"").status == 400)
        let tag = bench.send("GET", "/v1/topologies/me")["ETag"] ?? ""
        bench.send("POST", "/v1/switches", ["name": "other"])
        #expect(put("If-Match", tag).status == 200 && put("If-Match", "*").status == 200)
        bench.send("DELETE", "/v1/ports/web-2")
        let late = put("If-Match", tag)
        #expect(late.status == 412 && late.json["code"] == "precondition_failed")
        #expect(late.json["detail"]?.stringValue?.contains("topology \"me\" has changed") == true)
        #expect(bench.send("GET", "/v1/ports/web-2").status == 404)
    }

    @Test func `Objects of others are refused, naming the owner, unless they are taken over`() {
        _ = put(Self.web, owner: "you")
        bench.send("POST", "/v1/switches", ["name": "free"])
        let body: JSONValue = ["switches": [["name": "free"], ["name": "web"]]]
        let unowned = put(body)
        #expect(unowned.status == 409 && unowned.json["code"] == "owner_conflict")
        #expect(unowned.json["pointer"] == "/switches/0/name" && unowned.json["conflicts_with"] == "/v1/switches/free")
        let owned = put(body, "adopt=unowned")
        #expect(owned.status == 409 && owned.json["detail"]?.stringValue?.contains("\"you\"") == true)
        let taken = put(body, "adopt=any")
        #expect(
            steps(taken) == [
                #"update free owner:null>"me""#, #"update web labels:{"tier":"front"}>{} owner:"you">"me""#,
            ]
        )
        #expect(put(["switches": [["name": "x"]]], "adopt=some").status == 400)
        let list = bench.send("GET", "/v1/topologies").json["items"]?.arrayValue?.map { $0["switches"] }
        #expect(list == [2, 0])
        let blocked = put(["switches": [["name": "free"]]], "prune=true")
        #expect(blocked.status == 409 && blocked.json["code"] == "switch_has_ports")
        #expect(blocked.json["conflicts_with"] == "/v1/ports/web-1")
        #expect(put([:], "prune=true", owner: "you").status == 200)
        #expect(put(["switches": [["name": "free"]]], "prune=true").status == 200)
    }

    @Test func `Ports may swap their addresses, and take those of pruned ones`() {
        _ = put(Self.web)
        func body(_ one: String, _ two: String) -> JSONValue {
            [
                "switches": [["name": "web"]],
                "ports": [
                    ["name": .string(one), "switch": "web", "addresses": ["02:00:00:00:00:02 10.0.0.2"]],
                    ["name": .string(two), "switch": "web", "addresses": ["02:00:00:00:00:01 10.0.0.1"]],
                ],
            ]
        }
        #expect(put(body("web-1", "web-2")).status == 200)
        #expect(bench.send("GET", "/v1/ports?ip=10.0.0.1").json["items"]?.arrayValue?.first?["name"] == "web-2")
        #expect(put(body("web-3", "web-4")).json["code"] == "mac_conflict")
        #expect(put(body("web-3", "web-4"), "prune=true").status == 200)
        let clash = bench.send("POST", "/v1/ports", ["name": "x", "switch": "web", "addresses": ["02:00:00:00:00:01"]])
        #expect(clash.json["conflicts_with"] == "/v1/ports/web-4")
        #expect(put(body("web-3", "web-3")).json["pointer"] == "/ports/1/name")
        let twins: JSONValue = [
            "ports": [
                ["name": "t1", "switch": "web", "addresses": ["02:00:00:00:00:09"]],
                ["name": "t2", "switch": "web", "addresses": ["02:00:00:00:00:09"]],
            ]
        ]
        #expect(put(twins).json["pointer"] == "/ports/1/addresses/0")
    }

    @Test(arguments: [
        (#"[]"#, "invalid_value", ""), (#"{"switch":[]}"#, "unknown_field", "/switch"),
        (#"{"switches":{}}"#, "invalid_value", "/switches"), (#"{"switches":[1]}"#, "invalid_value", "/switches/0"),
        (#"{"switches":[{}]}"#, "missing_field", "/switches/0/name"),
        (#"{"ports":[{"name":"p"}]}"#, "missing_field", "/ports/0/switch"),
        (#"{"ports":[{"name":"p","switch":"none"}]}"#, "reference_not_found", "/ports/0/switch"),
        (#"{"switches":[{"name":"a"},{"name":"a"}]}"#, "invalid_value", "/switches/1/name"),
        (#"{"switches":[{"name":"a","x":1}]}"#, "unknown_field", "/switches/0/x"),
        (
            #"{"switches":[{"name":"a"}],"ports":[{"name":"p","switch":"a","addresses":["z"]}]}"#, "invalid_value",
            "/ports/0/addresses/0"
        ),
    ])
    func `A document that cannot be is refused where it is wrong`(text: String, code: String, pointer: String) {
        let answer = bench.send("PUT", "/v1/topologies/me", text: text)
        #expect(answer.json["code"] == .string(code) && answer.json["pointer"] == .string(pointer), "\(answer.text)")
        #expect(bench.network.revision == 0)
    }

    @Test func `Each refused object is told, and what it is the cause of is not`() {
        _ = put(Self.web)
        let body: JSONValue = [
            "switches": [["name": "web"], ["name": "bad", "x": 1], ["name": "web"]],
            "ports": [
                // The refused object would have given up the address that the next one takes.
                ["name": "web-1", "switch": "web", "addresses": ["z"]],
                ["name": "web-2", "switch": "web", "addresses": ["02:00:00:00:00:01 10.0.0.1"]],
                ["name": "b-1", "switch": "bad"], ["name": "n-1", "switch": "none"],
                ["name": "c-1", "switch": "web", "addresses": ["02:00:00:00:00:01"]],
            ],
        ]
        let answer = put(body)
        #expect(answer.status == 400 && answer.json["code"] == "unknown_field")
        let errors = answer.json["errors"]?.arrayValue ?? []
        #expect(
            errors.map { "\($0["code"]?.stringValue ?? "") \($0["pointer"]?.stringValue ?? "")" } == [
                "unknown_field /switches/1/x", "invalid_value /switches/2/name",
                "invalid_value /ports/0/addresses/0", "reference_not_found /ports/3/switch",
                "mac_conflict /ports/4/addresses/0",
            ]
        )
        #expect(errors.last?["conflicts_with"] == "/v1/ports/web-2")
        #expect(bench.network.revision == 1)
        let ports = (1...200).map { index -> JSONValue in ["name": .string("p\(index)"), "switch": "none"] }
        let many = put(["ports": .array(ports)])
        #expect(many.json["errors"]?.arrayValue?.count == Limits.topologyRefusalCountMaximum)
        #expect(put(["ports": [ports[0]]]).json["errors"] == nil)
    }

    @Test func `10,000 objects are taken, one more is not`() {
        func topology(_ count: Int) -> JSONValue {
            let ports = (1..<count).map { index -> JSONValue in
                ["name": .string("p\(index)"), "switch": "big", "enabled": .bool(index % 2 == 0)]
            }
            return ["switches": [["name": "big"]], "ports": .array(ports)]
        }
        let most = put(topology(Limits.topologyObjectCountMaximum))
        #expect(most.status == 200 && most.json["plan"]?.arrayValue?.count == Limits.topologyObjectCountMaximum)
        let more = put(topology(Limits.topologyObjectCountMaximum + 1))
        #expect(more.status == 422 && more.json["code"] == "limit_exceeded" && more.json["pointer"] == "/ports")
        let read = bench.send("GET", "/v1/topologies/big")
        #expect(read.status == 404)
        let mine = bench.send("GET", "/v1/topologies/me")
        #expect(mine.json["ports"]?.arrayValue?.count == Limits.topologyObjectCountMaximum - 1)
        #expect(bench.send("PUT", "/v1/topologies/a%20b", [:]).status == 422)
    }
}
