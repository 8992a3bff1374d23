import JSON
import NetworkModel
import Testing

@testable import API

/// Many changes as one commit.
@Suite struct TransactionTests {
    private let bench: APIBench

    init() throws { bench = try APIBench() }

    private func transact(_ ops: JSONValue, require: JSONValue? = nil) -> APIBench.Response {
        var body: JSONValue = ["ops": ops]
        if let require { body = body.merged(with: ["require": require]) }
        return bench.send("POST", "/v1/transactions", body)
    }

    @Test func `Later operations see earlier ones, and all become one commit`() throws {
        let answer = transact([
            ["op": "create", "path": "/v1/switches", "body": ["name": "ls1"]],
            ["op": "create", "path": "/v1/switches/ls1/ports", "body": ["name": "p1"]],
            ["op": "replace", "path": "/v1/ports/p2", "body": ["switch": "ls1"]],
            ["op": "patch", "path": "/v1/ports/p2", "body": ["enabled": false]],
            ["op": "delete", "path": "/v1/ports/p1"],
        ])
        #expect(answer.status == 200 && answer.json["revision"] == 1 && answer["Heddle-Revision"] == "1")
        let results = answer.json["results"]?.arrayValue ?? []
        try #require(results.count == 5 && results.last == .null)
        #expect([0, 2, 3].allSatisfy { results[$0]["revision"] == 1 })
        #expect(bench.send("GET", "/v1/ports").json["items"]?.arrayValue?.count == 1)
    }

    @Test func `One refusal refuses all, and points into its operation`() {
        let answer = transact([
            ["op": "create", "path": "/v1/switches", "body": ["name": "ls1"]],
            ["op": "create", "path": "/v1/ports", "body": ["name": "p1", "switch": "ls1", "addresses": ["bad"]]],
        ])
        #expect(answer.status == 422 && answer.json["pointer"] == "/ops/1/body/addresses/0")
        #expect(bench.network.revision == 0)
        let missing = transact([["op": "delete", "path": "/v1/switches/none"]])
        #expect(missing.status == 404 && missing.json["pointer"]?.stringValue?.hasPrefix("/ops/0") == true)
    }

    @Test func `The first of many wrong operations is the one that is told`() {
        let ops = (0..<2000).map { number -> JSONValue in
            let name = [700, 1900].contains(number) ? "a/b" : "ls\(number)"
            return ["op": "create", "path": "/v1/switches", "body": ["name": .string(name)]]
        }
        let answer = transact(.array(ops))
        #expect(answer.status == 422 && answer.json["pointer"] == "/ops/700/body/name")
    }

    @Test func `A large deletion says how many objects it deletes`() {
        func operations(_ op: String, _ range: Range<Int>) -> JSONValue {
            .array(
                range.map { number in
                    let body: JSONValue = ["switch": "ls1"]
                    let operation: JSONValue = ["op": .string(op), "path": .string("/v1/ports/p\(number)")]
                    return op == "replace" ? operation.merged(with: ["body": body]) : operation
                }
            )
        }
        _ = transact([["op": "create", "path": "/v1/switches", "body": ["name": "ls1"]]])
        #expect(transact(operations("replace", 0..<500)).status == 200)
        // A hundred are never too many, and neither is a fifth.
        #expect(transact(operations("delete", 0..<100)).status == 200)
        let refused = transact(operations("delete", 100..<201))
        #expect(refused.status == 409 && refused.json["code"] == "deletions_unconfirmed")
        #expect(refused.json["detail"]?.stringValue?.contains("101 of 400 ports") == true)
        #expect(refused.json["detail"]?.stringValue?.contains("confirm_deletes=101,") == true)
        let body: JSONValue = ["ops": operations("delete", 100..<201)]
        #expect(bench.send("POST", "/v1/transactions?dry_run=true", body).status == 200)
        #expect(bench.send("POST", "/v1/transactions?confirm_deletes=100", body).status == 409)
        #expect(bench.send("POST", "/v1/transactions?confirm_deletes=x", body).status == 400)
        #expect(bench.network.northbound.ports.count == 400)
        #expect(bench.send("POST", "/v1/transactions?confirm_deletes=101", body).status == 200)
        // The switch and its 299 ports.
        #expect(bench.send("DELETE", "/v1/switches/ls1").json["code"] == "deletions_unconfirmed")
        #expect(bench.send("DELETE", "/v1/switches/ls1?confirm_deletes=300").status == 204)
    }

    @Test func `Requirements hold before the first operation`() {
        _ = transact([["op": "create", "path": "/v1/switches", "body": ["name": "ls1"]]])
        let op: JSONValue = [["op": "patch", "path": "/v1/switches/ls1", "body": ["labels": [:]]]]
        #expect(transact(op, require: [["path": "/v1/switches/ls1", "etag": "\"1\""]]).status == 200)
        #expect(transact(op, require: [["path": "/v1/switches/ls1", "etag": "1"]]).status == 200)
        #expect(transact(op, require: [["path": "/v1/switches/ls1", "etag": "*"]]).status == 200)
        #expect(transact(op, require: [["path": "/v1/switches/ls1", "etag": "\"7\""]]).status == 412)
        #expect(transact(op, require: [["path": "/v1/ports/p1", "absent": true]]).status == 200)
        #expect(transact(op, require: [["path": "/v1/switches/ls1", "absent": true]]).status == 412)
    }

    @Test func `The deletion of a switch may refuse its ports`() {
        _ = transact([
            ["op": "create", "path": "/v1/switches", "body": ["name": "ls1"]],
            ["op": "create", "path": "/v1/switches/ls1/ports", "body": ["name": "p1"]],
        ])
        #expect(transact([["op": "delete", "path": "/v1/switches/ls1", "ports": "refuse"]]).status == 409)
        #expect(transact([["op": "delete", "path": "/v1/ports/p1", "ports": "refuse"]]).status == 400)
        #expect(transact([["op": "delete", "path": "/v1/switches/ls1"]]).status == 200)
    }

    @Test(arguments: [
        (#"[]"#, "invalid_value", ""), (#"{}"#, "missing_field", "/ops"), (#"{"ops":{}}"#, "invalid_value", "/ops"),
        (#"{"ops":[],"x":1}"#, "unknown_field", "/x"), (#"{"ops":[1]}"#, "invalid_value", "/ops/0"),
        (#"{"ops":[{"op":"move","path":"/v1/ports"}]}"#, "invalid_value", "/ops/0/op"),
        (#"{"ops":[{"op":"create"}]}"#, "missing_field", "/ops/0/path"),
        (#"{"ops":[{"op":"create","path":"/v1/ports"}]}"#, "missing_field", "/ops/0/body"),
        (#"{"ops":[{"op":"create","path":"/v1/ports/p1","body":{}}]}"#, "invalid_value", "/ops/0/path"),
        (#"{"ops":[{"op":"create","path":"/v1/transactions","body":{}}]}"#, "invalid_value", "/ops/0/path"),
        (#"{"ops":[{"op":"delete","path":"/v1/ports/p1?x=1"}]}"#, "invalid_value", "/ops/0/path"),
        (#"{"ops":[{"op":"delete","path":"/v1/ports/p1","body":{}}]}"#, "unknown_field", "/ops/0/body"),
        (#"{"ops":[{"op":"delete","path":"/v1/ports/p1","a/b":{}}]}"#, "unknown_field", "/ops/0/a~1b"),
        (#"{"ops":[],"require":[{"path":"/v1/ports/p1"}]}"#, "invalid_value", "/require/0"),
        (#"{"ops":[],"require":[{"path":"/v1/ports/p1","etag":"x"}]}"#, "invalid_value", "/require/0/etag"),
        (#"{"ops":[],"require":[{"path":"/v1/ports/p1","absent":false}]}"#, "invalid_value", "/require/0"),
    ])
    func `A malformed transaction is refused where it is wrong`(text: String, code: String, pointer: String) {
        let answer = bench.send("POST", "/v1/transactions", text: text)
        #expect(answer.json["code"] == .string(code) && answer.json["pointer"] == .string(pointer))
        #expect(answer.json["code"] != nil, "\(answer.text)")
    }

    @Test func `10,000 operations are taken, one more is not`() {
        let op: JSONValue = ["op": "delete", "path": "/v1/ports/none"]
        let most = JSONValue.array(Array(repeating: op, count: Limits.operationCountMaximum))
        #expect(transact(most).json["code"] == "not_found")
        let more = JSONValue.array(Array(repeating: op, count: Limits.operationCountMaximum + 1))
        #expect(transact(more).json["code"] == "limit_exceeded")
    }
}
