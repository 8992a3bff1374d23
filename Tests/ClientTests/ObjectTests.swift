import JSON
import TestSupport
import Testing

@testable import Client

@Suite struct ObjectTests {
    private static let ports: [JSONValue] = [
        port("p-disabled", reason: "disabled", change: ["enabled": false]),
        port("p-elsewhere", reason: "requested-elsewhere", change: ["requested_chassis": ["hv1", "hv2"]]),
        port("p-lost", reason: "chassis-lost", change: ["status": ["chassis": "hv2"]]),
        port("p-slow", reason: "not-programmed", change: ["status": ["chassis": "hv1"]]),
        port(
            "p-unplugged",
            reason: "not-plugged",
            change: ["requested_chassis": ["hv1"], "dhcpv4_options": "dhcp1"]
        ),
        port(
            "p-up",
            reason: nil,
            change: [
                "status": ["chassis": "hv1", "up": true], "labels": ["app": "web", "tier": "on"],
                "addresses": ["02:00:00:00:00:01 10.0.0.1", "unknown"], "options": ["disable_arp_nd_rsp": "true"],
                "port_security": ["02:00:00:00:00:01 10.0.0.1"], "dhcpv4_options": "dhcp1",
            ]
        ),
    ]

    private static func port(_ name: String, reason: String?, change: JSONValue) -> JSONValue {
        let plain: JSONValue = [
            "name": .string(name), "switch": "ls1", "type": "", "addresses": [], "port_security": [], "enabled": true,
            "requested_chassis": [], "options": [:], "labels": [:], "id": "aaaaaaaa-0000-4000-8000-000000000001",
            "revision": 12, "config_revision": 10, "created_at": "2026-01-02T03:04:05Z",
            "updated_at": "2026-01-02T03:04:06Z",
            "status": [
                "up": false, "chassis": "", "tunnel_key": 7, "reason": reason.map { .string($0) } ?? "",
            ],
        ]
        return plain.merged(with: change)
    }

    private static let lists: [String: JSONValue] = [
        "/v1/ports": .array(ports),
        "/v1/switches/ls1/ports": .array(ports),
        "/v1/switches/ls2/ports": [],
        "/v1/switches": [
            [
                "name": "ls1", "labels": ["env": "prod"], "vlan_passthru": false,
                "id": "bbbbbbbb-0000-4000-8000-000000000001", "revision": 3, "config_revision": 3,
                "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z",
                "status": ["tunnel_key": 1],
            ],
            [
                "name": "ls2", "labels": [:], "vlan_passthru": true, "id": "bbbbbbbb-0000-4000-8000-000000000002",
                "revision": 4, "config_revision": 4, "created_at": "2026-01-02T03:04:05Z",
                "updated_at": "2026-01-02T03:04:05Z", "status": ["tunnel_key": 2],
            ],
        ],
        "/v1/dhcp-options": [
            [
                "name": "dhcp1", "cidr": "10.0.0.0/24", "options": ["lease_time": "3600", "server_id": "10.0.0.1"],
                "labels": [:], "id": "dddddddd-0000-4000-8000-000000000001", "owner": .null, "revision": 7,
                "config_revision": 7, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
                "status": [:],
            ]
        ],
        "/v1/dns-records": [
            [
                "name": "dns1", "records": ["vm1.example": "10.0.0.1 fd00::1"], "options": [:], "labels": [:],
                "id": "eeeeeeee-0000-4000-8000-000000000001", "owner": .null, "revision": 8, "config_revision": 8,
                "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "status": [:],
            ]
        ],
        "/v1/mirrors": [
            [
                "name": "m1", "type": "gre", "filter": "both", "sink": "192.0.2.9", "index": 7, "labels": [:],
                "mirror_rules": [["priority": 1, "match": "tcp", "action": "skip"]],
                "id": "ffffffff-0000-4000-8000-000000000001", "owner": .null, "revision": 8, "config_revision": 8,
                "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "status": [:],
            ]
        ],
        "/v1/port-groups": [
            [
                "name": "pg1", "ports": ["p-up", "p-slow"], "labels": [:], "id": "ffffffff-0000-4000-8000-000000000001",
                "owner": .null, "revision": 10, "config_revision": 9, "created_at": "2026-01-01T00:00:00Z",
                "updated_at": "2026-01-01T00:00:00Z", "status": [:],
            ]
        ],
        "/v1/address-sets": [
            [
                "name": "web", "addresses": ["10.0.0.1", "2001:db8::/64"], "labels": ["app": "web"],
                "id": "cccccccc-0000-4000-8000-000000000001", "owner": .null, "revision": 9, "config_revision": 9,
                "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "status": [:],
            ]
        ],
        "/v1/acls": [
            [
                "name": "web-deny", "port_group": "pg1", "direction": "to-lport", "priority": 1000, "tier": 0,
                "match": "outport == @pg1 && ip", "action": "drop", "labels": [:],
                "id": "99999999-0000-4000-8000-000000000001", "owner": .null, "revision": 11, "config_revision": 11,
                "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "status": [:],
            ]
        ],
        "/v1/qos-rules": [
            [
                "name": "voice", "switch": "ls1", "direction": "from-lport", "priority": 1000,
                "match": "udp.dst == 5060", "dscp": 46, "labels": [:],
                "id": "99999999-0000-4000-8000-000000000002", "owner": .null, "revision": 11, "config_revision": 11,
                "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "status": [:],
            ]
        ],
        "/v1/chassis": [
            [
                "name": "hv1", "chassis_id": "c1", "hostname": "host-1",
                "encaps": [["type": "geneve", "ip": "10.0.0.3"]],
                "revision": 1, "status": ["live": true],
            ],
            [
                "name": "hv2", "chassis_id": "c2", "hostname": "host-2",
                "encaps": [["type": "geneve", "ip": "10.0.0.4"]],
                "revision": 2, "status": ["live": false],
            ],
            [
                "name": "hv3", "chassis_id": "c3", "hostname": "host-3",
                "encaps": [["type": "geneve", "ip": "10.0.0.5"]],
                "revision": 3, "status": ["live": true, "held": ListingTests.held],
            ],
        ],
        "/v1/southbound/datapath-bindings": [
            ["id": "bbbbbbbb-0000-4000-8000-000000000001", "name": "ls1", "tunnel_key": 1, "vlan_passthru": false]
        ],
        "/v1/southbound/port-bindings": [
            [
                "id": "aaaaaaaa-0000-4000-8000-000000000001", "logical_port": "p-up",
                "datapath": "bbbbbbbb-0000-4000-8000-000000000001", "tunnel_key": 7,
                "addresses": [["mac": "02:00:00:00:00:01", "ips": ["10.0.0.1"]]], "unknown": true, "enabled": true,
                "locations": [["chassis": "hv1", "bind_seq": 5, "state": "active"]],
            ]
        ],
        "/v1/southbound/dhcp-responders": [
            [
                "id": "cccccccc-0000-4000-8000-000000000001", "cidr": "10.0.0.0/24", "server_id": "10.0.0.254",
                "server_mac": "0e:64:0a:00:00:fe", "lease_time": 3600, "options": "0104ffffff00",
            ]
        ],
        "/v1/southbound/dns-responders": [
            [
                "id": "dddddddd-0000-4000-8000-000000000001",
                "records": ["www.example": ["10.0.0.1"], "db.example": ["10.0.0.2"]],
            ]
        ],
        "/v1/southbound/mirror-sessions": [
            [
                "id": "ffffffff-0000-4000-8000-000000000001", "type": "gre", "filter": "both", "sink": "192.0.2.9",
                "index": 7, "rules": [["priority": 1, "match": "tcp", "action": "skip"]],
            ]
        ],
        "/v1/southbound/multicast-groups": [
            ["datapath": "ls1", "name": "_MC_flood", "tunnel_key": 32768, "ports": ["p-up", "p-slow"]]
        ],
    ]

    /// A central with the lists above.
    private static func central() -> ScriptedCaller {
        ScriptedCaller { call in
            let path = String(call.path.prefix { $0 != "?" })
            if let list = lists[path] { return Reply(status: 200, body: ["items": list, "next_page_token": .null]) }
            let slash = path.lastIndex(of: "/") ?? path.startIndex
            let name = path[path.index(after: slash)...]
            let object = lists[String(path[..<slash])]?.arrayValue?.first { $0.text("name") == name }
            return object.map { Reply(status: 200, body: $0) } ?? .problem(404, "not_found", "There is none.")
        }
    }

    private func expect(_ text: String, golden name: String) {
        let mismatch = goldenMismatch(text, named: name)
        #expect(mismatch == nil, Comment(rawValue: mismatch ?? ""))
    }

    @Test func `Every kind has a table, a wide one and names`() throws {
        let session = ObjectSession(caller: Self.central())
        var text = ""
        for kind in ShownKind.allCases {
            for format in [OutputFormat.table, .wide, .name] {
                text += "$ heddle get \(kind.plural) -o \(format.rawValue)\n"
                text += try session.get(kind, format: format)
            }
        }
        expect(text, golden: "get-tables")
    }

    @Test func `JSON and YAML show what central has`() throws {
        let session = ObjectSession(caller: Self.central())
        let json = try session.get(.port, names: ["p-up"], format: .json)
        #expect(try JSONParser.parse(json) == Self.ports[5])
        let list = try JSONParser.parse(try session.get(.port, format: .json))
        #expect(list == ["items": .array(Self.ports)])
        var text = try session.get(.port, names: ["p-up"], format: .yaml)
        text += try session.get(.logicalSwitch, format: .yaml)
        expect(text, golden: "get-yaml")
    }

    @Test func `A set of DHCP options that answers a port nothing is told of`() {
        func sentence(_ addresses: [JSONValue], _ cidr: JSONValue, _ options: JSONValue, given: String = "") -> String {
            let object: JSONValue = [
                "name": "p1", "addresses": .array(addresses), "status": ["dynamic_addresses": .string(given)],
            ]
            let set: JSONValue = ["name": "d1", "cidr": cidr, "options": options]
            return ObjectSession.advice(forPort: object, unansweredBy: set).sentence
        }
        let options: JSONValue = ["server_id": "10.0.0.1", "lease_time": "60"]
        let known: [JSONValue] = ["02:00:00:00:00:01 10.0.0.9 fd00::9"]
        #expect(sentence(known, "10.0.0.0/24", options).isEmpty)
        #expect(sentence(known, "fd00::/64", options).isEmpty)
        #expect(sentence(["dynamic"], "10.0.0.0/24", options, given: "02:00:00:00:00:01 10.0.0.2").isEmpty)
        #expect(sentence([], "fd00::/64", ["server_id": "02:00:00:00:00:01", "dhcpv6_stateless": "true"]).isEmpty)
        #expect(sentence(known, "10.0.1.0/24", options).contains("no address of 10.0.1.0/24"))
        #expect(sentence(["dynamic"], "10.0.0.0/24", options).contains("no address of"))
        #expect(sentence(known, "10.0.0.0/24", [:]).contains("no options yet"))
    }

    @Test func `Everything is described with what to do next`() throws {
        let session = ObjectSession(caller: Self.central())
        var text = try session.describe(.logicalSwitch, names: ["ls1", "ls2"])
        text += try session.describe(.port, names: Self.ports.map { $0.text("name") })
        text += try session.describe(.chassis, names: ["hv1", "hv2", "hv3"])
        text += try session.describe(ShownKind(parsing: "address-set"), names: ["web"])
        text += try session.describe(.portBinding, names: ["p-up"])
        text += try session.describe(.multicastGroup, names: ["ls1/_MC_flood"])
        expect(text, golden: "describe")
    }

    @Test(arguments: [
        (["app=web"], [], "p-up"), (["app==web,tier"], [], "p-up"), (["tier=on"], ["status.up=true"], "p-up"),
        (["app!=web"], ["status.reason=disabled"], "p-disabled"), (["!app"], ["enabled=false"], "p-disabled"),
        ([], ["requested_chassis=hv2"], "p-elsewhere"), ([], ["labels.app=web", "status.chassis=hv1"], "p-up"),
        (["app in (web,db)", "tier"], [], "p-up"), (["app=web,app=db"], [], ""), ([], ["labels.no_such_label=1"], ""),
        ([], ["name=p-dis*"], "p-disabled"), ([], ["status.reason!=disabled", "enabled=false"], ""),
        ([], ["name=p-up", "name=p-no*"], "p-up"), ([], ["chassis=hv*", "up=true"], "p-up"),
        ([], ["ip=10.0.0.0/30", "up=true"], "p-up"), ([], ["ip!=10.0.0.0/8", "mac=02:00:00:00:00:0f"], ""),
    ])
    func `Labels and fields choose`(labels: [String], fields: [String], name: String) throws {
        let selection = try ObjectSelection(labels: labels, fields: fields)
        let chosen = Self.ports.filter(selection.fits).map { $0.text("name") }
        #expect(chosen == (name.isEmpty ? [] : [name]))
    }

    @Test func `Central is asked for what it knows`() throws {
        let central = Self.central()
        let session = ObjectSession(caller: central)
        let fields = ["name=p-*", "name!=p-x", "status.up=true", "chassis=hv1", "chassis=hv2"]
        let selection = try ObjectSelection(labels: ["app in (web,db)", "!x"], fields: fields)
        #expect(try session.get(.port, selection: selection, order: "-created", format: .name) == "port/p-up\n")
        #expect(
            central.lines == [
                "GET /v1/ports?label=app%20in%20%28web%2Cdb%29&label=%21x&name=p-%2A&name=%21p-x&chassis=hv1"
                    + "&chassis=hv2&order=-created&limit=5000"
            ]
        )
        let label = try ObjectSelection(labels: ["a"], fields: [])
        #expect(throws: ClientError.self) { try session.get(.chassis, selection: label) }
        #expect(throws: ClientError.self) { try session.get(.portBinding, selection: label) }
        #expect(throws: ClientError.self) { try session.get(.portBinding, order: "name") }
        #expect(throws: ClientError.self) { try session.get(.port, order: "colour") }
        #expect(throws: ClientError.self) { try session.get(.port, names: ["p-up"], order: "name") }
    }

    @Test func `What is chosen is deleted by one request`() throws {
        var count: Int64 = 2
        let central = ScriptedCaller { call in
            guard call.path.contains("confirm_deletes=2") else {
                return .problem(409, "deletions_unconfirmed", "It would delete 2 objects.")
            }
            guard call.path.hasPrefix("/v1/topologies") else {
                return Reply(status: 200, body: ["names": count > 0 ? ["a", "b"] : [], "deleted": .integer(count)])
            }
            return Reply(status: 200, body: ["plan": [["op": "delete", "kind": "logical_switch", "name": "ls1"]]])
        }
        let session = ObjectSession(caller: central)
        let selection = try ObjectSelection(labels: ["tenant=t1"], fields: ["up=false"])
        #expect(throws: ClientError.self) { try session.delete(.port, selection, confirmed: nil) }
        #expect(try session.delete(.port, selection, of: "ls1", confirmed: 2) == "port a deleted\nport b deleted\n")
        count = 0
        #expect(try session.delete(.port, selection, confirmed: 2) == "no port fits; nothing was deleted\n")
        #expect(try session.deleteTopology("shop", ifExists: false, confirmed: 2) == "switch ls1 deleted\n")
        #expect(
            central.lines == [
                "DELETE /v1/ports?label=tenant%3Dt1&up=false",
                "DELETE /v1/ports?label=tenant%3Dt1&up=false&switch=ls1&confirm_deletes=2",
                "DELETE /v1/ports?label=tenant%3Dt1&up=false&confirm_deletes=2",
                "DELETE /v1/topologies/shop?confirm_deletes=2",
            ]
        )
        let local = try ObjectSelection(labels: [], fields: ["status.reason=x"])
        #expect(throws: ClientError.self) { try session.delete(.port, local, confirmed: 2) }
        #expect(throws: ClientError.self) { try session.delete(.chassis, selection, confirmed: 2) }
        #expect(throws: ClientError.self) { try session.delete(.logicalSwitch, selection, of: "ls1", confirmed: 2) }
    }

    @Test func `A field that no object has is a usage error, not an empty list`() throws {
        let session = ObjectSession(caller: Self.central())
        let nowhere = try ObjectSelection(labels: [], fields: ["labels.nowhere=1", "status.up=false"])
        try nowhere.checkFields(of: [["name": "a", "labels": ["b": "c"], "status": ["up": true]]], .port)
        let misspelled = try ObjectSelection(labels: [], fields: ["status.chasis=1"])
        let problem = "no port has a field 'status.chasis'; did you mean 'chassis'? those of status are up, chassis"
        #expect(throws: ClientError.usage(problem)) {
            try misspelled.checkFields(of: [["name": "a", "status": ["up": true, "chassis": .null]]], .port)
        }
        let leaf = try ObjectSelection(labels: [], fields: ["name.x=1"])
        #expect(throws: ClientError.usage("no port has a field 'name.x'; those of name are none")) {
            try leaf.checkFields(of: [["name": "a"]], .port)
        }
        let selection = try ObjectSelection(labels: [], fields: ["enabld=true"])
        let error = #expect(throws: ClientError.self) { try session.get(.port, selection: selection) }
        #expect(error?.exitStatus == .usage)
        #expect(
            error?.message.hasPrefix("no port has a field 'enabld'; did you mean 'enabled'? the fields are ") == true
        )
        #expect(try session.get(.port, of: "ls2", selection: selection, format: .name).isEmpty)
    }

    @Test(arguments: ["", "=v", "a=b=c", "a,", "!", "!a=b!=c", "!=x", "a=b*", "a in (b", "a>1"])
    func `A condition for a label that cannot be is a usage error`(text: String) {
        #expect(throws: ClientError.self) { try ObjectSelection(labels: [text], fields: []) }
    }

    @Test(arguments: ["", "a", "=v", "a..b=1", ".a=1", "!=v", "!a=1", "a!!=1"])
    func `A condition for a field that cannot be is a usage error`(text: String) {
        #expect(throws: ClientError.self) { try ObjectSelection(labels: [], fields: [text]) }
    }

    @Test func `Kinds go by many names, OVN's among them`() throws {
        for word in ["switch", "switches", "ls", "Logical_Switch", "LS", "logical-switches"] {
            #expect(try ShownKind(parsing: word) == .logicalSwitch)
        }
        for word in ["lsp", "ports", "Logical_Switch_Port"] { #expect(try ShownKind(parsing: word) == .port) }
        #expect(try ShownKind(parsing: "Port_Binding") == .portBinding)
        #expect(throws: ClientError.self) { try ShownKind(parsing: "router") }
        let names = ShownKind.allCases.flatMap(\.names)
        #expect(Set(names).count == names.count)
    }

    @Test func `What is not there is named, with where to look`() throws {
        let session = ObjectSession(caller: Self.central())
        let missing = ClientError.refused("port p9: not found; 'heddle get ports' lists all")
        #expect(throws: missing) { try session.get(.port, names: ["p-up", "p9"]) }
        #expect(throws: missing) { try session.describe(.port, names: ["p9"]) }
        #expect(throws: ClientError.self) { try session.get(.portBinding, names: ["p9"]) }
        #expect(throws: ShownKind.logicalSwitch.notFound("ls9")) { try session.get(.port, of: "ls9") }
        #expect(throws: ClientError.usage("only ports belong to a switch; leave --switch out")) {
            try session.get(.chassis, of: "ls1")
        }
        #expect(try session.get(.port, of: "ls2", format: .name).isEmpty)
    }

    @Test func `What is there is printed also where something else is not`() throws {
        let session = ObjectSession(caller: Self.central())
        var missing: [String] = []
        let text = try session.get(.logicalSwitch, names: ["nope", "ls2", "neither", "ls1"], format: .name) {
            missing.append($0.message)
        }
        #expect(text == "switch/ls2\nswitch/ls1\n")
        let expected = ["nope", "neither"].map { ShownKind.logicalSwitch.notFound($0).message }
        #expect(missing == expected)
        let description = try session.describe(.logicalSwitch, names: ["nope", "ls2"]) { missing.append($0.message) }
        #expect(description.contains("ls2") && missing.count == 3)
        #expect(throws: ShownKind.logicalSwitch.notFound("nope")) {
            try session.get(.logicalSwitch, names: ["ls1", "nope"])
        }
        #expect(try session.get(.logicalSwitch, names: ["nope"]) { _ in } == "")
    }

    @Test func `Deletes are one commit, and --if-exists leaves out what is not there`() throws {
        var there: Set<String> = ["/v1/ports/a", "/v1/ports/c"]
        let caller = ScriptedCaller { call in
            let paths = (call.body?["ops"]?.arrayValue ?? []).map { $0.text("path") }
            if let index = paths.firstIndex(where: { !there.contains($0) }) {
                return .problem(404, "not_found", "There is none.", pointer: "/ops/\(index)")
            }
            there.subtract(paths)
            return Reply(status: 200, body: ["revision": 1, "results": [.null]])
        }
        let session = ObjectSession(caller: caller)
        #expect(throws: ShownKind.port.notFound("b")) {
            try session.delete(.port, names: ["a", "b", "c"], ifExists: false)
        }
        #expect(there.count == 2)
        let text = try session.delete(.port, names: ["a", "b", "c", "a"], ifExists: true)
        #expect(text == "port a deleted\nport c deleted\n")
        #expect(there.isEmpty)
        #expect(try session.delete(.port, names: ["a"], ifExists: true).isEmpty)
        #expect(throws: ClientError.self) { try session.delete(.portBinding, names: ["a"], ifExists: true) }
        let full = ObjectSession(caller: ScriptedCaller { _ in .problem(503, "storage_full", "The log is full.") })
        #expect(throws: ClientError.self) { try full.delete(.port, names: ["a"], ifExists: true) }
    }
}
