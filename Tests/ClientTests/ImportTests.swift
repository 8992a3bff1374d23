import JSON
import OVSDB
import Testing

@testable import Client

@Suite struct ImportTests {
    /// The types of OVN's columns that these tests have.
    private static let schema: JSONValue = {
        let map: JSONValue = ["type": ["key": "string", "value": "string", "min": 0, "max": "unlimited"]]
        let strings: JSONValue = ["type": ["key": "string", "min": 0, "max": "unlimited"]]
        let references: JSONValue = ["type": ["key": ["type": "uuid"], "min": 0, "max": "unlimited"]]
        let flag: JSONValue = ["type": ["key": "boolean", "min": 0, "max": 1]]
        let numbers: JSONValue = ["type": ["key": "string", "value": "integer", "min": 0, "max": "unlimited"]]
        let string: JSONValue = ["type": "string"]
        let integer: JSONValue = ["type": "integer"]
        return [
            "name": "OVN_Northbound",
            "tables": [
                "Logical_Switch": [
                    "columns": [
                        "name": string, "ports": references, "acls": references, "other_config": map,
                        "external_ids": map, "load_balancer": references, "shiny": string, "qos_rules": references,
                    ]
                ],
                "Logical_Switch_Port": [
                    "columns": [
                        "name": string, "type": string, "addresses": strings, "port_security": strings,
                        "options": map, "enabled": flag, "dynamic_addresses": strings,
                    ]
                ],
                "ACL": [
                    "columns": [
                        "name": string, "direction": string, "match": string, "action": string, "priority": integer,
                        "label": integer,
                    ]
                ],
                "Port_Group": ["columns": ["name": string, "ports": references, "acls": references]],
                "Address_Set": ["columns": ["name": string, "addresses": strings]],
                "QoS": [
                    "columns": ["direction": string, "match": string, "priority": integer, "action": numbers]
                ],
                "Logical_Router": ["columns": ["name": string, "ports": references]],
            ],
        ]
    }()

    private static func id(_ number: Int) -> String {
        let digits = String(number)
        return "00000000-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
    }

    private static func reference(_ numbers: Int...) -> JSONValue {
        ["set", .array(numbers.map { ["uuid", .string(id($0))] })]
    }

    private static func network(_ rows: [(table: String, number: Int, JSONValue)]) throws -> NorthboundImport {
        var contents = DatabaseContents()
        try contents.take(schema: schema)
        for (table, number, row) in rows { try contents.put(row, id(number), of: table) }
        return try NorthboundImport(contents)
    }

    private static func json(_ network: NorthboundImport) throws -> JSONValue {
        try JSONParser.parse(try network.text(asJSON: true))
    }

    @Test func `names that cannot be are changed, told, and kept as labels`() throws {
        let uuid = "3d0f0dd5-6ed8-8ca0-a0cd-f1a7a3a7a3a7"
        let network = try Self.network([
            ("Logical_Switch", 1, ["name": "a net", "ports": Self.reference(3, 6), "acls": Self.reference(4)]),
            ("Logical_Switch_Port", 6, ["name": "3d0f0dd5-6ed8-4ca0-a0cd-f1a7a3a7a3a7"]),
            ("Logical_Switch", 2, ["name": "a-net"]),
            ("Logical_Switch", 5, ["name": ""]),
            ("Logical_Switch_Port", 3, ["name": .string(uuid)]),
            (
                "ACL", 4,
                [
                    "direction": "from-lport", "priority": 1, "action": "drop", "label": 7,
                    "match": .string("inport == \"\(uuid)\" && ip"),
                ]
            ),
        ])
        let document = try Self.json(network)
        #expect(
            document["switches"]?.arrayValue?.map { $0.raw("name") } == ["a-net", "a-net-2", "switch-\(Self.id(5))"]
        )
        #expect(document["switches"]?.arrayValue?[0].rawMap("labels") == ["ovn-name": "a net"])
        #expect(document["acls"]?.arrayValue?[0].raw("match") == "inport == \"port-\(uuid)\" && ip")
        // Those that Neutron gives are names.
        #expect(document.bytes.contains(Array("\"3d0f0dd5-6ed8-4ca0-a0cd-f1a7a3a7a3a7\"".utf8)))
        #expect(
            network.remarks.map(\.text) == [
                "Logical_Switch a net: name: it is a-net here, "
                    + "since a name consists of letters, digits and any of ._:@-",
                "Logical_Switch a-net: name: it is a-net-2 here, since another has the name",
                "Logical_Switch_Port \(uuid): name: it is port-\(uuid) here, since a name may not look like a UUID of "
                    + "version 8, which is taken for an object's id; take one of another version, or put a word before "
                    + "it: \"port-\(uuid)\"",
                "ACL \(Self.id(4)): label: 'external_ids' may say anything",
            ]
        )
    }

    @Test func `what central would refuse is left out and told, and a filter fails closed`() throws {
        let network = try Self.network([
            (
                "Logical_Switch", 1,
                [
                    "name": "ls1", "ports": Self.reference(2, 3, 4, 5), "load_balancer": Self.reference(9),
                    "other_config": ["map", [["mcast_snoop", "true"], ["new_key", "1"]]], "shiny": "yes",
                ]
            ),
            ("Logical_Switch_Port", 2, ["name": "p1", "addresses": "02:00:00:00:00:01 10.0.0.1"]),
            ("Logical_Switch_Port", 3, ["name": "p2", "addresses": "02:00:00:00:00:01 10.0.0.2"]),
            ("Logical_Switch_Port", 4, ["name": "p3", "port_security": "nonsense"]),
            ("Logical_Switch_Port", 5, ["name": "p4", "type": "router", "options": ["map", [["router-port", "r"]]]]),
            ("Logical_Router", 6, ["name": "r0", "ports": Self.reference(7)]),
            ("Port_Group", 7, ["name": "pg", "acls": Self.reference(8)]),
            (
                "ACL", 8,
                ["direction": "to-lport", "priority": 1, "action": "drop", "match": "outport == @none", "name": "x"]
            ),
            ("Address_Set", 10, ["name": "as", "addresses": ["set", ["10.0.0.1", "02:00:00:00:00:09"]]]),
        ])
        let document = try Self.json(network)
        let ports = document["switches"]?.arrayValue?[0]["ports"]?.arrayValue ?? []
        #expect(ports.map { $0.raw("name") } == ["p1", "p2", "p3"])
        #expect(ports.last?["enabled"] == false && document["acls"] == nil)
        #expect(document["address_sets"]?.arrayValue?[0].raws("addresses") == ["10.0.0.1"])
        let told = network.remarks.map(\.text)
        for piece in [
            "Logical_Switch ls1: load_balancer: load balancers are not in this version",
            "Logical_Switch ls1: shiny: this version does not know it", "Logical_Switch ls1: other_config:new_key: ",
            "Logical_Switch_Port p2: addresses: ", "Logical_Switch_Port p3: port_security: ",
            "Logical_Switch_Port p3: enabled: the port is disabled",
            "Logical_Switch_Port p4: it leads to the router port r",
            "Logical_Router r0: logical routers are not in this version (ports)", "ACL x: ",
            "Address_Set as: addresses: ",
        ] { #expect(told.contains { $0.hasPrefix(piece) }, "\(piece) in \(told)") }
    }

    @Test func `dynamic addresses stay what OVN has given`() throws {
        let network = try Self.network([
            (
                "Logical_Switch", 1,
                [
                    "name": "ls1", "ports": Self.reference(2),
                    "other_config": ["map", [["subnet", "10.0.0.0/24"], ["vlan-passthru", "true"]]],
                ]
            ),
            (
                "Logical_Switch_Port", 2,
                ["name": "p1", "addresses": "dynamic", "dynamic_addresses": "02:00:00:00:00:01 10.0.0.7"]
            ),
        ])
        let home = try Self.json(network)["switches"]?.arrayValue?[0]
        #expect(home?.raw("subnet") == "10.0.0.0/24" && home?["vlan_passthru"] == true)
        #expect(home?["ports"]?.arrayValue?[0].raws("addresses") == ["02:00:00:00:00:01 10.0.0.7"])
        #expect(network.remarks.count == 1)
    }

    @Test func `QoS rules that mark come along, and those that do more are told`() throws {
        func rule(_ number: Int64, _ action: [JSONValue]) -> (String, Int, JSONValue) {
            (
                "QoS", Int(number),
                [
                    "direction": "from-lport", "priority": .integer(number), "match": "inport == \"p1\"",
                    "action": ["map", .array(action)],
                ]
            )
        }
        let network = try Self.network([
            ("Logical_Switch", 1, ["name": "ls1", "ports": Self.reference(2), "qos_rules": Self.reference(3, 4)]),
            ("Logical_Switch_Port", 2, ["name": "p1"]),
            rule(3, [["dscp", 46]]), rule(4, [["dscp", 10], ["mark", 7]]),
        ])
        let rules = try Self.json(network)["qos_rules"]?.arrayValue ?? []
        #expect(rules.map { $0["dscp"] } == [46] && rules.map { $0.raw("switch") } == ["ls1"])
        #expect(network.remarks.count == 1 && network.remarks[0].text.contains("mark"), "\(network.remarks)")
    }

    @Test func `a text of others harms no terminal`() throws {
        let network = try Self.network([("Logical_Switch", 1, ["name": "\u{1b}[2Ja\nb"])])
        #expect(network.remarks.allSatisfy { !$0.text.contains("\u{1b}") && !$0.text.contains("\n") })
        #expect(try !network.text(asJSON: false).contains("\u{1b}"))
    }

    @Test func `another database is refused`() throws {
        var contents = DatabaseContents()
        try contents.take(schema: ["name": "Open_vSwitch", "tables": [:]])
        #expect(throws: ClientError.self) { try NorthboundImport(contents) }
    }
}
