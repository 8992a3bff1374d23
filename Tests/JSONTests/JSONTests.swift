import Foundation
import Testing

@testable import JSON

@Suite struct JSONTests {
    @Test(arguments: [
        #"null"#, #"true"#, #"[]"#, #"{}"#, #"-1"#, #"0"#, #"9223372036854775807"#, #""a\"b\\c\n\u0001""#,
        #"{"b":1,"a":[true,null,"x",{"y":-2}]}"#, #""é€😀""#,
    ])
    func canonicalTextsRoundTrip(text: String) throws {
        #expect(try JSONParser.parse(text).text == text)
    }

    @Test func blanksAndEscapesAreRead() throws {
        let value = try JSONParser.parse(" { \"a\" : [ 1 , 2.5e1 ] ,\n\t\"b\":\"\\u0041\\ud83d\\ude00\\/\" } ")
        #expect(value == ["a": [1, .number(25)], "b": "A😀/"])
    }

    @Test(arguments: [
        "", " ", "nul", "tru", "truex", "{", "[", "[1", "[1,", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}",
        "01", "-",
        "1.", "1e", "+1", ".5", "1 2", "\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\u{01}\"",
        "'a'",
        "1e999", "[1 2]", "{\"a\":1 \"b\":2}", "NaN", "Infinity",
    ])
    func otherTextsAreRefused(text: String) {
        #expect(throws: JSONError.self) { try JSONParser.parse(text) }
    }

    @Test func badUTF8IsRefused() {
        #expect(throws: JSONError.self) { try JSONParser.parse([0x22, 0xc3, 0x28, 0x22]) }
        #expect(throws: JSONError.self) { try JSONParser.parse([0x22, 0x5c, 0x6e, 0xff, 0x22]) }
    }

    @Test func aDuplicateNameIsRefusedWithItsPlace() {
        #expect(throws: JSONError(reason: .duplicateName("a"), offset: 7)) { try JSONParser.parse(#"{"a":1,"a":2}"#) }
    }

    @Test func depthIsBounded() throws {
        let deepest = String(repeating: "[", count: JSONParser.depthMaximum)
        let closing = String(repeating: "]", count: JSONParser.depthMaximum)
        _ = try JSONParser.parse(deepest + closing)
        #expect(throws: JSONError(reason: .tooDeep, offset: JSONParser.depthMaximum)) {
            try JSONParser.parse("[" + deepest + closing + "]")
        }
    }

    @Test func everyCutOfATextIsAnErrorAndNeverATrap() throws {
        let text = Array(#"{"name":"ls1","list":[1,-2.5e3,"\u00e9\n"],"t":true,"n":null}"#.utf8)
        _ = try JSONParser.parse(text)
        for count in 0..<text.count {
            #expect(throws: JSONError.self) { try JSONParser.parse(Array(text[..<count])) }
        }
    }

    // The examples of RFC 7396, appendix A.
    @Test(arguments: [
        (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
        (#"{"a":"b"}"#, #"{"a":null}"#, #"{}"#), (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
        (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
        (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#),
        (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#), (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#),
        (#"[1,2]"#, #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
        (#"{}"#, #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
    ])
    func mergePatchFollowsTheRFC(original: String, patch: String, result: String) throws {
        let merged = try JSONParser.parse(original).merged(with: JSONParser.parse(patch))
        #expect(merged.text == result)
    }

    @Test func theFuzzCorpusIsParsedOrRefused() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Fuzz/Corpus/JSON")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(!files.isEmpty)
        for file in files {
            let bytes = Array(try Data(contentsOf: file))
            if let value = try? JSONParser.parse(bytes) {
                #expect(try JSONParser.parse(value.bytes) == value)
            }
        }
    }
}
