import JSON
import Northd
import Testing

@testable import API

/// What every write takes: `dry_run`, `until`, `Idempotency-Key`.
@Suite struct WriteOptionTests {
    private let bench: APIBench

    init() throws {
        bench = try APIBench()
        bench.send("POST", "/v1/switches", ["name": "ls1"])
        bench.send("POST", "/v1/switches/ls1/ports", ["name": "p1", "addresses": ["02:00:00:00:00:01 10.0.0.1"]])
    }

    @Test(arguments: [
        ("POST", "/v1/switches", #"{"name":"ls2"}"#, 201), ("POST", "/v1/ports", #"{"name":"p2","switch":"ls1"}"#, 201),
        ("POST", "/v1/switches/ls1/ports", #"{"name":"p2"}"#, 201), ("PUT", "/v1/switches/ls3", "{}", 201),
        ("PUT", "/v1/switches/ls1", #"{"vlan_passthru":true}"#, 200),
        ("PATCH", "/v1/ports/p1", #"{"enabled":false}"#, 200),
        ("PUT", "/v1/ports/p1", "{}", 200), ("DELETE", "/v1/ports/p1", nil, 204),
        ("DELETE", "/v1/switches/ls1", nil, 204),
        ("DELETE", "/v1/chassis/hv1", nil, 204), ("PATCH", "/v1/switches/ls1", #"{"labels":{"a":"b"}}"#, 200),
        ("POST", "/v1/transactions", #"{"ops":[{"op":"create","path":"/v1/switches","body":{"name":"x"}}]}"#, 200),
        ("PUT", "/v1/topologies/me", #"{"switches":[{"name":"y"}]}"#, 200),
        ("POST", "/v1/switches", #"{"name":"ls1"}"#, 409), ("PATCH", "/v1/ports/p1", #"{"addresses":["x"]}"#, 422),
    ])
    func `A dry run of any write answers as the write would, and changes nothing`(
        method: String,
        path: String,
        body: String?,
        status: Int
    ) {
        bench.send("POST", "/v1/chassis/hv1/sync", Self.sync(seq: 1), on: .southbound)
        let revision = bench.network.revision
        let count = bench.log.count
        let type = [("Content-Type", "application/json")]
        let dry = bench.send(method, path + "?dry_run=true&until=chassis", text: body, fields: type)
        #expect(dry.status == status, "\(dry.text)")
        #expect(dry["Heddle-Dry-Run"] == (status < 300 ? "true" : nil))
        #expect(bench.network.revision == revision && bench.log.count == count)
        #expect(dry["Heddle-Revision"] == "\(revision)")
        let real = bench.send(method, path, text: body, fields: type)
        #expect(real.status == status && real["Heddle-Dry-Run"] == nil && real["Location"] == dry["Location"])
        #expect(real.json["code"] == dry.json["code"] && real.json["name"] == dry.json["name"])
        #expect(real.json["revision"] == dry.json["revision"] || path.contains("topologies"))
        #expect(bench.network.revision == (status < 300 ? revision + 1 : revision))
    }

    @Test func `Options that cannot be are 400`() {
        for query in [
            "dry_run=yes", "dry_run=", "until=hosts", "wait=5", "until=chassis&wait=601", "until=chassis&wait=x",
        ] {
            let answer = bench.send("PATCH", "/v1/ports/p1?\(query)", [:])
            #expect(answer.status == 400 && answer.json["code"] == "invalid_parameter", "\(query)")
        }
        #expect(bench.network.revision == 2)
    }

    @Test func `A write waits for the hosts, and 202 names those that are late`() {
        bench.send("POST", "/v1/chassis/hv1/sync", Self.sync(seq: 1), on: .southbound)
        let late = bench.send("PATCH", "/v1/ports/p1?until=chassis&wait=0", ["enabled": false])
        #expect(late.status == 202 && late.json["state"] == "timeout" && late.json["pending"] == ["hv1"])
        let revision = late.json["revision"]?.integerValue ?? 0
        #expect(late["Heddle-Revision"] == "\(revision)" && late["ETag"] == "\"\(revision)\"")
        bench.send("POST", "/v1/chassis/hv1/sync", Self.sync(seq: 2, applied: revision), on: .southbound)
        let elsewhere = bench.send("POST", "/v1/switches?until=chassis&wait=5", ["name": "ls2"])
        #expect(elsewhere.status == 201 && elsewhere["Location"] == "/v1/switches/ls2")
        #expect(bench.send("DELETE", "/v1/switches/ls2?until=chassis&wait=0").status == 204)
        #expect(bench.send("DELETE", "/v1/ports/p1?until=chassis&wait=0").status == 202)
    }

    @Test func `A request is carried out once for its idempotency key, also over a restart`() throws {
        let key = [("Idempotency-Key", "8e03978e-40d5")]
        let first = bench.send("POST", "/v1/switches", ["name": "ls2"], fields: key)
        #expect(first.status == 201 && first["Idempotent-Replayed"] == nil)
        let revision = bench.network.revision
        for round in 0..<2 {
            if round == 1 { try bench.restart() }
            let again = bench.send("POST", "/v1/switches", ["name": "ls2"], fields: key)
            #expect(again.status == 201 && again.body == first.body && again["Idempotent-Replayed"] == "true")
            #expect(again["ETag"] == first["ETag"] && again["Location"] == first["Location"])
            #expect(again["Heddle-Revision"] == first["Heddle-Revision"])
            let other = bench.send("POST", "/v1/switches", ["name": "ls3"], fields: key)
            #expect(other.status == 422 && other.json["code"] == "idempotency_key_reused")
            #expect(bench.send("POST", "/v1/ports", ["name": "ls2"], fields: key).status == 422)
            #expect(bench.network.revision == revision)
        }
        let plain = bench.send("POST", "/v1/switches", ["name": "ls2"], fields: [("Idempotency-Key", "another")])
        #expect(plain.status == 409)
        let retried = bench.send("POST", "/v1/switches", ["name": "ls4"], fields: [("Idempotency-Key", "another")])
        #expect(retried.status == 201, "what was refused is not kept")
        bench.wallClock += 86_401
        #expect(bench.send("POST", "/v1/switches", ["name": "ls5"], fields: key).status == 201)
    }

    @Test func `Transactions are repeated by their key, with all their results`() {
        let key = [("Idempotency-Key", "t1")]
        let body: JSONValue = [
            "ops": [
                ["op": "create", "path": "/v1/switches", "body": ["name": "ls2"]],
                ["op": "delete", "path": "/v1/ports/p1"],
            ]
        ]
        let first = bench.send("POST", "/v1/transactions", body, fields: key)
        let again = bench.send("POST", "/v1/transactions", body, fields: key)
        #expect(first.status == 200 && again.body == first.body && again["Idempotent-Replayed"] == "true")
        let empty = bench.send("POST", "/v1/transactions", ["ops": []], fields: [("Idempotency-Key", "t2")])
        #expect(
            bench.send("POST", "/v1/transactions", ["ops": []], fields: [("Idempotency-Key", "t2")]).body == empty.body
        )
    }

    @Test func `A key that is too long or has blanks is 400; a dry run uses none up`() {
        for key in [String(repeating: "k", count: 129), "a b", ""] {
            let answer = bench.send("POST", "/v1/switches", ["name": "x"], fields: [("Idempotency-Key", key)])
            #expect(answer.status == 400 && answer.json["code"] == "invalid_header")
        }
        let longest = [("Idempotency-Key", String(repeating: "k", count: 128))]
        #expect(bench.send("POST", "/v1/switches?dry_run=true", ["name": "x"], fields: longest).status == 201)
        #expect(bench.send("POST", "/v1/switches", ["name": "x"], fields: longest).status == 201)
    }

    static func sync(seq: Int64, applied: Int64 = 0) -> JSONValue {
        [
            "chassis_id": "id-1", "boot_id": "b1", "seq": .integer(seq), "wait": 0, "epoch": "00000000000000ab",
            "applied": .integer(applied), "features": ["chassis", "datapath_binding", "port_binding"],
            "encaps": [["type": "geneve", "ip": "10.127.0.3"]],
            "ports": [["logical_port": "p1", "interface": "vm1", "claim": 1, "up": true]],
        ]
    }
}
