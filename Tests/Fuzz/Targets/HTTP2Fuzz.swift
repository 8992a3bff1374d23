import HTTP
import HTTPTypes

/// Any bytes are requests, refusals or the end of the connection, and none of them stops the process.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTP2(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    let session = HTTP2ServerSession(
        limits: HTTPLimits(),
        now: .zero,
        judge: { _, _ in .content(byteCountMaximum: 1000) },
        problem: \.problem
    )
    for start in stride(from: 0, to: bytes.count, by: 1000) {
        session.receive(bytes[start..<min(start + 1000, bytes.count)], now: .zero)
        var hasProgressed = true
        while hasProgressed {
            hasProgressed = false
            while let id = session.nextAbandoned() { session.forget(id) }
            while let received = session.nextRequest(now: .zero) {
                hasProgressed = true
                session.respond(to: received.id, AnswerHead(HTTPResponse(status: .ok)), body: .bytes(received.body))
            }
            session.prepareOutput(now: .zero, wallClock: 0)
            while !session.output.isEmpty || session.makesMore {
                hasProgressed = true
                session.didWrite(session.output.count, now: .zero)
                session.prepareOutput(now: .zero, wallClock: 0)
            }
        }
    }
    if let deadline = session.deadline { session.expire(now: deadline) }
    session.receiveEnd(now: .zero)
    return 0
}
