import Testing

@testable import Client

@Suite struct PaintedStatesTests {
    @Test func `States have colours and titles are bold, and no column moves`() {
        let text = """
            NAME     SWITCH  STATE  REASON
            ls1-vm1  ls1     up     -
            up       ls1     down   lost of old

            """
        let painted = text.paintedStates
        #expect(
            painted == """
                \u{1b}[1mNAME     SWITCH  STATE  REASON\u{1b}[0m
                ls1-vm1  ls1     \u{1b}[32mup\u{1b}[0m     -
                \u{1b}[32mup\u{1b}[0m       ls1     \u{1b}[31mdown\u{1b}[0m   lost of old

                """
        )
        #expect(painted.replacing(try! Regex("\u{1b}\\[\\d+m"), with: "") == text)
    }

    @Test(arguments: ["", "\n", "\n\nx\n", "up", "  ", "   up", "UP\n", "1  2  3\n"])
    func `Text without states stays as it is`(text: String) throws {
        #expect(text.paintedStates.replacing(try Regex("\u{1b}\\[\\d+m"), with: "") == text)
    }

    @Test func `A report has the colours of its findings`() {
        let text = "ok       central  all of it\nfailed   agent    none runs\n                  -> start it\n"
        #expect(text.paintedStates.hasPrefix("\u{1b}[32mok\u{1b}[0m       central"))
        #expect(text.paintedStates.contains("\u{1b}[31mfailed\u{1b}[0m   agent"))
        #expect(text.paintedStates.hasSuffix("                  -> start it\n"))
    }
}
