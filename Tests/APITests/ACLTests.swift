import JSON
import NetworkModel
import Southbound
import Testing

@testable import API

/// ACLs: what may be said, what keeps what they name, and what hosts are told.
@Suite struct ACLTests {
    private let bench: APIBench

    init() throws {
        bench = try APIBench()
        for home in ["ls1", "ls2"] { bench.send("PUT", "/v1/switches/\(home)", [:]) }
        for (number, (port, home)) in [("p1", "ls1"), ("p2", "ls1"), ("q1", "ls2")].enumerated() {
            let addresses: JSONValue = [.string("02:00:00:00:00:0\(number) 10.0.0.\(number + 1) fd00::\(number + 1)")]
            bench.send("PUT", "/v1/ports/\(port)", ["switch": .string(home), "addresses": addresses])
        }
        bench.send("PUT", "/v1/port-groups/web", ["ports": ["p1", "q1"]])
        bench.send("PUT", "/v1/address-sets/office", ["addresses": ["192.0.2.0/24"]])
    }

    private static let deny: JSONValue = [
        "switch": "ls1", "direction": "to-lport", "priority": 1000, "match": "outport == \"p1\" && ip4",
        "action": "drop",
    ]

    private func problem(_ answer: APIBench.Response) -> String {
        func text(_ name: String) -> String { answer.json[name]?.stringValue ?? "" }
        return "\(answer.status) \(text("code")) \(text("pointer")): \(text("detail"))"
    }

    private func refusal(_ change: JSONValue) -> String {
        problem(bench.send("PUT", "/v1/acls/a", Self.deny.merged(with: change)))
    }

    private func filter(_ home: String) -> JSONValue? {
        bench.send("GET", "/v1/southbound/datapath-bindings").json["items"]?.arrayValue?.first {
            $0["name"] == .string(home)
        }?["filter"]
    }

    @Test func `It is made, read, patched and deleted, of a switch or of a port group`() {
        let made = bench.send("PUT", "/v1/acls/a", Self.deny)
        #expect(made.status == 201 && made.json["tier"] == 0 && made.json["switch"] == "ls1")
        #expect(made.json["port_group"] == nil && made.json["match"] == "outport == \"p1\" && ip4")
        let moved = bench.send("PATCH", "/v1/acls/a", ["switch": .null, "port_group": "web", "tier": 2])
        #expect(moved.json["switch"] == nil && moved.json["port_group"] == "web" && moved.json["tier"] == 2)
        #expect(bench.send("PATCH", "/v1/acls/a", ["tier": .null]).json["tier"] == 0)
        let logged = bench.send("PATCH", "/v1/acls/a", ["log": true, "severity": "alert"])
        #expect(logged.json["log"] == true && logged.json["severity"] == "alert")
        #expect(filter("ls1")?["acls"]?.arrayValue?.first?["log"] == "alert")
        let silent = bench.send("PATCH", "/v1/acls/a", ["log": .null, "severity": .null])
        #expect(silent.json["log"] == nil && silent.json["severity"] == nil)
        #expect(filter("ls1")?["acls"]?.arrayValue?.first?["log"] == nil)
        #expect(bench.send("DELETE", "/v1/acls/a").status == 204)
    }

    @Test func `What cannot be is refused with the member and the remedy`() {
        #expect(refusal(["port_group": "web"]).hasPrefix("422 invalid_value /switch: An ACL is of either"))
        #expect(refusal(["switch": .null]).hasPrefix("422 missing_field /switch"))
        #expect(
            refusal(["switch": "ls9"])
                == #"422 reference_not_found /switch: There is no switch "ls9"; create it first."#
        )
        #expect(refusal(["direction": "up"]).contains("/direction: \"direction\" is one of from-lport, to-lport"))
        #expect(refusal(["priority": 32768]).contains("/priority: \"priority\" is a whole number from 0 to 32767"))
        #expect(refusal(["severity": "loud"]).contains("/severity: \"severity\" is one of alert, warning, notice"))
        #expect(refusal(["log": "yes"]).contains("/log"))
        #expect(refusal(["tier": 4]).contains("/tier"))
        #expect(refusal(["action": "refuse"]).contains("/action: \"action\" is one of allow, allow-related"))
        #expect(refusal(["match": "ip4 &&"]).contains("/match: \"match\" at byte 7, the end: expected a field"))
        #expect(refusal(["match": "inport == @db"]).contains("no port group \"db\", which \"match\" names"))
        #expect(refusal(["match": "ip4.src == $db_ip4"]).contains("no address set \"db_ip4\""))
        #expect(refusal(["match": "inport == \"p9\""]).contains("no port \"p9\""))
        #expect(refusal(["match": "nd.target == fe80::1"]).contains("422 unsupported /match"))
        #expect(refusal(["direction": "from-lport"]).contains("/match: \"outport\" is not known yet"))
        for member in ["direction", "priority", "match", "action"] {
            #expect(refusal(.object(JSONObject(distinct: [(member, .null)]))).contains("\(member)"))
        }
        #expect(bench.send("GET", "/v1/acls").json["items"] == [])
    }

    @Test func `What an ACL is of or names cannot go`() {
        bench.send("PUT", "/v1/acls/a", Self.deny.merged(with: ["match": "ip4.src == $office && outport == @web"]))
        #expect(
            problem(bench.send("DELETE", "/v1/address-sets/office"))
                == "409 object_in_use : The address set \"office\" is in use by the match of the ACL \"a\"; take it "
                + "out there first."
        )
        #expect(problem(bench.send("DELETE", "/v1/port-groups/web")).hasPrefix("409 object_in_use"))
        #expect(problem(bench.send("DELETE", "/v1/switches/ls1")).hasPrefix("409 object_in_use"))
        #expect(bench.send("DELETE", "/v1/ports/p1").status == 204)
        bench.send("PATCH", "/v1/acls/a", ["match": "ip4.src == $web_ip4"])
        #expect(bench.send("DELETE", "/v1/address-sets/office").status == 204)
        #expect(problem(bench.send("DELETE", "/v1/port-groups/web")).hasPrefix("409 object_in_use"))
        bench.send("DELETE", "/v1/acls/a")
        #expect(bench.send("DELETE", "/v1/port-groups/web").status == 204)
        #expect(bench.send("DELETE", "/v1/switches/ls1").status == 204)
    }

    @Test func `Hosts are told the ACLs in order, with what the names in them mean`() {
        func put(_ name: String, _ change: JSONValue) {
            let answer = bench.send("PUT", "/v1/acls/\(name)", Self.deny.merged(with: change))
            #expect(answer.status == 201)
        }
        put("z", ["priority": 5, "action": "allow"])
        put("y", ["priority": 5])
        put("x", ["priority": 7, "action": "allow"])
        put("w", ["priority": 9, "tier": 1])
        put("v", ["switch": .null, "port_group": "web", "priority": 6, "match": "ip4.src == {$office, $web_ip4}"])
        func names(_ home: String) -> [String] {
            (filter(home)?["acls"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
        }
        #expect(names("ls1") == ["x", "v", "y", "z", "w"] && names("ls2") == ["v"])
        #expect(filter("ls1")?["ports"] == ["p1": 1])
        #expect(filter("ls2")?["address_sets"] == ["office": ["192.0.2.0/24"], "web_ip4": ["10.0.0.1", "10.0.0.3"]])
        bench.send("PATCH", "/v1/address-sets/office", ["addresses": ["198.51.100.1"]])
        #expect(filter("ls2")?["address_sets"]?["office"] == ["198.51.100.1"])
        bench.send("PATCH", "/v1/ports/p1", ["addresses": ["02:00:00:00:00:00 10.0.0.9"]])
        #expect(filter("ls2")?["address_sets"]?["web_ip4"] == ["10.0.0.3", "10.0.0.9"])
        bench.send("DELETE", "/v1/ports/p1")
        #expect(filter("ls1")?["ports"] == nil && names("ls1") == ["x", "y", "z", "w"])
        #expect(filter("ls2")?["address_sets"]?["web_ip4"] == ["10.0.0.3"])
        bench.send("PATCH", "/v1/port-groups/web", ["ports": ["p2"]])
        #expect(filter("ls2") == nil && names("ls1") == ["x", "v", "y", "z", "w"])
        #expect(bench.network.translationDifference().isEmpty)
        for name in ["v", "w", "x", "y", "z"] { bench.send("DELETE", "/v1/acls/\(name)") }
        #expect(filter("ls1") == nil && bench.network.translationDifference().isEmpty)
    }

    @Test func `A topology makes and prunes it with what it names`() {
        let topology: JSONValue = [
            "switches": [["name": "t"]], "ports": [["name": "t1", "switch": "t"]],
            "port_groups": [["name": "tg", "ports": ["t1"]]],
            "address_sets": [["name": "ts", "addresses": ["10.0.0.1"]]],
            "acls": [
                [
                    "name": "ta", "port_group": "tg", "direction": "to-lport", "priority": 1,
                    "match": "outport == @tg && ip4.src == $ts", "action": "allow",
                ]
            ],
        ]
        #expect(bench.send("PUT", "/v1/topologies/me", topology).status == 200)
        #expect(filter("t")?["port_groups"] == ["tg": [1]])
        let read = bench.send("GET", "/v1/topologies/me").json
        #expect(bench.send("PUT", "/v1/topologies/me?prune=true", read).json["unchanged"] == 5)
        #expect(bench.send("PUT", "/v1/topologies/me?prune=true", [:]).status == 200)
        #expect(bench.send("GET", "/v1/acls").json["items"] == [])
    }

    @Test func `The tests of all ACLs on a switch have a bound`() {
        let members = (0..<2000).map { "10.1.\($0 >> 8).\($0 & 255)" }.joined(separator: ", ")
        let change: JSONValue = ["match": .string("ip4.src == {\(members.prefix(16_000))")]
        #expect(refusal(change).hasPrefix("422 invalid_value /match"))
        let some = (0..<1000).map { "10.1.\($0 >> 8).\($0 & 255)" }.joined(separator: ", ")
        var answers: [Int] = []
        for number in 0..<34 {
            let body = Self.deny.merged(with: ["match": .string("ip4.src == {\(some)}")])
            answers.append(bench.send("PUT", "/v1/acls/a\(number)", body).status)
        }
        #expect(answers.first == 201 && answers.last == 422)
    }

    @Test func `A restart brings it back`() throws {
        bench.send("PUT", "/v1/acls/a", Self.deny)
        bench.send("PUT", "/v1/acls/b", Self.deny.merged(with: ["switch": .null, "port_group": "web", "match": "ip"]))
        let before = bench.send("GET", "/v1/acls").text
        try bench.restart()
        #expect(bench.send("GET", "/v1/acls").text == before)
        #expect(bench.network.translationDifference().isEmpty)
        bench.send("DELETE", "/v1/acls/a")
        #expect(bench.network.translationDifference().isEmpty && filter("ls1")?["acls"]?.arrayValue?.count == 1)
    }
}
