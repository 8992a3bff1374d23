import Testing
import Wire

@Suite struct PrintableTextTests {
    @Test func `what a terminal would obey is written as an escape`() {
        #expect(
            "a\u{1b}[31mRED\u{07}\n\r\t\u{7f}\u{9b}2J\u{00}".printable == "a\\x1b[31mRED\\x07\\n\\r\\t\\x7f\\x9b2J\\x00"
        )
        #expect("user\u{202e}nimda\u{2066}\u{2028}".printable == "user\\u{202e}nimda\\u{2066}\\u{2028}")
        #expect("\r\n".printable == "\\r\\n")
    }

    @Test(arguments: ["", "plain", "Grüße, 世界 😀", "a\\nb", "e\u{301}"])
    func `other text stays as it is`(text: String) {
        #expect(text.printable == text)
        #expect(!text.hasControlCharacters)
    }

    @Test func `lines stay lines where they are the output's own`() {
        #expect("a\tb\nc\u{1b}[2J\n".printableLines == "a\tb\nc\\x1b[2J\n")
    }

    @Test func `documents are escaped as they do it themselves`() {
        #expect("{\n  \"a\": \"x\u{9b}\u{202e}\"\n}".printableDocument == "{\n  \"a\": \"x\\u009b\\u202e\"\n}")
    }

    @Test func `every scalar is either printed or escaped, and never a control character`() {
        for value in (0...0x3000 as ClosedRange<UInt32>) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let text = String(Character(scalar))
            #expect(!text.printable.hasControlCharacters)
            #expect((text.printable == text) == !text.hasControlCharacters)
        }
    }
}
