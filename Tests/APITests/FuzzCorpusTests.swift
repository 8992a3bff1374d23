import API
import Foundation
import Testing

/// The seeds of the fuzz target, and each of them cut at every byte, get an answer of the contract.
@Suite struct FuzzCorpusTests {
    @Test func `Every request of the corpus, whole or cut, is carried out or refused`() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Fuzz/Corpus/APIRequest")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(files.count >= 6)
        let bench = try APIBench()
        for file in files {
            let text = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
            for length in 0...text.utf8.count {
                let parts = String(decoding: text.utf8.prefix(length), as: UTF8.self)
                    .split(separator: "\n", maxSplits: 2, omittingEmptySubsequences: false)
                let line = parts[0].split(separator: " ", maxSplits: 1)
                guard line.count == 2 else { continue }
                let tags = parts.count > 1 && !parts[1].isEmpty ? [("If-Match", String(parts[1]))] : []
                let answer = bench.send(
                    String(line[0]),
                    String(line[1]),
                    text: parts.count > 2 ? String(parts[2]) : nil,
                    fields: tags,
                    on: line[1].contains("chassis/") ? .southbound : .northbound
                )
                #expect((200..<600).contains(answer.status))
            }
        }
    }
}
