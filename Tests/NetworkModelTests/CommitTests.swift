import Foundation
import JSON
import Persistent
import Southbound
import TestSupport
import Testing
import Wire

@testable import NetworkModel

@Suite struct CommitTests {
    private let switchID = ObjectID(high: 1, low: 2)
    private let portID = ObjectID(high: 3, low: 4)

    @Test func `A commit knows the rows that it changes, deletes and puts alike`() {
        let kinds: [CommitChange.Kind] = [.logicalSwitch, .logicalSwitchPort, .portBinding]
        for (deleteCount, putCount) in [(0, 0), (0, 1), (1, 0), (2, 5), (7, 4)] {
            func changes(_ count: Int, _ prefix: String, _ object: [UInt8]?) -> [CommitChange] {
                kinds.flatMap { kind in (0..<count).map { .init(kind: kind, id: "\(prefix)\($0)", object: object) } }
            }
            let changes = changes(deleteCount, "d", nil) + changes(putCount, "p", [])
            let commit = Commit(revision: 1, epoch: 1, time: 0, author: "", requestID: "", changes: changes)
            for kind in CommitChange.Kind.allCases {
                for id in (0...8).flatMap({ ["d\($0)", "p\($0)"] }) + ["", "a", "z"] {
                    let row = CommitChange.Row(kind: kind, id: id)
                    #expect(commit.changes(row) == changes.contains { $0.row == row })
                }
            }
        }
    }

    /// A commit with a row of every kind.
    private func sample(revision: UInt64 = 1) -> Commit {
        func bytes(_ json: JSONValue) -> [UInt8] { json.bytes }
        let times: JSONValue = [
            "revision": 1, "config_revision": 1, "created_at": "2023-11-14T22:13:20Z",
            "updated_at": "2023-11-14T22:13:20Z",
        ]
        let logicalSwitch: JSONValue = [
            "name": "ls1", "labels": ["a": "quote \" and \u{1F600}"], "vlan_passthru": false,
            "id": .string(switchID.description), "status": ["tunnel_key": 5],
        ]
        let port: JSONValue = [
            "name": "p1", "switch": "ls1", "type": "", "addresses": ["02:00:00:00:00:01 10.0.0.1"],
            "port_security": [], "enabled": true, "requested_chassis": [], "options": [:], "labels": [:],
            "id": .string(portID.description),
            "status": ["up": true, "chassis": "hv1", "tunnel_key": 7, "reason": .null],
        ]
        let chassis = Chassis(name: "hv1", chassisID: "x", hostname: "h", encaps: [])
        let datapath = DatapathBinding(id: switchID, name: "ls1", tunnelKey: 5, vlanPassthru: false)
        let binding = PortBinding(
            id: portID,
            logicalPort: "p1",
            datapath: switchID,
            tunnelKey: 7,
            locations: [.init(chassis: "hv1", bindSeq: 2)]
        )
        let rows: [CommitChange] = [
            .init(kind: .logicalSwitch, id: switchID.description, object: bytes(logicalSwitch.merged(with: times))),
            .init(kind: .logicalSwitchPort, id: portID.description, object: bytes(port.merged(with: times))),
            .init(kind: .record(.chassis), id: "hv1", object: Record.chassis(chassis).bytes),
            .init(
                kind: .record(.datapathBinding),
                id: switchID.description,
                object: Record.datapathBinding(datapath).bytes
            ),
            .init(kind: .record(.portBinding), id: portID.description, object: Record.portBinding(binding).bytes),
            .init(kind: .chassisState, id: "hv1", object: bytes(["live": true])),
            .init(
                kind: .bindingState,
                id: portID.description,
                object: bytes(["bind_seq": 2, "bound_at": 1, "claims": [["chassis_id": "x", "claim": 9]]])
            ),
            .init(kind: .lastKey, id: "datapaths", object: bytes(["key": 5])),
            .init(kind: .lastKey, id: switchID.description, object: bytes(["key": 7])),
        ]
        return Commit(
            revision: revision,
            epoch: 0xff,
            time: 1_700_000_000,
            author: "a \"user\"",
            requestID: "r",
            changes: rows
        )
    }

    private func check(_ network: Network) throws {
        let port = try #require(network.northbound.port(.name("p1")))
        #expect(port.value.status == .init(isUp: true, chassis: "hv1", tunnelKey: 7, reason: nil))
        #expect(port.value.switchID == switchID)
        #expect(network.southbound.portsByChassis["hv1"]?.map(\.key) == [portID])
        #expect(network.ledger.chassis["hv1"] == .init(isLive: true, revision: 1))
        #expect(network.ledger.bindings[portID]?.claim(of: "x") == 9)
        #expect(network.ledger.lastKeys[.datapaths] == 5)
        #expect(network.ledger.lastKeys[.ports(of: switchID)] == 7)
    }

    @Test func `a commit comes back from its encoding, byte for byte`() throws {
        let commit = sample()
        let decoded = try Commit(decoding: commit.encoded)
        #expect(decoded.changes == commit.changes)
        #expect(decoded.author == commit.author)
        #expect(decoded.revision == 1)
        #expect(decoded.epoch == 0xff)
        let again = Commit(
            revision: decoded.revision,
            epoch: decoded.epoch,
            time: decoded.time,
            author: decoded.author,
            requestID: decoded.requestID,
            changes: decoded.changes
        )
        #expect(again.encoded == commit.encoded)
    }

    @Test func `a network is the same from commits and from rows`() throws {
        let commit = sample()
        var network = Network(epoch: 0xff)
        try network.apply(Commit(decoding: commit.encoded))
        try check(network)
        let rows = commit.changes.reversed().map {
            StoredRow(kind: $0.kind, id: $0.id, revision: 1, object: $0.object ?? [])
        }
        try check(Network(epoch: 0xff, revision: 1, rows: rows))
    }

    @Test func `deletes leave nothing behind`() throws {
        var network = Network(epoch: 0xff)
        try network.apply(sample())
        let deletes = sample().changes.map { CommitChange(kind: $0.kind, id: $0.id, object: nil) }
        try network.apply(
            Commit(revision: 2, epoch: 0xff, time: 0, author: "", requestID: "", changes: deletes)
        )
        #expect(network.northbound.ports.isEmpty && network.northbound.switches.isEmpty)
        #expect(network.northbound.ports.index.bySwitch.isEmpty && network.northbound.ports.byName.isEmpty)
        #expect(network.southbound.entries.isEmpty && network.southbound.portsByChassis.isEmpty)
        #expect(network.southbound.chassisByDatapath.isEmpty && network.southbound.datapathsByChassis.isEmpty)
        #expect(network.ledger.lastKeys.isEmpty && network.ledger.bindings.isEmpty && network.ledger.chassis.isEmpty)
    }

    @Test func `commits out of order or of another epoch are refused`() throws {
        var network = Network(epoch: 0xff)
        try network.apply(sample(revision: 2))
        #expect(throws: CommitError.self) { try network.apply(sample(revision: 2)) }
        #expect(throws: CommitError.self) { try network.apply(sample(revision: 1)) }
        var other = Network(epoch: 1)
        #expect(throws: CommitError.self) { try other.apply(sample()) }
        let row = StoredRow(kind: .lastKey, id: "datapaths", revision: 9, object: Array("{\"key\":1}".utf8))
        #expect(throws: CommitError.self) { try Network(epoch: 1, revision: 8, rows: [row]) }
    }

    @Test func `a cut or damaged commit is refused or read, and never more`() throws {
        let bytes = sample().encoded
        for end in 0..<bytes.count {
            #expect(throws: CommitError.self) { try Commit(decoding: Array(bytes[..<end])) }
        }
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<2000 {
            var damaged = bytes
            damaged[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            var network = Network(epoch: 0xff)
            do {
                try network.apply(Commit(decoding: damaged))
                #expect(network.revision == 1)
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
    }

    @Test func `the corpus of the fuzzer is replayed`() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Fuzz/Corpus/Commit")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        var applied = 0
        for file in files {
            let bytes = Array(try Data(contentsOf: file))
            if file.lastPathComponent == "revision-zero" {
                #expect(throws: CommitError.self) { try Commit(decoding: bytes) }
                continue
            }
            let commit = try Commit(decoding: bytes)
            var network = Network(epoch: commit.epoch)
            try network.apply(commit)
            applied += 1
        }
        #expect(applied > 0)
    }
}
