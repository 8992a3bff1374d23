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

    @Test func portsComeBackAsTheyWereKept() throws {
        #expect(try StoredPorts(fileBytes: ports.fileBytes) == ports)
    }

    @Test func theFilesAreTextThatAPersonCanRead() {
        let text = String(decoding: ports.fileBytes + share.fileBytes(), as: UTF8.self)
        #expect(goldenMismatch(text, named: "files") == nil)
    }

    @Test func aFileThatIsCutAnywhereIsNotUsed() {
        for bytes in [share.fileBytes(), ports.fileBytes] {
            for count in bytes.indices {
                #expect(throws: StateFile.Failure.self) {
                    try StoredShare(fileBytes: Array(bytes[..<count]), chassis: "hv1")
                }
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
            try StoredShare(fileBytes: share.fileBytes(), chassis: "hv2")
        }
        #expect(failure == .content("belongs to chassis hv1"))
        let later = StateFile.seal(kind: "share", format: 3, Array("{}".utf8))
        let other = #expect(throws: StateFile.Failure.self) { try StoredShare(fileBytes: later, chassis: "hv1") }
        #expect(other == .format("3"))
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
            _ = try? StoredShare(fileBytes: bytes, chassis: "hv1")
            _ = try? StoredPorts(fileBytes: bytes)
            _ = try? StoredShare(fileBytes: StateFile.seal(kind: "share", format: 1, bytes), chassis: "hv1")
            _ = try? StoredPorts(fileBytes: StateFile.seal(kind: "ports", format: 1, bytes))
        }
    }
}

extension Share {
    /// The file that is begun with the share.
    func fileBytes(chassis: String = "hv1") -> [UInt8] {
        var file = ShareFile(chassis: chassis)
        return file.bytes(of: .whole(self))
    }
}

extension ShareFile {
    /// The text of a save.
    mutating func bytes(of save: ShareSave) -> [UInt8] {
        var text: [UInt8] = []
        write(save, innerMTU: 1442) { text += $0 }
        return text
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
