import HTTP
import HTTPTypes

/// Plays a client to one server connection and keeps what comes out of it.
struct ServerScript {
    var connection: HTTP1ServerConnection
    var now: Duration = .zero
    /// Answers requests at once; `nil` leaves them parked.
    var handler: (ReceivedRequest) -> (HTTPResponse, HTTPBody)? = { _ in (HTTPResponse(status: .ok), .none) }
    private(set) var requests: [ReceivedRequest] = []
    private(set) var sent: [UInt8] = []
    /// The error that the connection answered itself.
    var refusal: RequestError? { refusals.errors.last }
    private let refusals = Refusals()

    private final class Refusals {
        var errors: [RequestError] = []
    }

    init(
        limits: HTTPLimits = HTTPLimits(),
        bodyLimit: Int = 1 << 20,
        judge: ((HTTPRequest, Bool) -> HeadVerdict)? = nil
    ) {
        connection = HTTP1ServerConnection(
            limits: limits,
            now: .zero,
            judge: { judge?($0, $1) ?? .content(byteCountMaximum: bodyLimit) },
            problem: { [refusals] error in
                refusals.errors.append(error)
                return error.problem
            }
        )
    }

    /// The bytes that were sent, as text with visible line ends.
    var transcript: String { String(decoding: sent, as: UTF8.self).replacing("\r\n", with: "\n") }
    /// The status codes of what was sent.
    var statusCodes: [String] {
        transcript.split(separator: "\n").filter { $0.hasPrefix("HTTP/1.1 ") }.map { String($0.dropFirst(9).prefix(3)) }
    }

    mutating func feed(_ text: String) { feed(Array(text.utf8)) }

    mutating func feed(_ bytes: [UInt8]) {
        connection.receive(bytes[...], now: now)
        pump()
    }

    /// Hands out requests and takes output until neither is left.
    mutating func pump() {
        var hasProgressed = true
        while hasProgressed {
            hasProgressed = false
            while let request = connection.nextRequest(now: now) {
                hasProgressed = true
                requests.append(request)
                if let (response, body) = handler(request) { connection.respond(to: request.id, response, body: body) }
            }
            connection.prepareOutput(now: now, wallClock: 784_111_777)
            while !connection.output.isEmpty || connection.makesMore {
                hasProgressed = true
                sent += connection.output
                connection.didWrite(connection.output.count, now: now)
                connection.prepareOutput(now: now, wallClock: 784_111_777)
            }
        }
    }

    mutating func respond(to id: RequestID, _ response: HTTPResponse = HTTPResponse(status: .ok), body: HTTPBody) {
        connection.respond(to: id, response, body: body)
        pump()
    }

    mutating func wait(until time: Duration) {
        now = time
        connection.expire(now: now)
        pump()
    }

    mutating func end() {
        connection.receiveEnd(now: now)
        pump()
    }
}

extension ReceivedRequest {
    /// The request on one line.
    var summary: String {
        let fields = request.headerFields.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
        let text = String(decoding: body, as: UTF8.self)
        return "\(request.method) \(request.authority ?? "-") \(request.path ?? "-") [\(fields)] \(text)"
    }
}

/// The events of a whole stream, to compare different cuts of it.
func serverEvents(_ pieces: [[UInt8]], limits: HTTPLimits = HTTPLimits(), bodyLimit: Int = 1 << 20) -> [String] {
    var script = ServerScript(limits: limits, bodyLimit: bodyLimit)
    for piece in pieces { script.feed(piece) }
    script.end()
    return script.requests.map(\.summary) + [script.refusal.map { "\($0)" } ?? "no refusal", script.transcript]
}

extension HTTPServerSession {
    /// Answers a request with a response of swift-http-types.
    func respond(to id: RequestID, _ response: HTTPResponse, body: HTTPBody) {
        respond(to: id, AnswerHead(response), body: body)
    }
}
