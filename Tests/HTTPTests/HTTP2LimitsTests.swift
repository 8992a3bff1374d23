import HTTP
import HTTPTypes
import Testing

private let limits = HTTP2Limits()

/// Feeds `count` pieces and tells after how many the connection was ended.
private func endsAfter(_ count: Int, _ script: HTTP2Script, _ piece: (Int) -> [UInt8]) -> Int? {
    for index in 0..<count {
        script.feed(piece(index))
        if script.session.phase != .open { return index + 1 }
    }
    return nil
}

@Suite struct HTTP2LimitsTests {
    @Test("Streams beyond the maximum are refused")
    func streamMaximum() {
        let script = HTTP2Script()
        script.handler = { _ in nil }
        for index in 0...limits.streamMaximum { script.feed(Frame.get(UInt32(index * 2 + 1))) }
        #expect(script.requests.count == limits.streamMaximum)
        #expect(script.frames == ["GOAWAY \(limits.streamMaximum * 2 - 1) PROTOCOL_ERROR"])

        let hasty = HTTP2Script(settings: nil)
        hasty.handler = { _ in nil }
        let requests = (0..<limits.streamMaximum + 200).flatMap { Frame.get(UInt32($0 * 2 + 1)) }
        hasty.feed(Frame.preface + Frame.settings() + requests)
        #expect(hasty.requests.count == limits.streamMaximum)
        #expect(hasty.frames.count { $0.hasPrefix("RST_STREAM") && $0.hasSuffix("REFUSED_STREAM") } == 200)
        #expect(hasty.session.deadline == nil)
    }

    @Test("Rapid reset ends the connection, and leaves no work behind")
    func rapidReset() {
        let script = HTTP2Script()
        script.handler = { _ in nil }
        let ends = endsAfter(1000, script) { Frame.get(UInt32($0 * 2 + 1)) + Frame.reset(UInt32($0 * 2 + 1)) }
        #expect(ends == limits.clientResets.burst + 1)
        #expect(script.frames.last?.hasSuffix("ENHANCE_YOUR_CALM") == true)
        #expect(script.requests.isEmpty)
    }

    @Test("Resetting what handlers work on does not get more than the maximum of streams handed out")
    func resetsDoNotBuyWork() {
        let script = HTTP2Script()
        script.handler = { _ in nil }
        for index in 0..<limits.clientResets.burst {
            script.feed(Frame.get(UInt32(index * 2 + 1)))
            script.feed(Frame.reset(UInt32(index * 2 + 1)))
        }
        #expect(script.requests.count == limits.streamMaximum)
        #expect(script.abandoned.count == limits.streamMaximum)
    }

    @Test("Resets at an honest rate end nothing")
    func slowResets() {
        let script = HTTP2Script()
        for index in 0..<2000 {
            script.now = .seconds(index) / limits.clientResets.perSecond
            script.feed(Frame.get(UInt32(index * 2 + 1)) + Frame.reset(UInt32(index * 2 + 1)))
        }
        #expect(script.session.phase == .open)
    }

    @Test(
        "Making the server reset ends the connection as well",
        arguments: [
            "a window widened by nothing", "a window beyond all", "a body of another length",
        ]
    )
    func madeYouReset(_ way: String) {
        let script = HTTP2Script()
        script.handler = { _ in nil }
        let ends = endsAfter(500, script) { index in
            let stream = UInt32(index * 2 + 1)
            switch way {
            case "a window widened by nothing": return Frame.get(stream) + Frame.windowUpdate(stream, 0)
            case "a window beyond all": return Frame.get(stream) + Frame.windowUpdate(stream, 0x7fff_ffff)
            default:
                let head = Frame.request("POST", "/") + [("content-length", "5")]
                return Frame.headers(stream, head, end: false) + Frame.data(stream, [1, 2])
            }
        }
        #expect(ends != nil)
        #expect(ends ?? 0 <= limits.serverResets.burst + 1)
        #expect(script.requests.count <= limits.streamMaximum)
        #expect(script.session.phase != .open)
    }

    @Test(
        "Frames that carry nothing end the connection",
        arguments: ["PING", "SETTINGS", "PRIORITY", "empty DATA", "padding", "crumbs of window"]
    )
    func controlFrames(_ kind: String) {
        let script = HTTP2Script()
        script.handler = { _ in nil }
        script.feed(Frame.headers(1, Frame.request("POST", "/"), end: false))
        let ends = endsAfter(2000, script) { _ in
            switch kind {
            case "PING": Frame.ping()
            case "SETTINGS": Frame.settings()
            case "PRIORITY": Frame.frame(.priority, stream: 3, Frame.bytes(5) + [1])
            case "empty DATA": Frame.data(1, [], end: false)
            case "padding": Frame.frame(.data, flags: Frame.padded, stream: 1, [1, 0])
            default: Frame.windowUpdate(1, 1)
            }
        }
        // The client's own first SETTINGS and their acknowledgement count too.
        #expect(ends == limits.controlFrames.burst - 1)
        #expect(script.frames.last?.hasSuffix("ENHANCE_YOUR_CALM") == true)
    }

    @Test("A flood that the client does not read the answers to is not kept", arguments: [true, false])
    func acknowledgements(_ isPing: Bool) {
        let script = HTTP2Script()
        script.takesOutput = false
        let flood = (0...limits.acknowledgementMaximum).flatMap { _ in isPing ? Frame.ping() : Frame.settings() }
        script.feed(flood)
        script.takesOutput = true
        script.pump()
        #expect(script.session.phase != .open)
    }

    @Test("A head of many CONTINUATION frames ends the connection")
    func continuations() {
        for (count, isOpen) in [(limits.continuationMaximum, true), (limits.continuationMaximum + 1, false)] {
            let script = HTTP2Script()
            script.feed(
                Frame.frame(.headers, flags: Frame.endStream, stream: 1, Frame.block(Frame.request("GET", "/")))
            )
            for index in 1...count {
                let flags = index == count ? Frame.endHeaders : 0
                script.feed(Frame.frame(.continuation, flags: flags, stream: 1, Frame.block([("x-\(index)", "y")])))
            }
            #expect((script.session.phase == .open) == isOpen)
            #expect(script.requests.count == (isOpen ? 1 : 0))
        }
    }

    @Test("A frame of SETTINGS with too many entries ends the connection")
    func settings() {
        let script = HTTP2Script()
        script.feed(Frame.settings([(UInt16, UInt32)](repeating: (0x10, 1), count: limits.settingMaximum)))
        #expect(script.session.phase == .open)
        script.feed(Frame.settings([(UInt16, UInt32)](repeating: (0x10, 1), count: limits.settingMaximum + 1)))
        #expect(script.session.phase != .open)
    }

    @Test("A head may have so many bytes, fields and bytes of a line")
    func head() {
        let script = HTTP2Script()
        let line = ("x", String(repeating: "y", count: 967))
        script.feed(Frame.get(1, "/", [(String, String)](repeating: line, count: 31)))
        script.feed(Frame.get(3, "/", [(String, String)](repeating: line, count: 33)))
        script.feed(Frame.get(5, "/", [(String, String)](repeating: ("x", "y"), count: 100)))
        script.feed(Frame.get(7, "/", [(String, String)](repeating: ("x", "y"), count: 101)))
        script.feed(Frame.get(9, "/" + String(repeating: "p", count: 8186)))
        script.feed(Frame.get(11, "/" + String(repeating: "p", count: 8187)))
        script.feed(Frame.get(13, "/", [("x", String(repeating: "y", count: 8192))]))
        #expect(script.statuses == ["1:200", "3:431", "5:200", "7:431", "9:200", "11:414", "13:431"])
    }

    @Test("A compressed head that grows beyond its limit is refused, and one that goes on growing ends the connection")
    func headerBomb() {
        // One field into the dynamic table, and references to it (RFC 7541 section 6.1), each 4,033 bytes of the list.
        let field = [0x40] + Frame.text("x") + Frame.text(String(repeating: "y", count: 4000))
        let script = HTTP2Script()
        func send(_ stream: UInt32, _ first: [UInt8], references: Int) {
            let block = Frame.block(Frame.request("GET", "/")) + first + [UInt8](repeating: 0xbe, count: references)
            let flags = Frame.endStream | Frame.endHeaders
            script.feed(Frame.frame(.headers, flags: flags, stream: stream, block))
        }
        send(1, field, references: 6)
        send(3, [], references: 12)
        #expect(script.statuses == ["1:200", "3:431"])
        send(5, [], references: 12_000)
        #expect(script.frames.last?.hasSuffix("ENHANCE_YOUR_CALM") == true)
        #expect(script.session.phase == .lingering)
    }

    @Test("Trailers may have as many bytes as a head")
    func trailers() {
        let script = HTTP2Script()
        script.feed(Frame.headers(1, Frame.request("POST", "/"), end: false))
        script.feed(
            Frame.headers(1, [(String, String)](repeating: ("x", String(repeating: "y", count: 900)), count: 40))
        )
        #expect(script.statuses == ["1:431"])
        #expect(script.requests.isEmpty)
    }

    @Test("A body too long is refused before it is read where its length is told, else as it exceeds")
    func body() {
        let script = HTTP2Script(bodyLimit: 5)
        script.feed(Frame.post(1, "hello"))
        script.feed(Frame.headers(3, Frame.request("POST", "/") + [("content-length", "6")], end: false))
        script.feed(Frame.post(5, "hello!"))
        #expect(script.statuses == ["1:200", "3:413", "5:413"])
    }

    @Test("A connection carries so many requests and is then drained")
    func requestMaximum() {
        var limits = HTTPLimits()
        limits.requestMaximum = 2
        let script = HTTP2Script(limits: limits)
        script.feed(Frame.get(1))
        #expect(script.takeFrames().count == 1)
        script.feed(Frame.get(3))
        #expect(script.statuses == ["3:200"])
        #expect(script.frames.contains("GOAWAY 2147483647 NO_ERROR"))
    }

    @Test("Output is bounded, and a client that does not take it is not listened to")
    func output() {
        var limits = HTTPLimits()
        limits.outputByteCountMaximum = 40_000
        let script = HTTP2Script(limits: limits, settings: [(4, 1 << 30)])
        script.feed(Frame.windowUpdate(0, 1 << 30))
        script.takesOutput = false
        script.handler = { _ in (HTTPResponse(status: .ok), .bytes([UInt8](repeating: 1, count: 1 << 20))) }
        #expect(script.session.wantsInput)
        script.feed(Frame.get(1))
        #expect(script.session.output.count >= 40_000)
        #expect(script.session.output.count < 40_000 + 16384 + 9)
        #expect(!script.session.wantsInput)
        script.wait(until: limits.writeStallTime - .seconds(1))
        #expect(script.session.phase == .open)
        script.wait(until: limits.writeStallTime)
        #expect(script.session.phase == .closed)
    }

    @Test("An answer whose window stays shut is given up, alone")
    func zeroWindow() {
        let script = HTTP2Script(settings: [(4, 10)])
        script.handler = { request in
            request.id == 3 ? nil : (HTTPResponse(status: .ok), .bytes([UInt8](repeating: 1, count: 100)))
        }
        script.feed(Frame.get(1) + Frame.get(3))
        #expect(script.session.deadline == HTTPLimits().writeStallTime)
        script.wait(until: HTTPLimits().writeStallTime)
        #expect(script.frames.last == "RST_STREAM 1 ENHANCE_YOUR_CALM")
        script.respond(to: 3)
        #expect(script.statuses == ["1:200", "3:200"])
        #expect(script.session.phase == .open)
    }

    @Test("An answer that is taken in crumbs is given up as well")
    func slowWindow() {
        let limits = HTTPLimits()
        let script = HTTP2Script(settings: [(4, 1)])
        script.handler = { _ in (HTTPResponse(status: .ok), .bytes([UInt8](repeating: 1, count: 1 << 20))) }
        script.feed(Frame.get(1))
        script.now = .seconds(10)
        script.feed(Frame.windowUpdate(1, UInt32(limits.writtenByteCountMinimum) - 2))
        #expect(script.session.deadline == limits.writeStallTime)
        script.feed(Frame.windowUpdate(1, 1))
        #expect(script.session.deadline == .seconds(10) + limits.writeStallTime)
        script.feed(Frame.windowUpdate(1, 2000))
        script.wait(until: .seconds(10) + limits.writeStallTime)
        #expect(script.frames.last == "RST_STREAM 1 ENHANCE_YOUR_CALM")
    }

    @Test("While many bytes of answers wait for the client's windows, no further request is handed out")
    func waitingAnswers() {
        let script = HTTP2Script(settings: [(4, 0)])
        script.handler = { _ in (HTTPResponse(status: .ok), .bytes([UInt8](repeating: 1, count: 1 << 16))) }
        script.feed((0..<6).flatMap { Frame.get(UInt32($0 * 2 + 1)) })
        #expect(script.requests.count == 4)
        script.feed(Frame.windowUpdate(1, 1000))
        #expect(script.requests.count == 5)
        #expect(limits.answerByteCountMaximum == 4 << 16)
    }

    @Test("What a connection holds is told: heads that wait, bodies in part, answers not taken")
    func held() {
        let script = HTTP2Script(settings: [(4, 0)])
        script.handler = { $0.id == 1 ? nil : (HTTPResponse(status: .ok), .bytes([UInt8](repeating: 1, count: 5000))) }
        #expect(script.session.heldByteCount == 0)
        script.feed(Frame.get(1, "/", [("x", String(repeating: "y", count: 1000))]))
        #expect((1000..<1400).contains(script.session.heldByteCount))
        script.feed(Frame.get(3))
        #expect((6000..<6700).contains(script.session.heldByteCount))
        script.feed(Frame.headers(5, Frame.request("POST", "/"), end: false) + Frame.data(5, text, end: false))
        #expect((9000..<10_000).contains(script.session.heldByteCount))
        script.feed(Frame.reset(1) + Frame.reset(3) + Frame.reset(5))
        #expect(script.session.heldByteCount == 0)
    }

    private let text = [UInt8](repeating: 0x61, count: 3000)

    @Test("A body may pause for so long, and must come at the minimum rate")
    func bodyTimes() {
        let script = HTTP2Script()
        script.feed(Frame.headers(1, Frame.request("POST", "/"), end: false))
        #expect(script.session.deadline == HTTPLimits().bodyRateGraceTime)
        script.feed(Frame.data(1, [UInt8](repeating: 0, count: 16000), end: false))
        script.wait(until: .seconds(14))
        #expect(script.frames.isEmpty)
        script.wait(until: .seconds(16))
        #expect(script.statuses == ["1:408"])

        var limits = HTTPLimits()
        limits.bodyRateMinimum = 0
        let other = HTTP2Script(limits: limits)
        other.feed(Frame.headers(1, Frame.request("POST", "/"), end: false))
        other.feed(Frame.data(1, [UInt8](repeating: 0, count: 100), end: false))
        other.wait(until: limits.bodyIdleTime)
        #expect(other.statuses == ["1:408"])
    }

    @Test("A head must end in time, the preface too")
    func headTime() {
        let script = HTTP2Script()
        script.handler = { _ in nil }
        script.feed(Frame.get(1))
        script.feed(Frame.frame(.headers, stream: 3, Frame.block(Frame.request("GET", "/"))))
        script.wait(until: HTTPLimits().headTime)
        #expect(script.frames == ["GOAWAY 3 ENHANCE_YOUR_CALM"])
        #expect(script.abandoned == [1])

        let silent = HTTP2Script(settings: nil)
        silent.feed(Array(Frame.preface.prefix(20)))
        silent.wait(until: HTTPLimits().headTime)
        #expect(silent.session.phase == .lingering)
    }

    @Test("A connection may idle for so long, PING or not; a parked request is no idleness")
    func idle() {
        let script = HTTP2Script()
        script.feed(Frame.get(1))
        script.now = .seconds(70)
        script.feed(Frame.ping())
        #expect(script.session.deadline == HTTPLimits().idleTime)
        script.handler = { _ in nil }
        script.feed(Frame.get(3))
        #expect(script.session.deadline == nil)
        script.now = .seconds(1000)
        script.respond(to: 3)
        script.wait(until: .seconds(1000) + HTTPLimits().idleTime)
        #expect(script.frames.last == "GOAWAY 3 NO_ERROR")
        #expect(script.session.phase == .lingering)
    }

    @Test("What a client sends behind the last word is read up to a bound")
    func lingering() {
        let script = HTTP2Script()
        script.session.refuse(.tooManyConnections)
        script.pump()
        #expect(script.session.phase == .lingering)
        script.feed([UInt8](repeating: 0, count: HTTPLimits().lingeringByteCountMaximum))
        #expect(script.session.phase == .lingering)
        script.feed([0])
        #expect(script.session.phase == .closed)
    }

    @Test("A request of a client that has shut down its sending side may wait for so long")
    func halfClosed() {
        let script = HTTP2Script()
        script.handler = { _ in nil }
        script.feed(Frame.get(1))
        script.session.receiveEnd(now: .zero)
        script.wait(until: HTTPLimits().halfClosedTime)
        #expect(script.session.phase == .closed)
    }
}

@Suite struct RemainingBudgetTests {
    @Test("A budget gives its burst at once and its rate in the long run")
    func budget() {
        var left = RemainingBudget(HTTP2Limits.Budget(burst: 10, perSecond: 4), now: .zero)
        func taken(at time: Duration) -> Int { (0..<12).count { _ in left.take(now: time) } }
        #expect(taken(at: .zero) == 10)
        #expect(taken(at: .seconds(1)) == 4)
        #expect(taken(at: .milliseconds(1200)) == 0)
        #expect(taken(at: .milliseconds(1250)) == 1)
        #expect(taken(at: .seconds(100)) == 10)
    }
}
