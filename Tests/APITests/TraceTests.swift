import HTTPTypes
import JSON
import Testing

@testable import API

/// `POST /v1/trace`.
@Suite struct TraceTests {
    private let bench: APIBench

    /// p1 and p4 are on hv1, p2 and p3 on hv2, p5 nowhere.
    init() throws {
        bench = try APIBench()
        bench.send("POST", "/v1/switches", ["name": "ls1"])
        bench.send("POST", "/v1/switches", ["name": "ls2"])
        for number in 1...5 {
            let address = JSONValue.string("02:00:00:00:00:0\(number) 10.0.0.\(number) fd00::\(number)")
            bench.send(
                "POST",
                "/v1/switches/ls1/ports",
                ["name": .string("p\(number)"), "addresses": [address], "port_security": number < 4 ? [address] : []]
            )
        }
        sync("hv1", 1, ports: ["p1", "p4"])
        sync("hv2", 2, ports: ["p2", "p3"])
    }

    private func sync(_ chassis: String, _ number: Int, ports: [String]) {
        let plugs = ports.map { name -> JSONValue in
            ["logical_port": .string(name), "interface": .string("tap-\(name)"), "claim": 1, "up": true]
        }
        let body: JSONValue = [
            "chassis_id": .string("id-\(number)"), "boot_id": "b1", "seq": 1, "since": 0, "wait": 0,
            "features": [
                "chassis", "datapath_binding", "port_binding", "port_binding.guards", "mirror_session",
                "port_binding.mirrors",
            ],
            "encaps": [["type": "geneve", "ip": .string("10.127.0.\(number)")]], "ports": .array(plugs),
        ]
        #expect(bench.send("POST", "/v1/chassis/\(chassis)/sync", body, on: .southbound).status == 200)
    }

    private func trace(_ flow: JSONValue, switch name: String = "ls1") -> APIBench.Response {
        bench.send("POST", "/v1/trace", ["switch": .string(name), "flow": flow])
    }

    /// The steps on each host, and what becomes of the frame.
    private func lines(_ flow: JSONValue) -> [String] {
        let report = trace(flow).json
        var lines: [String] = []
        for host in report["hosts"]?.arrayValue ?? [] {
            for step in host["steps"]?.arrayValue ?? [] {
                let words = ["stage", "port", "decision", "reason", "output"].compactMap { step[$0]?.stringValue }
                lines.append(([host["chassis"]?.stringValue ?? ""] + words).joined(separator: " "))
            }
        }
        let ports = (report["delivered_to"]?.arrayValue ?? []).compactMap(\.stringValue)
        if !ports.isEmpty { lines.append("to " + ports.joined(separator: " ")) }
        if report["answered"] == true { lines.append("answered") }
        return lines + [report["drop_reason"]?.stringValue].compactMap { $0 }
    }

    @Test func `A frame to another host shows ingress there and egress here`() {
        #expect(
            lines(["inport": "p1", "eth.dst": "02:00:00:00:00:02", "ip.dst": "10.0.0.2", "tcp.dst": 80]) == [
                "hv1 ls_in_check_port_sec p1 next", "hv1 ls_in_trunk p1 next", "hv1 ls_in_apply_port_sec p1 next",
                "hv1 ls_in_activation p1 next",
                "hv1 ls_in_put_fdb p1 next", "hv1 ls_in_server_guard p1 next", "hv1 ls_in_acl_eval p1 next",
                "hv1 ls_in_qos p1 next", "hv1 ls_in_arp_rsp_virtual p1 next",
                "hv1 ls_in_arp_rsp p1 next", "hv1 lr_in_nd_ra_options p1 next", "hv1 ls_in_dhcp_options p1 next",
                "hv1 ls_in_dns_lookup p1 next", "hv1 ls_in_l2_lkup_mcast p1 next",
                "hv1 ls_in_l2_lkup p1 output p2", "hv2 ls_in_put_fdb p1 next",
                "hv2 local_output p1 output p2", "hv2 ls_out_activation p2 next", "hv2 ls_out_trunk p2 next",
                "hv2 ls_out_acl_eval p2 next", "hv2 ls_out_qos p2 next", "hv2 ls_out_check_port_sec p2 next",
                "hv2 ls_out_apply_port_sec p2 output p2", "to p2",
            ]
        )
        let first = trace(["inport": "p1", "eth.dst": "02:00:00:00:00:02", "ip.dst": "10.0.0.2"]).json["hosts"]?
            .arrayValue
        let outputs = first?.first?["outputs"]
        let remote = outputs?.arrayValue?.first
        #expect(remote?["chassis"] == "hv2" && remote?["ip"] == "10.127.0.2" && remote?["egress_key"] == 2)
    }

    @Test func `A broadcast goes to every host, and what a port may not receive is dropped there`() {
        let all = lines(["inport": "p4", "eth.dst": "ff:ff:ff:ff:ff:ff", "ip.dst": "10.0.0.255"])
        #expect(all.suffix(1) == ["to p1 p2 p3"])
        let wrong: JSONValue = ["inport": "p4", "eth.dst": "02:00:00:00:00:02", "ip.dst": "10.9.9.9", "udp.dst": 53]
        #expect(lines(wrong).last == "egress_port_security")
        #expect(trace(wrong).json["detail"]?.stringValue?.contains("port that receives") == true)
    }

    @Test func `A packet to all or to a group needs no MAC address that it goes to`() {
        #expect(lines(["inport": "p4", "ip.dst": "255.255.255.255", "udp.dst": 9]).last == "to p1 p2 p3")
        #expect(lines(["inport": "p4", "ip.dst": "ff02::1", "udp.dst": 9]).last == "to p1 p2 p3")
    }

    @Test func `What goes nowhere says why`() {
        let spoofed: JSONValue = ["inport": "p1", "eth.src": "02:00:00:00:00:99", "eth.dst": "02:00:00:00:00:02"]
        #expect(lines(spoofed).last == "ingress_port_security")
        #expect(
            lines(["inport": "p1", "eth.dst": "02:00:00:00:00:77", "ip.dst": "10.0.0.77"]).last == "unknown_destination"
        )
        #expect(
            lines(["inport": "p1", "eth.dst": "02:00:00:00:00:05", "ip.dst": "10.0.0.5"]).last
                == "destination_not_bound"
        )
        #expect(lines(["inport": "p1", "eth.dst": "02:00:00:00:00:02", "vlan.vid": 7]).last == "vlan_tagged")
        let unbound = trace(["inport": "p5", "eth.dst": "02:00:00:00:00:01"]).json
        #expect(unbound["chassis"] == .null && unbound["drop_reason"] == "port_not_bound" && unbound["hosts"] == [])
        #expect(unbound["reason"] == "not-plugged")
    }

    @Test func `Requests for known addresses of both families are answered`() {
        #expect(
            lines(["inport": "p1", "arp.tpa": "10.0.0.2"]).suffix(2) == ["hv1 ls_in_arp_rsp p1 answer", "answered"]
        )
        #expect(lines(["inport": "p1", "nd.target": "fd00::2"]).last == "answered")
        let hosts = trace(["inport": "p1", "arp.tpa": "10.0.0.2"]).json["hosts"]?.arrayValue
        #expect(hosts?.first?["outputs"]?.arrayValue?.first?["mac"] == "02:00:00:00:00:02")
    }

    @Test func `A trace is made where long work is, however its path is written`() {
        for path in ["/v1/trace", "/v1/trace?", "/v1/%74race"] {
            let request = HTTPRequest(method: .post, scheme: "http", authority: "test", path: path)
            #expect(bench.api(.northbound).takesLong(request) && !bench.api(.southbound).takesLong(request))
        }
        let other = HTTPRequest(method: .post, scheme: "http", authority: "test", path: "/v1/switches")
        #expect(!bench.api(.northbound).takesLong(other))
    }

    @Test func `What describes no frame is refused at the field`() {
        func refusal(_ flow: JSONValue, switch name: String = "ls1") -> String {
            let answer = trace(flow, switch: name)
            let code = answer.json["code"]?.stringValue ?? ""
            return "\(answer.status) \(code) \(answer.json["pointer"]?.stringValue ?? "")"
        }
        let destination: JSONValue = "02:00:00:00:00:02"
        #expect(refusal([:]) == "422 missing_field /flow/inport")
        #expect(refusal(["inport": "p9"]) == "422 reference_not_found /flow/inport")
        #expect(refusal(["inport": "p1"], switch: "ls9") == "422 reference_not_found /switch")
        #expect(refusal(["inport": "p1"], switch: "ls2") == "422 invalid_value /flow/inport")
        #expect(refusal(["inport": "p1"]) == "422 missing_field /flow/eth.dst")
        #expect(refusal(["inport": "p1", "eth.dst": "x"]) == "422 invalid_value /flow/eth.dst")
        #expect(refusal(["inport": "p1", "eth.dst": destination, "colour": "red"]) == "400 unknown_field /flow/colour")
        #expect(refusal(["inport": "p1", "eth.dst": destination, "tcp.dst": 70_000]).hasPrefix("422"))
        #expect(refusal(["inport": "p1", "eth.dst": destination, "tcp.dst": 80]) == "422 missing_field /flow/ip.dst")
        #expect(
            refusal(["inport": "p1", "eth.dst": destination, "ip.dst": "10.0.0.2", "ip.proto": "udp", "tcp.dst": 80])
                == "422 invalid_value /flow/tcp.dst"
        )
        #expect(
            refusal(["inport": "p1", "eth.dst": destination, "arp.tpa": "10.0.0.2", "ip.dst": "10.0.0.2"])
                == "422 invalid_value /flow/ip.dst"
        )
        #expect(refusal(["inport": "p1", "arp.tpa": "fd00::1"]) == "422 invalid_value /flow/arp.tpa")
        #expect(
            refusal(["inport": "p1", "eth.dst": destination, "ip.src": "fd00::1", "ip.dst": "10.0.0.2"])
                == "422 invalid_value /flow/ip.src"
        )
        #expect(refusal(["inport": "p1", "eth.dst": [1]]) == "422 invalid_value /flow/eth.dst")
        #expect(bench.send("POST", "/v1/trace", ["switch": "ls1"]).json["pointer"] == "/flow")
    }

    @Test func `A frame with the tag of a nested port at its parent is that port's, on its switch`() {
        let body: JSONValue = [
            "name": "c1", "parent_name": "p1", "tag_request": 42, "addresses": ["02:00:00:00:00:01"],
        ]
        bench.send("POST", "/v1/switches/ls2/ports", body)
        let report = trace(["inport": "p1", "vlan.vid": 42, "eth.dst": "02:00:00:00:00:02"]).json
        #expect(report["inport"] == "c1" && report["parent"] == "p1" && report["switch"] == "ls2")
        let other = trace(["inport": "p1", "vlan.vid": 43, "eth.dst": "02:00:00:00:00:02"]).json
        #expect(other["inport"] == "p1" && other["parent"] == nil && other["drop_reason"] == "vlan_tagged")
    }

    @Test func `The copies for mirrors are told, and why there are none`() {
        func mirror(_ name: String, _ type: String, _ filter: String, _ sink: String, _ rules: [JSONValue] = []) {
            let body: JSONValue = [
                "type": .string(type), "filter": .string(filter), "sink": .string(sink),
                "mirror_rules": .array(rules),
            ]
            bench.send("PUT", "/v1/mirrors/\(name)", body)
        }
        let skip: JSONValue = ["priority": 3, "match": "tcp.dst == 80", "action": "skip"]
        mirror("all", "gre", "both", "192.0.2.9")
        mirror("web", "erspan", "both", "192.0.2.9", [skip])
        mirror("here", "lport", "from-lport", "p4")
        mirror("there", "lport", "both", "p3")
        bench.send("PATCH", "/v1/ports/p1", ["mirror_rules": ["all", "web", "here", "there"]])
        bench.send("PATCH", "/v1/ports/p2", ["mirror_rules": ["here", "there"]])
        let report = trace(["inport": "p1", "eth.dst": "02:00:00:00:00:02", "ip.dst": "10.0.0.2", "tcp.dst": 80]).json
        let lines = (report["copies"]?.arrayValue ?? []).map { copy in
            ["port", "direction", "mirror", "type", "sink", "copied", "detail"]
                .map { copy[$0]?.stringValue ?? copy[$0]?.text ?? "" }.joined(separator: " ")
        }
        #expect(
            lines == [
                "p1 from-lport all gre 192.0.2.9 true null",
                "p1 from-lport web erspan 192.0.2.9 false The rule 3, tcp.dst == 80, skips the frame.",
                "p1 from-lport here lport p4 true null",
                "p1 from-lport there lport p3 false The port p3 is not on the host hv1.",
                "p2 to-lport there lport p3 true null",
            ]
        )
    }
}
