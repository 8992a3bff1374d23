import HTTP
import HTTPTypes

/// Any bytes are a chunked body, the start of one or refused, and the same however they are cut.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTPChunkedBody(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    precondition(body(bytes, pieceByteCount: max(bytes.count, 1)) == body(bytes, pieceByteCount: 1))
    return 0
}

private func body(_ bytes: [UInt8], pieceByteCount: Int) -> [String] {
    var outcome: [String] = []
    let connection = HTTP1ServerConnection(
        limits: HTTPLimits(),
        now: .zero,
        judge: { _, _ in .content(byteCountMaximum: 1000) },
        problem: { error in
            outcome.append(error.detail)
            return error.problem
        }
    )
    connection.receive(Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)[...], now: .zero)
    _ = connection.nextRequest(now: .zero)
    for start in stride(from: 0, to: bytes.count, by: pieceByteCount) {
        connection.receive(bytes[start..<min(start + pieceByteCount, bytes.count)], now: .zero)
        if let received = connection.nextRequest(now: .zero) { return ["\(received.body)"] }
    }
    return outcome
}
