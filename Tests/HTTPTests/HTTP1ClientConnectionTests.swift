import HTTP
import HTTPTypes
import Testing

/// Returns the events of an answer given in pieces: its summary, or its fault.
private func clientEvents(
    _ pieces: [[UInt8]],
    method: HTTPRequest.Method = .get,
    limits: HTTPLimits = HTTPLimits()
) -> String {
    var connection = HTTP1ClientConnection(limits: limits)
    connection.begin(method)
    var events: [String] = []
    do throws(MessageError) {
        for piece in pieces {
            if let answer = try connection.receive(piece[...]) { events.append(summary(answer)) }
        }
        let isReusable = connection.isReusable
        if let answer = connection.receiveEnd() { events.append(summary(answer)) }
        events.append(isReusable ? "reusable" : "not reusable")
    } catch {
        events.append("\(error)")
    }
    return events.joined(separator: "; ")
}

private func summary(_ answer: HTTPClientResponse) -> String {
    let fields = answer.response.headerFields.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
    let text = String(decoding: answer.body, as: UTF8.self)
    return "\(answer.response.status.code) [\(fields)] \(text)"
}

private func clientEvents(_ text: String, method: HTTPRequest.Method = .get) -> String {
    clientEvents([Array(text.utf8)], method: method)
}

private let chunked = "Transfer-Encoding: chunked\r\n\r\n"

private let notAnswers: [(String, MessageError)] = [
    ("SSH-2.0-OpenSSH_9.2\r\n", MessageError.badVersion),
    ("HTTP/2 200 OK\r\n\r\n", .badVersion),
    ("HTTP/2.0 200 OK\r\n\r\n", .unsupportedVersion),
    ("HTTP/1.1\r\n", .badStartLine),
    ("HTTP/1.1 2x0 OK\r\n\r\n", .badStatus),
    ("HTTP/1.1 099 OK\r\n\r\n", .badStatus),
    ("HTTP/1.1 600 OK\r\n\r\n", .badStatus),
    ("HTTP/1.1 2000 OK\r\n\r\n", .badStatus),
    ("HTTP/1.1 200 O\0K\r\n\r\n", .badStartLine),
    ("HTTP/1.1 101 Switching\r\n\r\n", .badStatus),
    (String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 17), .badStatus),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", .duplicateContentLength),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n" + chunked, .contentLengthWithTransferEncoding),
    ("HTTP/1.0 200 OK\r\n" + chunked, .transferEncodingInHTTP10),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", .unsupportedTransferEncoding),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n", .bodyTooLong(maximum: 1 << 20)),
    ("HTTP/1.1 200 OK\r\n" + chunked + "100001\r\n", .bodyTooLong(maximum: 1 << 20)),
]

@Suite struct HTTP1ClientConnectionTests {
    @Test(
        "Answers are delimited as RFC 9112 section 6.3 says",
        arguments: [
            ("HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 2\r\n\r\nab", "200 [X=y] ab; reusable"),
            ("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200 [] ; reusable"),
            ("HTTP/1.1 200 OK\r\n" + chunked + "2\r\nab\r\n0\r\n\r\n", "200 [] ab; reusable"),
            ("HTTP/1.1 204 No Content\r\n\r\n", "204 [] ; reusable"),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "304 [] ; reusable"),
            ("HTTP/1.1 200 OK\r\n\r\nab", "200 [] ab; not reusable"),
            ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", "200 [] ab; not reusable"),
            ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", "200 [] ; not reusable"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nextra", "200 [] ; not reusable"),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 204 X\r\n\r\n",
                "204 [] ; reusable"
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", "not reusable"),
        ]
    )
    func answers(_ text: String, _ events: String) {
        #expect(clientEvents(text) == events)
        #expect(clientEvents(text.utf8.map { [$0] }) == events)
        let bytes = Array(text.utf8)
        for cut in bytes.indices {
            #expect(clientEvents([Array(bytes[..<cut]), Array(bytes[cut...])]) == events, "cut at \(cut)")
        }
    }

    @Test("The answer to HEAD has no content, whatever its length says")
    func head() {
        #expect(clientEvents("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", method: .head) == "200 [] ; reusable")
    }

    @Test("What is no answer is refused", arguments: notAnswers)
    func refuses(_ text: String, _ error: MessageError) {
        #expect(clientEvents(text) == "\(error)")
    }

    @Test("A body that only the end of the connection delimits is bounded too")
    func bodyUntilEnd() {
        let text = "HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "a", count: 1 << 20 + 1)
        let error = MessageError.bodyTooLong(maximum: 1 << 20)
        #expect(clientEvents(text) == "\(error)")
    }

    @Test("A connection carries one request after the other and knows whether an answer has begun")
    func reuse() throws {
        var connection = HTTP1ClientConnection(limits: HTTPLimits())
        #expect(connection.isReusable)
        connection.begin(.get)
        #expect(!connection.isReusable)
        #expect(!connection.hasAnswerBegun)
        _ = try connection.receive(Array("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na".utf8)[...])
        #expect(connection.isReusable)
        connection.begin(.get)
        #expect(!connection.hasAnswerBegun)
        let answer = try connection.receive(Array("HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nb".utf8)[...])
        #expect(answer.map(summary) == "201 [] b")
        _ = try connection.receive(Array("unasked".utf8)[...])
        #expect(!connection.isReusable)
    }
}
