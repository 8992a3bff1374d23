import TestSupport
import Testing

@testable import JSON

/// The work that texts of others can ask for grows with their length and not faster.
@Suite struct WorkTests {
    private static func object(_ names: some Sequence<Int>, _ value: JSONValue = "v") -> JSONValue {
        .object(JSONObject(distinct: names.map { (name: "name\($0)", value: value) }))
    }

    @Test func `merging many members`() {
        let growth = workGrowth(from: 2000) { count in
            let (target, patch) = (Self.object(0..<count), Self.object(count / 2..<count * 3 / 2))
            return { _ = target.merged(with: patch) }
        }
        #expect(growth < workGrowthMaximum)
    }

    @Test func `taking many members away`() {
        let growth = workGrowth(from: 2000) { count in
            let (target, patch) = (Self.object(0..<count), Self.object((0..<count).reversed(), .null))
            return { _ = target.merged(with: patch) }
        }
        #expect(growth < workGrowthMaximum)
    }

    @Test func `comparing many members in another order`() {
        let growth = workGrowth(from: 2000) { count in
            let (left, right) = (Self.object(0..<count), Self.object((0..<count).reversed()))
            return { _ = left == right }
        }
        #expect(growth < workGrowthMaximum)
    }

    @Test func `comparing deep objects that differ at the bottom`() {
        func nested(_ depth: Int, _ bottom: JSONValue) -> JSONValue {
            depth == 0 ? bottom : ["a": nested(depth - 1, bottom), "b": 1]
        }
        // Twice on each level would be more than a thousand million comparisons.
        #expect(nested(JSONParser.depthMaximum - 1, 1) != nested(JSONParser.depthMaximum - 1, 2))
    }

    @Test(arguments: [
        "members", "duplicates", "array", "digits", "fraction", "exponent", "escapes", "surrogates", "marks", "blanks",
    ])
    func `parsing`(what: String) {
        let growth = workGrowth(from: 4000) { count in
            let text =
                switch what {
                case "members": "{" + (0..<count).map { "\"name\($0)\":0" }.joined(separator: ",") + "}"
                case "duplicates":
                    "{" + (0..<count).map { "\"name\($0 % (count - 1))\":0" }.joined(separator: ",") + "}"
                case "array": "[" + Array(repeating: "[]", count: count).joined(separator: ",") + "]"
                case "digits": String(repeating: "9", count: count)
                case "fraction": "0." + String(repeating: "9", count: count)
                case "exponent": "1e" + String(repeating: "9", count: count)
                case "escapes": "\"" + String(repeating: "\\n", count: count) + "\""
                case "surrogates": "\"" + String(repeating: "\\ud83d\\ude00", count: count) + "\""
                // Names that are equal when their marks are put in order are one name.
                case "marks": "{\"e" + String(repeating: "\u{301}\u{327}", count: count / 2) + "\":0,\"e\":0}"
                default: String(repeating: " ", count: count) + "0"
                }
            let bytes = Array(text.utf8)
            return { _ = try? JSONParser.parse(request: bytes) }
        }
        #expect(growth < workGrowthMaximum)
    }

    @Test func `a request has no more marks in a row than a language needs`() throws {
        func text(_ count: Int, _ between: String = "") -> [UInt8] {
            Array("\"e\(String(repeating: "\u{301}\u{327}\(between)", count: count / 2))\"".utf8)
        }
        let maximum = String.markCountMaximum
        #expect(try JSONParser.parse(request: text(maximum)) == JSONParser.parse(text(maximum)))
        #expect(throws: JSONError(reason: .tooManyMarks, offset: text(maximum + 2).count - 1)) {
            try JSONParser.parse(request: text(maximum + 2))
        }
        let escaped = Array("\"\(String(repeating: "\\u0301\\u0327", count: maximum))\"".utf8)
        #expect(throws: JSONError.self) { try JSONParser.parse(request: escaped) }
        // Letters between them begin anew; the log may have what older versions took.
        #expect(try JSONParser.parse(request: text(200, "e")).stringValue?.unicodeScalars.count == 301)
        #expect(try JSONParser.parse(text(200)).stringValue?.unicodeScalars.count == 201)
    }

    @Test func `an error does not repeat a long name`() throws {
        let name = String(repeating: "n\u{301}", count: 10_000)
        let error = #expect(throws: JSONError.self) { try JSONParser.parse("{\"\(name)\":0,\"\(name)\":0}") }
        #expect(try #require(error).description.utf8.count < 400)
    }
}
