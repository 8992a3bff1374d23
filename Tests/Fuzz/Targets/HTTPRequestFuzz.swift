import HTTP
import HTTPTypes

/// Any bytes are requests or a refusal, and the same ones however they are cut.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTPRequest(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    precondition(requests(bytes, pieceByteCount: max(bytes.count, 1)) == requests(bytes, pieceByteCount: 1))
    return 0
}

private func requests(_ bytes: [UInt8], pieceByteCount: Int) -> [String] {
    var refusals: [String] = []
    let connection = HTTP1ServerConnection(
        limits: HTTPLimits(),
        now: .zero,
        judge: { _, _ in .content(byteCountMaximum: 1000) },
        problem: { error in
            refusals.append(error.detail)
            return error.problem
        }
    )
    var summaries: [String] = []
    for start in stride(from: 0, to: bytes.count, by: pieceByteCount) {
        connection.receive(bytes[start..<min(start + pieceByteCount, bytes.count)], now: .zero)
        var hasProgressed = true
        while hasProgressed {
            hasProgressed = false
            while let received = connection.nextRequest(now: .zero) {
                hasProgressed = true
                summaries.append("\(received.request) \(received.body)")
                connection.respond(to: received.id, AnswerHead(HTTPResponse(status: .ok)), body: .bytes(received.body))
            }
            connection.prepareOutput(now: .zero, wallClock: 0)
            while !connection.output.isEmpty || connection.makesMore {
                hasProgressed = true
                connection.didWrite(connection.output.count, now: .zero)
                connection.prepareOutput(now: .zero, wallClock: 0)
            }
        }
    }
    connection.receiveEnd(now: .zero)
    return summaries + refusals
}
