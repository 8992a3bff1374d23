import HTTPTypes
import Testing

@testable import HTTP

@Suite struct AnswerHeadTests {
    private func text(_ head: AnswerHead) -> String { String(decoding: head.lines, as: UTF8.self) }

    @Test func `fields are lines in the order of adding`() {
        var head = AnswerHead(.ok)
        head.add(.contentType, "text/plain")
        head.add(.eTag, decimal: 4711, isQuoted: true)
        head.add(.age, decimal: 0)
        head.add(.expires, "")
        var other = AnswerHead(.ok)
        other.add(.server, hexadecimal: 0x0123_4567_89ab_cdef)
        #expect(other[.server] == "0123456789abcdef")
        #expect(text(head) == "Content-Type: text/plain\r\nETag: \"4711\"\r\nAge: 0\r\nExpires: \r\n")
        #expect(head[.contentType] == "text/plain" && head[.eTag] == "\"4711\"" && head[.expires] == "")
        #expect(head[.location] == nil)
        #expect(head.fields == [.contentType: "text/plain", .eTag: "\"4711\"", .age: "0", .expires: ""])
    }

    @Test func `numbers have all of their digits`() {
        for number in [0, 9, 10, 99, 100, 18_446_744_073_709_551_615] as [UInt64] {
            var bytes: [UInt8] = []
            bytes.append(decimal: number)
            #expect(String(decoding: bytes, as: UTF8.self) == "\(number)")
        }
    }

    @Test func `setting a field puts it in the place of all that there are`() {
        var head = AnswerHead(.ok)
        head.add(.vary, "Accept")
        head.add(.eTag, "\"1\"")
        head.add(.vary, "Origin")
        #expect(head[.vary] == "Accept, Origin")
        head[.vary] = "Accept-Encoding"
        #expect(text(head) == "ETag: \"1\"\r\nVary: Accept-Encoding\r\n")
        head[.eTag] = nil
        #expect(text(head) == "Vary: Accept-Encoding\r\n")
    }

    @Test func `no value ends a line`() {
        var head = AnswerHead(.ok)
        head.add(.location, "/a\r\nSet-Cookie: b\u{0}\u{7f}c\td")
        #expect(text(head) == "Location: /a  Set-Cookie: b  c\td\r\n")
    }

    @Test func `what delimits messages is the connection's`() {
        let fields: HTTPFields = [
            .contentLength: "5", .transferEncoding: "chunked", .connection: "Close", .date: "now", .server: "x",
        ]
        let head = AnswerHead(HTTPResponse(status: .accepted, headerFields: fields))
        #expect(head.closes && head.hasDate && head.status == .accepted)
        #expect(head.fields == [.date: "now", .server: "x"])
        #expect(!AnswerHead(HTTPResponse(status: .ok, headerFields: [.connection: "keep-alive"])).closes)
    }
}
