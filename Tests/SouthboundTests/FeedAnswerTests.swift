import Foundation
import JSON
import Southbound
import TestSupport
import Testing
import Wire

/// The files of a fuzzer's corpus.
func corpus(_ name: String, file: String = #filePath) throws -> [[UInt8]] {
    let tests = URL(fileURLWithPath: file).deletingLastPathComponent().deletingLastPathComponent()
    let folder = tests.appendingPathComponent("Fuzz/Corpus/\(name)")
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    try #require(!files.isEmpty)
    return try files.map { Array(try Data(contentsOf: $0)) }
}

@Suite struct FeedAnswerTests {
    private var sample: FeedAnswer {
        let chassis = Chassis(name: "h1", chassisID: "x", hostname: "", encaps: [])
        return FeedAnswer(
            epoch: 0xabc,
            from: 3,
            to: 9,
            hash: 0xfed,
            mode: .delta,
            changes: [
                FeedChange(revision: 4, change: .put(.chassis(chassis)), bytes: Record.chassis(chassis).bytes),
                FeedChange(revision: 9, change: .delete(.portBinding(ObjectID(high: 1, low: 2)))),
            ],
            nextPage: FeedPage(to: 9, offset: 2),
            lease: 30
        )
    }

    @Test func `an answer comes back from its text`() throws {
        let text = String(decoding: sample.bytes, as: UTF8.self)
        #expect(
            text == #"{"epoch":"0000000000000abc","from":3,"to":9,"hash":"0000000000000fed","mode":"delta","changes":["#
                + #"{"revision":4,"op":"put","kind":"chassis","id":"h1","object":"#
                + #"{"name":"h1","chassis_id":"x","hostname":"","encaps":[]}},"#
                + #"{"revision":9,"op":"delete","kind":"port_binding","id":"00000000-0000-0001-0000-000000000002"}],"#
                + #""more":true,"next_page":"9.2","lease":30}"#
        )
        let answer = try FeedAnswer(parsing: sample.bytes)
        #expect(answer.changes.map(\.change) == sample.changes.map(\.change))
        #expect(answer.bytes == sample.bytes && answer.hash == 0xfed)
    }

    @Test func `changes of kinds that are not known are left out`() throws {
        let text =
            #"{"epoch":"0000000000000abc","from":0,"to":1,"mode":"snapshot","changes":["#
            + #"{"revision":1,"op":"put","kind":"router","id":"r1","object":{"name":"r1"}}],"more":false}"#
        #expect(try FeedAnswer(parsing: Array(text.utf8)).changes.isEmpty)
    }

    @Test(arguments: [
        "", "{}", "[]", #"{"epoch":"abc","from":0,"to":1,"mode":"delta","changes":[],"more":false}"#,
        #"{"epoch":"0000000000000abc","from":2,"to":1,"mode":"delta","changes":[],"more":false}"#,
        #"{"epoch":"0000000000000abc","from":0,"to":1,"mode":"part","changes":[],"more":false}"#,
        #"{"epoch":"0000000000000abc","from":0,"to":1,"mode":"delta","changes":[],"more":true}"#,
        #"{"epoch":"0000000000000abc","from":0,"to":1,"mode":"delta","changes":[{}],"more":false}"#,
        #"{"epoch":"0000000000000abc","from":0,"to":1,"mode":"delta","more":false,"changes":"#
            + #"[{"revision":1,"op":"move","kind":"chassis","id":"h"}]}"#,
        #"{"epoch":"0000000000000abc","from":0,"to":1,"mode":"delta","more":false,"changes":"#
            + #"[{"revision":1,"op":"put","kind":"chassis","id":"h","object":{"name":"other","chassis_id":"","#
            + #""hostname":"","encaps":[]}}]}"#,
    ])
    func `what is no answer is refused`(text: String) {
        #expect(throws: FeedError.self) { try FeedAnswer(parsing: Array(text.utf8)) }
    }

    @Test func `a cut or damaged answer is refused or read, and never more`() {
        let bytes = sample.bytes
        for end in 0..<bytes.count {
            #expect(throws: FeedError.self) { try FeedAnswer(parsing: Array(bytes[..<end])) }
        }
        var generator = SeededGenerator(seed: 6)
        for _ in 0..<3000 {
            var damaged = bytes
            damaged[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            if let answer = try? FeedAnswer(parsing: damaged) {
                #expect((try? FeedAnswer(parsing: answer.bytes))?.to == answer.to)
            }
        }
    }

    @Test func `the corpus of the fuzzer is replayed`() throws {
        for bytes in try corpus("FeedAnswer") { _ = try? FeedAnswer(parsing: bytes) }
    }

    @Test func `epochs and pages on the wire`() {
        #expect(hexadecimal(0) == "0000000000000000")
        #expect(hexadecimal(.max) == "ffffffffffffffff")
        #expect(epochValue("00000000000000ff") == 255)
        for text in ["", "ff", "+00000000000000f", "-00000000000000f", "000000000000000g", "00000000000000000"] {
            #expect(epochValue(text) == nil, "\(text)")
        }
        #expect(FeedPage("12.34") == FeedPage(to: 12, offset: 34))
        for text in ["", ".", "1", "1.", ".1", "1.2.3", "1.-2", "x.1", "99999999999999999999.1"] {
            #expect(FeedPage(text) == nil, "\(text)")
        }
    }

    @Test func `a realization as JSON`() {
        let realization = Realization(revision: 7, pending: ["h1"], excluded: ["h2"])
        #expect(
            realization.json.text
                == #"{"revision":7,"state":"timeout","pending":["h1"],"excluded":[{"chassis":"h2","reason":"dead"}]}"#
        )
        #expect(Realization(revision: 7, pending: [], excluded: []).json["state"] == "complete")
    }
}
