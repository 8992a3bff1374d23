import HTTPTypes
import JSON
import TestSupport
import Testing

@testable import API

/// The primer as requests and answers, for a person to read.
@Suite struct TranscriptTests {
    @Test func `The primer, request by request`() throws {
        let bench = try APIBench()
        var transcript = ""
        func say(
            _ method: String,
            _ path: String,
            _ body: JSONValue? = nil,
            fields: [(String, String)] = [],
            on plane: Route.Plane = .northbound
        ) {
            let answer = bench.send(method, path, body, fields: fields, on: plane)
            transcript += "\(method) \(path)" + (plane == .southbound ? "   (southbound port)" : "") + "\n"
            for (name, value) in fields { transcript += "\(name): \(value)\n" }
            if let body { transcript += body.text + "\n" }
            transcript += "=> \(answer.status)\n"
            for field in answer.fields { transcript += "\(field.name): \(field.value)\n" }
            transcript += answer.body.isEmpty ? "\n" : answer.text + "\n\n"
        }
        say("POST", "/v1/switches", ["name": "ls1"])
        say(
            "POST",
            "/v1/switches/ls1/ports",
            [
                "name": "ls1-vm1", "addresses": ["02:AC:10:FF:00:11 172.16.255.11"],
                "port_security": ["02:ac:10:ff:00:11 172.16.255.11"],
            ]
        )
        say(
            "POST",
            "/v1/ports",
            ["name": "ls1-vm2", "switch": "ls1", "addresses": ["02:ac:10:ff:00:11 172.16.255.22"]]
        )
        say(
            "POST",
            "/v1/transactions",
            [
                "require": [["path": "/v1/switches/ls1", "etag": "\"1\""]],
                "ops": [
                    ["op": "replace", "path": "/v1/ports/ls1-vm2", "body": ["switch": "ls1"]],
                    [
                        "op": "patch", "path": "/v1/ports/ls1-vm2",
                        "body": ["addresses": ["02:ac:10:ff:00:22 172.16.255.22"]],
                    ],
                ],
            ]
        )
        say("POST", "/v1/chassis/hv1/sync", Self.sync(seq: 1), on: .southbound)
        say("POST", "/v1/chassis/hv1/sync", Self.sync(seq: 2), on: .southbound)
        say("GET", "/v1/realization")
        say("GET", "/v1/ports/ls1-vm1", fields: [("If-None-Match", "\"2\"")])
        say("GET", "/v1/southbound/port-bindings?limit=1")
        say("GET", "/v1/southbound/multicast-groups")
        say("PATCH", "/v1/ports/ls1-vm1", ["enabled": false], fields: [("If-Match", "\"1\"")])
        say("DELETE", "/v1/switches/ls1?ports=refuse")
        say("DELETE", "/v1/switches/ls1")
        say("DELETE", "/v1/chassis/hv1")
        say("GET", "/v1/chassis/hv1/changes?since=2", on: .southbound)
        say("GET", "/v1/switches?label=a")
        let mismatch = goldenMismatch(transcript, named: "primer")
        #expect(mismatch == nil)
    }

    private static func sync(seq: Int64) -> JSONValue {
        [
            "chassis_id": "id-1", "boot_id": "b1", "seq": .integer(seq), "wait": 0,
            "features": ["chassis", "datapath_binding", "port_binding"],
            "encaps": [["type": "geneve", "ip": "10.127.0.3"]],
            "ports": [["logical_port": "ls1-vm1", "interface": "vm1", "claim": 1, "up": false]],
        ]
    }
}
