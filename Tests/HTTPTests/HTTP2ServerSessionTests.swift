import HTTP
import HTTPTypes
import Testing

@Suite struct HTTP2ServerSessionTests {
    @Test("The preface is answered with our settings and the window of the connection")
    func settings() {
        let script = HTTP2Script(settings: nil)
        script.feed(Frame.preface + Frame.settings())
        #expect(script.frames == ["SETTINGS 5", "SETTINGS ack", "WINDOW_UPDATE 0 \((1 << 20) - 65535)"])
    }

    @Test("Requests are handed out as they become whole and answered in any order")
    func requests() {
        let script = HTTP2Script()
        script.handler = { _ in nil }
        script.feed(Frame.get(1, "/a?b=c", [("x-a", "b"), ("te", "trailers")]) + Frame.post(3, "hel", []))
        #expect(script.requests.map(\.summary) == ["GET a /a?b=c [x-a=b] ", "POST a / [] hel"])
        script.respond(to: 3, .created, .bytes(Array("made".utf8)))
        script.respond(to: 1)
        #expect(
            script.frames == [
                "HEADERS 3 :status=201 content-length=4", "DATA 3 4 end",
                "HEADERS 1 :status=200 content-length=0 end",
            ]
        )
        #expect(script.bodies[3] == Array("made".utf8))
        #expect(script.session.phase == .open)
    }

    @Test("A body of several frames, padded ones among them, and trailers make one request")
    func bodies() {
        let script = HTTP2Script()
        script.feed(Frame.headers(1, Frame.request("PUT", "/x") + [("content-length", "5")], end: false))
        script.feed(Frame.data(1, Array("he".utf8), end: false))
        script.feed(Frame.frame(.data, flags: Frame.padded, stream: 1, [2] + Array("llo".utf8) + [0, 0]))
        #expect(script.requests.isEmpty)
        script.feed(Frame.headers(1, [("x-sum", "1")]))
        #expect(script.requests.map(\.summary) == ["PUT a /x [] hello"])
    }

    @Test("Answers have the framing that their request and content ask for")
    func framing() {
        let script = HTTP2Script()
        var slices = ["one", "", "two"].map { Array($0.utf8) }[...]
        let fields: HTTPFields = [.contentType: "text/plain", .contentLength: "99", .connection: "close"]
        script.handler = { request in
            switch request.request.path {
            case "/none": (HTTPResponse(status: .noContent), .bytes([1]))
            case "/304": (HTTPResponse(status: .notModified), .bytes([1]))
            case "/shared": (HTTPResponse(status: .ok), .shared([[1], [], [2, 3]]))
            case "/slices": (HTTPResponse(status: .ok), .slices { slices.popFirst() })
            default: (HTTPResponse(status: .ok, headerFields: fields), .bytes([1, 2]))
            }
        }
        script.feed(Frame.get(1) + Frame.headers(3, Frame.request("HEAD", "/")) + Frame.get(5, "/none"))
        script.feed(Frame.get(7, "/304"))
        #expect(
            script.takeFrames() == [
                "HEADERS 1 :status=200 content-type=text/plain content-length=2",
                "HEADERS 3 :status=200 content-type=text/plain content-length=2 end",
                "HEADERS 5 :status=204 end", "DATA 1 2 end", "HEADERS 7 :status=304 end",
            ]
        )
        script.feed(Frame.get(9, "/slices"))
        #expect(script.frames == ["HEADERS 9 :status=200", "DATA 9 3", "DATA 9 3", "DATA 9 0 end"])
        #expect(script.bodies[9] == Array("onetwo".utf8))
        script.feed(Frame.get(11, "/shared"))
        #expect(script.bodies[11] == [1, 2, 3])
        #expect(script.frames.contains("HEADERS 11 :status=200 content-length=3"))
    }

    @Test("100 Continue is sent where a body is going to be read")
    func expectations() {
        let script = HTTP2Script(bodyLimit: 5)
        let head = Frame.request("POST", "/") + [("expect", "100-continue")]
        script.feed(Frame.headers(1, head + [("content-length", "5")], end: false))
        #expect(script.takeFrames() == ["HEADERS 1 :status=100"])
        script.feed(Frame.data(1, Array("hello".utf8)))
        #expect(script.takeFrames() == ["HEADERS 1 :status=200 content-length=0 end"])
        script.feed(Frame.headers(3, head + [("content-length", "6")], end: false))
        #expect(script.statuses == ["3:413"])
        script.feed(Frame.headers(5, Frame.request("POST", "/") + [("expect", "tea")], end: false))
        #expect(script.statuses == ["3:413", "5:417"])
    }

    @Test("Answers are pulled as the client's windows allow, fairly between streams")
    func windows() {
        let script = HTTP2Script(settings: [(4, 100)])
        var pulled = 0
        script.handler = { request in
            guard request.id == 3 else { return (HTTPResponse(status: .ok), .bytes([UInt8](repeating: 1, count: 250))) }
            let body = HTTPBody.slices {
                pulled += 1
                return pulled <= 10 ? [UInt8](repeating: 2, count: 60) : nil
            }
            return (HTTPResponse(status: .ok), body)
        }
        script.feed(Frame.get(1) + Frame.get(3))
        #expect(script.bodies[1]?.count == 100)
        #expect(script.bodies[3]?.count == 100)
        #expect(pulled == 2)
        script.feed(Frame.windowUpdate(3, 30))
        #expect(script.bodies[3]?.count == 130)
        #expect(pulled == 3)
        script.feed(Frame.windowUpdate(3, 1000) + Frame.windowUpdate(1, 1000))
        #expect(script.bodies[1]?.count == 250)
        #expect(script.bodies[3]?.count == 600)
        #expect(script.frames.last == "DATA 3 0 end")
    }

    @Test("An answer that stays open is sent as it is written, beside others, and ends in order")
    func stream() {
        let stream = BodyStream()
        var takenCount = 0
        stream.onTaken = { takenCount += 1 }
        let script = HTTP2Script()
        script.handler = {
            ($0.id == 1 ? HTTPResponse(status: .ok) : HTTPResponse(status: .noContent), .stream(stream))
        }
        script.feed(Frame.get(1))
        #expect(script.takeFrames() == ["HEADERS 1 :status=200"] && script.session.deadline == nil)
        stream.write(.bytes(Array("one".utf8)))
        script.pump()
        #expect(script.takeFrames() == ["DATA 1 3"] && takenCount == 1)
        script.wait(until: .seconds(1000))
        script.feed(Frame.get(3))
        #expect(script.takeFrames() == ["HEADERS 3 :status=204 end"] && script.session.deadline == nil)
        var rest = ["two", "", "three"][...]
        stream.write(.slices { rest.popFirst().map { Array($0.utf8) } })
        stream.end()
        script.pump()
        #expect(script.frames == ["DATA 1 3", "DATA 1 5", "DATA 1 0 end"])
        #expect(script.bodies[1] == Array("onetwothree".utf8) && script.abandoned.isEmpty && takenCount == 1)
        #expect(script.session.deadline != nil, "the connection idles now")
    }

    @Test("The reset of an answer that stays open is told to its owner, and a client that takes nothing is reset")
    func streamLoss() {
        let stream = BodyStream()
        let script = HTTP2Script(settings: [(4, 10)])
        script.handler = { _ in (HTTPResponse(status: .ok), .stream(stream)) }
        script.feed(Frame.get(1))
        script.feed(Frame.reset(1))
        #expect(script.abandoned == [1])
        script.feed(Frame.get(3))
        stream.write(.bytes([UInt8](repeating: 0, count: 100)))
        script.pump()
        #expect(script.bodies[3]?.count == 10 && script.session.deadline == HTTPLimits().writeStallTime)
        _ = script.takeFrames()
        script.wait(until: HTTPLimits().writeStallTime)
        #expect(script.takeFrames() == ["RST_STREAM 3 ENHANCE_YOUR_CALM"])
        script.pump()
        #expect(script.abandoned == [1, 3])
    }

    @Test("The client's windows are opened again by what has been taken")
    func ownWindows() {
        let script = HTTP2Script(bodyLimit: 1 << 30)
        script.feed(Frame.headers(1, Frame.request("POST", "/"), end: false))
        let piece = Frame.data(1, [UInt8](repeating: 0, count: 16384), end: false)
        for _ in 0..<40 { script.feed(piece) }
        let updates = script.takeFrames().filter { $0.hasPrefix("WINDOW_UPDATE 1 ") }.compactMap {
            Int($0.dropFirst(16))
        }
        #expect(updates.reduce(0, +) >= 40 * 16384 - HTTP2Limits().streamWindowByteCount / 2)
        script.feed(Frame.data(1, []))
        #expect(script.requests.map(\.body.count) == [40 * 16384])
    }

    @Test("A reset tells the handler and cancels a request that no handler has")
    func reset() {
        var limits = HTTPLimits()
        limits.http2.streamMaximum = 2
        let script = HTTP2Script(limits: limits)
        script.handler = { _ in nil }
        script.feed(Frame.get(1) + Frame.get(3) + Frame.reset(1) + Frame.get(5))
        #expect(script.requests.map(\.id) == [3, 5])
        script.feed(Frame.reset(3))
        #expect(script.abandoned == [3])
        // The handler still works for the stream that was reset: no further one may.
        script.feed(Frame.get(9))
        #expect(script.requests.map(\.id) == [3, 5])
        script.session.forget(3)
        script.pump()
        #expect(script.requests.map(\.id) == [3, 5, 9])
        script.respond(to: 3)
        script.respond(to: 5)
        script.respond(to: 5)
        #expect(script.statuses == ["5:200"])
    }

    @Test("A client that has its answer and still sends is told to stop")
    func earlyAnswer() {
        let script = HTTP2Script(bodyLimit: 3)
        script.feed(Frame.headers(1, Frame.request("POST", "/"), end: false) + Frame.data(1, [1, 2, 3, 4], end: false))
        #expect(
            script.takeFrames() == [
                "HEADERS 1 :status=413 content-length=14", "DATA 1 14 end",
            ]
        )
        // One that hears it ends by itself.
        script.feed(Frame.data(1, [5]))
        script.feed(Frame.get(3))
        #expect(script.statuses == ["3:200"])
        #expect(script.session.phase == .open)
        // One that sends nothing more, and one that goes on and on, are told so.
        script.feed(Frame.headers(5, Frame.request("POST", "/"), end: false) + Frame.data(5, [1, 2, 3, 4], end: false))
        script.feed(Frame.headers(7, Frame.request("POST", "/"), end: false) + Frame.data(7, [1, 2, 3, 4], end: false))
        _ = script.takeFrames()
        for _ in 0...8 { script.feed(Frame.data(7, [UInt8](repeating: 0, count: 8192), end: false)) }
        #expect(script.takeFrames().filter { $0.hasPrefix("RST") } == ["RST_STREAM 7 NO_ERROR"])
        #expect(script.session.deadline == HTTPLimits().lingeringTime)
        script.wait(until: HTTPLimits().lingeringTime)
        #expect(script.takeFrames() == ["RST_STREAM 5 NO_ERROR"])
    }

    @Test("What the head decides is answered in place of 100")
    func decidedByHead() {
        var asked: [Bool] = []
        let script = HTTP2Script(judge: { request, mayAnswer in
            asked.append(mayAnswer)
            guard mayAnswer, request.path == "/no" else { return .content(byteCountMaximum: 100) }
            return .answer(AnswerHead(.forbidden), Array("no".utf8))
        })
        let expects = [("expect", "100-continue")]
        script.feed(Frame.headers(1, Frame.request("POST", "/no") + expects, end: false))
        #expect(script.takeFrames() == ["HEADERS 1 :status=403 content-length=2", "DATA 1 2 end"])
        script.feed(Frame.headers(3, Frame.request("POST", "/yes") + expects, end: false))
        #expect(script.takeFrames() == ["HEADERS 3 :status=100"])
        script.feed(Frame.headers(5, Frame.request("POST", "/no") + [("content-length", "99999")], end: false))
        #expect(script.statuses == ["5:403"])
        script.feed(Frame.headers(7, Frame.request("POST", "/no"), end: false) + Frame.data(7, [1]))
        #expect(script.statuses == ["5:403", "7:200"] && script.requests.count == 1)
        #expect(asked == [true, true, true, false])
    }

    @Test("Answers that come in slices take turns: one that finds nothing keeps no other waiting")
    func slices() {
        let script = HTTP2Script()
        var (searched, made) = (0, 0)
        var searchedBefore = 0
        script.handler = { request in
            let isSearch = request.request.path == "/search"
            return (
                HTTPResponse(status: .ok),
                .slices {
                    if isSearch {
                        searched += 1
                        return searched < 100 ? [] : searched == 100 ? [1] : nil
                    }
                    made += 1
                    searchedBefore = searched
                    return made <= 10 ? [UInt8](repeating: 2, count: 10) : nil
                }
            )
        }
        script.feed(Frame.headers(1, Frame.request("GET", "/search")) + Frame.headers(3, Frame.request("GET", "/list")))
        #expect(script.bodies[1] == [1] && script.bodies[3] == [UInt8](repeating: 2, count: 100))
        #expect(searchedBefore < 20, "\(searchedBefore)")
        #expect(script.frames.count { $0.hasSuffix("end") } == 2)
    }

    @Test("A drain announces itself, takes what was under way, says what was last, and ends with the last answer")
    func drain() {
        let script = HTTP2Script()
        script.handler = { _ in nil }
        script.feed(Frame.get(1))
        script.session.drain(now: .zero)
        script.pump()
        #expect(script.takeFrames() == ["GOAWAY 2147483647 NO_ERROR", "PING shutdown"])
        script.feed(Frame.get(3) + Frame.ping("shutdown", acknowledges: true))
        #expect(script.takeFrames() == ["GOAWAY 3 NO_ERROR"])
        script.feed(Frame.get(5))
        #expect(script.requests.map(\.id) == [1, 3])
        script.respond(to: 3)
        #expect(script.session.phase == .open)
        script.respond(to: 1)
        #expect(script.statuses == ["3:200", "1:200"])
        #expect(script.session.phase == .lingering)
        script.wait(until: HTTPLimits().lingeringTime)
        #expect(script.session.phase == .closed)
    }

    @Test("A drain does not wait for ever for a client that does not acknowledge it")
    func drainWithoutAcknowledgement() {
        let script = HTTP2Script()
        script.session.drain(now: .zero)
        script.pump()
        #expect(script.session.deadline == HTTP2Limits().shutdownNoticeTime)
        script.wait(until: HTTP2Limits().shutdownNoticeTime)
        #expect(script.frames.last == "GOAWAY 0 NO_ERROR")
        #expect(script.session.phase == .lingering)
    }

    @Test("A client that says GOAWAY gets its answers, and then the connection ends")
    func clientGoesAway() {
        let script = HTTP2Script()
        script.handler = { _ in nil }
        script.feed(Frame.get(1) + Frame.frame(.goAway, stream: 0, [UInt8](repeating: 0, count: 8)))
        #expect(script.session.phase == .open)
        script.respond(to: 1)
        #expect(script.statuses == ["1:200"])
        #expect(script.session.phase == .lingering)
    }

    @Test("A client that has shut down its sending side still gets its answers")
    func halfClose() {
        let script = HTTP2Script()
        script.handler = { _ in nil }
        script.feed(Frame.get(1) + Frame.headers(3, Frame.request("POST", "/"), end: false))
        script.session.receiveEnd(now: .zero)
        script.pump()
        #expect(script.session.phase == .open)
        script.respond(to: 1)
        #expect(script.statuses == ["1:200"])
        #expect(script.session.phase == .closed)
    }
}
