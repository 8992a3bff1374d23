import Testing

@testable import HTTP

@Suite struct FrameScannerTests {
    /// Returns the findings of a scanner, with their places, in bytes that come in pieces of this size.
    private func findings(_ bytes: [UInt8], pieceByteCount: Int) -> [FrameScanner.Finding] {
        var scanner = FrameScanner()
        var found: [FrameScanner.Finding] = []
        for start in stride(from: 0, to: bytes.count, by: pieceByteCount) {
            let piece = Array(bytes[start..<min(start + pieceByteCount, bytes.count)])
            piece.withUnsafeBufferPointer { piece in
                var position = 0
                while position < piece.count {
                    if let finding = scanner.next(in: piece, at: &position) { found.append(finding) }
                }
            }
        }
        return found
    }

    @Test func `DATA and priorities are found wherever the bytes are cut`() {
        let bytes =
            Frame.preface + Frame.settings([(3, 100)]) + Frame.get(1) + Frame.data(1, []) + Frame.data(3, [0, 0, 0])
            + Frame.frame(.priority, stream: 5, [0x80, 0, 0, 5, 1]) + Frame.frame(.priority, stream: 7, [0, 0, 0, 1])
            + Frame.ping() + Frame.frame(.priority, stream: 9, [0, 0, 0, 1, 2]) + Frame.data(11, [1])
        for count in 1...bytes.count {
            #expect(
                findings(bytes, pieceByteCount: count) == [
                    .data(stream: 1), .data(stream: 3), .priority(stream: 5, dependsOn: 5),
                    .priority(stream: 9, dependsOn: 1), .data(stream: 11),
                ]
            )
        }
    }

    @Test func `DATA for a stream that is closed ends the connection, and not where it was reset here`() {
        for bytes in [
            Frame.get(1) + Frame.data(1, [1]),
            Frame.headers(1, Frame.request("POST", "/"), end: false) + Frame.reset(1) + Frame.data(1, [1]),
        ] {
            let script = HTTP2Script()
            script.handler = { _ in nil }
            script.feed(bytes)
            #expect(script.frames.last?.hasSuffix("STREAM_CLOSED") == true, "\(script.frames)")
            #expect(script.session.hasErred && !script.session.isFlooded)
        }
        let answered = HTTP2Script()
        answered.feed(Frame.get(1))
        answered.feed(Frame.data(1, [1]))
        #expect(answered.frames.last?.hasSuffix("STREAM_CLOSED") == true, "\(answered.frames)")
        // Refused before its end, it is reset; the client may not know yet.
        let refused = HTTP2Script(bodyLimit: 4)
        refused.feed(Frame.headers(1, Frame.request("POST", "/") + [("content-length", "8")], end: false))
        refused.feed(Frame.data(1, Array("12345678".utf8)))
        refused.feed(Frame.get(3))
        #expect(refused.statuses == ["1:413", "3:200"], "\(refused.frames)")
    }

    @Test func `A stream that depends on itself ends the connection`() {
        let script = HTTP2Script()
        script.feed(Frame.frame(.priority, stream: 3, [0, 0, 0, 1, 2]))
        #expect(script.frames.isEmpty)
        script.feed(Frame.frame(.priority, stream: 3, [0, 0, 0, 3, 2]))
        #expect(script.frames.last?.hasSuffix("PROTOCOL_ERROR") == true, "\(script.frames)")
    }
}
