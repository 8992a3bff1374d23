import HTTP
import HTTPTypes
import TestSupport
import Testing

/// A request that must not reach a handler.
struct Malformed: Sendable, CustomTestStringConvertible {
    let name: String
    let fields: [(String, String)]
    var body: [UInt8]?
    /// The status of the answer; `nil` if the stream is reset.
    let status: Int?

    init(_ name: String, _ fields: [(String, String)], body: [UInt8]? = nil, _ status: Int? = nil) {
        self.name = name
        self.fields = fields
        self.body = body
        self.status = status
    }

    /// True if a field is none at all, so that the stream is reset after the answer.
    var isReset: Bool { name.hasSuffix(" name") || name.hasSuffix(" value") }
    var testDescription: String { name }
}

private let get = Frame.request("GET", "/")

private func with(_ name: String, _ value: String) -> [(String, String)] {
    get.map { $0.0 == name ? (name, value) : $0 }
}

private func without(_ name: String) -> [(String, String)] { get.filter { $0.0 != name } }

/// RFC 9113 section 8, and what HTTP/1.1 is refused for as well.
let malformedRequests: [Malformed] = [
    // Section 8.2: fields
    Malformed("capitals in a name", get + [("X-A", "b")]),
    Malformed("a blank in a name", get + [("x a", "b")], 400),
    Malformed("an empty name", get + [("", "b")], 400),
    Malformed("NUL in a value", get + [("x", "b\0c")], 400),
    Malformed("CR in a value", get + [("x", "b\rc")], 400),
    Malformed("LF in a value", get + [("x", "b\nc")], 400),
    Malformed("a blank before a value", get + [("x", " b")], 400),
    Malformed("a tab behind a value", get + [("x", "b\t")], 400),
    Malformed("connection", get + [("connection", "close")]),
    Malformed("keep-alive", get + [("keep-alive", "1")]),
    Malformed("proxy-connection", get + [("proxy-connection", "close")]),
    Malformed("transfer-encoding", get + [("transfer-encoding", "chunked")]),
    Malformed("upgrade", get + [("upgrade", "h2c")]),
    Malformed("te other than trailers", get + [("te", "gzip")]),
    // Section 8.3: pseudo-fields
    Malformed("an unknown pseudo-field", get + [(":x", "y")]),
    Malformed("a pseudo-field of answers", get + [(":status", "200")]),
    Malformed("a pseudo-field behind a field", without(":path") + [("x", "y"), (":path", "/")]),
    Malformed("two methods", get + [(":method", "GET")]),
    Malformed("two paths", get + [(":path", "/")]),
    Malformed("two schemes", get + [(":scheme", "http")]),
    Malformed("two authorities", get + [(":authority", "a")]),
    Malformed("no method", without(":method")),
    Malformed("no scheme", without(":scheme")),
    Malformed("no path", without(":path")),
    Malformed("an empty path", with(":path", "")),
    Malformed("no authority", without(":authority")),
    Malformed("a method that is no token", with(":method", "G(T")),
    Malformed("another scheme", with(":scheme", "ftp"), 400),
    Malformed("CONNECT", [(":method", "CONNECT"), (":authority", "a:443")], 501),
    Malformed("extended CONNECT", with(":method", "CONNECT") + [(":protocol", "websocket")]),
    // Targets and hosts, as in HTTP/1.1
    Malformed("a path without slash", with(":path", "a")),
    Malformed("* for GET", with(":path", "*")),
    Malformed("a URL for a path", with(":path", "http://a/")),
    Malformed("a fragment", with(":path", "/a#b"), 400),
    Malformed("a blank in the path", with(":path", "/a b")),
    Malformed("%00", with(":path", "/a%00"), 400),
    Malformed("beyond ASCII", with(":path", "/\u{e4}"), 400),
    Malformed("authority with userinfo", with(":authority", "u@a"), 400),
    Malformed("an empty authority", with(":authority", "")),
    Malformed("authority with a path", with(":authority", "a/b")),
    Malformed("a Host that differs", get + [("host", "b")], 400),
    Malformed("two Hosts", without(":authority") + [("host", "a"), ("host", "a")]),
    // Section 8.1.1: lengths
    Malformed("two lengths", get + [("content-length", "0"), ("content-length", "0")]),
    Malformed("a length that is none", get + [("content-length", "+1")]),
    Malformed("a length without a body", get + [("content-length", "1")]),
    Malformed("a body longer than its length", get + [("content-length", "1")], body: [1, 2]),
    Malformed("a body shorter than its length", get + [("content-length", "3")], body: [1, 2]),
]

/// A frame that ends the connection, by the section of RFC 9113 that wants it.
private let fatal: [(String, [UInt8])] = [
    ("3.4 no SETTINGS first", Frame.ping()),
    ("4.2 a frame beyond 16 KiB", Frame.data(1, [UInt8](repeating: 0, count: 16385))),
    ("4.3 an undecodable head", Frame.frame(.headers, flags: 5, stream: 1, [0xff, 0xff, 0xff, 0xff, 0xff])),
    ("5.1 DATA on an idle stream", Frame.data(1, [1])),
    ("5.1 RST_STREAM on an idle stream", Frame.reset(1)),
    ("5.1 WINDOW_UPDATE on an idle stream", Frame.windowUpdate(1, 1)),
    ("5.1 DATA behind the end", Frame.get(1) + Frame.data(1, [1])),
    ("5.1 HEADERS behind the end", Frame.get(1) + Frame.get(1)),
    ("6.3 PRIORITY on stream 0", Frame.frame(.priority, stream: 0, [0, 0, 0, 0, 1])),
    ("5.1 HEADERS behind RST_STREAM", Frame.get(1) + Frame.reset(1) + Frame.get(1)),
    ("5.1.1 an even stream", Frame.get(2)),
    ("5.1.1 a stream below one before", Frame.get(5) + Frame.get(3)),
    ("6.1 DATA on stream 0", Frame.data(0, [1])),
    ("6.1 padding beyond the frame", Frame.get(1) + Frame.frame(.data, flags: 8, stream: 1, [9, 1])),
    ("6.2 HEADERS on stream 0", Frame.get(0)),
    ("6.4 RST_STREAM on stream 0", Frame.reset(0)),
    ("6.4 RST_STREAM of 3 bytes", Frame.get(1) + Frame.frame(.resetStream, stream: 1, [0, 0, 0])),
    ("6.5 SETTINGS on a stream", Frame.frame(.settings, stream: 1)),
    ("6.5 SETTINGS of 5 bytes", Frame.frame(.settings, stream: 0, [0, 0, 0, 0, 0])),
    ("6.5 SETTINGS ack with bytes", Frame.frame(.settings, flags: 1, stream: 0, [0, 0, 0, 0, 0, 0])),
    ("6.5.2 ENABLE_PUSH of 2", Frame.settings([(2, 2)])),
    ("6.5.2 a window beyond 2^31 - 1", Frame.settings([(4, 0x8000_0000)])),
    ("6.5.2 frames below 16 KiB", Frame.settings([(5, 16383)])),
    ("6.6 PUSH_PROMISE", Frame.frame(.pushPromise, flags: 4, stream: 1, [0, 0, 0, 2])),
    ("6.7 PING on a stream", Frame.frame(.ping, stream: 1, [UInt8](repeating: 0, count: 8))),
    ("6.7 PING of 7 bytes", Frame.frame(.ping, stream: 0, [UInt8](repeating: 0, count: 7))),
    ("6.8 GOAWAY on a stream", Frame.frame(.goAway, stream: 1, [UInt8](repeating: 0, count: 8))),
    ("6.9 WINDOW_UPDATE by 0", Frame.windowUpdate(0, 0)),
    ("6.9 WINDOW_UPDATE of 3 bytes", Frame.frame(.windowUpdate, stream: 0, [0, 0, 1])),
    ("6.9.1 a window beyond 2^31 - 1", Frame.windowUpdate(0, 0x7fff_ffff)),
    ("6.10 CONTINUATION without a head", Frame.frame(.continuation, flags: 4, stream: 1, [])),
    (
        "6.10 another frame within a head",
        Frame.frame(.headers, flags: 1, stream: 1, Frame.block(Frame.request("GET", "/"))) + Frame.ping()
    ),
    (
        "6.10 CONTINUATION of another stream",
        Frame.frame(.headers, flags: 1, stream: 1, Frame.block(Frame.request("GET", "/")))
            + Frame.frame(.continuation, flags: 4, stream: 3, [])
    ),
]

@Suite struct HTTP2MessageTests {
    @Test("What RFC 9113 calls malformed reaches no handler and harms no other stream", arguments: malformedRequests)
    func refuses(_ malformed: Malformed) {
        let script = HTTP2Script()
        script.feed(Frame.headers(1, malformed.fields, end: malformed.body == nil))
        if let body = malformed.body { script.feed(Frame.data(1, body)) }
        #expect(script.requests.isEmpty)
        if let status = malformed.status {
            #expect(script.statuses == ["1:\(status)"])
            let isReset = script.frames.contains("RST_STREAM 1 PROTOCOL_ERROR")
            #expect(isReset == malformed.isReset)
        } else {
            #expect(script.frames == ["RST_STREAM 1 PROTOCOL_ERROR"])
        }
        script.feed(Frame.get(3))
        #expect(script.statuses.last == "3:200")
    }

    @Test("Frames that break the connection end it with GOAWAY", arguments: fatal.map(\.0))
    func ends(_ name: String) {
        let isFirst = name.hasPrefix("3.4")
        let script = HTTP2Script(settings: isFirst ? nil : [])
        script.handler = { _ in nil }
        let bytes = fatal.first { $0.0 == name }?.1 ?? []
        script.feed((isFirst ? Frame.preface : []) + bytes)
        #expect(script.frames.contains { $0.hasPrefix("GOAWAY ") && !$0.hasSuffix("NO_ERROR") })
        #expect(script.session.phase == .lingering)
        script.feed(Frame.get(7))
        #expect(script.requests.allSatisfy { $0.id < 7 })
    }

    @Test("A stream of bytes cut at any place gives the same requests and the same frames")
    func cutAnywhere() {
        let good =
            Frame.preface + Frame.settings([(4, 70_000)])
            + Frame.get(1, "/a?b", [("x", "y")]) + Frame.post(3, "hello")
            + Frame.frame(.headers, flags: Frame.endStream, stream: 5, Frame.block(Frame.request("GET", "/")))
            + Frame.frame(.continuation, flags: Frame.endHeaders, stream: 5, Frame.block([("x", "z")]))
            + Frame.ping() + Frame.windowUpdate(0, 5000) + Frame.get(7, "/\u{e4}")
        let whole = events([good])
        #expect(whole.count { $0.hasPrefix("HEADERS") } == 4)
        #expect(events(good.map { [$0] }) == whole)
        let differing = good.indices.filter { events([Array(good[..<$0]), Array(good[$0...])]) != whole }
        #expect(differing == [])
    }

    @Test("Any change of a stream of bytes ends in requests, refusals, or the connection's end, never in a trap")
    func randomChanges() throws {
        var generator = SeededGenerator(seed: 9113)
        for file in try fuzzCorpus("HTTP2") {
            for _ in 0..<300 {
                var bytes = file
                for _ in 0..<Int.random(in: 0...4, using: &generator) where !bytes.isEmpty {
                    let index = Int.random(in: bytes.indices, using: &generator)
                    bytes[index] = .random(in: 0 ... .max, using: &generator)
                }
                let script = HTTP2Script(settings: nil)
                script.feed(bytes)
                script.session.receiveEnd(now: .zero)
                script.pump()
                #expect(script.session.phase != .open || !script.session.wantsInput)
            }
        }
    }

    private func events(_ pieces: [[UInt8]]) -> [String] {
        let script = HTTP2Script(settings: nil)
        for piece in pieces { script.feed(piece) }
        return (script.requests.map(\.summary) + script.frames).sorted()
    }
}
