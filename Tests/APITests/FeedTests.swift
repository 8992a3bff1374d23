import JSON
import NetworkModel
import Testing

@testable import API

/// The requests of agents, and who has what.
@Suite struct FeedTests {
    private let bench: APIBench

    init() throws {
        bench = try APIBench()
        bench.send("POST", "/v1/switches", ["name": "ls1"])
        bench.send("POST", "/v1/switches/ls1/ports", ["name": "p1"])
    }

    private func sync(_ members: JSONValue = [:], seq: Int64 = 1) -> APIBench.Response {
        let body: JSONValue = [
            "chassis_id": "id-1", "boot_id": "b1", "seq": .integer(seq), "since": 0, "wait": 0,
            "features": ["chassis", "datapath_binding", "port_binding"],
            "encaps": [["type": "geneve", "ip": "10.0.0.1"]],
            "ports": [["logical_port": "p1", "interface": "tap1", "claim": 1, "up": false]],
        ]
        return bench.send("POST", "/v1/chassis/hv1/sync", body.merged(with: members), on: .southbound)
    }

    @Test func `A sync gets the share of the chassis, and the changes can be read beside it`() {
        #expect(sync().status == 200)
        let share = sync(seq: 2)
        #expect(share.json["mode"] == "snapshot" && share.json["more"] == false)
        let kinds = share.json["changes"]?.arrayValue?.compactMap { $0["kind"]?.stringValue } ?? []
        #expect(Set(kinds) == ["chassis", "datapath_binding", "port_binding"])
        let read = bench.send("GET", "/v1/chassis/hv1/changes", on: .southbound)
        #expect(read.json["changes"] == share.json["changes"] && read["Heddle-Revision"] == read.json["to"]?.text)
        let to = read.json["to"]?.integerValue ?? 0
        let hash = bench.network.hash.description
        #expect(share.json["hash"]?.stringValue == hash && read["Heddle-Hash"] == hash)
        let query = "since=\(to)&epoch=00000000000000ab&hash=\(hash)"
        let delta = bench.send("GET", "/v1/chassis/hv1/changes?" + query, on: .southbound)
        #expect(delta.json["mode"] == "delta" && delta.json["changes"] == [])
    }

    @Test func `Bad syncs and reads are refused at the member or parameter`() {
        let missing = sync(["boot_id": .null])
        #expect(
            missing.status == 422 && missing.json["code"] == "missing_field" && missing.json["pointer"] == "/boot_id"
        )
        #expect(sync(["encaps": [["type": "vxlan", "ip": "10.0.0.1"]]]).json["code"] == "invalid_value")
        #expect(sync(seq: 5).status == 200)
        #expect(sync(seq: 4).json["code"] == "stale_sequence")
        #expect(sync(["chassis_id": "another"], seq: 6).json["code"] == "chassis_conflict")
        func read(_ query: String) -> APIBench.Response {
            bench.send("GET", "/v1/chassis/hv1/changes?" + query, on: .southbound)
        }
        #expect(read("since=x").status == 400)
        #expect(read("wait=61").status == 400)
        #expect(read("epoch=1").status == 400)
        #expect(read("page=1").status == 400)
        #expect(read("since=1&epoch=ffffffffffffffff").status == 400)
        #expect(sync(["hash": "0000000000000001"], seq: 7).json["pointer"] == "/hash")
        let evidence = "&epoch=ffffffffffffffff&hash=0000000000000001"
        #expect(read("since=1" + evidence).json["code"] == "history_differs")
        #expect(bench.send("GET", "/v1/chassis/hv9/changes", on: .southbound).status == 404)
    }

    @Test func `Realization tells who is missing`() {
        _ = sync()
        let pending = bench.send("GET", "/v1/realization")
        #expect(pending.json["state"] == "timeout" && pending.json["pending"] == ["hv1"])
        let to = sync(seq: 2).json["to"]?.integerValue ?? 0
        _ = sync(["applied": .integer(to), "since": .integer(to), "epoch": "00000000000000ab"], seq: 3)
        let done = bench.send("GET", "/v1/realization?revision=\(to)&wait=0")
        #expect(done.json["state"] == "complete" && done.json["pending"] == [])
        #expect(bench.send("GET", "/v1/realization?revision=999").status == 400)
        #expect(bench.send("GET", "/v1/realization?wait=601").status == 400)
    }
}
