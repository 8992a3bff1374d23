import JSON
import Testing

@testable import Client

@Suite struct DatabaseTests {
    private static let id = "0000000a-0000-4000-8000-000000000001"
    private static let portID = "0000000b-0000-4000-8000-000000000002"

    private static let lists: [String: JSONValue] = [
        "/v1/switches": [
            [
                "id": .string(id), "name": "ls1", "revision": 5, "labels": ["tenant": "t1", "b": "x y"],
                "subnet": "10.0.0.0/24", "exclude_ips": ["10.0.0.5..10.0.0.9", "10.0.0.1"], "vlan_passthru": false,
                "other_config": ["mcast_snoop": "true"], "status": ["tunnel_key": 1],
            ]
        ],
        "/v1/ports": [
            [
                "id": .string(portID), "name": "p1", "switch": "ls1", "revision": 6, "type": "",
                "addresses": ["02:00:00:00:00:01 10.0.0.1", "unknown"], "port_security": [], "enabled": true,
                "requested_chassis": ["hv1", "hv2"], "options": ["qos_max_rate": "1000"], "labels": [:],
                "dhcpv4_options": "d1", "status": ["up": true, "tunnel_key": 1],
            ]
        ],
        "/v1/acls": [],
        "/v1/address-sets": [
            ["id": "0000000c-0000-4000-8000-000000000003", "name": "as1", "addresses": ["10.0.0.1"], "revision": 7]
        ],
        "/v1/dhcp-options": [
            ["id": "0000000d-0000-4000-8000-000000000004", "name": "d1", "cidr": "10.0.0.0/24", "options": [:]]
        ],
        "/v1/dns-records": [],
        "/v1/mirrors": [],
        "/v1/qos-rules": [],
        "/v1/chassis": [
            [
                "name": "hv1", "chassis_id": "0000000e-0000-4000-8000-000000000005", "hostname": "hv1.lan",
                "encaps": [["type": "geneve", "ip": "192.0.2.1"]],
            ]
        ],
        "/v1/southbound/port-bindings": [
            [
                "id": .string(portID), "logical_port": "p1", "datapath": .string(id), "tunnel_key": 1,
                "addresses": [["mac": "02:00:00:00:00:01", "ips": ["10.0.0.1"]]], "unknown": true,
                "port_security": [], "requested_chassis": ["hv1"],
                "locations": [["chassis": "hv1", "bind_seq": 1, "state": "active"]],
            ]
        ],
    ]

    /// Central with these lists; transactions succeed.
    private static func central() -> ScriptedCaller {
        ScriptedCaller { call in
            if call.method == .post { return Reply(status: 200, body: ["revision": 9, "results": []]) }
            let path = String(call.path.split(separator: "?")[0])
            if let items = lists[path] {
                return Reply(status: 200, revision: 8, body: ["items": items, "revision": 8])
            }
            for (collection, items) in lists where path.hasPrefix(collection + "/") {
                let name = path.dropFirst(collection.count + 1)
                let found = items.arrayValue?.first { $0.raw("name") == name || $0.raw("id") == name }
                if let found { return Reply(status: 200, revision: 8, body: found) }
            }
            return .problem(404, "not_found", "There is none.")
        }
    }

    private static func run(_ words: [String]) throws -> (output: String, body: JSONValue?) {
        let caller = central()
        var output = ""
        if words.first == "sb" {
            guard case .run(let line) = try SbCommand.grammar.parse(Array(words.dropFirst())) else { return ("", nil) }
            try SbSession(line, caller: caller) { output += $0 }.run()
        } else {
            guard case .run(let line) = try NbCommand.grammar.parse(words) else { return ("", nil) }
            try NbSession(line, caller: caller, output: { output += $0 }, warn: { _ in }).run()
        }
        return (output, caller.calls.last { $0.method == .post }?.body)
    }

    @Test func `rows are printed as ovn-nbctl prints them`() throws {
        #expect(
            try Self.run(["list", "Logical_Switch"]).output == """
                _uuid               : \(Self.id)
                acls                : []
                copp                : []
                dns_records         : []
                external_ids        : {b="x y", tenant=t1}
                forwarding_groups   : []
                load_balancer       : []
                load_balancer_group : []
                name                : ls1
                other_config        : {exclude_ips="10.0.0.5..10.0.0.9 10.0.0.1", \
                mcast_snoop="true", subnet="10.0.0.0/24"}
                ports               : [\(Self.portID)]
                qos_rules           : []

                """
        )
        #expect(
            try Self.run(["get", "logical_switch_p", "p1", "options", "dhcpv4", "up", "options:qos_max_rate"]).output
                == "{qos_max_rate=\"1000\", requested-chassis=\"hv1,hv2\"}\n0000000d-0000-4000-8000-000000000004\n"
                + "true\n\"1000\"\n"
        )
        #expect(try Self.run(["--bare", "--columns=name", "find", "Logical_Switch_Port", "up=true"]).output == "p1\n")
        #expect(try Self.run(["find", "Logical_Switch_Port", "external_ids:x=y"]).output.isEmpty)
        #expect(try Self.run(["get", "Logical_Switch", "0000000a", "name"]).output == "ls1\n")
    }

    @Test func `rows of the southbound database are made of what hosts are told`() throws {
        #expect(
            try Self.run(["sb", "get", "Port_Binding", "p1", "chassis", "mac", "up", "requested_chassis"]).output
                == "0000000e-0000-4000-8000-000000000005\n[\"02:00:00:00:00:01 10.0.0.1\", unknown]\ntrue\n"
                + "0000000e-0000-4000-8000-000000000005\n"
        )
        let encap = try Self.run(["sb", "get", "Chassis", "hv1", "encaps"]).output.filter { !"[]\n".contains($0) }
        #expect(try Self.run(["sb", "get", "Encap", encap, "ip", "chassis_name"]).output == "\"192.0.2.1\"\nhv1\n")
    }

    @Test(
        arguments: [
            (
                ["set", "Logical_Switch", "ls1", "external_ids:tenant=t2", "other_config:subnet=\"10.1.0.0/24\""],
                #"[{"op":"patch","path":"/v1/switches/ls1","body":{"labels":{"tenant":"t2"},"subnet":"10.1.0.0/24"}}]"#
            ),
            (
                ["remove", "Logical_Switch", "ls1", "external_ids", "tenant", "b=z"],
                #"[{"op":"patch","path":"/v1/switches/ls1","body":{"labels":{"tenant":null}}}]"#
            ),
            (
                ["clear", "Logical_Switch", "ls1", "other_config"],
                #"[{"op":"patch","path":"/v1/switches/ls1","body":{"subnet":null,"exclude_ips":[],"#
                    + #""other_config":{"mcast_snoop":null}}}]"#
            ),
            (
                [
                    "set", "Logical_Switch_Port", "p1", "options:requested-chassis=hv3", "enabled=false",
                    "tag_request=[]",
                ],
                #"[{"op":"patch","path":"/v1/ports/p1","body":{"requested_chassis":["hv3"],"enabled":false}}]"#
            ),
            (
                ["add", "Address_Set", "as1", "addresses", "\"10.0.0.2\""],
                #"[{"op":"patch","path":"/v1/address-sets/as1","body":{"addresses":["10.0.0.1","10.0.0.2"]}}]"#
            ),
            (["add", "Address_Set", "as1", "addresses", "\"10.0.0.1\""], nil),
            (["--if-exists", "set", "Address_Set", "as9", "addresses=[]"], nil),
            (
                [
                    "lsp-add", "ls1", "p2", "--", "set", "Logical_Switch_Port", "p2", "external_ids:a=b",
                    "dhcpv4_options=d1",
                ],
                #"[{"op":"create","path":"/v1/switches/ls1/ports","body":{"name":"p2"}},"#
                    + #"{"op":"patch","path":"/v1/ports/p2","body":{"dhcpv4_options":"#
                    + #""0000000d-0000-4000-8000-000000000004","labels":{"a":"b"}}}]"#
            ),
            (
                ["--id=@p", "create", "Port_Group", "name=pg1", "--", "add", "Port_Group", "@p", "ports", "p1"],
                #"[{"op":"create","path":"/v1/port-groups","body":{"name":"pg1"}},"#
                    + #"{"op":"patch","path":"/v1/port-groups/pg1","body":{"ports":["#
                    + #""0000000b-0000-4000-8000-000000000002"]}}]"#
            ),
            (
                ["create", "Address_Set", "name=as2", "addresses=\"10.0.0.1\",\"10.0.1.0/24\""],
                #"[{"op":"create","path":"/v1/address-sets","#
                    + #""body":{"name":"as2","addresses":["10.0.0.1","10.0.1.0/24"]}}]"#
            ),
            (["destroy", "Address_Set", "as1"], #"[{"op":"delete","path":"/v1/address-sets/as1"}]"#),
            (["--all", "destroy", "Address_Set"], #"[{"op":"delete","path":"/v1/address-sets/as1"}]"#),
        ] as [([String], String?)]
    )
    func `changes of rows are patches of objects`(words: [String], operations: String?) throws {
        #expect(try Self.run(words).body?["ops"]?.text == operations)
    }

    @Test func `a row that is changed must still be as it was read`() throws {
        let body = try Self.run(["set", "Logical_Switch", "ls1", "external_ids:a=b"]).body
        #expect(body?["require"] == [["path": "/v1/switches/ls1", "etag": "\"5\""]])
    }

    @Test(
        arguments: [
            (["set", "Logical_Switch", "ls9", "external_ids:a=b"], "no row \"ls9\" in table Logical_Switch"),
            (["set", "Logical_Switch", "ls1", "load_balancer=x"], "load balancers are not in this version"),
            (["set", "Logical_Switch", "ls1", "ports=x"], "'lsp-add'"),
            (["set", "Logical_Switch", "ls1", "name=x"], "ls-add"),
            (["set", "Logical_Switch", "ls1", "foo=x"], "does not contain a column"),
            (["set", "Logical_Switch", "ls1", "external_ids=a"], "KEY=VALUE"),
            (["set", "Logical_Switch", "ls1", "external_ids:a"], "argument does not end in \"=\""),
            (["set", "Logical_Switch_Port", "p1", "type:a=b"], "is no map"),
            (["clear", "ACL", "x", "match"], "not allowed to be empty"), (["create", "ACL", "match=a"], "'acl-add'"),
            (["create", "Address_Set", "addresses=[]"], "needs a name"), (["destroy", "Address_Set"], "--all"),
            (["find", "Logical_Switch", "name"], "followed by a value"),
            (["find", "Logical_Switch", "name=a,b"], "takes one value"), (["list", "NAT"], "logical routers"),
            (["get", "Logical_Switch", "ls1", "external_ids:zz"], "no key \"zz\" in Logical_Switch record \"ls1\""),
            (["sb", "set", "Chassis", "hv1", "name=x"], "heddle nb set"),
            (["--format=html", "list", "ACL"], "table, list"),
            (["add", "Logical_Switch_Port", "p1", "parent_name", "a", "b"], "takes one"),
            (["list", "Logical_Switch", "nope"], "no row \"nope\""), (["--db=foo", "show"], "https://central:6641"),
            (["--db=tcp:a:1,tcp:b:1", "show"], "only one"),
        ] as [([String], String)]
    )
    func `what cannot be is refused with what to use`(words: [String], piece: String) {
        #expect { try Self.run(words) } throws: { error in
            (error as? ClientError)?.message.contains(piece) == true
        }
    }

    @Test func `options that do nothing here are accepted and told of once`() throws {
        let words = ["--no-leader-only", "-v", "-vconsole:off", "--db=ssl:10.0.0.2:6641", "-t", "5", "show"]
        guard case .run(let line) = try NbCommand.grammar.parse(words) else { return }
        #expect(line.database == "https://10.0.0.2:6641" && line.timeout == 5)
        #expect(
            line.remarks == [
                "--no-leader-only has no effect here: there is one central",
                "-v has no effect here: there is no log to set",
            ]
        )
    }
}
