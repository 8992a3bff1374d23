import Foundation
import Glibc
import HTTPTransport
import JSON
import Reactor
import Synchronization
import Testing

/// A real central from outside.
@Suite struct CentralTests {
    @Test func `It says on one line where it listens, serves both ports and ends cleanly on SIGTERM`() throws {
        let folder = DataFolder()
        let central = try CentralProcess(folder)
        #expect(
            central.readyLine
                == "central: ready, northbound http://\(central.northbound), southbound http://\(central.southbound), "
                + "revision 0"
        )
        let north = try BlockingClient(central.northbound)
        let south = try BlockingClient(central.southbound)
        for client in [north, south] {
            #expect(try client.send("GET", "/livez").status == 200)
            #expect(try client.send("GET", "/readyz").status == 200)
            #expect(try client.send("GET", "/version").json["store"] == "sqlite")
        }
        let contract = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../openapi.yaml")
        #expect(try north.send("GET", "/openapi.yaml").body == Array(Data(contentsOf: contract)))
        #expect(try permissions(folder.path) == 0o700)
        #expect(try permissions(folder.path + "/central.db") == 0o600)
        #expect(central.end() == 0)
        #expect(central.log.hasSuffix("central: stopped\n"))
    }

    @Test func `All files of the console are linked in, as they are`() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../console")
        let central = try CentralProcess(DataFolder())
        let client = try BlockingClient(central.northbound)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names.contains("index.html"))
        for name in names {
            let file = Array(try Data(contentsOf: folder.appendingPathComponent(name)))
            #expect(try client.send("GET", "/console/\(name)").body == file, "\(name)")
        }
    }

    private func permissions(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return attributes[.posixPermissions] as? Int ?? 0
    }

    @Test func `A write is seen by every connection as soon as it is answered`() throws {
        let central = try CentralProcess(DataFolder())
        let writer = try BlockingClient(central.northbound)
        let readers = try (0..<3).map { _ in try BlockingClient(central.northbound) }
        for index in 1...20 {
            let written = try writer.send("POST", "/v1/switches", ["name": .string("ls\(index)")])
            #expect(written.status == 201)
            for reader in readers {
                let read = try reader.send("GET", "/v1/switches/ls\(index)?min_revision=\(index)")
                #expect(read.status == 200 && read.body == written.body)
            }
        }
    }

    @Test func `A restart keeps objects, epoch and revision, and the feed goes on by delta`() throws {
        let folder = DataFolder()
        var epoch: String?
        var hash: String?
        var to: Int64 = 0
        do {
            let central = try CentralProcess(folder)
            let north = try BlockingClient(central.northbound)
            try north.send("POST", "/v1/switches", ["name": "ls1"])
            try north.send("POST", "/v1/switches/ls1/ports", ["name": "p1"])
            let synced = try BlockingClient(central.southbound).send("POST", "/v1/chassis/hv1/sync", Self.sync(seq: 1))
            #expect(synced.status == 200)
            let share = try BlockingClient(central.southbound).send("GET", "/v1/chassis/hv1/changes").json
            epoch = share["epoch"]?.stringValue
            hash = share["hash"]?.stringValue
            to = share["to"]?.integerValue ?? 0
            #expect(share["changes"]?.arrayValue?.count == 3)
            central.end(SIGKILL)
        }
        let central = try CentralProcess(folder)
        #expect(central.readyLine.hasSuffix("revision \(to)"))
        try BlockingClient(central.northbound).send("PATCH", "/v1/ports/p1", ["enabled": false])
        let path = "/v1/chassis/hv1/changes?since=\(to)&epoch=\(epoch ?? "")&hash=\(hash ?? "")"
        let delta = try BlockingClient(central.southbound).send("GET", path).json
        #expect(delta["mode"] == "delta" && delta["epoch"]?.stringValue == epoch)
        #expect(delta["changes"]?.arrayValue?.map { $0["kind"] } == ["port_binding"])
    }

    @Test func `A parked sync is woken by a change, and answered empty when central stops`() throws {
        let central = try CentralProcess(DataFolder())
        let north = try BlockingClient(central.northbound)
        try north.send("POST", "/v1/switches", ["name": "ls1"])
        try north.send("POST", "/v1/switches/ls1/ports", ["name": "p1"])
        let agent = try BlockingClient(central.southbound)
        _ = try agent.send("POST", "/v1/chassis/hv1/sync", Self.sync(seq: 1))
        let share = try agent.send("POST", "/v1/chassis/hv1/sync", Self.sync(seq: 2)).json

        let parked = Parked(central.southbound, Self.sync(seq: 3, resuming: share, wait: 60))
        // True if the patch comes before or after the sync is parked, the sync brings it.
        try north.send("PATCH", "/v1/ports/p1", ["enabled": false])
        let woken = parked.answer()
        #expect(woken?.status == 200 && woken?.json["changes"]?.arrayValue?.count == 1)

        let idle = Parked(central.southbound, Self.sync(seq: 4, resuming: woken?.json ?? .null, wait: 60))
        #expect(central.end() == 0)
        // The stop may also come before the sync, which then finds the door closed.
        if let last = idle.answer() { #expect(last.status == 200 || last.status == 503) }
    }

    @Test func `A body beyond the limit is a problem document, and the connection's neighbours go on`() throws {
        let central = try CentralProcess(DataFolder())
        let client = try BlockingClient(central.northbound)
        let large = try client.send("POST", "/v1/switches", bytes: [UInt8](repeating: 0x20, count: (1 << 20) + 1))
        #expect(large.status == 413 && large["Content-Type"] == "application/problem+json")
        #expect(large.json["code"] == "body_too_large" && large["X-Request-Id"] != nil)
        #expect(try client.send("GET", "/livez").status == 200)
    }

    @Test func `Thousands of ports come in pages of one revision while others write`() throws {
        let central = try CentralProcess(DataFolder())
        let client = try BlockingClient(central.northbound)
        try client.send("POST", "/v1/switches", ["name": "ls1"])
        let ops = (0..<2000).map { index -> JSONValue in
            ["op": "create", "path": "/v1/ports", "body": ["name": .string("p\(10_000 + index)"), "switch": "ls1"]]
        }
        #expect(try client.send("POST", "/v1/transactions", ["ops": .array(ops)]).status == 200)
        #expect(try client.items("/v1/ports").count == 2000)
        let first = try client.send("GET", "/v1/ports?limit=1500").json
        try client.send("DELETE", "/v1/ports/p11999")
        let token = first["next_page_token"]?.stringValue ?? ""
        let second = try client.send("GET", "/v1/ports?page_token=\(token)").json
        #expect(second["items"]?.arrayValue?.count == 500 && second["revision"] == first["revision"])
        #expect(try client.items("/v1/ports", limit: 300).count == 1999)
    }

    @Test func `A read with min_revision waits for the commit, and is 503 when it does not come`() throws {
        let central = try CentralProcess(DataFolder())
        let endpoint = central.northbound
        let outcome = OneShot<BlockingClient.Answer?>()
        startThread(named: "reader") {
            outcome.put(try? BlockingClient(endpoint).send("GET", "/v1/switches/ls1?min_revision=1"))
        }
        let client = try BlockingClient(endpoint)
        try client.send("POST", "/v1/switches", ["name": "ls1"])
        #expect(outcome.take()?.status == 200)
        let missed = try client.send("GET", "/v1/switches?min_revision=2")
        #expect(missed.status == 503 && missed.json["code"] == "revision_not_reached")
    }

    static func sync(seq: Int64, resuming share: JSONValue = .null, wait: Int64 = 0) -> JSONValue {
        [
            "chassis_id": "id-1", "boot_id": "b1", "seq": .integer(seq), "wait": .integer(wait),
            "features": ["chassis", "datapath_binding", "port_binding"],
            "epoch": share["epoch"] ?? .null, "since": share["to"] ?? 0, "applied": share["to"] ?? 0,
            "encaps": [["type": "geneve", "ip": "10.0.0.1"]],
            "ports": [["logical_port": "p1", "interface": "tap1", "claim": 1, "up": false]],
        ]
    }
}

/// A sync on a thread of its own.
private final class Parked: Sendable {
    private let outcome = OneShot<BlockingClient.Answer?>()

    init(_ endpoint: HTTPEndpoint, _ body: JSONValue) {
        let outcome = outcome
        startThread(named: "parked") {
            outcome.put(try? BlockingClient(endpoint).send("POST", "/v1/chassis/hv1/sync", body))
        }
    }

    func answer() -> BlockingClient.Answer? { outcome.take() }
}
