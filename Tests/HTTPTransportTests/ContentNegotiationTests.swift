import HTTP
import HTTPTransport
import HTTPTypes
import Reactor
import Testing

private let long = (0..<8000).flatMap { Array(#"{"name":"port\#($0 * 7919 % 10_007)"},"#.utf8) }

/// One request of a client and the answer.
@Suite struct ContentNegotiationTests {
    let fixture: LoopFixture

    init() throws {
        fixture = try LoopFixture()
    }

    /// The answer's head as text and its content, of a server that echoes contents and has some of its own.
    private func answer(_ head: String, _ body: [UInt8] = []) throws -> (head: String, body: [UInt8]) {
        let server = try ServerFixture(fixture) { exchange in
            let fields: HTTPFields = [.contentType: "application/json", .eTag: "\"7\""]
            let response = HTTPResponse(status: .ok, headerFields: fields)
            switch exchange.request.path {
            case "/short": exchange.respond(response, body: .bytes(Array("[]".utf8)))
            case "/middle": exchange.respond(response, body: .bytes(Array(long.prefix(2000))))
            case "/long": exchange.respond(response, body: .bytes(long))
            case "/shared":
                exchange.respond(response, body: .shared([[], Array(long.prefix(7)), Array(long.dropFirst(7))]))
            case "/slices":
                var rest = long[...]
                exchange.respond(
                    response,
                    body: .slices {
                        defer { rest = rest.dropFirst(10_000) }
                        return rest.isEmpty ? nil : Array(rest.prefix(10_000))
                    }
                )
            case "/events":
                let stream = HTTPResponse(status: .ok, headerFields: [.contentType: "text/event-stream"])
                exchange.respond(stream, body: .bytes(long))
            case "/304":
                exchange.respond(HTTPResponse(status: .notModified, headerFields: [.eTag: "\"7\""]), body: .none)
            default:
                let coding = exchange.request.headerFields[.contentEncoding] ?? "none"
                let fields: HTTPFields = [.contentType: "application/json", .server: coding]
                exchange.respond(HTTPResponse(status: .ok, headerFields: fields), body: .bytes(exchange.body))
            }
        }
        let client = try RawClient(fixture, to: server.address)
        client.send(Array((head + "Host: a\r\nConnection: close\r\n\r\n").utf8) + body)
        fixture.run(until: { client.hasEnded })
        let end = try #require(client.received.firstRange(of: "\r\n\r\n".utf8))
        let text = String(decoding: client.received[..<end.lowerBound], as: UTF8.self)
        let content = Array(client.received[end.upperBound...])
        return (text, text.contains("Transfer-Encoding: chunked") ? unchunked(content) : content)
    }

    private func unchunked(_ bytes: [UInt8]) -> [UInt8] {
        var (rest, content) = (bytes[...], [UInt8]())
        while let end = rest.firstRange(of: "\r\n".utf8) {
            let count = Int(String(decoding: rest[..<end.lowerBound], as: UTF8.self), radix: 16) ?? 0
            guard count > 0 else { break }
            content += rest[end.upperBound...].prefix(count)
            rest = rest[end.upperBound...].dropFirst(count + 2)
        }
        return content
    }

    @Test(
        "Long contents are sent in gzip to who wants it, with a tag of their own",
        arguments: ["middle", "long", "shared", "slices"]
    )
    func gzip(_ path: String) throws {
        let (head, body) = try answer("GET /\(path) HTTP/1.1\r\nAccept-Encoding: gzip, deflate\r\n")
        #expect(head.hasPrefix("HTTP/1.1 200 "))
        #expect(head.contains("\r\nContent-Encoding: gzip\r\n"))
        #expect(head.contains("\r\nVary: Accept-Encoding\r\n"))
        #expect(head.contains("\r\nETag: \"7-gzip\"\r\n"))
        let content = try GzipDecoder.decode(body, maximum: long.count)
        #expect(content == (path == "middle" ? Array(long.prefix(2000)) : long))
        #expect(body.count < content.count / 2)
        let (same, none) = try answer("HEAD /\(path) HTTP/1.1\r\nAccept-Encoding: gzip, deflate\r\n")
        #expect(none.isEmpty)
        #expect(same.contains("\r\nETag: \"7-gzip\"\r\n"))
    }

    @Test("Others get them as they are", arguments: ["", "Accept-Encoding: br\r\n", "Accept-Encoding: gzip;q=0\r\n"])
    func identity(_ field: String) throws {
        for path in ["long", "shared", "slices"] {
            let (head, body) = try answer("GET /\(path) HTTP/1.1\r\n" + field)
            #expect(body == long)
            #expect(!head.contains("Content-Encoding"))
            #expect(head.contains("\r\nVary: Accept-Encoding\r\n"))
            #expect(head.contains("\r\nETag: \"7\"\r\n"))
        }
    }

    @Test(
        "Short contents are compressed only if nothing else is acceptable, event streams and answers to changes never"
    )
    func short() throws {
        #expect(try answer("GET /short HTTP/1.1\r\nAccept-Encoding: gzip\r\n").body == Array("[]".utf8))
        let forced = try answer("GET /short HTTP/1.1\r\nAccept-Encoding: gzip, identity;q=0\r\n")
        #expect(try GzipDecoder.decode(forced.body, maximum: 2) == Array("[]".utf8))
        #expect(try answer("GET /events HTTP/1.1\r\nAccept-Encoding: gzip\r\n").body == long)
        let post = "POST /echo HTTP/1.1\r\nAccept-Encoding: gzip\r\nContent-Length: \(long.count)\r\n"
        #expect(try answer(post, long).body == long)
    }

    @Test("Who takes neither coding gets 406")
    func notAcceptable() throws {
        for path in ["short", "long"] {
            let (head, body) = try answer("GET /\(path) HTTP/1.1\r\nAccept-Encoding: identity;q=0\r\n")
            #expect(head.hasPrefix("HTTP/1.1 406 "))
            #expect(String(decoding: body, as: UTF8.self).contains("not_acceptable"))
        }
    }

    @Test("304 names the tag in the spelling that the client has", arguments: ["\"7\"", "\"7-gzip\"", "W/\"7-gzip\""])
    func notModified(_ tag: String) throws {
        let (head, _) = try answer("GET /304 HTTP/1.1\r\nIf-None-Match: \(tag)\r\n")
        #expect(head.contains(tag == "\"7\"" ? "ETag: \"7\"" : "ETag: \"7-gzip\""))
        #expect(head.contains("\r\nVary: Accept-Encoding\r\n"), "as its 200 has")
        #expect(try answer("GET /short HTTP/1.1\r\n").head.contains("\r\nVary: Accept-Encoding\r\n"))
    }

    @Test("A request's content is taken out of gzip before the handler sees it")
    func request() throws {
        let coded = try #require(GzipEncoder().encode(long))
        for coding in ["gzip", "GZIP", "x-gzip"] {
            let post = "POST /echo HTTP/1.1\r\nContent-Encoding: \(coding)\r\nContent-Length: \(coded.count)\r\n"
            let (head, body) = try answer(post, coded)
            #expect(head.contains("Server: none"))
            #expect(body == long)
        }
        let plain = "POST /echo HTTP/1.1\r\nContent-Encoding: identity\r\nContent-Length: 2\r\n"
        #expect(try answer(plain, Array("{}".utf8)).body == Array("{}".utf8))
    }

    @Test("Other codings, broken contents and bombs are refused")
    func refusals() throws {
        func status(_ coding: String, _ body: [UInt8]) throws -> String {
            let post = "POST /echo HTTP/1.1\r\nContent-Encoding: \(coding)\r\nContent-Length: \(body.count)\r\n"
            return String(try answer(post, body).head.dropFirst(9).prefix(3))
        }
        #expect(try status("br", [1]) == "415")
        #expect(try status("gzip, gzip", [1]) == "415")
        #expect(
            try answer("POST /echo HTTP/1.1\r\nContent-Encoding: br\r\n").head.contains(
                "Accept-Encoding: gzip, identity"
            )
        )
        #expect(try status("gzip", Array("hello".utf8)) == "400")
        let encoder = GzipEncoder()
        let zeros = try #require(encoder.encode([UInt8](repeating: 0, count: 1 << 23)))
        #expect(try status("gzip", zeros) == "413")
        let tooLong = try #require(encoder.encode((0..<(1 << 20) + 1).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }))
        #expect(try status("gzip", tooLong) == "413")
    }
}
