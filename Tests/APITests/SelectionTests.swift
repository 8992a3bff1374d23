import JSON
import NetworkModel
import Testing

@testable import API

/// Deletions of what filters choose and of whole topologies, and the index.
@Suite struct SelectionTests {
    private let bench: APIBench

    init() throws {
        bench = try APIBench()
        let ops = ["ls1", "ls2"].map { name -> JSONValue in
            ["op": "create", "path": "/v1/switches", "body": ["name": .string(name), "labels": ["n": .string(name)]]]
        }
        let ports = (0..<700).map { index -> JSONValue in
            let labels: JSONValue = ["tenant": .string("t\(index % 7)")]
            let body: JSONValue = ["name": .string("p\(1000 + index)"), "switch": "ls1", "labels": labels]
            return ["op": "create", "path": "/v1/ports", "body": body]
        }
        #expect(bench.send("POST", "/v1/transactions", ["ops": .array(ops + ports)]).status == 200)
    }

    private var portCount: Int { bench.network.northbound.count(of: .logicalSwitchPort) }

    @Test func `What a filter chooses goes in one commit, if the number is right`() {
        let revision = bench.network.revision
        for query in ["", "&confirm_deletes=99", "&confirm_deletes=101", "&confirm_deletes=0"] {
            let refused = bench.send("DELETE", "/v1/ports?label=tenant=t1\(query)")
            #expect(refused.status == 409 && refused.json["code"] == "deletions_unconfirmed")
            #expect(refused.json["confirm_deletes"] == 100)
        }
        let planned = bench.send("DELETE", "/v1/ports?label=tenant=t1&dry_run=true")
        #expect(planned.json["deleted"] == 100 && planned["Heddle-Dry-Run"] == "true")
        #expect(portCount == 700 && bench.network.revision == revision)
        let deleted = bench.send("DELETE", "/v1/ports?label=tenant=t1&confirm_deletes=100")
        #expect(deleted.status == 200 && deleted.json["deleted"] == 100)
        #expect(deleted.json["names"]?.arrayValue?.first == "p1001")
        let later = bench.network.revision
        #expect(deleted["Heddle-Revision"] == "\(later)" && later > revision && portCount == 600)
        #expect(bench.send("GET", "/v1/ports?label=tenant=t1").json["items"] == [])
        let nothing = bench.send("DELETE", "/v1/ports?label=tenant=t1")
        #expect(nothing.status == 200 && nothing.json["deleted"] == 0 && bench.network.revision == later)
        #expect(bench.send("DELETE", "/v1/ports?label=tenant=t1&confirm_deletes=1").status == 409)
        #expect(bench.send("DELETE", "/v1/ports?name=p1000&name=p1002&confirm_deletes=2").json["deleted"] == 2)
    }

    @Test func `Without a filter, or with one that cannot be, nothing goes`() {
        for query in [
            "", "?confirm_deletes=700", "?label=", "?colour=red", "?label=tenant=t*", "?fields=name", "?limit=1",
        ] {
            #expect(bench.send("DELETE", "/v1/ports\(query)").status == 400, "\(query)")
        }
        #expect(bench.send("DELETE", "/v1/ports?name=p1000", fields: [("If-Match", "*")]).status == 400)
        #expect(portCount == 700)
    }

    @Test func `Switches take their ports along, which count, and what is in use stays`() {
        let refused = bench.send("DELETE", "/v1/switches?label=n&confirm_deletes=2")
        #expect(refused.status == 409 && refused.json["confirm_deletes"] == 702)
        let sparing = bench.send("DELETE", "/v1/switches?label=n&ports=refuse&confirm_deletes=702")
        #expect(sparing.json["code"] == "switch_has_ports")
        #expect(bench.send("DELETE", "/v1/switches?name=ls2&ports=refuse&confirm_deletes=1").json["names"] == ["ls2"])
        bench.send("POST", "/v1/dns-records", ["name": "d1", "records": ["a.example": "10.0.0.1"]])
        bench.send("PATCH", "/v1/switches/ls1", ["dns_records": ["d1"]])
        #expect(bench.send("DELETE", "/v1/dns-records?name=d*&confirm_deletes=1").json["code"] == "object_in_use")
        #expect(bench.send("DELETE", "/v1/switches?name=ls1&confirm_deletes=701").json["deleted"] == 701)
        #expect(bench.send("DELETE", "/v1/dns-records?name=d*&confirm_deletes=1").status == 200)
    }

    @Test(arguments: ObjectKind.allCases)
    func `Every kind has it`(kind: ObjectKind) {
        let answer = bench.send("DELETE", "\(kind.names.path)?label=nobody")
        #expect(answer.status == 200 && answer.json["names"] == [])
    }

    @Test func `A topology goes in one commit`() {
        let body: JSONValue = [
            "switches": [["name": "web"]], "ports": [["name": "web-1", "switch": "web"]],
            "dns_records": [["name": "names"]],
        ]
        #expect(bench.send("DELETE", "/v1/topologies/me").status == 404)
        let made = bench.send("PUT", "/v1/topologies/me", body)
        let revision = made.json["revision"]?.integerValue ?? 0
        for query in ["if_revision=\(revision - 1)", "confirm_deletes=2", "prune=true"] {
            #expect(bench.send("DELETE", "/v1/topologies/me?\(query)").status != 200, "\(query)")
        }
        let stale = bench.send("DELETE", "/v1/topologies/me", fields: [("If-Match", "\"\(revision - 1)\"")])
        #expect(stale.status == 412)
        let planned = bench.send("DELETE", "/v1/topologies/me?dry_run=true")
        #expect(planned.json["plan"]?.arrayValue?.count == 3)
        #expect(bench.send("GET", "/v1/topologies/me").status == 200)
        let path = "/v1/topologies/me?confirm_deletes=3&if_revision=\(revision)"
        let deleted = bench.send("DELETE", path, fields: [("If-Match", "\"\(revision)\"")])
        #expect(deleted.status == 200 && deleted["Heddle-Revision"] == "\(revision + 1)")
        let names = deleted.json["plan"]?.arrayValue?.compactMap { $0["name"]?.stringValue }
        #expect(Set(names ?? []) == ["web", "web-1", "names"])
        #expect(bench.send("GET", "/v1/topologies/me").status == 404 && portCount == 700)
        bench.send("PUT", "/v1/topologies/me", body)
        bench.send("POST", "/v1/ports", ["name": "other", "switch": "web"])
        #expect(bench.send("DELETE", "/v1/topologies/me").json["code"] == "switch_has_ports")
    }

    @Test func `The index leads to every collection`() {
        let index = bench.send("GET", "/v1")
        #expect(index.json["contract"] == "/openapi.yaml" && index.json["api"] == "v1")
        let links = index.json["links"]?.objectValue?.members ?? []
        #expect(links.count >= ObjectKind.allCases.count + 8)
        for (name, path) in links where !["transactions", "trace", "changes"].contains(name) {
            #expect(bench.send("GET", path.stringValue ?? "").status == 200, "\(name)")
        }
        #expect(bench.send("GET", "/v1/").status == 404)
    }
}
