import HTTP
import HTTPTypes

/// Any bytes are an answer, half of one or an error, and the same however they are cut.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTPResponse(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    precondition(answer(bytes, pieceByteCount: max(bytes.count, 1)) == answer(bytes, pieceByteCount: 1))
    return 0
}

private func answer(_ bytes: [UInt8], pieceByteCount: Int) -> String {
    var limits = HTTPLimits()
    limits.bodyByteCountMaximum = 1000
    var connection = HTTP1ClientConnection(limits: limits)
    connection.begin(.get)
    do throws(MessageError) {
        for start in stride(from: 0, to: bytes.count, by: pieceByteCount) {
            let piece = bytes[start..<min(start + pieceByteCount, bytes.count)]
            if let answer = try connection.receive(piece) { return "\(answer)" }
        }
    } catch {
        return error.description
    }
    return connection.receiveEnd().map { "\($0)" } ?? "cut short"
}
