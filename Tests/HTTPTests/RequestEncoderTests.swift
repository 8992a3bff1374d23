import HTTP
import HTTPTypes
import Testing

@Suite struct RequestEncoderTests {
    private func encode(_ request: HTTPRequest, body: String = "") throws -> String {
        let bytes = try RequestEncoder.encode(request, authority: "h:1", body: Array(body.utf8))
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("Requests have Host, their fields, and a length where content is meant")
    func encodes() throws {
        let get = HTTPRequest(method: .get, scheme: nil, authority: nil, path: "/a?b", headerFields: [.accept: "*/*"])
        #expect(try encode(get) == "GET /a?b HTTP/1.1\r\nHost: h:1\r\nAccept: */*\r\n\r\n")
        let put = HTTPRequest(
            method: .put,
            scheme: nil,
            authority: "o",
            path: "/",
            headerFields: [.contentLength: "9", .transferEncoding: "chunked"]
        )
        #expect(try encode(put, body: "{}") == "PUT / HTTP/1.1\r\nHost: o\r\nContent-Length: 2\r\n\r\n{}")
        let post = HTTPRequest(method: .post, scheme: nil, authority: nil, path: "/")
        #expect(try encode(post) == "POST / HTTP/1.1\r\nHost: h:1\r\nContent-Length: 0\r\n\r\n")
    }

    @Test("A path cannot smuggle a second request", arguments: ["", "a", "/a b", "/a\r\nX: y", "/\u{e4}", "/%0", "*"])
    func refusesPaths(_ path: String) {
        let request = HTTPRequest(method: .get, scheme: nil, authority: nil, path: path)
        #expect(throws: MessageError.badTarget) { try encode(request) }
    }

    @Test("Nor can a host", arguments: ["", "a b", "a\r\nb", "u@h"])
    func refusesHosts(_ authority: String) {
        let request = HTTPRequest(method: .get, scheme: nil, authority: authority, path: "/")
        #expect(throws: MessageError.badHost) { try encode(request) }
    }
}
