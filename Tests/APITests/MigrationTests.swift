import JSON
import NetworkModel
import Southbound
import Testing
import Wire

@testable import API

/// `/v1/ports/{ref}/migration`: the move of a guest from hv1 to hv2.
@Suite struct MigrationTests {
    private let bench: APIBench
    private let path = "/v1/ports/p1/migration"

    init() throws {
        bench = try APIBench()
        _ = bench.send("POST", "/v1/switches", ["name": "ls1"])
        _ = bench.send("POST", "/v1/switches/ls1/ports", ["name": "p1"])
        say("hv1", 1, plugged: true)
        say("hv2", 1, plugged: false)
    }

    /// A host says what it has plugged in, and for which standby place its guest has announced itself.
    private func say(_ host: String, _ seq: Int64, plugged: Bool, activated: Int64? = nil) {
        var port: JSONValue = ["logical_port": "p1", "interface": "p1", "claim": 1, "up": true]
        if let activated { port = port.merged(with: ["activated": .integer(activated)]) }
        let body: JSONValue = [
            "chassis_id": .string("id-\(host)"), "boot_id": "b", "seq": .integer(seq), "wait": 0,
            "features": .array(Feature.all.map { .string($0) }),
            "applied": .integer(Int64(bench.network.revision)),
            "epoch": .string(hexadecimal(bench.network.epoch)),
            "encaps": [["type": "geneve", "ip": .string("10.0.0." + host.suffix(1))]],
            "ports": plugged ? [port] : [],
        ]
        let answer = bench.send("POST", "/v1/chassis/\(host)/sync", body, on: .southbound)
        #expect(answer.status == 200)
    }

    private var state: String? { bench.send("GET", path).json["state"]?.stringValue }

    private var port: LogicalSwitchPort? { bench.network.northbound.port(.name("p1"))?.value }

    @Test func `A move begins, is told, and is completed`() {
        #expect(bench.send("GET", path).status == 404)
        let begun = bench.send("POST", path, ["target": "hv2", "strategy": ["rarp"]])
        #expect(begun.status == 200 && begun.json["requested_chassis"] == ["hv1", "hv2"])
        #expect(begun.json["activation_strategy"] == ["rarp"])
        #expect(state == "waiting")
        #expect(bench.send("POST", path + "/complete").json["code"] == "migration_conflict")
        #expect(bench.send("POST", path, ["target": "hv2"]).status == 200, "the same once more")
        say("hv2", 2, plugged: true)
        #expect(state == "preparing")
        say("hv2", 3, plugged: true)
        #expect(state == "ready")
        say("hv2", 4, plugged: true, activated: 2)
        #expect(state == "moved")
        let done = bench.send("POST", path + "/complete")
        #expect(done.status == 200 && done.json["status"]?["chassis"] == "hv2")
        #expect(port?.requestedChassis == ["hv2"] && port?.activationStrategy == [])
        #expect(bench.send("GET", path).status == 404)
    }

    @Test func `A move is called off`() {
        _ = bench.send("POST", path, ["target": "hv2"])
        #expect(port?.activationStrategy == ActivationFrame.allCases)
        say("hv2", 2, plugged: true)
        #expect(bench.send("POST", path + "/abort").json["status"]?["chassis"] == "hv1")
        #expect(port?.requestedChassis == ["hv1"] && port?.status.standby == nil)
        for step in ["abort", "complete"] { #expect(bench.send("POST", "\(path)/\(step)").status == 404) }
    }

    private static let refused: [(JSONValue, Int, String)] = [
        ([:], 422, "missing_field"), (["target": 1], 422, "invalid_value"), (["to": "hv2"], 400, "unknown_field"),
        (["target": "hv9"], 422, "reference_not_found"), (["target": "hv1"], 422, "invalid_value"),
        (["target": "hv2", "strategy": []], 422, "invalid_value"),
        (["target": "hv2", "strategy": ["arp"]], 422, "invalid_value"),
        (["target": "hv2", "strategy": ["na", "na"]], 422, "invalid_value"), ([], 422, "invalid_value"),
    ]

    @Test(arguments: refused.indices)
    func `What cannot be is refused and changes nothing`(index: Int) {
        let (body, status, code) = Self.refused[index]
        let revision = bench.network.revision
        let answer = bench.send("POST", path, body)
        #expect(answer.status == status && answer.json["code"]?.stringValue == code, "\(answer.json.text)")
        #expect(bench.network.revision == revision)
    }

    @Test func `A guest that moves elsewhere, or is nowhere, is a conflict`() {
        say("hv3", 1, plugged: false)
        _ = bench.send("POST", path, ["target": "hv2"])
        #expect(bench.send("POST", path, ["target": "hv3"]).json["code"] == "migration_conflict")
        _ = bench.send("POST", "/v1/switches/ls1/ports", ["name": "p2"])
        #expect(bench.send("POST", "/v1/ports/p2/migration", ["target": "hv2"]).json["code"] == "migration_conflict")
        #expect(bench.send("POST", "/v1/ports/p9/migration", ["target": "hv2"]).status == 404)
    }

    @Test func `A trial changes nothing`() {
        let answer = bench.send("POST", path + "?dry_run=true", ["target": "hv2"])
        #expect(answer.status == 200 && answer["Heddle-Dry-Run"] == "true" && port?.requestedChassis == [])
    }
}
