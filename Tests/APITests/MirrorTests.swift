import JSON
import Testing

@testable import API

@Suite struct MirrorTests {
    private let bench: APIBench

    init() throws {
        bench = try APIBench()
        bench.send("PUT", "/v1/switches/ls1", [:])
        bench.send("PUT", "/v1/ports/p1", ["switch": "ls1"])
    }

    private func problem(_ answer: APIBench.Response) -> String {
        func text(_ name: String) -> String { answer.json[name]?.stringValue ?? "" }
        return "\(answer.status) \(text("code")) \(text("pointer"))"
    }

    @discardableResult
    private func mirror(_ changes: JSONValue = [:]) -> APIBench.Response {
        let body: JSONValue = ["type": "gre", "filter": "both", "sink": "192.0.2.9", "index": 7]
        return bench.send("PUT", "/v1/mirrors/m1", body.merged(with: changes))
    }

    @Test func `A mirror is what its port refers to, and cannot go before that`() {
        let made = mirror()
        #expect(made.status == 201 && made.json["index"] == 7 && made.json["type"] == "gre")
        #expect(bench.send("GET", "/v1/ports/p1").json["mirror_rules"] == nil)
        #expect(bench.send("PATCH", "/v1/ports/p1", ["mirror_rules": ["m1"]]).json["mirror_rules"] == ["m1"])
        #expect(problem(bench.send("DELETE", "/v1/mirrors/m1", nil)) == "409 object_in_use ")
        #expect(bench.send("PATCH", "/v1/mirrors/m1", ["filter": "to-lport"]).json["filter"] == "to-lport")
        #expect(bench.send("PATCH", "/v1/ports/p1", ["mirror_rules": []]).json["mirror_rules"] == nil)
        #expect(bench.send("DELETE", "/v1/mirrors/m1", nil).status == 204)
    }

    @Test func `What a mirror cannot be is refused with the field`() {
        #expect(problem(mirror(["type": "vxlan"])) == "422 invalid_value /type")
        #expect(problem(mirror(["filter": "out"])) == "422 invalid_value /filter")
        #expect(problem(mirror(["sink": "collector"])) == "422 invalid_value /sink")
        #expect(problem(mirror(["sink": "224.0.0.1"])) == "422 invalid_value /sink")
        #expect(problem(mirror(["type": "lport", "sink": "a b"])) == "422 invalid_value /sink")
        #expect(problem(mirror(["index": -1])) == "422 invalid_value /index")
        #expect(problem(mirror(["index": 4_294_967_296])) == "422 invalid_value /index")
        #expect(problem(mirror(["type": "erspan", "index": 1_048_576])) == "422 invalid_value /index")
        #expect(problem(bench.send("PUT", "/v1/mirrors/m1", ["type": "gre"])).hasPrefix("422 missing_field /"))
        #expect(mirror(["type": "erspan", "sink": "2001:db8::9", "index": 1_048_575]).status == 201)
        #expect(mirror(["index": 4_294_967_295]).status == 200)
        #expect(problem(bench.send("PATCH", "/v1/mirrors/m1", ["sink": .null])).hasPrefix("422 "))
    }

    @Test func `A port refers to few mirrors, each once, and to none that leads to itself`() {
        for index in 1...5 { bench.send("PUT", "/v1/mirrors/m\(index)", Self.lport("p\(index)")) }
        func attach(_ names: [JSONValue]) -> String {
            problem(bench.send("PATCH", "/v1/ports/p1", ["mirror_rules": .array(names)]))
        }
        #expect(attach(["m2", "m3", "m4", "m5"]) == "200  ")
        #expect(attach(["m1", "m2", "m3", "m4", "m5"]) == "422 limit_exceeded /mirror_rules")
        #expect(attach(["m2", "m2"]) == "422 invalid_value /mirror_rules/1")
        #expect(attach(["m2", "m1"]) == "422 invalid_value /mirror_rules/1")
        #expect(attach(["m9"]) == "422 reference_not_found /mirror_rules/0")
    }

    private static func lport(_ name: String) -> JSONValue {
        ["type": "lport", "filter": "both", "sink": .string(name)]
    }

    private static func rule(_ priority: Int64, _ match: String, _ action: String) -> JSONValue {
        ["priority": .integer(priority), "match": .string(match), "action": .string(action)]
    }

    private func withRules(_ rules: [JSONValue]) -> APIBench.Response {
        bench.send("PATCH", "/v1/mirrors/m1", ["mirror_rules": .array(rules)])
    }

    @Test func `Rules are kept in the user's order, and told to hosts in that in which they are asked`() {
        #expect(mirror().json["mirror_rules"] == [])
        let rules = [
            Self.rule(1, "1", "skip"), Self.rule(200, "tcp.dst == 80", "mirror"), Self.rule(0, "udp", "skip"),
            Self.rule(200, "tcp", "skip"),
        ]
        #expect(withRules(rules).json["mirror_rules"] == .array(rules))
        let sessions = bench.send("GET", "/v1/southbound/mirror-sessions").json["items"]?.arrayValue ?? []
        #expect(sessions.map { $0["rules"] } == [.array([rules[1], rules[3], rules[0], rules[2]])])
        #expect(bench.send("PATCH", "/v1/mirrors/m1", ["mirror_rules": .null]).json["mirror_rules"] == [])
        #expect(bench.send("GET", "/v1/southbound/mirror-sessions").json["items"]?.arrayValue?.first?["rules"] == nil)
    }

    @Test func `What a rule cannot be is refused with its place`() {
        mirror()
        func refusal(_ rules: JSONValue...) -> String { problem(withRules(rules)) }
        let good = Self.rule(1, "tcp", "mirror")
        #expect(refusal("tcp") == "422 invalid_value /mirror_rules/0")
        #expect(refusal(good, ["priority": 1, "match": "tcp"]) == "422 missing_field /mirror_rules/1/action")
        #expect(refusal(good.merged(with: ["name": "x"])) == "400 unknown_field /mirror_rules/0/name")
        #expect(refusal(good.merged(with: ["priority": -1])) == "422 invalid_value /mirror_rules/0/priority")
        #expect(refusal(good.merged(with: ["priority": 32768])) == "422 invalid_value /mirror_rules/0/priority")
        #expect(refusal(good.merged(with: ["action": "drop"])) == "422 invalid_value /mirror_rules/0/action")
        #expect(refusal(good.merged(with: ["match": 7])) == "422 invalid_value /mirror_rules/0/match")
        #expect(refusal(good.merged(with: ["match": "tcp.dst = 7"])) == "422 invalid_value /mirror_rules/0/match")
        for match in ["inport == \"p1\"", "outport != \"\"", "ip4.src == $office", "inport == @web"] {
            #expect(refusal(Self.rule(1, match, "skip")) == "422 unsupported /mirror_rules/0/match", "\(match)")
        }
        #expect(refusal(good, good.merged(with: ["action": "skip"])) == "422 invalid_value /mirror_rules/1")
        let long = "/*" + String(repeating: "x", count: 2048) + "*/ tcp"
        #expect(refusal(Self.rule(1, long, "skip")) == "422 limit_exceeded /mirror_rules/0/match")
        #expect(problem(withRules((0...32).map { Self.rule($0, "1", "skip") })) == "422 limit_exceeded /mirror_rules")
        let types = (1...60).map(String.init).joined(separator: ",")
        let heavy = (0..<3).map { Self.rule($0, "eth.type == {\(types)}", "skip") }
        #expect(problem(withRules(Array(heavy[..<2]))) == "200  ")
        #expect(problem(withRules(heavy)) == "422 limit_exceeded /mirror_rules")
        #expect(problem(bench.send("PATCH", "/v1/mirrors/m1", ["mirror_rules": [:]])).hasPrefix("422 "))
    }
}
