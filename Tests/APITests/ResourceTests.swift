import JSON
import NetworkModel
import Testing

@testable import API

/// Switches and ports through the interface.
@Suite struct ResourceTests {
    private let bench: APIBench

    init() throws { bench = try APIBench() }

    @Test func `POST creates with 201, Location and ETag, and GET shows the same bytes`() {
        let created = bench.send("POST", "/v1/switches", ["name": "ls1"])
        #expect(created.status == 201)
        #expect(created["Location"] == "/v1/switches/ls1")
        #expect(created["ETag"] == "\"1\"" && created["Heddle-Revision"] == "1")
        let read = bench.send("GET", "/v1/switches/ls1")
        #expect(read.status == 200 && read.body == created.body && read["ETag"] == created["ETag"])
        let id = created.json["id"]?.stringValue ?? ""
        #expect(bench.send("GET", "/v1/switches/\(id.uppercased())").body == created.body)
    }

    @Test func `PUT creates with 201, replaces with 200, and does not make up a UUID`() {
        #expect(bench.send("PUT", "/v1/switches/ls1", ["labels": ["a": "b"]]).status == 201)
        let replaced = bench.send("PUT", "/v1/switches/ls1", ["vlan_passthru": true])
        #expect(replaced.status == 200 && replaced["Location"] == nil)
        #expect(replaced.json["labels"] == [:] && replaced.json["vlan_passthru"] == true)
        #expect(bench.send("PUT", "/v1/switches/00000000-0000-8000-8000-000000000000", [:]).status == 404)
    }

    @Test func `A UUID that a client brings is a name, and never stands for another object`() {
        let uuid = "3d0f0dd5-6ed8-4ca0-a0cd-f1a7a3a7a3a7"
        bench.send("PUT", "/v1/switches/ls1", [:])
        let created = bench.send("PUT", "/v1/ports/\(uuid)", ["switch": "ls1"])
        #expect(created.status == 201 && created["Location"] == "/v1/ports/\(uuid)")
        #expect(created.json["name"] == .string(uuid) && created.json["id"] != .string(uuid))
        #expect(bench.send("GET", "/v1/ports/\(uuid)").body == created.body)
        #expect(bench.send("GET", "/v1/ports?name=\(uuid)").json["items"]?.arrayValue?.count == 1)
        let group: JSONValue = ["name": "g", "ports": [.string(uuid)]]
        #expect(bench.send("POST", "/v1/port-groups", group).json["ports"] == [.string(uuid)])
        #expect(bench.send("GET", "/v1/southbound/port-bindings?logical_port=\(uuid)").text.contains(uuid))
        // Names are compared as they are written.
        #expect(bench.send("GET", "/v1/ports/\(uuid.uppercased())").status == 404)
        let taken = bench.send("POST", "/v1/ports", ["name": .string(uuid), "switch": "ls1"])
        #expect(taken.json["code"] == "name_conflict")
        // An id as central gives it cannot be a name, so that no name stands in the way of an id.
        let id = created.json["id"] ?? .null
        for name in [id, "00000000-0000-8000-8000-000000000000"] {
            let refused = bench.send("POST", "/v1/ports", ["name": name, "switch": "ls1"])
            #expect(refused.status == 422 && refused.json["pointer"] == "/name")
        }
        #expect(bench.send("GET", "/v1/ports/\(id.stringValue ?? "")").body == created.body)
        #expect(bench.send("DELETE", "/v1/port-groups/g").status == 204)
        #expect(bench.send("DELETE", "/v1/ports/\(uuid)").status == 204)
        let again = bench.send("PUT", "/v1/ports/\(uuid)", ["switch": "ls1"])
        #expect(again.status == 201 && again.json["id"] != id)
        #expect(bench.send("GET", "/v1/ports/\(id.stringValue ?? "")").status == 404)
    }

    @Test func `PATCH merges, by either media type`() {
        bench.send("POST", "/v1/switches", ["name": "ls1", "labels": ["a": "1", "b": "2"]])
        let patched = bench.send(
            "PATCH",
            "/v1/switches/ls1",
            text: #"{"labels":{"a":null}}"#,
            fields: [("Content-Type", "application/merge-patch+json; charset=utf-8")]
        )
        #expect(patched.status == 200 && patched.json["labels"] == ["b": "2"])
        #expect(bench.send("PATCH", "/v1/switches/ls1", ["labels": ["c": "3"]]).json["labels"] == ["b": "2", "c": "3"])
    }

    @Test func `Ports are made under their switch or with its name in the body, and listed both ways`() {
        bench.send("POST", "/v1/switches", ["name": "ls1"])
        bench.send("POST", "/v1/switches", ["name": "ls2"])
        let nested = bench.send("POST", "/v1/switches/ls1/ports", ["name": "p1"])
        #expect(nested.status == 201 && nested["Location"] == "/v1/ports/p1" && nested.json["switch"] == "ls1")
        #expect(bench.send("POST", "/v1/ports", ["name": "p2", "switch": "ls2"]).status == 201)
        #expect(bench.send("PUT", "/v1/ports/p3", ["switch": "ls1"]).status == 201)
        #expect(names(bench.send("GET", "/v1/ports")) == ["p1", "p2", "p3"])
        #expect(names(bench.send("GET", "/v1/switches/ls1/ports")) == ["p1", "p3"])
        #expect(bench.send("GET", "/v1/switches/none/ports").status == 404)
        #expect(bench.send("POST", "/v1/switches/none/ports", ["name": "p9"]).status == 404)
        #expect(bench.send("POST", "/v1/ports", ["name": "p9", "switch": "none"]).status == 422)
    }

    @Test func `DELETE takes the ports of a switch along, unless told to refuse`() {
        bench.send("POST", "/v1/switches", ["name": "ls1"])
        bench.send("POST", "/v1/switches/ls1/ports", ["name": "p1"])
        let refused = bench.send("DELETE", "/v1/switches/ls1?ports=refuse")
        #expect(refused.status == 409 && refused.json["code"] == "switch_has_ports")
        #expect(bench.send("DELETE", "/v1/switches/ls1?ports=keep").json["code"] == "invalid_parameter")
        let deleted = bench.send("DELETE", "/v1/switches/ls1")
        #expect(deleted.status == 204 && deleted.body.isEmpty && deleted["Heddle-Revision"] == "3")
        #expect(bench.send("GET", "/v1/ports/p1").status == 404)
        #expect(bench.send("DELETE", "/v1/switches/ls1").status == 404)
    }

    @Test func `If-Match fails with 412 when the object has moved on, and holds in either spelling`() {
        bench.send("POST", "/v1/switches", ["name": "ls1"])
        bench.send("PATCH", "/v1/switches/ls1", ["vlan_passthru": true])
        func patch(_ tag: String) -> Int {
            bench.send("PATCH", "/v1/switches/ls1", ["labels": [:]], fields: [("If-Match", tag)]).status
        }
        #expect(patch("\"1\"") == 412)
        #expect(patch("W/\"2\"") == 412)
        #expect(patch("\"other\"") == 412)
        #expect(patch("2") == 400)
        #expect(patch("\"1\", \"2-gzip\"") == 200)
        #expect(patch("*") == 200)
        #expect(bench.send("DELETE", "/v1/switches/none", fields: [("If-Match", "*")]).status == 404)
    }

    @Test func `If-None-Match creates only, and saves a GET`() {
        let only = [("If-None-Match", "*")]
        #expect(bench.send("PUT", "/v1/switches/ls1", [:], fields: only).status == 201)
        #expect(bench.send("PUT", "/v1/switches/ls1", [:], fields: only).status == 412)
        #expect(bench.send("PUT", "/v1/switches/ls1", [:], fields: [("If-None-Match", "\"1\"")]).status == 400)
        let unchanged = bench.send("GET", "/v1/switches/ls1", fields: [("If-None-Match", "W/\"1-gzip\"")])
        #expect(unchanged.status == 304 && unchanged.body.isEmpty && unchanged["ETag"] == "\"1\"")
        #expect(bench.send("GET", "/v1/switches", fields: [("If-None-Match", "\"1\"")]).status == 304)
        #expect(bench.send("GET", "/v1/switches/ls1", fields: [("If-None-Match", "\"9\"")]).status == 200)
        #expect(bench.send("GET", "/v1/switches/ls1", fields: [("If-Match", "\"9\"")]).status == 412)
    }

    @Test func `A refusal is a problem document with code, pointer and the object in conflict`() {
        bench.send("POST", "/v1/switches", ["name": "ls1"])
        bench.send("POST", "/v1/switches/ls1/ports", ["name": "p1", "addresses": ["02:00:00:00:00:01 10.0.0.1"]])
        let clash = bench.send(
            "POST",
            "/v1/switches/ls1/ports",
            ["name": "p2", "addresses": ["02:00:00:00:00:01 10.0.0.2"]],
            fields: [("X-Request-Id", "mine")]
        )
        #expect(clash.status == 409 && clash["Content-Type"] == "application/problem+json")
        #expect(clash.json["code"] == "mac_conflict" && clash.json["conflicts_with"] == "/v1/ports/p1")
        #expect(clash.json["type"] == "urn:heddle:problem:mac_conflict")
        #expect(clash.json["pointer"] == "/addresses/0" && clash.json["request_id"] == "mine")
        #expect(clash["X-Request-Id"] == "mine")
        let unknown = bench.send("POST", "/v1/switches", ["name": "ls2", "colour": "red"])
        #expect(unknown.status == 400 && unknown.json["pointer"] == "/colour")
        let bad = bench.send("POST", "/v1/switches/ls1/ports", ["name": "p2", "addresses": ["02:zz"]])
        #expect(bad.status == 422 && bad.json["pointer"] == "/addresses/0")
        #expect(bench.network.revision == 2)
    }

    private func names(_ answer: APIBench.Response) -> [String] {
        answer.json["items"]?.arrayValue?.compactMap { $0["name"]?.stringValue } ?? []
    }
}
