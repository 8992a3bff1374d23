import Foundation
import Testing

@testable import OVSDB

@Suite struct FuzzCorpusTests {
    @Test func `What fuzzing has found stays found`() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Fuzz/Corpus/DatabaseFile")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(!files.isEmpty)
        for file in files {
            let bytes = [UInt8](try Data(contentsOf: file))
            let isDatabase = ["standalone", "cluster", "cut"].contains(file.lastPathComponent)
            let read = try? DatabaseFile(bytes) { _ in [UInt8](repeating: 0, count: 20) }
            #expect((read != nil) == isDatabase, "\(file.lastPathComponent)")
        }
    }
}
