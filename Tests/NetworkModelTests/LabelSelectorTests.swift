import TestSupport
import Testing

@testable import NetworkModel

@Suite struct LabelSelectorTests {
    private static let objects: [String: [String: String]] = [
        "a": ["app": "web", "tier": "front"], "b": ["app": "db"], "c": [:], "d": ["app": "", "odd,key": "a (b)"],
    ]

    private func chosen(_ texts: String...) throws -> String {
        var selector = LabelSelector()
        for text in texts { try selector.add(text) }
        return Self.objects.filter { object in selector.holds { object.value[$0] } }.keys.sorted().joined()
    }

    @Test(arguments: [
        ("app=web", "a"), ("app==web", "a"), (" app = web ", "a"), ("app!=web", "bcd"), ("app in (web,db)", "ab"),
        ("app in ( web , db )", "ab"), ("app in(web)", "a"), ("app  notin  (web,db)", "cd"), ("app", "abd"),
        ("!app", "c"), ("! app", "c"), ("app,tier", "a"), ("app,!tier", "bd"), ("app in (web,db),app!=db", "a"),
        ("app=", "d"), ("app in ()", "d"), ("app in (,web)", "ad"), ("odd\\,key", "d"), ("odd\\,key=a \\(b\\)", "d"),
        ("app=web,app=db", ""), ("in", ""), ("notin=x", ""), ("in in (in)", ""),
    ])
    func `Selectors are those of Kubernetes`(text: String, wanted: String) throws {
        #expect(try chosen(text) == wanted)
    }

    @Test func `Of selectors for one label alone any holds, of others all`() throws {
        #expect(try chosen("app=web", "app=db") == "ab")
        #expect(try chosen("app=web", "app") == "abd")
        #expect(try chosen("app=web", "app in (db,x)", "tier") == "a")
        #expect(try chosen("app=web,tier", "app=db") == "")
        #expect(try chosen("!app", "app=db") == "" && chosen("app!=web", "app!=db") == "cd")
        #expect(try chosen() == "abcd")
    }

    @Test(arguments: [
        "", ",", "a,", ",a", "=", "=x", "!=x", "!", "!a=b", "a=b=c", "a===b", "a!b", "a(b", "a in (b", "a in b)",
        "a in b",
        "a of (b)", "in (b)", "a in (b)c", "a in ((b))", "a>1", "a<1", "a=b*", "a*", "a=\"b\"", "'a'", "a b", "\\",
        "a=\\", "a=b)",
    ])
    func `What is no selector is refused`(text: String) {
        var selector = LabelSelector()
        #expect(throws: LabelSelector.Fault.self, "\(text)") { try selector.add(text) }
    }

    @Test func `A selector has bounds`() throws {
        var selector = LabelSelector()
        try selector.add((0..<LabelSelector.requirementCountMaximum).map { "l\($0)" }.joined(separator: ","))
        #expect(throws: LabelSelector.Fault.self) { try selector.add("one-more") }
        selector = LabelSelector()
        let values = (0..<LabelSelector.valueCountMaximum).map { "v\($0)" }.joined(separator: ",")
        try selector.add("a in (\(values))")
        #expect(throws: LabelSelector.Fault.self) { try selector.add("a=v") }
    }

    @Test func `Any text is read or refused`() {
        var generator = SeededGenerator(seed: 16)
        let alphabet = Array("ab=!,()\\ in*\u{301}")
        for _ in 0..<20_000 {
            var text = ""
            for _ in 0..<Int.random(in: 0...12, using: &generator) {
                text.append(alphabet.randomElement(using: &generator) ?? "a")
            }
            var selector = LabelSelector()
            guard (try? selector.add(text)) != nil else { continue }
            #expect(selector.count > 0 && selector.count <= 7)
            _ = selector.holds { $0 == "a" ? "b" : nil }
        }
    }

    @Test func `A text is compared with patterns`() {
        var condition = TextCondition()
        #expect(condition.holds(for: nil) && condition.holds(for: "a") && condition.texts == nil)
        condition.add("!b*")
        #expect(condition.holds(for: nil) && condition.holds(for: "a") && !condition.holds(for: "bc"))
        condition.add("a")
        #expect(!condition.holds(for: nil) && condition.holds(for: "a") && !condition.holds(for: "c"))
        #expect(condition.texts == ["a"] && condition.holds(forAny: ["x", "a"]))
        #expect(!condition.holds(forAny: ["b", "a"]))
        condition.add("c*")
        #expect(condition.texts == nil && condition.holds(for: "c") && condition.holds(for: "cc"))
        #expect(condition.count == 3)
    }
}
