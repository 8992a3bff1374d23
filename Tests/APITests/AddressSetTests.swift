import JSON
import NetworkModel
import Testing

@testable import API

/// A kind that is a file and a row has all that the others have.
@Suite struct AddressSetTests {
    private let bench: APIBench

    init() throws {
        bench = try APIBench()
        bench.send("POST", "/v1/address-sets", ["name": "web", "addresses": ["10.0.0.1", "2001:DB8::/64"]])
    }

    @Test func `It is made, read, replaced, patched and deleted like other objects`() {
        let read = bench.send("GET", "/v1/address-sets/web")
        #expect(read.json["addresses"] == ["10.0.0.1", "2001:db8::/64"] && read["ETag"] == "\"1\"")
        #expect(read.json["status"] == [:] && read.json["labels"] == [:])
        let id = read.json["id"]?.stringValue ?? ""
        #expect(bench.send("GET", "/v1/address-sets/\(id)?fields=name").text == #"{"name":"web"}"#)
        let created = bench.send("PUT", "/v1/address-sets/db", ["addresses": ["10.1.0.0/16"], "labels": ["a": "b"]])
        #expect(created.status == 201)
        #expect(bench.send("POST", "/v1/address-sets", ["name": "new"])["Location"] == "/v1/address-sets/new")
        let patched = bench.send("PATCH", "/v1/address-sets/db", ["labels": ["a": .null, "c": "d"]])
        #expect(patched.json["labels"] == ["c": "d"] && patched.json["addresses"] == ["10.1.0.0/16"])
        #expect(bench.send("PATCH", "/v1/address-sets/db", ["addresses": .null]).json["addresses"] == [])
        let stale = bench.send("DELETE", "/v1/address-sets/db", fields: [("If-Match", "\"2\"")])
        #expect(stale.status == 412)
        #expect(bench.send("DELETE", "/v1/address-sets/db").status == 204)
        #expect(bench.send("GET", "/v1/address-sets/db").json["detail"] == #"There is no address set "db"."#)
    }

    @Test func `Addresses are addresses or networks, each once`() {
        func problem(_ addresses: JSONValue) -> String {
            let answer = bench.send("PUT", "/v1/address-sets/other", ["addresses": addresses])
            func text(_ name: String) -> String { answer.json[name]?.stringValue ?? "" }
            return "\(answer.status) \(text("pointer")): \(text("detail"))"
        }
        #expect(
            problem(["10.0.0.1", "host"]) == #"422 /addresses/1: "host" is neither an IP address nor a network."#
        )
        #expect(
            problem(["10.0.0.1/24"])
                == "422 /addresses/0: 10.0.0.1/24 has bits behind its length; write the network or the address alone."
        )
        #expect(
            problem(["10.0.0.1/32", "10.0.0.1"]) == #"422 /addresses/1: 10.0.0.1 appears twice in "addresses"."#
        )
        let many = (0...AddressSet.addressCountMaximum).map { JSONValue.string("10.0.\($0 >> 8).\($0 & 255)") }
        #expect(problem(.array(many)).hasPrefix("422 /addresses: "))
        let unknown = bench.send("POST", "/v1/address-sets", ["name": "x", "switch": "ls1"])
        let sentence = #"An address set has no field "switch"; the fields are addresses, labels, name."#
        #expect(unknown.json["detail"] == .string(sentence))
        let twice = bench.send("POST", "/v1/address-sets", ["name": "web"])
        #expect(twice.status == 409 && twice.json["conflicts_with"] == "/v1/address-sets/web")
    }

    @Test func `Lists have filters and pages`() {
        bench.send("PUT", "/v1/address-sets/db", ["labels": ["tier": "back"]])
        func names(_ query: String) -> [String] {
            let items = bench.send("GET", "/v1/address-sets?" + query).json["items"]?.arrayValue ?? []
            return items.compactMap { $0["name"]?.stringValue }
        }
        #expect(names("limit=5") == ["db", "web"])
        #expect(names("label=tier%3Dback") == ["db"])
        #expect(names("name=web&name=none") == ["web"])
        #expect(bench.send("GET", "/v1/address-sets?up=true").status == 400)
    }

    @Test func `Transactions, topologies, watches and the audit have it`() {
        let transaction: JSONValue = [
            "require": [["path": "/v1/address-sets/web", "etag": "\"1\""]],
            "ops": [
                ["op": "create", "path": "/v1/address-sets", "body": ["name": "db"]],
                ["op": "delete", "path": "/v1/address-sets/web"],
            ],
        ]
        #expect(bench.send("POST", "/v1/transactions", transaction).status == 200)
        let changes = bench.send("GET", "/v1/changes?since=1&kinds=address_set").json["changes"]?.arrayValue ?? []
        #expect(changes.compactMap { $0["op"]?.stringValue } == ["delete", "put"])
        #expect(changes.allSatisfy { $0["kind"] == "address_set" })
        let audit = bench.send("GET", "/v1/audit?limit=1").json["items"]?.arrayValue?.first
        #expect(audit?["changes"]?.arrayValue?.first?["name"] == "web")
        let topology: JSONValue = ["address_sets": [["name": "mine", "addresses": ["10.0.0.1"]]]]
        let applied = bench.send("PUT", "/v1/topologies/me", topology)
        #expect(applied.json["plan"]?.arrayValue?.first?["kind"] == "address_set")
        let read = bench.send("GET", "/v1/topologies/me").json
        #expect(read["address_sets"] == [["name": "mine", "addresses": ["10.0.0.1"], "labels": [:]]])
        #expect(bench.send("GET", "/v1/topologies").json["items"]?.arrayValue?.first?["address_sets"] == 1)
        let pruned = bench.send("PUT", "/v1/topologies/me?prune=true", ["address_sets": []])
        #expect(pruned.json["plan"]?.arrayValue?.first?["op"] == "delete")
    }

    @Test func `A restart brings it back`() throws {
        let before = bench.send("GET", "/v1/address-sets").text
        try bench.restart()
        #expect(bench.send("GET", "/v1/address-sets").text == before)
        bench.send("DELETE", "/v1/address-sets/web")
        try bench.restart()
        #expect(bench.send("GET", "/v1/address-sets").json["items"] == [])
    }
}
