import JSON
import Testing

@testable import Southbound

@Suite struct HostQueryTests {
    private func answer(_ queries: [HostQuery]) -> FeedAnswer {
        var answer = FeedAnswer(epoch: 1, from: 4, to: 4, mode: .delta, changes: [], lease: 30)
        answer.queries = queries
        return answer
    }

    @Test func `questions ride with an answer of the feed`() throws {
        let queries = [
            HostQuery(id: 1 << 52, subject: .statistics, logicalPort: "vm1"),
            HostQuery(id: 8, subject: .macs, logicalSwitch: "ls1"), HostQuery(id: 9, subject: .status),
        ]
        let text = answer(queries).bytes
        #expect(try FeedAnswer(parsing: text).queries == queries)
        #expect(
            String(decoding: text, as: UTF8.self).hasSuffix(
                #","lease":30,"ask":["# + #"{"id":4503599627370496,"#
                    + #""subject":"statistics","port":"vm1"},{"id":8,"subject":"macs","switch":"ls1"},"#
                    + #"{"id":9,"subject":"status"}]}"#
            )
        )
        #expect(!String(decoding: answer([]).bytes, as: UTF8.self).contains("ask"))
    }

    @Test func `questions that are not understood are passed over, and no answer carries more than there is room for`()
        throws
    {
        var object = try JSONParser.parse(answer([]).bytes)
        let known: JSONValue = ["id": 3, "subject": "acls", "colour": "red"]
        object = object.merged(
            with: ["ask": [["id": 1, "subject": "weather"], ["id": -1, "subject": "acls"], 7, "x", known]]
        )
        #expect(try FeedAnswer(parsing: object.bytes).queries == [HostQuery(id: 3, subject: .acls)])
        object = object.merged(with: ["ask": .array(Array(repeating: known, count: 1000))])
        #expect(try FeedAnswer(parsing: object.bytes).queries.count == HostQuery.countMaximum)
        object = object.merged(with: ["ask": 5])
        #expect(try FeedAnswer(parsing: object.bytes).queries.isEmpty)
    }

    @Test func `a reply comes back from its JSON, and says what is wrong with it`() throws {
        let reply = try HostReply(json: HostReply(id: 7, content: ["ports": []]).json)
        #expect(reply.id == 7 && reply.content == ["ports": []])
        for (json, pointer) in [
            ([:], "/id"), (["id": 1], "/reply"), (["id": -1, "reply": [:]], "/id"), (["id": 1, "reply": []], "/reply"),
            ("x", "/id"),
        ] as [(JSONValue, String)] {
            let error = #expect(throws: SyncRequestError.self) { try HostReply(json: json) }
            #expect(error?.pointer == pointer)
        }
        let long = reply.tooLong(2_000_000)
        #expect(long.id == 7 && long.content["error"]?.stringValue?.contains("2000000 bytes") == true)
    }
}
