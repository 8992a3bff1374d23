import HTTP
import Testing

private let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

@Suite struct ChunkedDecoderTests {
    @Test(
        "Chunk forms that RFC 9112 does not have, or that are known to be read differently, are refused",
        arguments: [
            ("\r\nabc", MessageError.badChunkSize),
            ("+3\r\nabc\r\n", .badChunkSize),
            ("-3\r\nabc\r\n", .badChunkSize),
            ("0x3\r\nabc\r\n", .badChunkSize),
            ("0_3\r\nabc\r\n", .badChunkSize),
            (" 3\r\nabc\r\n", .badChunkSize),
            ("3 \r\nabc\r\n", .badChunkSize),
            ("3 ;x\r\nabc\r\n", .badChunkSize),
            ("g\r\n", .badChunkSize),
            ("0000000000000003\r\nabc\r\n", .badChunkSize),
            ("3\rabc\r\n", .badChunkSize),
            ("3\nabc\r\n", .bareLineFeed),
            ("3;x\nabc\r\n", .bareLineFeed),
            ("3;x\u{0}y\r\nabc\r\n", .badChunkExtension),
            ("3;x\ry\r\nabc\r\n", .badChunkSize),
            ("3\r\nabcd\r\n", .badChunkEnd),
            ("3\r\nabc\n0\r\n\r\n", .badChunkEnd),
            ("3\r\nabc\r0\r\n\r\n", .badChunkEnd),
            ("3\r\nabc0\r\n\r\n", .badChunkEnd),
            ("0\r\nbad trailer\r\n\r\n", .badFieldName),
            ("0\r\nA: b\n\r\n", .bareLineFeed),
            ("0\r\nA: b\r\n c\r\n\r\n", .foldedField),
            ("0\r\n\n", .bareLineFeed),
            ("fffffff\r\n", .bodyTooLong(maximum: 1 << 20)),
            ("fffffffffffffff\r\n", .bodyTooLong(maximum: 1 << 20)),
        ]
    )
    func refuses(_ body: String, _ error: MessageError) {
        var script = ServerScript()
        script.feed(head + body)
        #expect(script.requests.isEmpty)
        #expect(script.refusal == .message(error))
        #expect(script.statusCodes.count == 1)
    }

    @Test("Chunks are joined, extensions and trailers dropped, and the next request follows right behind")
    func joins() {
        var script = ServerScript()
        script.feed(
            head + "1\r\na\r\n000A;n=\"v\"\r\n0123456789\r\n0\r\nContent-Length: 9\r\nHost: b\r\n\r\n"
                + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
        )
        #expect(script.requests.map(\.summary) == ["POST a / [] a0123456789", "GET a /next [] "])
    }

    @Test("A body of as many bytes as allowed is taken, one more is not")
    func bodyLimit() {
        var script = ServerScript(bodyLimit: 4)
        script.feed(head + "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n")
        #expect(script.requests.map(\.body) == [Array("abcd".utf8)])
        script = ServerScript(bodyLimit: 4)
        script.feed(head + "2\r\nab\r\n3\r\n")
        #expect(script.refusal == .message(.bodyTooLong(maximum: 4)))
        #expect(script.statusCodes == ["413"])
    }

    @Test("Extensions may have 256 bytes in a body, over all its chunks")
    func extensionLimit() {
        let half = String(repeating: "x", count: HTTPLimits().chunkExtensionByteCountMaximum / 2 - 2)
        var script = ServerScript()
        script.feed(head + "1;\(half)\r\na\r\n0;\(half)\r\n\r\n")
        #expect(script.requests.count == 1)
        script = ServerScript()
        script.feed(head + "1;\(half)x\r\na\r\n0;\(half)\r\n\r\n")
        #expect(script.refusal == .message(.chunkExtensionsTooLong))
    }

    @Test("Trailers may have 8 KiB")
    func trailerLimit() {
        let maximum = HTTPLimits().trailerByteCountMaximum
        let line = "X: " + String(repeating: "x", count: 1019) + "\r\n"
        var script = ServerScript()
        script.feed(head + "0\r\n" + String(repeating: line, count: maximum / 1024 - 1) + "\r\n")
        #expect(script.requests.count == 1)
        script = ServerScript()
        script.feed(head + "0\r\n" + String(repeating: line, count: maximum / 1024) + "\r\n")
        #expect(script.refusal == .message(.trailersTooLong))
        #expect(script.statusCodes == ["431"])
    }
}
