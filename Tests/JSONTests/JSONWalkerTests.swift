import JSON
import Testing

@Suite struct JSONWalkerTests {
    /// Walks `{"id":STRING,"n":INTEGER,"list":[TEXT,…],…}` and says what was met.
    private func walk(_ text: String) throws(JSONError) -> [String] {
        var walker = JSONWalker(Array(text.utf8))
        var found: [String] = []
        try walker.enterObject()
        while let name = try walker.nextMember() {
            switch name {
            case "id": found.append("id " + (try walker.string()))
            case "n": found.append("n \(try walker.integer())")
            case "list":
                try walker.enterArray()
                while try walker.nextElement() { found.append(String(decoding: try walker.text(), as: UTF8.self)) }
            default: _ = try walker.text()
            }
        }
        try walker.finish()
        return found
    }

    @Test func `values are taken as they stand`() throws {
        let text = #"{"id":"a\"b","x":{"y":[1,{"z":"]}"}]},"n":-7,"list":[{"a" : [ 1 ]},"\\",true,-1.5e3,[]]}"#
        #expect(try walk(text) == [#"id a"b"#, "n -7", #"{"a" : [ 1 ]}"#, #""\\""#, "true", "-1.5e3", "[]"])
        #expect(try walk("{}") == [])
        #expect(try walk(#" { "n" : 1 , "list" : [ ] } "#) == ["n 1"])
    }

    @Test func `a text that is cut anywhere is refused`() throws {
        let text = #"{"id":"a\"b","x":{"y":[1,{"z":"]}"}]},"n":-7,"list":[{"a":[1]},"\\",true,[]]}"#
        for end in 0..<text.utf8.count {
            #expect(throws: JSONError.self) { try walk(String(text.prefix(end))) }
        }
    }

    @Test(arguments: [
        #"{"n":1"id":"a"}"#, #"{,"n":1}"#, #"{"n":1,}"#, #"{"n":}"#, #"{"x":,"n":1}"#, #"{"x":]}"#, #"{"list":[1 2]}"#,
        #"{"list":[,1]}"#, #"{"list":{}}"#, #"{"n":1.5}"#, #"{"n":"1"}"#, #"{"id":1}"#, #"{"n" 1}"#, #"{n:1}"#, "{}}",
        "[]", "",
    ])
    func `a text that is put together wrongly is refused`(text: String) {
        #expect(throws: JSONError.self) { try walk(text) }
    }
}
