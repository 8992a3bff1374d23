import Datapath
import Foundation
import Southbound
import TestSupport
import Testing
import Wire

/// The files of one folder of the fuzz corpus, by name.
private func corpus(_ name: String) throws -> [(name: String, bytes: [UInt8])] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../Fuzz/Corpus/\(name)")
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    return try files.sorted { $0.path < $1.path }.map { ($0.lastPathComponent, [UInt8](try Data(contentsOf: $0))) }
}

@Suite struct FuzzCorpusTests {
    private let host = TestHost.withServices([
        TestHost.vm(1, at: "hv1", security: [PortSecurityEntry(mac: TestHost.mac(1))]),
        TestHost.vm(2, at: "hv2"), TestHost.vm(3, at: "hv1"),
    ])

    @Test("what becomes of each frame of the corpus")
    func frames() throws {
        let files = try corpus("InnerFrame")
        let lines = files.map { file in
            // The start of an answer is enough to review; `TooBigTests` look at the rest.
            let outcomes = host.tables.outcomes(of: file.bytes, from: 0).map { $0.description.prefix(200) }
            return "\(file.name): \(outcomes.joined(separator: ", "))\n"
        }
        let mismatch = goldenMismatch(lines.joined(), named: "corpus-frames")
        #expect(mismatch == nil && !files.isEmpty, Comment(rawValue: mismatch ?? ""))
    }

    @Test("what becomes of each datagram of the corpus")
    func datagrams() throws {
        let files = try corpus("GeneveDatagram")
        let lines = files.map { file in
            let outcomes = host.tables.outcomes(ofDatagram: file.bytes, from: TestHost.encap(2), now: .zero)
            return "\(file.name): \(outcomes.map(\.description).joined(separator: ", "))\n"
        }
        let mismatch = goldenMismatch(lines.joined(), named: "corpus-datagrams")
        #expect(mismatch == nil && !files.isEmpty, Comment(rawValue: mismatch ?? ""))
    }

    @Test("frames and datagrams of the corpus, cut at every byte and changed at random, go somewhere or are dropped")
    func changed() throws {
        var generator = SeededGenerator(seed: 9)
        for (_, bytes) in try corpus("InnerFrame") + corpus("GeneveDatagram") {
            for count in 0...bytes.count {
                #expect(!host.tables.outcomes(of: Array(bytes[..<count]), from: 0).isEmpty)
                let cut = host.tables.outcomes(ofDatagram: Array(bytes[..<count]), from: TestHost.encap(2), now: .zero)
                #expect(!cut.isEmpty)
            }
            for _ in 0..<200 where !bytes.isEmpty {
                var other = bytes
                for _ in 0..<3 {
                    other[Int.random(in: 0..<other.count, using: &generator)] = UInt8.random(
                        in: 0...255,
                        using: &generator
                    )
                }
                #expect(!host.tables.outcomes(of: other, from: 0).isEmpty)
                #expect(!host.tables.outcomes(ofDatagram: other, from: TestHost.encap(2), now: .zero).isEmpty)
            }
        }
    }

    @Test("frames of the corpus, one behind the other, are merged where they follow each other")
    func runs() throws {
        let counts = try corpus("SegmentRun").map { name, bytes in
            var frames: [[UInt8]] = []
            var rest = bytes[...]
            while let high = rest.popFirst(), let low = rest.popFirst() {
                let count = Int(high) << 8 | Int(low)
                frames.append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            return "\(name) \(SegmentRunTests.collect(frames).map(\.count))"
        }
        #expect(counts == ["four [4]", "other [1, 1, 1]"])
    }

    @Test("superpackets of the corpus are cut, and cut short or changed at random they are cut or refused")
    func superpackets() throws {
        var generator = SeededGenerator(seed: 10)
        for (name, bytes) in try corpus("Superpacket") {
            #expect((SuperpacketTests.cut(bytes)?.count ?? 0) == (name == "short" ? 0 : 3))
            for count in 10...bytes.count { _ = SuperpacketTests.cut(Array(bytes[..<count])) }
            for _ in 0..<500 {
                var other = bytes
                other[.random(in: 0..<other.count, using: &generator)] = .random(in: 0...255, using: &generator)
                let segments = SuperpacketTests.cut(other) ?? []
                #expect(segments.allSatisfy { $0.count <= bytes.count })
            }
        }
    }
}
