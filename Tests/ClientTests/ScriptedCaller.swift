import JSON

@testable import Client

/// A server that answers as a closure says and remembers what it was asked.
final class ScriptedCaller: Caller {
    let server = Server.central(url: "http://127.0.0.1:6641")
    private let answer: (Call) throws(ClientError) -> Reply
    private(set) var calls: [Call] = []
    /// Runs before each answer.
    var onCall: () -> Void = {}

    init(_ answer: @escaping (Call) throws(ClientError) -> Reply) {
        self.answer = answer
    }

    func send(_ call: Call) throws(ClientError) -> Reply {
        calls.append(call)
        onCall()
        return try answer(call)
    }

    /// The requests without their bodies: `GET /v1/switches/ls1`.
    var lines: [String] { calls.map { "\($0.method.rawValue) \($0.path)" } }
}

extension Reply {
    /// A problem document.
    static func problem(_ status: Int, _ code: String, _ detail: String, pointer: String? = nil) -> Reply {
        var body: JSONValue = ["code": .string(code), "detail": .string(detail), "status": .integer(Int64(status))]
        if let pointer { body = body.merged(with: ["errors": [["pointer": .string(pointer)]]]) }
        return Reply(status: status, body: body)
    }
}
