import CentralCore
import JSON
import NetworkModel
import Southbound
import Testing

@testable import API

/// The questions of central to hosts, and their replies.
@Suite struct HostReportTests {
    private let bench: APIBench

    init() throws {
        bench = try APIBench()
        bench.send("POST", "/v1/switches", ["name": "ls1"])
        for name in ["p1", "p2"] { bench.send("POST", "/v1/switches/ls1/ports", ["name": .string(name)]) }
        let body: JSONValue = [
            "chassis_id": "id-1", "boot_id": "b1", "seq": 1, "since": 0, "wait": 0,
            "features": .array(Feature.all.map { .string($0) }),
            "encaps": [["type": "geneve", "ip": "10.0.0.1"]],
            "ports": [["logical_port": "p1", "interface": "tap1", "claim": 1, "up": true]],
        ]
        bench.send("POST", "/v1/chassis/hv1/sync", body, on: .southbound)
    }

    private static let counters: JSONValue = [
        "rx_frames": 3, "rx_bytes": 180, "tx_frames": 2, "tx_bytes": 120, "drops": ["acl": 1],
    ]

    @Test func `The counters of a port come from its host`() {
        var asked: [(String, HostQuery)] = []
        bench.hostReply = { chassis, query in
            asked.append((chassis, query))
            let port: JSONValue = [
                "name": "vm1", "logical_port": "p1", "state": "up", "statistics": Self.counters,
            ]
            return ["ports": [port]]
        }
        let answer = bench.send("GET", "/v1/ports/p1/statistics")
        #expect(
            answer.json == ["port": "p1", "chassis": "hv1", "state": "up", "statistics": Self.counters]
                && answer["Cache-Control"] == "no-store"
        )
        #expect(asked.count == 1 && asked[0].0 == "hv1" && asked[0].1.logicalPort == "p1")
        #expect(bench.send("GET", "/v1/ports/p2/statistics").json["code"] == "port_not_bound")
        #expect(bench.send("GET", "/v1/ports/p3/statistics").status == 404)
        bench.hostReply = { _, _ in ["ports": [["name": "vm1", "logical_port": "p1", "state": "up"]]] }
        #expect(bench.send("GET", "/v1/ports/p1/statistics").json["code"] == "host_unreachable")
    }

    @Test func `A host's word is handed on, but not about which host it is`() {
        bench.hostReply = { _, _ in ["chassis": "hv9", "ports": [], "paths": []] }
        #expect(
            bench.send("GET", "/v1/chassis/hv1/statistics").json == ["chassis": "hv1", "ports": [], "paths": []]
        )
        bench.hostReply = { _, query in
            [
                "macs": [
                    ["switch": .string(query.logicalSwitch ?? ""), "logical_port": "p1", "mac": "02:00:00:00:00:01"]
                ]
            ]
        }
        let macs = bench.send("GET", "/v1/chassis/hv1/macs?switch=ls1").json["macs"]?.arrayValue
        #expect(macs?.first?["switch"] == "ls1")
        #expect(bench.send("GET", "/v1/chassis/hv1/macs?switch=ls9").status == 400)
        bench.hostReply = { _, _ in ["acls": []] }
        #expect(bench.send("GET", "/v1/chassis/hv1/acls").status == 200)
        bench.hostReply = { _, _ in ["version": "1"] }
        #expect(bench.send("GET", "/v1/chassis/hv1/status").json == ["chassis": "hv1", "version": "1"])
        #expect(bench.send("GET", "/v1/chassis/hv9/status").status == 404)
        bench.hostReply = { _, _ in ["error": "a reply of 2000000 bytes\u{1b}[2J"] }
        let long = bench.send("GET", "/v1/chassis/hv1/statistics")
        #expect(long.json["code"] == "limit_exceeded" && !long.text.contains("\u{1b}"))
    }

    @Test func `Counters are told again and again, until the host has the port no more`() {
        var frames: Int64 = 0
        bench.hostReply = { _, _ in
            frames += 1
            let statistics = Self.counters.merged(with: ["rx_frames": .integer(frames)])
            let port: JSONValue = ["name": "vm1", "logical_port": "p1", "state": "up", "statistics": statistics]
            return ["ports": frames < 3 ? [port] : []]
        }
        let begin = bench.send("GET", "/v1/ports/p1/statistics", fields: [("Accept", "text/event-stream")])
        #expect(begin["Content-Type"] == "text/event-stream")
        #expect(begin.text.hasPrefix("retry: 1000\nevent: statistics\ndata: {\"port\":\"p1\""))
        #expect(bench.more()?.contains("\"rx_frames\":2") == true)
        #expect(bench.more()?.hasPrefix("event: problem\ndata: ") == true)
        #expect(bench.then == nil)
        bench.hostReply = { _, _ in ["ports": []] }
        #expect(bench.send("GET", "/v1/ports/p1/statistics", fields: [("Accept", "text/event-stream")]).status == 504)
    }

    @Test func `A reply that nobody waits for, or that is none, is refused`() {
        func reply(_ body: JSONValue) -> APIBench.Response {
            bench.send("POST", "/v1/chassis/hv1/replies", body, on: .southbound)
        }
        #expect(reply(["id": 1, "reply": [:]]).status == 404)
        #expect(reply(["id": 1]).json["pointer"] == "/reply")
        #expect(reply(["id": "x", "reply": [:]]).json["pointer"] == "/id")
        #expect(bench.send("POST", "/v1/chassis/hv1/replies", ["id": 1, "reply": [:]]).status == 404)
    }
}
