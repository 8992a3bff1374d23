import HTTP
import HTTPTypes
import Testing

private let head = "GET / HTTP/1.1\r\nHost: a\r\n"

@Suite struct HTTPLimitsTests {
    @Test("A head may have 32 KiB")
    func headByteCount() {
        let maximum = HTTPLimits().headByteCountMaximum
        let line = "X: " + String(repeating: "x", count: 1019) + "\r\n"
        let fill = String(repeating: line, count: maximum / 1024 - 1)
        let last = "Y: " + String(repeating: "y", count: 1024 - head.utf8.count - 7) + "\r\n\r\n"
        var script = ServerScript()
        script.feed(head + fill + last)
        #expect((head + fill + last).utf8.count == maximum)
        #expect(script.statusCodes == ["200"])
        script = ServerScript()
        script.feed(head + fill + "Z" + last)
        #expect(script.statusCodes == ["431"])
        #expect(script.refusal == .message(.headTooLong))
    }

    @Test("A head may have 100 fields")
    func fieldCount() {
        let maximum = HTTPLimits().fieldCountMaximum
        var script = ServerScript()
        script.feed(head + String(repeating: "X: y\r\n", count: maximum - 1) + "\r\n")
        #expect(script.statusCodes == ["200"])
        script = ServerScript()
        script.feed(head + String(repeating: "X: y\r\n", count: maximum) + "\r\n")
        #expect(script.statusCodes == ["431"])
        #expect(script.refusal == .message(.tooManyFields))
    }

    @Test("A line may have 8 KiB, and is refused at the first byte beyond")
    func lineByteCount() {
        let maximum = HTTPLimits().lineByteCountMaximum
        let path = "/" + String(repeating: "a", count: maximum - "GET / HTTP/1.1".utf8.count)
        var script = ServerScript()
        script.feed("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(script.statusCodes == ["200"])
        script = ServerScript()
        script.feed("GET \(path)a HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(script.statusCodes == ["414"])
        script = ServerScript()
        script.feed("GET /" + String(repeating: "a", count: maximum))
        #expect(script.statusCodes == ["414"])
        #expect(script.refusal == .message(.startLineTooLong))

        let value = String(repeating: "a", count: maximum - 2)
        script = ServerScript()
        script.feed(head + "X:\(value)\r\n\r\n")
        #expect(script.statusCodes == ["200"])
        script = ServerScript()
        script.feed(head + "X:\(value)a\r\n\r\n")
        #expect(script.statusCodes == ["431"])
        #expect(script.refusal == .message(.fieldLineTooLong))
    }

    @Test("A body too long is refused before it is read, by the limit of its own request")
    func bodyByteCount() {
        var script = ServerScript()
        script.connection = HTTP1ServerConnection(
            limits: HTTPLimits(),
            now: .zero,
            judge: { request, mayAnswer in
                #expect(request.method == .post && !mayAnswer)
                return .content(byteCountMaximum: request.path == "/big" ? 6 : 5)
            },
            problem: { $0.problem }
        )
        script.feed(head + "Content-Length: 0\r\n\r\n")
        #expect(script.statusCodes == ["200"])
        script.feed("POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n123456")
        #expect(script.statusCodes == ["200", "200"])
        script.feed("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n")
        #expect(script.statusCodes == ["200", "200", "413"])
        #expect(script.transcript.contains("the body is longer than 5 bytes"))
    }

    @Test("A connection carries so many requests and is then closed")
    func requestCount() {
        var limits = HTTPLimits()
        limits.requestMaximum = 3
        var script = ServerScript(limits: limits)
        script.feed(String(repeating: head + "\r\n", count: 5))
        #expect(script.requests.count == 3)
        #expect(script.connection.phase == .lingering)
    }

    @Test("What a client sends behind the last answer is read up to a bound")
    func lingering() {
        var limits = HTTPLimits()
        limits.lingeringByteCountMaximum = 100
        var script = ServerScript(limits: limits)
        script.feed("bad\r\n")
        #expect(script.connection.phase == .lingering)
        script.feed([UInt8](repeating: 0, count: 100 - 5))
        #expect(script.connection.phase == .lingering)
        script.feed([0])
        #expect(script.connection.phase == .closed)
    }

    @Test("A connection without a byte is closed after the time for a head, one with half a head gets 408")
    func headTime() {
        let limits = HTTPLimits()
        var script = ServerScript()
        #expect(script.connection.deadline == limits.headTime)
        script.wait(until: limits.headTime)
        #expect(script.connection.phase == .closed)
        #expect(script.sent.isEmpty)

        script = ServerScript()
        script.now = .seconds(9)
        script.feed(head)
        script.wait(until: limits.headTime - .milliseconds(1))
        #expect(script.sent.isEmpty)
        script.wait(until: limits.headTime)
        #expect(script.statusCodes == ["408"])
        #expect(script.refusal == .headTimeout)
        #expect(script.connection.phase == .lingering)
    }

    @Test("Between requests a connection may idle, and a later head has its own time")
    func idleTime() {
        let limits = HTTPLimits()
        var script = ServerScript()
        script.now = .seconds(5)
        script.feed(head + "\r\n")
        #expect(script.connection.deadline == .seconds(5) + limits.idleTime)
        script.now = .seconds(70)
        script.feed("G")
        #expect(script.connection.deadline == .seconds(70) + limits.headTime)
        script.feed(String((head + "\r\n").dropFirst()))
        script.wait(until: .seconds(70) + limits.idleTime)
        #expect(script.statusCodes == ["200", "200"])
        #expect(script.connection.phase == .closed)
    }

    @Test("A parked request has no deadline")
    func parked() {
        var script = ServerScript()
        script.handler = { _ in nil }
        script.feed(head + "\r\n")
        #expect(script.connection.deadline == nil)
    }

    @Test("A body may pause for so long")
    func bodyIdleTime() {
        var limits = HTTPLimits()
        limits.bodyRateMinimum = 1
        limits.bodyRateGraceTime = .seconds(1000)
        var script = ServerScript(limits: limits)
        script.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
        script.now = .seconds(50)
        script.feed("a")
        #expect(script.connection.deadline == .seconds(50) + limits.bodyIdleTime)
        script.wait(until: .seconds(50) + limits.bodyIdleTime)
        #expect(script.statusCodes == ["408"])
        #expect(script.refusal == .bodyTimeout)
    }

    @Test("A body must come at the minimum rate once the grace time is over", arguments: [true, false])
    func bodyRate(isChunked: Bool) {
        let limits = HTTPLimits()
        let framing = isChunked ? "Transfer-Encoding: chunked" : "Content-Length: 100000"
        var script = ServerScript()
        script.feed("POST / HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n")
        #expect(script.connection.deadline == limits.bodyRateGraceTime)
        if isChunked { script.feed("ffff\r\n") }
        script.now = .seconds(9)
        script.feed([UInt8](repeating: 0x61, count: 20 * limits.bodyRateMinimum))
        #expect(script.connection.deadline == .seconds(20))
        script.wait(until: .seconds(20))
        #expect(script.statusCodes == ["408"])
    }

    @Test("A client that takes nothing or too little is cut off, one that takes enough is not")
    func writeStallTime() {
        let limits = HTTPLimits()
        let script = ServerScript()
        script.connection.receive(Array((head + "\r\n").utf8)[...], now: .zero)
        let request = script.connection.nextRequest(now: .zero)
        let body = HTTPBody.bytes([UInt8](repeating: 0x61, count: limits.writtenByteCountMinimum * 3))
        script.connection.respond(to: request?.id ?? 9, HTTPResponse(status: .ok), body: body)
        script.connection.prepareOutput(now: .seconds(1), wallClock: 0)
        #expect(script.connection.deadline == .seconds(1) + limits.writeStallTime)
        script.connection.didWrite(limits.writtenByteCountMinimum - 1, now: .seconds(10))
        #expect(script.connection.deadline == .seconds(1) + limits.writeStallTime)
        script.connection.didWrite(1, now: .seconds(20))
        #expect(script.connection.deadline == .seconds(20) + limits.writeStallTime)
        script.connection.expire(now: .seconds(20) + limits.writeStallTime)
        #expect(script.connection.phase == .closed)
    }

    @Test("The server reads behind the last answer for so long")
    func lingeringTime() {
        let limits = HTTPLimits()
        var script = ServerScript()
        script.now = .seconds(3)
        script.feed("bad\r\n")
        #expect(script.connection.deadline == .seconds(3) + limits.lingeringTime)
        script.wait(until: .seconds(3) + limits.lingeringTime)
        #expect(script.connection.phase == .closed)
    }

    @Test("A request of a client that has shut down its sending side may wait for so long")
    func halfClosedTime() {
        let limits = HTTPLimits()
        var script = ServerScript()
        script.handler = { _ in nil }
        script.feed(head + "\r\n")
        script.now = .seconds(4)
        script.end()
        #expect(script.connection.deadline == .seconds(4) + limits.halfClosedTime)
        script.wait(until: .seconds(4) + limits.halfClosedTime)
        #expect(script.connection.phase == .closed)
    }
}
