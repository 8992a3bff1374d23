import Foundation

/// Compares a transcript with the file beside the test that holds the expected one.
///
/// With `REWRITE=1` in the environment the file is written instead, and the reviewer reads the diff.
/// - Returns: nothing if they agree, else both texts, to put into the test's failure.
public func goldenMismatch(_ transcript: String, named name: String, file: String = #filePath) -> String? {
    let folder = URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent("Golden")
    let path = folder.appendingPathComponent(name + ".txt")
    if ProcessInfo.processInfo.environment["REWRITE"] == "1" {
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try? Data(transcript.utf8).write(to: path)
        return nil
    }
    guard let expected = try? String(contentsOf: path, encoding: .utf8) else {
        return "no golden file \(path.path); run with REWRITE=1 and review it. Transcript:\n\(transcript)"
    }
    return expected == transcript ? nil : "expected:\n\(expected)\ngot:\n\(transcript)"
}
