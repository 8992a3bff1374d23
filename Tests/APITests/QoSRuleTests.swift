import JSON
import NetworkModel
import Southbound
import Testing

@testable import API

/// QoS rules: what may be said, what keeps what they name, and what hosts are told.
@Suite struct QoSRuleTests {
    private let bench: APIBench

    init() throws {
        bench = try APIBench()
        bench.send("PUT", "/v1/switches/ls1", [:])
        bench.send("PUT", "/v1/ports/p1", ["switch": "ls1"])
        bench.send("PUT", "/v1/port-groups/web", ["ports": ["p1"]])
        bench.send("PUT", "/v1/address-sets/office", ["addresses": ["192.0.2.0/24", "10.0.0.1"]])
    }

    private static let voice: JSONValue = [
        "switch": "ls1", "direction": "from-lport", "priority": 1000, "match": "inport == @web && udp.dst == 5060",
        "dscp": 46,
    ]

    private func put(_ name: String, _ change: JSONValue = [:]) -> APIBench.Response {
        bench.send("PUT", "/v1/qos-rules/\(name)", Self.voice.merged(with: change))
    }

    private func problem(_ answer: APIBench.Response) -> String {
        "\(answer.status) \(answer.json["code"]?.stringValue ?? "") \(answer.json["pointer"]?.stringValue ?? "")"
    }

    private var filter: JSONValue? {
        bench.send("GET", "/v1/southbound/datapath-bindings").json["items"]?.arrayValue?.first?["filter"]
    }

    @Test func `It is made, changed and deleted, and hosts are told with what it names, without any ACL`() {
        #expect(put("b").status == 201)
        #expect(put("a", ["match": "ip4.src == $office"]).status == 201)
        #expect(
            put("c", ["priority": 2000, "dscp": 0, "direction": "to-lport", "match": "outport == \"p1\" && ip"]).status
                == 201
        )
        let names = filter?["qos_rules"]?.arrayValue?.compactMap { $0["name"]?.stringValue }
        #expect(names == ["c", "a", "b"] && filter?["acls"] == [])
        #expect(filter?["port_groups"]?["web"] == [1] && filter?["ports"]?["p1"] == 1)
        #expect(filter?["address_sets"]?["office"] == ["10.0.0.1", "192.0.2.0/24"])
        bench.send("PATCH", "/v1/address-sets/office", ["addresses": ["10.0.0.2"]])
        #expect(filter?["address_sets"]?["office"] == ["10.0.0.2"])
        #expect(bench.send("PATCH", "/v1/qos-rules/c", ["dscp": 63]).json["dscp"] == 63)
        #expect(filter?["qos_rules"]?.arrayValue?.first?["dscp"] == 63)
        for name in ["a", "b", "c"] { #expect(bench.send("DELETE", "/v1/qos-rules/\(name)").status == 204) }
        #expect(filter == nil)
    }

    @Test func `What cannot be is refused, and what is named stays`() {
        #expect(problem(put("a", ["switch": .null])).hasPrefix("422 missing_field /switch"))
        #expect(problem(put("a", ["dscp": 64])) == "422 invalid_value /dscp")
        #expect(problem(put("a", ["dscp": .null])) == "422 missing_field /dscp")
        #expect(problem(put("a", ["match": "outport == @web"])) == "422 invalid_value /match")
        #expect(problem(put("a", ["match": "ip4.src == $nobody"])) == "422 reference_not_found /match")
        #expect(put("a", ["match": "inport == @web && ip4.src == $office"]).status == 201)
        #expect(problem(bench.send("DELETE", "/v1/address-sets/office")).hasPrefix("409 object_in_use"))
        #expect(problem(bench.send("DELETE", "/v1/port-groups/web")).hasPrefix("409 object_in_use"))
        #expect(problem(bench.send("DELETE", "/v1/switches/ls1")).hasPrefix("409 object_in_use"))
    }
}
