import Foundation
import Southbound
import TestSupport
import Testing
import Wire

@testable import AgentCore

@Suite struct StateFileTests {
    private let share = Share(
        epoch: 0xfedc_ba98_7654_3210,
        revision: 42,
        hash: 0x0123_4567_89ab_cdef,
        records: [Sample.hv1, Sample.hv2, Sample.ls1, Sample.port(1, on: "hv1", fence: 7), Sample.port(2)]
    )
    private let ports = StoredPorts(
        lastClaim: 9,
        ports: [
            StoredPort(specification: Scenario.specification("vm1", "ls1-vm1"), isOwned: true, claim: 9),
            StoredPort(
                specification: PortSpecification(name: "b", logicalPort: "b", interface: "tap0", mtu: 1400),
                isOwned: false,
                claim: 3,
                lostTo: "hv2",
                isLeaving: true
            ),
        ]
    )

    @Test func aShareComesBackAsItWasKept() throws {
        let (again, innerMTU) = try Share.read(share.fileBytes(chassis: "hv1", innerMTU: 1442), chassis: "hv1")
        #expect(again == share && innerMTU == 1442)
    }

    @Test func aShareOfAnOlderVersionHasNoHash() throws {
        let old = Share(epoch: 1, revision: 2, records: [Sample.hv1])
        #expect(try Share.read(old.fileBytes(chassis: "hv1", innerMTU: 1442), chassis: "hv1").share == old)
        #expect(old.hash == nil)
    }

    /// An agent that was upgraded uses the share of the one before, and asks for what that one left out.
    @Test func aShareOfAnotherVersionIsInUseAndAskedForAnew() throws {
        for features in [[], Feature.basic, Feature.all + ["later"]] {
            let old = Share(epoch: 1, revision: 2, features: features, records: [Sample.hv1])
            let file = old.fileBytes(chassis: "hv1", innerMTU: 1442)
            #expect(try Share.read(file, chassis: "hv1").share == old)
            var scenario = Scenario(share: old)
            scenario.start()
            scenario.step("it has the share in force", .forwarderSaid(.acknowledged(epoch: 1, revision: 2)))
            #expect(scenario.transcript.contains("since 001/0,"), "\(scenario.transcript)")
        }
    }

    @Test func portsComeBackAsTheyWereKept() throws {
        #expect(try StoredPorts(fileBytes: ports.fileBytes) == ports)
    }

    @Test func theFilesAreTextThatAPersonCanRead() {
        let text = [ports.fileBytes, share.fileBytes(chassis: "hv1", innerMTU: 1442)].map {
            String(decoding: $0, as: UTF8.self)
        }
        #expect(goldenMismatch(text.joined(), named: "files") == nil)
    }

    @Test func aFileThatIsCutAnywhereIsNotUsed() {
        for bytes in [share.fileBytes(chassis: "hv1", innerMTU: 1442), ports.fileBytes] {
            for count in bytes.indices {
                #expect(throws: StateFile.Failure.self) { try Share.read(Array(bytes[..<count]), chassis: "hv1") }
                #expect(throws: StateFile.Failure.self) { try StoredPorts(fileBytes: Array(bytes[..<count])) }
            }
        }
    }

    @Test func aFileWithAnyByteChangedIsNotUsed() {
        let bytes = ports.fileBytes
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 0x20
            #expect(throws: StateFile.Failure.self) { try StoredPorts(fileBytes: changed) }
        }
    }

    @Test func aShareOfAnotherChassisOrFormatIsNotUsed() {
        let failure = #expect(throws: StateFile.Failure.self) {
            try Share.read(share.fileBytes(chassis: "hv1", innerMTU: 1442), chassis: "hv2")
        }
        #expect(failure == .content("belongs to chassis hv1"))
        let later = StateFile.seal(kind: "share", format: 2, Array("{}".utf8))
        let other = #expect(throws: StateFile.Failure.self) { try Share.read(later, chassis: "hv1") }
        #expect(other == .format("2"))
    }

    @Test(arguments: [
        #"{"last_claim":1}"#, #"{"last_claim":-1,"ports":[]}"#, #"{"last_claim":1,"ports":[{}]}"#, "[]",
        #"{"last_claim":1,"ports":[{"name":"a","logical_port":"a","owned":true,"claim":2,"leaving":false}]}"#,
        #"{"last_claim":1,"ports":[{"name":"a b","logical_port":"a","owned":true,"claim":1,"leaving":false}]}"#,
    ])
    func portsThatCannotBeAreNotUsed(content: String) {
        let bytes = StateFile.seal(kind: "ports", format: 1, Array(content.utf8))
        #expect(throws: StateFile.Failure.self) { try StoredPorts(fileBytes: bytes) }
    }

    @Test func theFuzzCorpusIsRead() throws {
        for bytes in try corpus("StateFile") {
            _ = try? Share.read(bytes, chassis: "hv1")
            _ = try? StoredPorts(fileBytes: bytes)
            _ = try? Share.read(StateFile.seal(kind: "share", format: 1, bytes), chassis: "hv1")
            _ = try? StoredPorts(fileBytes: StateFile.seal(kind: "ports", format: 1, bytes))
        }
    }
}

/// The files of a fuzz target's corpus; at least one.
func corpus(_ name: String, file: String = #filePath) throws -> [[UInt8]] {
    let folder = URL(fileURLWithPath: file).deletingLastPathComponent()
        .appendingPathComponent("../Fuzz/Corpus/\(name)")
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    #expect(!files.isEmpty)
    return try files.map { Array(try Data(contentsOf: $0)) }
}
