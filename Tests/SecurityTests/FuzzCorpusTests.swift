import Foundation
import Testing

@testable import Security

@Suite struct FuzzCorpusTests {
    @Test func `What fuzzing has found stays found`() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Fuzz/Corpus/Credentials")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(!files.isEmpty)
        for file in files {
            let bytes = [UInt8](try Data(contentsOf: file))
            let name = file.lastPathComponent
            #expect((try? CertificateRequest(pem: bytes)) == nil || name == "request")
            #expect((try? PrivateKey(pem: bytes)) == nil || name == "key")
            guard let certificate = try? Certificate.list(pem: bytes).first else { continue }
            #expect(name == "certificate" && certificate.uris == ["urn:heddle:chassis:hv1"])
        }
    }
}
