/// A manual page in the language of man(7), a line at a time.
struct ManualPage {
    let name: String
    let section: Int
    private var lines: [String]

    var text: String { lines.joined(separator: "\n") + "\n" }

    init(_ name: String, section: Int, abstract: String) {
        self.name = name
        self.section = section
        let title = Self.escaped(name.uppercased())
        let sentence = abstract.hasSuffix(".") ? String(abstract.dropLast()) : abstract
        lines = [
            ".TH \(title) \(section) \"\" \"Heddle \(Heddle.version)\" \"Heddle\"", ".nh", ".ad l", ".SH NAME",
            "\(Self.escaped(name)) \\- \(Self.escaped(sentence.prefix(1).lowercased() + sentence.dropFirst()))",
        ]
    }

    /// Text as roff takes it for letters: backslashes and hyphens are its own, as are points and quotes that begin
    /// a line.
    static func escaped(_ text: String) -> String {
        let plain = text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
        return plain.hasPrefix(".") || plain.hasPrefix("'") ? "\\&" + plain : plain
    }

    mutating func heading(_ title: String) { lines.append(".SH \"\(Self.escaped(title))\"") }

    /// A line that is written in roff already.
    mutating func line(_ text: String) { lines.append(text) }

    mutating func paragraph(_ text: String) { lines += [".PP", Self.escaped(text)] }

    /// An entry of a list: what it is, written in roff, and what it means.
    mutating func item(_ title: String, _ text: String) { lines += [".TP", title, Self.escaped(text)] }

    /// A further paragraph of the entry before.
    mutating func within(_ text: String) { lines += [".IP", Self.escaped(text.replacing("\n", with: " "))] }

    /// Lines that stay as they are.
    mutating func verbatim(_ text: [String]) { lines += [".PP", ".nf"] + text.map(Self.escaped) + [".fi"] }

    /// The explanation of a command as `--help` has it: paragraphs, parts under titles (`EXAMPLES:`), and indented
    /// lines, which stay as they are. Within a command of a page titles are no headings of the page.
    mutating func discussion(_ text: String, within: Bool = false) {
        for block in text.split(separator: "\n\n") {
            var rest = block.split(separator: "\n").map(String.init)[...]
            while let first = rest.first {
                if first.hasSuffix(":"), first == first.uppercased() {
                    rest.removeFirst()
                    let title = String(first.dropLast())
                    let words = String(title.prefix(1)) + title.dropFirst().lowercased() + ":"
                    if within { paragraph(words) } else { heading(title) }
                } else if first.hasPrefix("  ") {
                    let indented = rest.prefix { $0.hasPrefix("  ") }
                    rest = rest.dropFirst(indented.count)
                    verbatim(Array(indented))
                } else {
                    let prose = rest.prefix { !$0.hasPrefix("  ") && $0 != $0.uppercased() }
                    let count = max(1, prose.count)
                    paragraph(rest.prefix(count).joined(separator: " "))
                    rest = rest.dropFirst(count)
                }
            }
        }
    }
}
