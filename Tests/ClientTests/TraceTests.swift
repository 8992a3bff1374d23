import JSON
import TestSupport
import Testing

@testable import Client

@Suite struct TraceTests {
    private func trace(_ report: JSONValue, _ flow: [String] = ["inport=vm1"]) throws -> String {
        let caller = ScriptedCaller { _ in Reply(status: 200, body: report) }
        return try TraceSession(caller: caller).trace("ls1", flow: flow)
    }

    private let delivered: JSONValue = [
        "switch": "ls1", "inport": "vm1", "chassis": "hv1", "up": true, "reason": .null, "delivered_to": ["vm2"],
        "answered": false, "drop_reason": .null, "detail": .null, "omitted_host_count": 0,
        "copies": [
            [
                "port": "vm1", "direction": "from-lport", "mirror": "m1", "type": "gre", "sink": "192.0.2.9",
                "copied": true, "detail": .null,
            ],
            [
                "port": "vm2", "direction": "to-lport", "mirror": "m2", "type": "lport", "sink": "vm9",
                "copied": false, "detail": "The port vm9 is not on the host hv2.",
            ],
        ],
        "hosts": [
            [
                "chassis": "hv1", "drop_reason": .null,
                "steps": [
                    ["stage": "ls_in_check_port_sec", "port": "vm1", "decision": "next"],
                    ["stage": "ls_in_l2_lkup", "port": "vm1", "decision": "output", "output": "vm2"],
                ],
                "outputs": [
                    [
                        "kind": "remote", "chassis": "hv2", "ip": "10.127.0.4", "vni": 1, "ingress_key": 1,
                        "egress_key": 2,
                    ]
                ],
            ],
            [
                "chassis": "hv2", "drop_reason": .null,
                "steps": [["stage": "ls_out_apply_port_sec", "port": "vm2", "decision": "output", "output": "vm2"]],
                "outputs": [["kind": "local", "port": "vm2"]],
            ],
        ],
    ]

    @Test func `The text of traces`() throws {
        let dropped = delivered.merged(with: [
            "up": false, "reason": "not-programmed", "delivered_to": [], "drop_reason": "egress_port_security",
            "detail": "The destination addresses are not in the port_security of the port that receives.",
            "omitted_host_count": 3,
            "hosts": [
                [
                    "chassis": "hv2",
                    "steps": [
                        [
                            "stage": "ls_out_check_port_sec", "port": "vm2", "decision": "drop",
                            "reason": "egress_port_security",
                        ]
                    ], "outputs": [["kind": "dropped", "port": "vm2", "reason": "egress_port_security"]],
                ]
            ],
        ])
        let answered = delivered.merged(with: [
            "delivered_to": [], "answered": true,
            "hosts": [
                [
                    "chassis": "hv1", "steps": [["stage": "ls_in_arp_rsp", "port": "vm1", "decision": "answer"]],
                    "outputs": [["kind": "answer", "mac": "02:00:00:00:00:02"]],
                ]
            ],
        ])
        // An answer's null is kept: merging would take it away.
        let unbound = JSONValue.object(
            JSONObject(distinct: [
                ("switch", "ls1"), ("inport", "vm1\u{1b}[31m"), ("chassis", .null), ("up", false),
                ("reason", "not-plugged"), ("delivered_to", []), ("answered", false), ("drop_reason", "port_not_bound"),
                ("detail", "The port that sends is bound to no host."), ("hosts", []), ("omitted_host_count", 0),
            ])
        )
        let text = try [delivered, dropped, answered, unbound].map { try trace($0) }.joined(separator: "====\n")
        let mismatch = goldenMismatch(text, named: "traces")
        #expect(mismatch == nil, "\(mismatch ?? "")")
    }

    @Test func `Fields are read as ovn-trace has them, too`() throws {
        let words = ["inport == \"vm1\" && eth.dst==02:00:00:00:00:02, ip4.dst = 10.0.0.2", "tcp.dst=80"]
        let fields: JSONValue = [
            "inport": "vm1", "eth.dst": "02:00:00:00:00:02", "ip4.dst": "10.0.0.2", "tcp.dst": "80",
        ]
        #expect(try JSONValue.object(TraceSession.fields(of: words)) == fields)
        for words in [[], ["inport"], ["=vm1"], ["inport="], ["inport=a inport=b"]] {
            #expect(throws: ClientError.self) { try TraceSession.fields(of: words) }
        }
    }

    @Test func `The request and central's JSON`() throws {
        let report = delivered
        let caller = ScriptedCaller { _ in Reply(status: 200, body: report) }
        let text = try TraceSession(caller: caller).trace(
            "ls1",
            flow: ["inport=vm1 eth.dst=ff:ff:ff:ff:ff:ff"],
            as: .json
        )
        #expect(try JSONParser.parse(Array(text.utf8)) == report)
        #expect(caller.lines == ["POST /v1/trace"])
        #expect(
            caller.calls[0].body?["flow"]?["eth.dst"] == "ff:ff:ff:ff:ff:ff" && caller.calls[0].body?["switch"] == "ls1"
        )
    }
}
