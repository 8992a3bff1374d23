import JSON
import NetworkModel
import Testing

@testable import API

/// Kinds that others refer to: DHCP options and DNS records.
@Suite struct ReferenceTests {
    private let bench: APIBench

    init() throws {
        bench = try APIBench()
        let options: JSONValue = ["server_id": "172.16.255.1", "lease_time": "3600"]
        bench.send("POST", "/v1/dhcp-options", ["name": "d1", "cidr": "172.16.255.0/24", "options": options])
        bench.send("POST", "/v1/dns-records", ["name": "n1", "records": ["VM1.Example.": "10.0.0.1, FD00::1"]])
        bench.send("POST", "/v1/dns-records", ["name": "n2"])
        bench.send("PUT", "/v1/switches/ls1", [:])
    }

    private func problem(_ answer: APIBench.Response) -> String {
        func text(_ name: String) -> String { answer.json[name]?.stringValue ?? "" }
        return "\(answer.status) \(text("code")) \(text("pointer")): \(text("detail"))"
    }

    @Test func `A reference is a name or a UUID, comes back as a name, and is left out if there is none`() {
        let id = bench.send("GET", "/v1/dhcp-options/d1").json["id"] ?? .null
        let port = bench.send("PUT", "/v1/ports/p1", ["switch": "ls1", "dhcpv4_options": id])
        #expect(port.status == 201 && port.json["dhcpv4_options"] == "d1" && port.json["dhcpv6_options"] == nil)
        #expect(bench.send("PATCH", "/v1/ports/p1", ["enabled": false]).json["dhcpv4_options"] == "d1")
        #expect(bench.send("PATCH", "/v1/ports/p1", ["dhcpv4_options": .null]).json["dhcpv4_options"] == nil)
        #expect(bench.send("PATCH", "/v1/ports/p1", ["dhcpv4_options": "d1"]).json["dhcpv4_options"] == "d1")
        #expect(bench.send("PUT", "/v1/ports/p1", ["switch": "ls1"]).json["dhcpv4_options"] == nil)
        let home = bench.send(
            "PATCH",
            "/v1/switches/ls1",
            ["dns_records": ["n2", "n1"], "dns_domain": "Example.COM."]
        )
        #expect(home.json["dns_records"] == ["n2", "n1"] && home.json["dns_domain"] == "example.com")
        #expect(bench.send("GET", "/v1/switches/ls1?fields=dns_records").text == #"{"dns_records":["n2","n1"]}"#)
        #expect(bench.send("GET", "/v1/ports/p1?fields=dhcpv4_options").text == "{}")
    }

    @Test func `A reference to nothing, twice, or to options of the other protocol is refused`() {
        #expect(
            problem(bench.send("PUT", "/v1/ports/p1", ["switch": "ls1", "dhcpv4_options": "d2"]))
                == #"422 reference_not_found /dhcpv4_options: There is no set of DHCP options "d2"; create it first."#
        )
        #expect(
            problem(bench.send("PUT", "/v1/ports/p1", ["switch": "ls1", "dhcpv6_options": "d1"]))
                == "422 invalid_value /dhcpv6_options: The options \"d1\" are for 172.16.255.0/24; \"dhcpv6_options\" "
                + "needs those of an IPv6 network."
        )
        #expect(
            problem(bench.send("PATCH", "/v1/switches/ls1", ["dns_records": ["n1", "n1"]]))
                == #"422 invalid_value /dns_records/1: The set of DNS records "n1" appears twice in "dns_records"."#
        )
        #expect(
            problem(bench.send("PATCH", "/v1/dhcp-options/d1", ["cidr": "fd00::/64"])).hasPrefix(
                "422 immutable_field /cidr: "
            )
        )
        #expect(problem(bench.send("PUT", "/v1/ports/p1", ["switch": "ls1", "dhcpv4_options": 7])).hasPrefix("422 "))
    }

    @Test func `What is referred to cannot go, and the refusal names who refers`() {
        bench.send("PUT", "/v1/ports/p1", ["switch": "ls1", "dhcpv4_options": "d1"])
        bench.send("PUT", "/v1/ports/p2", ["switch": "ls1", "dhcpv4_options": "d1"])
        let refused = bench.send("DELETE", "/v1/dhcp-options/d1")
        #expect(refused.json["conflicts_with"] == "/v1/ports/p1")
        #expect(
            problem(refused)
                == "409 object_in_use : The set of DHCP options \"d1\" is in use by the port \"p1\" and 1 more; "
                + "take it out there first."
        )
        let chain: JSONValue = [
            "ops": [
                ["op": "patch", "path": "/v1/ports/p1", "body": ["dhcpv4_options": .null]],
                ["op": "delete", "path": "/v1/ports/p2"], ["op": "delete", "path": "/v1/dhcp-options/d1"],
            ]
        ]
        #expect(bench.send("POST", "/v1/transactions", chain).status == 200)
        #expect(bench.send("GET", "/v1/dhcp-options/d1").status == 404)
    }

    @Test func `A topology has them with what refers to them, and prunes them after it`() throws {
        func body(_ lease: String) -> JSONValue {
            [
                "dhcp_options": [
                    [
                        "name": "mine", "cidr": "10.0.0.0/24",
                        "options": ["server_id": "10.0.0.1", "lease_time": .string(lease)], "labels": [:],
                    ]
                ],
                "dns_records": [
                    ["name": "names", "records": ["a.example": "10.0.0.9"], "options": [:], "labels": [:]]
                ],
                "switches": [["name": "net", "dns_records": ["names"], "labels": [:], "vlan_passthru": false]],
                "ports": [["name": "vm", "switch": "net", "dhcpv4_options": "mine"]],
            ]
        }
        #expect(bench.send("PUT", "/v1/topologies/me", body("60")).json["plan"]?.arrayValue?.count == 4)
        #expect(bench.send("PUT", "/v1/topologies/me", body("60")).json["unchanged"] == 4)
        let read = bench.send("GET", "/v1/topologies/me").json
        #expect(read["dhcp_options"] == body("60")["dhcp_options"])
        #expect(read["switches"]?.arrayValue?.first?["dns_records"] == ["names"])
        let bad = bench.send("PUT", "/v1/topologies/me", body("soon"))
        #expect(bad.status == 422 && bad.json["pointer"] == "/dhcp_options/0/options/lease_time")
        bench.send("PUT", "/v1/ports/other", ["switch": "ls1", "dhcpv4_options": "mine"])
        let kept = bench.send("PUT", "/v1/topologies/me?prune=true", ["switches": [["name": "net"]]])
        #expect(kept.status == 409 && kept.json["conflicts_with"] == "/v1/ports/other")
        bench.send("DELETE", "/v1/ports/other")
        #expect(bench.send("PUT", "/v1/topologies/me?prune=true", ["switches": [["name": "net"]]]).status == 200)
        #expect(bench.send("GET", "/v1/dhcp-options/mine").status == 404)
    }

    @Test func `A set without options is for a second step, and hosts are told nothing of it`() {
        func told() -> Int? { bench.send("GET", "/v1/southbound/dhcp-responders").json["items"]?.arrayValue?.count }
        let former = told()
        #expect(bench.send("POST", "/v1/dhcp-options", ["name": "two", "cidr": "10.0.0.0/24"]).status == 201)
        bench.send("PUT", "/v1/ports/p1", ["switch": "ls1", "dhcpv4_options": "two"])
        #expect(told() == former)
        let options: JSONValue = ["server_id": "10.0.0.1", "lease_time": "60"]
        #expect(bench.send("PATCH", "/v1/dhcp-options/two", ["options": options]).status == 200)
        #expect(told() == former.map { $0 + 1 })
        #expect(bench.send("PUT", "/v1/dhcp-options/two", ["cidr": "10.0.0.0/24"]).status == 200)
        #expect(told() == former)
    }

    @Test func `Options are OVN's, each typed, and refused if they cannot be`() {
        func options(_ options: JSONValue, _ cidr: String = "10.0.0.0/24") -> String {
            let answer = bench.send("PUT", "/v1/dhcp-options/x", ["cidr": .string(cidr), "options": options])
            return answer.status < 300 ? "taken" : problem(answer)
        }
        #expect(options(["mtu": "1400"]).hasPrefix("422 missing_field /options/server_id: "))
        #expect(options(["server_id": "10.0.0.1"]).hasPrefix("422 missing_field /options/lease_time: "))
        let least: JSONValue = ["server_id": "10.0.0.1", "lease_time": "3600"]
        #expect(options(least) == "taken")
        #expect(options(least.merged(with: ["server_mac": "02:00:00:00:00:fe", "router": "10.0.0.1"])) == "taken")
        for (name, bad) in [
            ("lease_time", "an hour"), ("router", "gateway"), ("mtu", "70000"), ("server_mac", "01:00:00:00:00:01"),
            ("T1", "7200"), ("T2", "3601"), ("server_id", "224.0.0.1"), ("classless_static_route", "10.0.0.0/8"),
        ] {
            let answer = options(least.merged(with: .object(JSONObject(distinct: [(name, .string(bad))]))))
            #expect(answer.hasPrefix("422 invalid_value /options/\(name): "), "\(answer)")
        }
        #expect(
            options(least.merged(with: ["domain_search": "a.example"]))
                == "422 unsupported /options/domain_search: \"domain_search\" is an option of DHCPv6, and 10.0.0.0/24 "
                + "makes these options of DHCPv4."
        )
        #expect(options(least.merged(with: ["nothing": "1"])).hasPrefix("422 unsupported /options/nothing: "))
        let long = String(repeating: "x", count: 255)
        let texts: JSONValue = [
            "wpad": .string(long), "path_prefix": .string(long), "tftp_server": .string(long),
            "bootfile_name": .string(long), "domain_name": .string(long),
        ]
        #expect(options(least.merged(with: texts)).hasPrefix("422 limit_exceeded /options: "))
        #expect(options(["server_id": "02:00:00:00:00:fe"], "fd00::/64").hasPrefix("422 immutable_field /cidr: "))
        bench.send("DELETE", "/v1/dhcp-options/x")
        #expect(options(["dns_server": "fd00::53"], "fd00::/64").hasPrefix("422 missing_field /options/server_id: "))
        #expect(options(["server_id": "02:00:00:00:00:fe", "dhcpv6_stateless": "true"], "fd00::/64") == "taken")
        #expect(problem(bench.send("PUT", "/v1/dhcp-options/y", [:])).hasPrefix("422 missing_field /cidr: "))
        #expect(
            problem(bench.send("PUT", "/v1/dhcp-options/y", ["cidr": "10.0.0.1/24"])).hasPrefix(
                "422 invalid_value /cidr: "
            )
        )
    }

    @Test func `Names are kept in lower case, and merged by a patch in any case`() {
        let read = bench.send("GET", "/v1/dns-records/n1").json
        #expect(read["records"] == ["vm1.example": "10.0.0.1 fd00::1"])
        let patch: JSONValue = ["records": ["VM1.example": .null, "1.0.0.10.in-addr.arpa": "VM2.example"]]
        let patched = bench.send("PATCH", "/v1/dns-records/n1", patch)
        #expect(patched.json["records"] == ["1.0.0.10.in-addr.arpa": "vm2.example"], "\(patched.text)")
        func refused(_ records: JSONValue, _ options: JSONValue = [:]) -> String {
            problem(bench.send("PUT", "/v1/dns-records/n1", ["records": records, "options": options]))
        }
        #expect(refused(["a b": "10.0.0.1"]).hasPrefix("422 invalid_value /records/a b: "))
        #expect(refused(["a": "10.0.0"]).hasPrefix("422 invalid_value /records/a: "))
        #expect(refused(["a": ""]).hasPrefix("422 invalid_value /records/a: "))
        #expect(refused(["a": "10.0.0.1 10.0.0.1"]).hasPrefix("422 invalid_value /records/a: "))
        #expect(refused(["A": "10.0.0.1", "a.": "10.0.0.1"]).hasPrefix("422 invalid_value /records/a.: "))
        #expect(refused(["1.0.0.10.in-addr.arpa": "10.0.0.1 x"]).hasPrefix("422 invalid_value /records/1"))
        #expect(refused([:], ["ovn-owned": "yes"]).hasPrefix("422 invalid_value /options/ovn-owned: "))
        #expect(refused([:], ["owned": "true"]).hasPrefix("422 unsupported /options/owned: "))
    }

    @Test func `What a switch says of router advertisements is typed`() {
        func refused(_ configs: JSONValue) -> String {
            let answer = bench.send("PUT", "/v1/switches/ls1", ["ipv6_ra_configs": configs])
            return answer.status < 300 ? "taken" : problem(answer)
        }
        let least: JSONValue = ["gateway_mac": "02:00:00:00:00:fe", "address_mode": "slaac"]
        #expect(refused(least) == "taken")
        #expect(
            refused(
                least.merged(with: [
                    "prefixes": "2001:db8::/64", "mtu": "1400", "router_preference": "HIGH", "rdnss": "2001:db8::53",
                    "dnssl": "example.com, Corp.example", "gateway_lla": "fe80::1", "send_periodic": "false",
                    "router_lifetime": "1800", "valid_lifetime": "7200", "preferred_lifetime": "3600",
                ])
            ) == "taken"
        )
        #expect(refused(["address_mode": "slaac"]).hasPrefix("422 missing_field /ipv6_ra_configs/gateway_mac: "))
        #expect(
            refused(["gateway_mac": "02:00:00:00:00:fe"]).hasPrefix("422 missing_field /ipv6_ra_configs/address_mode: ")
        )
        for (key, bad) in [
            ("address_mode", "dhcp"), ("gateway_mac", "x"), ("gateway_mac", "01:00:00:00:00:01"),
            ("gateway_lla", "2001:db8::1"), ("prefixes", "2001:db8::1/64"), ("prefixes", "2001:db8::/48"),
            ("prefixes", "10.0.0.0/24"), ("mtu", "1279"), ("mtu", "+1400"), ("router_preference", "best"),
            ("rdnss", "10.0.0.1"), ("dnssl", "-"), ("router_lifetime", "65536"), ("preferred_lifetime", "x"),
        ] {
            let answer = refused(least.merged(with: .object(JSONObject(distinct: [(key, .string(bad))]))))
            #expect(answer.contains(" /ipv6_ra_configs/\(key): "), "\(key) \(bad): \(answer)")
        }
        #expect(refused(least.merged(with: ["valid_lifetime": "5", "preferred_lifetime": "6"])).hasPrefix("422 "))
        for (key, bad) in [
            ("send_periodic", "yes"), ("max_interval", "3"), ("max_interval", "1801"), ("min_interval", "451"),
        ] {
            let configs = ["send_periodic": "true"].merging([key: bad]) { $1 }.mapValues { JSONValue.string($0) }
            let members = configs.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
            let answer = refused(least.merged(with: .object(JSONObject(distinct: members))))
            #expect(answer.contains(" /ipv6_ra_configs/\(key): "), "\(key) \(bad): \(answer)")
        }
        #expect(refused(least.merged(with: ["send_periodic": "true", "max_interval": "4"])) == "taken")
        bench.send("PUT", "/v1/switches/ls1", ["ipv6_ra_configs": least])
        let patch: JSONValue = ["ipv6_ra_configs": ["mtu": "1400"]]
        let patched = bench.send("PATCH", "/v1/switches/ls1", patch).json["ipv6_ra_configs"]
        #expect(patched == least.merged(with: ["mtu": "1400"]))
        let broken: JSONValue = ["ipv6_ra_configs": ["gateway_mac": .null]]
        #expect(problem(bench.send("PATCH", "/v1/switches/ls1", broken)).hasPrefix("422 missing_field "))
        let cleared = bench.send("PATCH", "/v1/switches/ls1", ["ipv6_ra_configs": .null])
        #expect(cleared.status == 200 && cleared.json["ipv6_ra_configs"] == nil)
    }
}
