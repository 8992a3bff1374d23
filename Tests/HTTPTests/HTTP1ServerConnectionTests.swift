import HTTP
import HTTPTypes
import TestSupport
import Testing

private func get(_ path: String, _ fields: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
}

private func post(_ path: String, _ body: String = "") -> String {
    "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

private func text(_ body: HTTPBody = .none, _ status: HTTPResponse.Status = .ok) -> (HTTPResponse, HTTPBody) {
    (HTTPResponse(status: status), body)
}

private func slices(_ texts: [String]) -> HTTPBody {
    var rest = texts[...]
    return .slices { rest.popFirst().map { Array($0.utf8) } }
}

@Suite struct HTTP1ServerConnectionTests {
    @Test("Answers have the framing that their request and content ask for")
    func framing() {
        let fields: HTTPFields = [.contentType: "text/plain", .contentLength: "99", .transferEncoding: "x"]
        let bodies: [(String, () -> (HTTPResponse, HTTPBody))] = [
            ("bytes", { (HTTPResponse(status: .ok, headerFields: fields), .bytes(Array("hello\n".utf8))) }),
            ("shared", { text(.shared(["", "one\n", "", "two\n"].map { Array($0.utf8) })) }),
            ("none", { text() }),
            ("slices", { text(slices(["one\n", "", "two\n"])) }),
            ("no content", { text(.bytes([1]), .noContent) }),
            ("not modified", { text(.bytes([1]), .notModified) }),
            ("own date", { (HTTPResponse(status: .ok, headerFields: [.date: "now"]), .none) }),
            ("close", { (HTTPResponse(status: .ok, headerFields: [.connection: "Close"]), .none) }),
            ("unnamed", { text(.none, HTTPResponse.Status(code: 299)) }),
        ]
        var transcript = ""
        for (name, answer) in bodies {
            for request in ["GET / HTTP/1.1", "HEAD / HTTP/1.1", "GET / HTTP/1.0"] {
                var script = ServerScript()
                script.handler = { _ in answer() }
                script.feed("\(request)\r\nHost: a\r\n\r\n")
                transcript += "# \(name), \(request) -> \(script.connection.phase)\n\(script.transcript)\n"
            }
        }
        let mismatch = goldenMismatch(transcript, named: "framing")
        #expect(mismatch == nil)
    }

    @Test("Pipelined requests are answered in order, however their handlers finish")
    func pipelining() {
        var script = ServerScript()
        script.handler = { _ in nil }
        script.feed(get("/1") + get("/2") + get("/3"))
        #expect(script.requests.count == 3)
        script.respond(to: 2, body: .bytes(Array("three".utf8)))
        script.respond(to: 1, body: slices(["two"]))
        #expect(script.sent.isEmpty)
        script.respond(to: 0, body: .bytes(Array("one".utf8)))
        let order = ["one", "two", "three"].compactMap { script.transcript.firstRange(of: $0)?.lowerBound }
        #expect(order.count == 3)
        #expect(order == order.sorted())
        #expect(script.connection.phase == .open)
    }

    @Test("A request that may change something waits for the ones before it, and holds up the ones behind it")
    func writesAreInOrder() {
        var script = ServerScript()
        script.handler = { _ in nil }
        script.feed(get("/1") + post("/2", "x") + get("/3"))
        #expect(script.requests.map(\.id) == [0])
        script.respond(to: 0, body: .none)
        #expect(script.requests.map(\.id) == [0, 1])
        script.respond(to: 1, body: .none)
        #expect(script.requests.map(\.id) == [0, 1, 2])
    }

    @Test("A head that comes again is read as it was the first time, and one that only begins alike is not")
    func sameHeads() {
        let heads = [
            "GET /a HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n", "GET /a HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\n\r\n",
            "GET /ab HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n", "HEAD /a HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n",
        ]
        for cut in 0...3 {
            var script = ServerScript()
            for head in heads {
                for _ in 0..<3 {
                    let cut = head.utf8.index(head.startIndex, offsetBy: head.utf8.count * cut / 4)
                    script.feed(String(head[..<cut]))
                    script.feed(String(head[cut...]))
                }
            }
            #expect(
                script.requests.map { $0.request.path ?? "" } == ["/a", "/a", "/ab", "/a"].flatMap { [$0, $0, $0] }
            )
            #expect(script.requests.suffix(3).allSatisfy { $0.request.method == .head })
            #expect(script.requests.map(\.request.headerFields.count) == [1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1])
        }
        var script = ServerScript()
        for body in ["x", "y", "z"] { script.feed(post("/", body)) }
        #expect(script.requests.map(\.body) == [[0x78], [0x79], [0x7a]])
    }

    @Test("At most 16 pipelined requests are under way, and what is kept behind them is bounded")
    func pipelineLimits() {
        var script = ServerScript()
        script.handler = { _ in nil }
        script.feed(String(repeating: get("/"), count: 20))
        #expect(script.requests.count == HTTPLimits().pipelinedRequestMaximum)
        #expect(script.connection.wantsInput)
        script.feed([UInt8](repeating: 0x41, count: HTTPLimits().pipelinedByteCountMaximum))
        #expect(!script.connection.wantsInput)
        for id in 0..<16 { script.respond(to: RequestID(id), body: .none) }
        #expect(script.requests.count == 20)
    }

    @Test("A client that does not take its answers gets no more of them made")
    func untakenAnswers() {
        let limits = HTTPLimits()
        let connection = HTTP1ServerConnection(
            limits: limits,
            now: .zero,
            judge: { _, _ in .content(byteCountMaximum: 0) },
            problem: \.problem
        )
        connection.receive(Array(String(repeating: get("/"), count: 3).utf8)[...], now: .zero)
        let content = [UInt8](repeating: 0x61, count: limits.outputByteCountMaximum)
        for id in 0..<3 as Range<RequestID> {
            let request = connection.nextRequest(now: .zero)
            #expect(request?.id == id)
            connection.respond(to: id, HTTPResponse(status: .ok), body: .bytes(content))
            let next = connection.nextRequest(now: .zero)
            #expect(next?.id == nil)
            connection.prepareOutput(now: .zero, wallClock: 0)
            #expect(connection.heldByteCount >= content.count)
            while !connection.output.isEmpty {
                connection.didWrite(connection.output.count, now: .zero)
                connection.prepareOutput(now: .zero, wallClock: 0)
            }
        }
        #expect(connection.heldByteCount == 0)
    }

    @Test("Connection: close ends the connection behind its answer, and what follows is not read")
    func close() {
        var script = ServerScript()
        script.feed(get("/1", "Connection: foo, Close\r\n") + get("/2"))
        #expect(script.requests.count == 1)
        #expect(script.transcript.contains("\nConnection: close\n"))
        #expect(script.connection.phase == .lingering)
    }

    @Test("100 Continue is sent only where a body is going to be read and has not come")
    func expectations() {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
        var script = ServerScript(bodyLimit: 5)
        script.feed(head + "Content-Length: 5\r\n\r\n")
        #expect(script.transcript == "HTTP/1.1 100 Continue\n\n")
        script.feed("hello")
        #expect(script.requests.map(\.summary) == ["POST a / [] hello"])
        #expect(script.statusCodes == ["100", "200"])

        script = ServerScript()
        script.feed(head + "Transfer-Encoding: chunked\r\n\r\n")
        #expect(script.statusCodes == ["100"])
        script = ServerScript()
        script.feed(head + "Content-Length: 5\r\n\r\nh")
        #expect(script.statusCodes == [])
        script = ServerScript()
        script.feed(head + "Content-Length: 0\r\n\r\n")
        #expect(script.statusCodes == ["200"])
        script = ServerScript()
        script.feed("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        #expect(script.statusCodes == [])
        script = ServerScript(bodyLimit: 4)
        script.feed(head + "Content-Length: 5\r\n\r\n")
        #expect(script.statusCodes == ["413"])
        script = ServerScript()
        script.feed("POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 5\r\n\r\n")
        #expect(script.statusCodes == ["417"])
        #expect(script.refusal == .unsupportedExpectation)
    }

    @Test("A refusal waits for the answers before it and has no content for HEAD")
    func refusalInOrder() {
        var script = ServerScript()
        script.handler = { _ in nil }
        script.feed(get("/1") + "GET / HTTP/1.1\r\n\r\n")
        #expect(script.sent.isEmpty)
        script.respond(to: 0, body: .none)
        #expect(script.statusCodes == ["200", "400"])
        #expect(script.connection.phase == .lingering)

        script = ServerScript()
        script.feed("HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n")
        #expect(script.statusCodes == ["413"])
        #expect(script.transcript.hasSuffix("\n\n"))
    }

    @Test("A client that has shut down its sending side still gets its answers, and nothing more is read")
    func halfClose() {
        var script = ServerScript()
        script.handler = { _ in nil }
        script.feed(get("/1") + "GET /cut HT")
        script.end()
        #expect(script.connection.phase == .open)
        #expect(!script.connection.wantsInput)
        script.respond(to: 0, body: .none)
        #expect(script.statusCodes == ["200"])
        #expect(script.connection.phase == .closed)

        script = ServerScript()
        script.feed(get("/1"))
        script.end()
        #expect(script.connection.phase == .closed)
    }

    @Test("Draining closes what is idle and lets a request end that has been read in part or handed out")
    func drain() {
        var script = ServerScript()
        script.connection.drain(now: .zero)
        #expect(script.connection.phase == .closed)

        script = ServerScript()
        script.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na")
        script.connection.drain(now: .zero)
        script.feed("b" + get("/2"))
        #expect(script.requests.map(\.summary) == ["POST a / [] ab"])
        #expect(script.transcript.contains("\nConnection: close\n"))
        #expect(script.connection.phase == .lingering)

        script = ServerScript()
        script.handler = { _ in nil }
        script.feed(get("/1"))
        script.connection.drain(now: .zero)
        script.feed(get("/2"))
        script.respond(to: 0, body: .none)
        #expect(script.requests.count == 1)
        #expect(script.transcript.contains("\nConnection: close\n"))
        #expect(script.connection.phase == .lingering)
    }

    @Test("Answering twice or answering what nobody asked does nothing")
    func answersOnce() {
        var script = ServerScript()
        script.handler = { _ in nil }
        script.feed(get("/"))
        script.connection.respond(to: 0, HTTPResponse(status: .ok), body: .none)
        script.connection.respond(to: 0, HTTPResponse(status: .accepted), body: .none)
        script.respond(to: 7, body: .none)
        #expect(script.statusCodes == ["200"])
    }

    @Test("An answer that stays open is sent as it is written, holds back what is behind it, and ends in order")
    func stream() {
        let stream = BodyStream()
        var takenCount = 0
        stream.onTaken = { takenCount += 1 }
        var script = ServerScript()
        script.handler = { $0.id == 0 ? (HTTPResponse(status: .ok), .stream(stream)) : text(.none) }
        stream.write(.bytes(Array("one".utf8)))
        script.feed(get("/") + get("/behind"))
        #expect(script.transcript.hasSuffix("Transfer-Encoding: chunked\n\n3\none\n") && takenCount == 1)
        // Nothing is due, however long it is quiet, and no other request is taken.
        #expect(script.connection.deadline == nil && script.requests.count == 1)
        #expect(script.connection.heldByteCount < 100)
        script.wait(until: .seconds(1000))
        stream.write(.slices { nil })
        script.pump()
        #expect(takenCount == 2 && script.transcript.hasSuffix("3\none\n"))
        var rest = ["two", "", "three"][...]
        stream.write(.slices { rest.popFirst().map { Array($0.utf8) } })
        script.pump()
        #expect(script.transcript.hasSuffix("3\ntwo\n5\nthree\n") && takenCount == 3)
        stream.write(.bytes(Array("four".utf8)))
        stream.end()
        stream.write(.bytes(Array("five".utf8)))
        script.pump()
        #expect(script.transcript.contains("4\nfour\n0\n\nHTTP/1.1 200") && script.statusCodes == ["200", "200"])
        #expect(script.requests.count == 2 && takenCount == 3)
    }

    @Test("An answer that stays open ends with the connection over HTTP/1.0, and when the server drains")
    func streamEnd() {
        let stream = BodyStream()
        var script = ServerScript()
        script.handler = { _ in (HTTPResponse(status: .ok), .stream(stream)) }
        script.feed("GET / HTTP/1.0\r\n\r\n")
        stream.write(.bytes(Array("one".utf8)))
        script.pump()
        #expect(script.transcript.hasSuffix("Connection: close\n\none") && script.connection.phase == .open)
        stream.end()
        script.pump()
        #expect(script.connection.phase == .lingering)

        let other = BodyStream()
        script = ServerScript()
        script.handler = { _ in (HTTPResponse(status: .ok), .stream(other)) }
        script.feed(get("/"))
        script.connection.drain(now: .zero)
        script.pump()
        #expect(script.connection.phase == .open)
        other.end()
        script.pump()
        #expect(script.transcript.hasSuffix("0\n\n") && script.connection.phase == .lingering)
    }

    @Test("A client that does not take an answer that stays open is cut off, and nothing piles up for it meanwhile")
    func streamStall() {
        let stream = BodyStream()
        var script = ServerScript()
        script.handler = { _ in (HTTPResponse(status: .ok), .stream(stream)) }
        script.feed(get("/"))
        stream.write(.slices { [UInt8](repeating: 0x61, count: 30_000) })
        script.connection.prepareOutput(now: .zero, wallClock: 0)
        #expect(script.connection.output.count < 100_000 && script.connection.heldByteCount < 200_000)
        #expect(script.connection.deadline == HTTPLimits().writeStallTime)
        script.connection.expire(now: HTTPLimits().writeStallTime)
        #expect(script.connection.phase == .closed)
    }

    @Test("Shared pieces leave as the client takes them, and a million bytes of them count for little")
    func sharedPieces() {
        var limits = HTTPLimits()
        limits.outputByteCountMaximum = 1000
        var script = ServerScript(limits: limits)
        let pieces = [Array("[".utf8), [UInt8](repeating: 0x61, count: 1_000_000), Array("]".utf8)]
        script.handler = { _ in text(.shared(pieces)) }
        script.feed(get("/"))
        #expect(script.transcript.hasSuffix("aaa]"))
        #expect(script.transcript.contains("Content-Length: 1000002\n"))
        #expect(HTTPBody.shared(pieces).heldByteCount < 100_000)
    }

    @Test("An answer of slices is pulled only as the client takes it")
    func backPressure() {
        var limits = HTTPLimits()
        limits.outputByteCountMaximum = 1000
        var script = ServerScript(limits: limits)
        script.handler = { _ in nil }
        script.feed(get("/"))
        var pulled = 0
        script.connection.respond(
            to: 0,
            HTTPResponse(status: .ok),
            body: .slices {
                pulled += 1
                return pulled <= 100 ? [UInt8](repeating: 0x61, count: 100) : nil
            }
        )
        script.connection.prepareOutput(now: .zero, wallClock: 0)
        #expect(script.connection.output.count < 1000 + 100 + 10)
        #expect(pulled < 10)
        script.pump()
        #expect(pulled == 101)
        #expect(script.transcript.hasSuffix("\n0\n\n"))

        script = ServerScript(limits: limits)
        script.handler = { _ in text(.bytes([UInt8](repeating: 0x61, count: 5000))) }
        let request = Array(get("/").utf8)
        script.connection.receive(request[...], now: .zero)
        let received = script.connection.nextRequest(now: .zero)
        script.connection.respond(
            to: received?.id ?? 9,
            HTTPResponse(status: .ok),
            body: .bytes([UInt8](repeating: 0x61, count: 5000))
        )
        script.connection.prepareOutput(now: .zero, wallClock: 0)
        #expect(script.connection.output.count == 1000)
        script.pump()
        #expect(script.sent.suffix(5000) == ArraySlice(repeating: 0x61, count: 5000))
    }
}
