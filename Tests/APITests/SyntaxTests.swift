import TestSupport
import Testing

@testable import API

/// The small grammars: targets and entity tags. Whatever comes, they give a value or none.
@Suite struct SyntaxTests {
    @Test func `A target is taken apart and decoded`() throws {
        let target = try #require(Target("/v1/a%2Fb/c?x=1&y=%C3%A9&z&=&"))
        #expect(target.path == ["v1", "a/b", "c"])
        #expect(target.query.map { "\($0.name)=\($0.value)" } == ["x=1", "y=é", "z=", "="])
        #expect(Target("/")?.path == [])
        #expect(Target("/a/")?.path == ["a", ""])
        #expect(Target("/%FF") == nil && Target("/%C3") == nil && Target("/%4") == nil && Target("a") == nil)
        #expect(Target("/?" + String(repeating: "a&", count: Target.parameterCountMaximum)) != nil)
        #expect(Target("/?" + String(repeating: "a&", count: Target.parameterCountMaximum + 1)) == nil)
    }

    @Test func `A target has no more combining marks in a row than a word`() {
        #expect(Target("/v1/e%CC%81%CC%A7")?.path == ["v1", "e\u{301}\u{327}"])
        #expect(Target("/v1/e" + String(repeating: "%CC%81%CC%A7", count: 16)) == nil)
        #expect(Target("/v1?name=" + String(repeating: "\u{301}\u{327}", count: 16)) == nil)
    }

    @Test func `Lists of entity tags`() {
        #expect(EntityTag.list("*") == .anything)
        #expect(EntityTag.list(" \"1\" ,W/\"22\"\t") == .tags([(1, true), (22, false)]))
        #expect(EntityTag.list("\"1-gzip\"") == .tags([(1, true)]))
        #expect(EntityTag.list("\"\",\"x\",\"-1\",\"1-br\"") == .tags([]))
        for bad in ["", "1", "\"1", "\"1\" \"2\"", "*,*", "\"1\",", "w/\"1\"", ","] {
            #expect(EntityTag.list(bad) == nil, "\(bad)")
        }
    }

    @Test func `Texts cut at every byte, and random ones, are read or refused`() {
        let target = "/v1/sw%C3%A9/x?limit=5&page_token=0000.1.a%20b"
        for length in 0...target.utf8.count { _ = Target(String(decoding: target.utf8.prefix(length), as: UTF8.self)) }
        let tags = "\"1\", W/\"2-gzip\", *"
        for length in 0...tags.utf8.count {
            _ = EntityTag.list(String(decoding: tags.utf8.prefix(length), as: UTF8.self))
        }
        var generator = SeededGenerator(seed: 3)
        let alphabet = Array("/?&=%\"W,*-gzip0129.\u{e9} ")
        for _ in 0..<20_000 {
            let text = String(
                (0..<Int.random(in: 0...12, using: &generator)).map { _ in
                    alphabet.randomElement(using: &generator) ?? "/"
                }
            )
            if let target = Target("/" + text) { #expect(target.query.count <= Target.parameterCountMaximum) }
            _ = EntityTag.list(text)
            if let token = PageToken(text) { #expect(PageToken(token.text) == token) }
        }
    }
}
