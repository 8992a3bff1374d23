import HTTPTypes
import JSON
import NetworkModel
import Testing

@testable import API

/// The options of every write: `dry_run`, `until`, `Idempotency-Key`.
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

    @Test func `A token of a dry run is not made and has no secret, and a revocation revokes nothing`() {
        let dry = bench.send("POST", "/v1/tokens?dry_run=true", ["role": "viewer"])
        #expect(dry.status == 201 && dry.json["token"] == .null && dry["Heddle-Dry-Run"] == "true")
        #expect(dry["Heddle-Revision"] == "2" && bench.send("GET", "/v1/tokens").json["items"] == [])
        #expect(bench.send("POST", "/v1/tokens?dry_run=true", ["role": "king"]).status == 422)
        #expect(bench.send("POST", "/v1/tokens?dry_run=1", ["role": "viewer"]).status == 400)
        let id = bench.send("POST", "/v1/tokens", ["role": "viewer"]).json["id"]?.stringValue ?? ""
        let revoked = bench.send("DELETE", "/v1/tokens/\(id)?dry_run=true")
        #expect(revoked.status == 204 && revoked["Heddle-Dry-Run"] == "true")
        #expect(bench.send("DELETE", "/v1/tokens/\(id)?dry_run=true", fields: [("If-Match", "\"1\"")]).status == 412)
        #expect(bench.send("GET", "/v1/tokens/\(id)").status == 200 && bench.log.count == 3)
    }

    /// A request that each route that writes would carry out.
    private static let writes: [String: (path: String, body: JSONValue?)] = [
        "createSwitch": ("/v1/switches", ["name": "new"]),
        "replaceSwitch": ("/v1/switches/ls1", ["vlan_passthru": true]),
        "patchSwitch": ("/v1/switches/ls1", ["vlan_passthru": true]), "deleteSwitch": ("/v1/switches/ls1", nil),
        "createSwitchPort": ("/v1/switches/ls1/ports", ["name": "new"]),
        "createPort": ("/v1/ports", ["name": "new", "switch": "ls1"]),
        "replacePort": ("/v1/ports/p1", ["enabled": false]), "patchPort": ("/v1/ports/p1", ["enabled": false]),
        "deletePort": ("/v1/ports/p1", nil), "deleteChassis": ("/v1/chassis/hv1", nil),
        "createPortGroup": ("/v1/port-groups", ["name": "new", "ports": ["p1"]]),
        "replacePortGroup": ("/v1/port-groups/pg1", ["ports": ["p1"]]),
        "patchPortGroup": ("/v1/port-groups/pg1", ["ports": ["p1"]]),
        "deletePortGroup": ("/v1/port-groups/pg1", nil),
        "createAddressSet": ("/v1/address-sets", ["name": "new"]),
        "replaceAddressSet": ("/v1/address-sets/as1", ["addresses": ["10.0.0.1"]]),
        "patchAddressSet": ("/v1/address-sets/as1", ["addresses": ["10.0.0.1"]]),
        "deleteAddressSet": ("/v1/address-sets/as1", nil),
        "createAcl": ("/v1/acls", acl.merged(with: ["name": "new"])), "replaceAcl": ("/v1/acls/acl1", acl),
        "patchAcl": ("/v1/acls/acl1", ["priority": 9]), "deleteAcl": ("/v1/acls/acl1", nil),
        "createQosRule": ("/v1/qos-rules", qosRule.merged(with: ["name": "new"])),
        "replaceQosRule": ("/v1/qos-rules/qos1", qosRule), "patchQosRule": ("/v1/qos-rules/qos1", ["priority": 9]),
        "deleteQosRule": ("/v1/qos-rules/qos1", nil),
        "createDhcpOptions": (
            "/v1/dhcp-options", ["name": "new", "cidr": "fd00::/64", "options": ["server_id": "02:00:00:00:00:fe"]]
        ),
        "replaceDhcpOptions": ("/v1/dhcp-options/dhcp1", dhcpOptions),
        "patchDhcpOptions": ("/v1/dhcp-options/dhcp1", ["options": ["mtu": "1400"]]),
        "deleteDhcpOptions": ("/v1/dhcp-options/dhcp1", nil),
        "createDnsRecords": ("/v1/dns-records", ["name": "new"]),
        "replaceDnsRecords": ("/v1/dns-records/dns1", ["records": ["vm1.example": "10.0.0.1"]]),
        "patchDnsRecords": ("/v1/dns-records/dns1", ["records": ["vm1.example": "10.0.0.1"]]),
        "deleteDnsRecords": ("/v1/dns-records/dns1", nil),
        "beginMigration": ("/v1/ports/m1/migration", ["target": "hv1", "strategy": ["na"]]),
        "completeMigration": ("/v1/ports/p1/migration/complete", nil),
        "abortMigration": ("/v1/ports/m1/migration/abort", nil),
        "createMirror": ("/v1/mirrors", mirror.merged(with: ["name": "new"])),
        "replaceMirror": ("/v1/mirrors/m1", mirror.merged(with: ["index": 3])),
        "patchMirror": ("/v1/mirrors/m1", ["filter": "to-lport"]),
        "deleteMirror": ("/v1/mirrors/m1", nil),
        "transact": ("/v1/transactions", ["ops": [["op": "delete", "path": "/v1/ports/p1"]]]),
        "applyTopology": ("/v1/topologies/me", ["switches": [["name": "new"]]]),
        "deleteTopology": ("/v1/topologies/me", nil),
        "deleteSelectedSwitches": ("/v1/switches?name=ls1&confirm_deletes=3", nil),
        "deleteSelectedPorts": ("/v1/ports?name=p1&confirm_deletes=1", nil),
        "deleteSelectedPortGroups": ("/v1/port-groups?name=pg1&confirm_deletes=1", nil),
        "deleteSelectedAddressSets": ("/v1/address-sets?name=as1&confirm_deletes=1", nil),
        "deleteSelectedAcls": ("/v1/acls?name=acl1&confirm_deletes=1", nil),
        "deleteSelectedQosRules": ("/v1/qos-rules?name=qos1&confirm_deletes=1", nil),
        "deleteSelectedDhcpOptions": ("/v1/dhcp-options?name=dhcp1&confirm_deletes=1", nil),
        "deleteSelectedDnsRecords": ("/v1/dns-records?name=dns1&confirm_deletes=1", nil),
        "deleteSelectedMirrors": ("/v1/mirrors?name=m1&confirm_deletes=1", nil),
        "createToken": ("/v1/tokens", ["chassis": "hv2"]), "deleteToken": ("/v1/tokens/ID", nil),
    ]

    private static let mirror: JSONValue = ["type": "gre", "filter": "both", "sink": "192.0.2.9"]

    private static let dhcpOptions: JSONValue = [
        "cidr": "10.0.0.0/24", "options": ["server_id": "10.0.0.1", "lease_time": "60"],
    ]

    private static let acl: JSONValue = [
        "switch": "ls1", "direction": "to-lport", "priority": 1, "match": "ip", "action": "drop",
    ]

    private static let qosRule: JSONValue = [
        "switch": "ls1", "direction": "to-lport", "priority": 1, "match": "ip", "dscp": 46,
    ]

    private static let writing = Routes.all.filter {
        $0.method != .get && $0.planes.contains(.northbound) && $0.endpoint != .trace
    }

    @Test(arguments: writing.map(\.endpoint))
    func `Every route that writes has a dry run, after which everything is as it was`(endpoint: Endpoint) throws {
        let route = try #require(Routes.all.first { $0.endpoint == endpoint })
        #expect(route.parameters.contains(.dryRun))
        let write = try #require(Self.writes[endpoint.operationID], "give this test a request for \(endpoint)")
        bench.send("POST", "/v1/chassis/hv1/sync", Self.sync(seq: 1), on: .southbound)
        let moving: JSONValue = ["requested_chassis": ["hv9", "hv1"], "activation_strategy": ["rarp"]]
        bench.send("PATCH", "/v1/ports/p1", moving)
        bench.send("POST", "/v1/switches/ls1/ports", moving.merged(with: ["name": "m1"]))
        let id = bench.send("POST", "/v1/tokens", ["role": "viewer"]).json["id"]?.stringValue ?? ""
        bench.send("PUT", "/v1/port-groups/pg1", [:])
        if endpoint == .deleteTopology { bench.send("PUT", "/v1/topologies/me", ["switches": [["name": "mine"]]]) }
        if endpoint.operationID.contains("Acl") {
            bench.send("PUT", "/v1/acls/acl1", Self.acl.merged(with: ["action": "pass"]))
        }
        if endpoint.operationID.contains("QosRule") {
            bench.send("PUT", "/v1/qos-rules/qos1", Self.qosRule.merged(with: ["dscp": 7]))
        }
        bench.send("PUT", "/v1/address-sets/as1", [:])
        bench.send("PUT", "/v1/dns-records/dns1", [:])
        bench.send("PUT", "/v1/mirrors/m1", Self.mirror)
        bench.send("PUT", "/v1/dhcp-options/dhcp1", Self.dhcpOptions.merged(with: ["options": ["T1": "30"]]))
        func lists() -> [String] {
            Routes.all.filter { $0.endpoint.operationID.hasPrefix("list") }.map { list in
                bench.send("GET", list.path.replacing("{ref}", with: "ls1")).text
            }
        }
        let before = (lists(), bench.network.revision, bench.log.count)
        let path = write.path.replacing("ID", with: id)
        let mark = path.contains("?") ? "&" : "?"
        let dry = bench.send(route.method.rawValue, path + mark + "dry_run=true", write.body)
        #expect((200..<300).contains(dry.status) && dry["Heddle-Dry-Run"] == "true", "\(dry.text)")
        #expect(before == (lists(), bench.network.revision, bench.log.count))
        let real = bench.send(route.method.rawValue, path, write.body)
        #expect(real.status == dry.status && bench.network.revision == before.1 + 1)
        #expect(lists() != before.0)
    }

    @Test func `A precondition or a key that would count for nothing is refused`() {
        for (method, path, name) in [
            ("POST", "/v1/switches", "If-Match"), ("POST", "/v1/transactions", "If-None-Match"),
            ("POST", "/v1/tokens", "Idempotency-Key"), ("POST", "/v1/tokens", "If-Match"),
            ("PUT", "/v1/switches/ls1", "Idempotency-Key"), ("PATCH", "/v1/switches/ls1", "Idempotency-Key"),
            ("DELETE", "/v1/switches/ls1", "Idempotency-Key"),
        ] {
            let answer = bench.send(method, path, [:], fields: [(name, "*")])
            #expect(answer.status == 400 && answer.json["code"] == "invalid_header", "\(method) \(path) \(name)")
        }
        #expect(bench.send("GET", "/v1/audit", fields: [("If-None-Match", "*")]).status == 200)
        #expect(bench.send("GET", "/v1/switches", fields: [("Idempotency-Key", "k")]).status == 200)
    }

    @Test func `A weak tag in If-Match is refused for what it is`() {
        let revision = bench.send("PUT", "/v1/switches/weak", [:])["Heddle-Revision"] ?? ""
        let weak = bench.send("PUT", "/v1/switches/weak", [:], fields: [("If-Match", "W/\"\(revision)\"")])
        #expect(weak.status == 412 && weak.json["detail"]?.stringValue?.contains("weak tag never matches") == true)
        let both = [("If-Match", "W/\"1\", \"\(revision)\"")]
        #expect(bench.send("PUT", "/v1/switches/weak", [:], fields: both).status == 200)
    }

    @Test func `Content of another type is refused, and what would be taken is told`() {
        let form = [("Content-Type", "application/x-www-form-urlencoded")]
        let patch = bench.send("PATCH", "/v1/switches/ls1", text: "a=b", fields: form)
        #expect(patch.status == 415 && patch["Accept-Patch"] == "application/merge-patch+json, application/json")
        let put = bench.send("PUT", "/v1/switches/ls1", text: "{}", fields: form)
        #expect(put.status == 415 && put["Accept"] == "application/json" && put["Accept-Patch"] == nil)
    }

    @Test func `What the server gives is passed over in a patch, also null, but another id is refused`() {
        for member in ["id", "revision", "config_revision", "created_at", "owner", "status"] {
            let answer = bench.send("PATCH", "/v1/switches/ls1", [member: .null])
            #expect(answer.status == 200 && answer["ETag"] == "\"1\"", "\(member)")
        }
        let nameless = bench.send("PATCH", "/v1/switches/ls1", ["name": .null])
        #expect(nameless.status == 422 && nameless.json["pointer"] == "/name")
        let other = bench.send("PATCH", "/v1/switches/ls1", ["id": "00000000-0000-4000-8000-000000000000"])
        #expect(other.status == 409 && other.json["code"] == "id_conflict" && other.json["pointer"] == "/id")
    }

    @Test func `What is asked for a little wrong says what would be right`() {
        let slash = bench.send("GET", "/v1/switches/")
        #expect(slash.status == 404 && slash.json["detail"]?.stringValue?.contains("leave out the last slash") == true)
        let tag = bench.send("GET", "/v1/switches/ls1", fields: [("If-Match", "x")])
        #expect(tag.status == 400 && tag.json["detail"]?.stringValue?.hasPrefix("If-Match is * or a list") == true)
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
