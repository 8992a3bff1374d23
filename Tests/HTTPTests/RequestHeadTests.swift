import HTTP
import HTTPTypes
import Testing

/// One request that must be refused, and why.
struct Refused: Sendable, CustomTestStringConvertible {
    let name: String
    let head: String
    let error: MessageError
    let status: Int

    init(_ name: String, _ head: String, _ error: MessageError, _ status: Int = 400) {
        self.name = name
        self.head = head
        self.error = error
        self.status = status
    }

    var testDescription: String { name }
}

private func field(_ line: String) -> String { "POST / HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n" }

/// Requests that RFC 9112 forbids, and those that smugglers try.
let refusedRequests: [Refused] = [
    // Framing
    Refused(
        "Content-Length and Transfer-Encoding",
        field("Content-Length: 3\r\nTransfer-Encoding: chunked"),
        .contentLengthWithTransferEncoding
    ),
    Refused(
        "Transfer-Encoding and Content-Length",
        field("Transfer-Encoding: chunked\r\nContent-Length: 3"),
        .contentLengthWithTransferEncoding
    ),
    Refused("gzip, chunked", field("Transfer-Encoding: gzip, chunked"), .badTransferEncoding),
    Refused("chunked, gzip", field("Transfer-Encoding: chunked, gzip"), .badTransferEncoding),
    Refused("chunked twice in one field", field("Transfer-Encoding: chunked, chunked"), .badTransferEncoding),
    Refused(
        "chunked in two fields",
        field("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        .badTransferEncoding
    ),
    Refused("gzip alone", field("Transfer-Encoding: gzip"), .unsupportedTransferEncoding, 501),
    Refused("identity", field("Transfer-Encoding: identity"), .badTransferEncoding),
    Refused("identity, chunked", field("Transfer-Encoding: identity, chunked"), .badTransferEncoding),
    Refused("xchunked", field("Transfer-Encoding: xchunked"), .unsupportedTransferEncoding, 501),
    Refused("chunked in quotes", field("Transfer-Encoding: \"chunked\""), .badTransferEncoding),
    Refused("no transfer coding", field("Transfer-Encoding:"), .badTransferEncoding),
    Refused("chunked with a parameter", field("Transfer-Encoding: chunked;q=1"), .badTransferEncoding),
    Refused("Transfer-Encoding with VT", field("Transfer-Encoding: \u{0b}chunked"), .badFieldValue),
    Refused("Transfer-Encoding with FF", field("Transfer-Encoding: chunked\u{0c}"), .badFieldValue),
    Refused("Transfer-Encoding with NUL", field("Transfer-Encoding: chunked\0"), .badFieldValue),
    Refused(
        "Transfer-Encoding in HTTP/1.0",
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        .transferEncodingInHTTP10
    ),
    Refused(
        "equal Content-Lengths",
        field("Content-Length: 3\r\nContent-Length: 3"),
        .duplicateContentLength
    ),
    Refused(
        "different Content-Lengths",
        field("Content-Length: 3\r\ncontent-length: 4"),
        .duplicateContentLength
    ),
    Refused("Content-Length list", field("Content-Length: 3, 3"), .badContentLength),
    Refused("Content-Length +5", field("Content-Length: +5"), .badContentLength),
    Refused("Content-Length -0", field("Content-Length: -0"), .badContentLength),
    Refused("Content-Length 0x5", field("Content-Length: 0x5"), .badContentLength),
    Refused("Content-Length 5_0", field("Content-Length: 5_0"), .badContentLength),
    Refused("Content-Length 5 0", field("Content-Length: 5 0"), .badContentLength),
    Refused("Content-Length 1.0", field("Content-Length: 1.0"), .badContentLength),
    Refused("Content-Length empty", field("Content-Length:"), .badContentLength),
    Refused(
        "Content-Length beyond all",
        field("Content-Length: 99999999999999999999999999"),
        .bodyTooLong(maximum: 1 << 20),
        413
    ),
    Refused("Content_Length", field("Content_Length: 3"), .confusableFieldName),
    Refused("Transfer_Encoding", field("Transfer_Encoding: chunked"), .confusableFieldName),
    // Field lines
    Refused("space before the colon", field("X-A : b"), .badFieldName),
    Refused("tab before the colon", field("X-A\t: b"), .badFieldName),
    Refused("obs-fold", field("X-A: b\r\n c"), .foldedField),
    Refused("obs-fold with tab", field("X-A: b\r\n\tc"), .foldedField),
    Refused("fold in the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", .foldedField),
    Refused("no name", field(": b"), .badFieldName),
    Refused("no colon", field("X-A"), .badFieldName),
    Refused("name with a bracket", field("X(A): b"), .badFieldName),
    Refused("name beyond ASCII", field("X-\u{e4}: b"), .badFieldName),
    Refused("NUL in a value", field("X-A: b\0c"), .badFieldValue),
    Refused("BEL in a value", field("X-A: b\u{07}c"), .badFieldValue),
    Refused("DEL in a value", field("X-A: b\u{7f}c"), .badFieldValue),
    Refused("CR in a value", field("X-A: b\rc"), .badFieldValue),
    Refused("CR in a name", field("X-\rA: b"), .badFieldName),
    Refused("LF ends a field", field("X-A: b\nX-C: d"), .bareLineFeed),
    Refused("LF ends the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", .bareLineFeed),
    Refused("LF ends the head", "GET / HTTP/1.1\r\nHost: a\r\n\n", .bareLineFeed),
    Refused("CR CR LF", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", .badVersion),
    // Host
    Refused("no Host", "GET / HTTP/1.1\r\n\r\n", .missingHost),
    Refused("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .duplicateHost),
    Refused("two Hosts in one", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", .badHost),
    Refused("empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", .badHost),
    Refused("Host with userinfo", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .badHost),
    Refused("Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .badHost),
    Refused("Host with a blank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .badHost),
    Refused("Host with a bad port", "GET / HTTP/1.1\r\nHost: a:x\r\n\r\n", .badHost),
    Refused("Host with a port beyond 65535", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", .badHost),
    Refused("Host with an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", .badHost),
    Refused("Host with text behind the bracket", "GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n", .badHost),
    Refused("bad Host in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a b\r\n\r\n", .badHost),
    // Version
    Refused("HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", .unsupportedVersion, 505),
    Refused("HTTP/0.9", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", .unsupportedVersion, 505),
    Refused("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion, 505),
    Refused("http/1.1", "GET / http/1.1\r\nHost: a\r\n\r\n", .badVersion),
    Refused("HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", .badVersion),
    Refused("HTTP/1", "GET / HTTP/1\r\nHost: a\r\n\r\n", .badVersion),
    Refused("HTTP/1,1", "GET / HTTP/1,1\r\nHost: a\r\n\r\n", .badVersion),
    Refused("a blank behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .badVersion),
    // Request line and target
    Refused("no version", "GET /\r\nHost: a\r\n\r\n", .badStartLine),
    Refused("no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", .badStartLine),
    Refused("empty target", "GET  HTTP/1.1\r\nHost: a\r\n\r\n", .badStartLine),
    Refused("two blanks", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .badStartLine),
    Refused("a blank in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", .badVersion),
    Refused("a tab for a blank", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", .badMethod),
    Refused("no method", " / HTTP/1.1\r\nHost: a\r\n\r\n", .badMethod),
    Refused("a method that is no token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", .badMethod),
    Refused("two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .badMethod),
    Refused("a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("a backslash", "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("beyond ASCII", "GET /\u{e4} HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("%00", "GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("% without digits", "GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("% at the end", "GET /a%2 HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("a path without slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("* for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    Refused("absolute-form without authority", "GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n", .badHost),
    Refused("absolute-form with userinfo", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", .badHost),
    Refused("CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", .unsupportedMethod, 501),
]

@Suite struct RequestHeadTests {
    @Test("What RFC 9112 forbids is refused and ends the connection", arguments: refusedRequests)
    func refuses(_ refused: Refused) {
        var script = ServerScript()
        script.feed(refused.head + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(script.requests.isEmpty)
        #expect(script.refusal == .message(refused.error))
        #expect(script.statusCodes == ["\(refused.status)"])
        #expect(script.transcript.contains("\nConnection: close\n"))
        #expect(script.transcript.contains("\nContent-Type: application/problem+json\n"))
        #expect(script.connection.phase == .lingering)
    }

    @Test("The names of what is refused differ")
    func namesDiffer() {
        #expect(Set(refusedRequests.map(\.name)).count == refusedRequests.count)
    }

    @Test(
        "Forms that are unusual and right are taken",
        arguments: [
            ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET a / [] "),
            ("GET / HTTP/1.1\r\nhOST:\t a:80 \r\n\r\n", "GET a:80 / [] "),
            ("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET [::1]:80 / [] "),
            ("GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "GET a: / [] "),
            ("GET / HTTP/1.9\r\nHost: a\r\n\r\n", "GET a / [] "),
            ("GET / HTTP/1.0\r\n\r\n", "GET - / [] "),
            ("GET http://b:1/c?d=e HTTP/1.1\r\nHost: a\r\n\r\n", "GET b:1 /c?d=e [] "),
            ("GET HTTP://b HTTP/1.1\r\nHost: a\r\n\r\n", "GET b / [] "),
            ("GET http://b?c HTTP/1.1\r\nHost: a\r\n\r\n", "GET b /?c [] "),
            ("OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS b * [] "),
            ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS a * [] "),
            ("GET //a?b?c HTTP/1.1\r\nHost: a\r\n\r\n", "GET a //a?b?c [] "),
            ("GET /%41:@!$&'()*+,;=-._~ HTTP/1.1\r\nHost: a\r\n\r\n", "GET a /%41:@!$&'()*+,;=-._~ [] "),
            ("M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n", "M-SEARCH a / [] "),
            ("GET / HTTP/1.1\r\nHost: a\r\nX:\r\nx: b\u{e4} \r\n\r\n", "GET a / [X=,x=b\u{e4}] "),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 003\r\n\r\nabc", "POST a / [] abc"),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                "POST a / [] abc"
            ),
        ]
    )
    func takes(_ head: String, _ summary: String) {
        var script = ServerScript()
        script.feed(head)
        #expect(script.refusal == nil)
        #expect(script.requests.map(\.summary) == [summary])
    }

    @Test("A request cut at any byte gives the same events, and so does one that must be refused")
    func cutAnywhere() {
        let good =
            "PUT /v1/x?a=b HTTP/1.1\r\nHost: a:1\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello"
            + "POST /y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "4;x=y\r\nwiki\r\n05\r\npedia\r\n0\r\nTrailer: x\r\n\r\n"
            + "HEAD /z HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        for text in [good] + refusedRequests.map(\.head) {
            let bytes = Array(text.utf8)
            let whole = serverEvents([bytes])
            #expect(serverEvents(bytes.map { [$0] }) == whole)
            for cut in bytes.indices {
                let events = serverEvents([Array(bytes[..<cut]), Array(bytes[cut...])])
                #expect(events == whole, "cut at \(cut) of \(text)")
            }
        }
    }
}
