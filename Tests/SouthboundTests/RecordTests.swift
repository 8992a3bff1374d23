import JSON
import Southbound
import Testing
import Wire

@Suite struct RecordTests {
    private let texts = [
        ("chassis", #"{"name":"h1","chassis_id":"x","hostname":"","encaps":[{"type":"geneve","ip":"10.0.0.1"}]}"#),
        (
            "datapath_binding",
            #"{"id":"00000000-0000-0001-0000-000000000002","name":"ls1","tunnel_key":16711680,"vlan_passthru":true}"#
        ),
        (
            "port_binding",
            #"{"id":"00000000-0000-0001-0000-000000000003","logical_port":"p1","#
                + #""datapath":"00000000-0000-0001-0000-000000000002","tunnel_key":32767,"#
                + #""addresses":[{"mac":"02:00:00:00:00:01","ips":["10.0.0.1","2001:db8::1"]}],"unknown":true,"#
                + #""port_security":[{"mac":"02:00:00:00:00:01","prefixes":["10.0.0.0/24","10.0.0.1"]}],"#
                + #""enabled":false,"answers_neighbors":false,"requested_chassis":["h1"],"#
                + #""locations":[{"chassis":"h1","bind_seq":7,"state":"active"}]}"#
        ),
        (
            "dhcp_responder",
            #"{"id":"00000000-0000-0001-0000-000000000004","cidr":"10.0.0.0/24","#
                + #""server_mac":"02:00:00:00:00:fe","options":""}"#
        ),
        ("dns_responder", #"{"id":"00000000-0000-0001-0000-000000000005","records":{}}"#),
        (
            "mirror_session",
            #"{"id":"00000000-0000-0001-0000-000000000007","type":"gre","filter":"to-lport","sink":"192.0.2.9","#
                + #""index":4294967295}"#
        ),
    ]

    /// Members that are left out if they say nothing, in the order that they have.
    private let optional = [
        (
            "datapath_binding",
            #""dns_records":["00000000-0000-0001-0000-000000000005"],"dns_domain":"example","#
                + #""router_advertisement":{"mac":"02:00:00:00:00:fe","link_local":"fe80::1","#
                + #""address_mode":"dhcpv6_stateful","prefixes":["2001:db8::/64"],"mtu":1400,"#
                + #""router_preference":"high","rdnss":["2001:db8::53"],"dnssl":["example"],"#
                + #""router_lifetime":1800,"valid_lifetime":4294967295,"preferred_lifetime":3600},"#
                + #""ra_guard":true,"dhcp_guard":true"#
        ),
        (
            "port_binding",
            #""dhcpv4_options":"00000000-0000-0001-0000-000000000004","#
                + #""dhcpv6_options":"00000000-0000-0001-0000-000000000006","#
                + #""mirrors":["00000000-0000-0001-0000-000000000007"]"#
        ),
        ("mirror_session", #""rules":[{"priority":32767,"match":"tcp","action":"skip"}]"#),
        ("dns_responder", #""pointers":{"1.0.0.10.in-addr.arpa":"vm1.example"}"#),
    ]

    @Test func `members that say nothing are left out, and come back if they say something`() throws {
        for (kind, more) in optional {
            let text = try #require(texts.first { $0.0 == kind }).1.dropLast() + "," + more + "}"
            let json = try JSONParser.parse(String(text))
            #expect(try Record(kind: kind, json: json).json.text == text)
            for member in try JSONParser.parse("{\(more)}").objectValue?.members ?? [] {
                var object = try #require(json.objectValue)
                object[member.name] = nil
                #expect(try Record(kind: kind, json: .object(object)).json == .object(object))
                object[member.name] = .number(0.5)
                #expect(throws: RecordError.self) { try Record(kind: kind, json: .object(object)) }
            }
        }
    }

    @Test func `the options of DHCP come back, and have a bound`() throws {
        let text =
            #"{"id":"00000000-0000-0001-0000-000000000004","cidr":"10.0.0.0/24","server_id":"10.0.0.1","#
            + #""server_mac":"02:00:00:00:00:fe","stateless":true,"next_server":"10.0.0.2","lease_time":3600,"#
            + #""t1":1800,"t2":3150,"options":"0104ffffff00"}"#
        let json = try JSONParser.parse(text)
        let record = try Record(.dhcpResponder, json: json)
        #expect(record.json.text == text)
        guard case .dhcpResponder(let responder) = record else { return }
        #expect(responder.options == [1, 4, 255, 255, 255, 0])
        let long = String(repeating: "00", count: DHCPResponder.optionByteCountMaximum + 1)
        for bad in ["0", "0G", "0A", " 0", long] {
            #expect(throws: RecordError.badMember(kind: "dhcp_responder", name: "options")) {
                try Record(.dhcpResponder, json: json.merged(with: ["options": .string(bad)]))
            }
        }
    }

    @Test func `records come back from their JSON, byte for byte`() throws {
        for (kind, text) in texts {
            let record = try Record(kind: kind, json: JSONParser.parse(text))
            #expect(record.json.text == text)
            #expect(record.key.kind.rawValue == kind)
            #expect(RecordKey(kind: kind, id: record.key.id) == record.key)
        }
    }

    @Test func `members of a newer version are ignored, missing and wrong ones are not`() throws {
        for (kind, text) in texts {
            let json = try JSONParser.parse(text)
            let newer = json.merged(with: ["later": ["x": 1]])
            #expect(try Record(kind: kind, json: newer) == Record(kind: kind, json: json))
            for member in json.objectValue?.members ?? [] {
                var object = try #require(json.objectValue)
                object[member.name] = nil
                #expect(throws: RecordError.self) { try Record(kind: kind, json: .object(object)) }
                object[member.name] = .number(0.5)
                #expect(throws: RecordError.self) { try Record(kind: kind, json: .object(object)) }
            }
        }
        #expect(throws: RecordError.unknownKind("router")) { try Record(kind: "router", json: [:]) }
        #expect(RecordKey(kind: "router", id: "x") == nil)
        #expect(RecordKey(kind: "port_binding", id: "x") == nil)
    }

    @Test func `public keys of tunnels come back, and what cannot be one is left out`() throws {
        let key = String(repeating: "0a", count: 32)
        let text = texts[0].1.dropLast() + #","tunnel_keys":["\#(key)"]}"#
        let record = try Record(kind: "chassis", json: JSONParser.parse(String(text)))
        #expect(record.json.text == text)
        for bad in [#"["\#(key.uppercased())"]"#, #"["0a"]"#, "[1]", "7", "null"] {
            let other = texts[0].1.dropLast() + #","tunnel_keys":\#(bad)}"#
            guard case .chassis(let chassis) = try Record(kind: "chassis", json: JSONParser.parse(String(other))) else {
                continue
            }
            #expect(chassis.tunnelKeys.isEmpty)
        }
    }

    @Test func `keys out of range are refused`() throws {
        for (kind, tooHigh) in [("datapath_binding", 16_711_681), ("port_binding", 32_768)] as [(String, Int64)] {
            let text = texts.first { $0.0 == kind }?.1 ?? ""
            for key in [0, tooHigh, -1] {
                let json = try JSONParser.parse(text).merged(with: ["tunnel_key": .integer(key)])
                #expect(throws: RecordError.self) { try Record(kind: kind, json: json) }
            }
        }
    }
}
