import JSON
import Testing

@testable import Client

@Suite struct ConnectionListTests {
    /// An agent with so many connections, of which a page has two.
    private func list(of total: Int) -> ConnectionList {
        let agent = ScriptedCaller { call in
            let after = Int(call.path.split(separator: "=").last ?? "0") ?? 0
            let page = (after..<min(total, after + 2)).map { number -> JSONValue in
                ["logical_port": .string("vm\(number)"), "protocol": "udp"]
            }
            var body: JSONValue = ["connections": .array(page)]
            if after + 2 < total { body = body.merged(with: ["next": .integer(Int64(after + 2))]) }
            return Reply(status: 200, body: body)
        }
        return ConnectionList(caller: agent, switchName: nil, logicalPort: nil)
    }

    @Test func `What the limit leaves out is told`() throws {
        let all = try list(of: 5).text(as: .table, limit: 5)
        #expect(all.split(separator: "\n").count == 6 && !all.contains("limit"))
        let some = try list(of: 5).text(as: .table, limit: 4)
        #expect(some.split(separator: "\n").count == 6 && some.contains("vm3") && !some.contains("vm4"))
        #expect(some.hasSuffix("\nMore than 4 are there: raise --limit, or name a --port.\n"))
        #expect(try list(of: 5).text(as: .json, limit: 3).contains("\"more\": true"))
        #expect(try list(of: 3).text(as: .json, limit: 3).contains("\"more\": false"))
    }
}
