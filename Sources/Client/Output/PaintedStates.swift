extension String {
    /// The text of a table or a report with the colours of states, for a terminal: words that stand in a column of
    /// their own, and titles in bold. Widths stay as they are, and so does everything else.
    public var paintedStates: String {
        var painted = ""
        for line in split(separator: "\n", omittingEmptySubsequences: false) {
            if !painted.isEmpty || line.startIndex != startIndex { painted += "\n" }
            painted += Self.painted(line)
        }
        return painted
    }

    private static func painted(_ line: Substring) -> String {
        let cells = cells(of: line)
        let isShouted = cells.allSatisfy { $0 == $0.uppercased() }
        let isTitles = cells.count > 2 && isShouted && cells[0].first?.isLetter == true
        guard !isTitles else { return "\u{1b}[1m\(line)\u{1b}[0m" }
        return cells.map { cell in
            colors[String(cell)].map { "\u{1b}[\($0)m\(cell)\u{1b}[0m" } ?? String(cell)
        }.joined()
    }

    /// The cells of a line and the blanks between them, in order: two blanks or more part columns.
    private static func cells(of line: Substring) -> [Substring] {
        var cells: [Substring] = []
        var rest = line
        while !rest.isEmpty {
            guard let gap = rest.firstRange(of: "  ") else { return cells + [rest] }
            if gap.lowerBound > rest.startIndex { cells.append(rest[..<gap.lowerBound]) }
            let blanks = rest[gap.lowerBound...].prefix { $0 == " " }
            cells.append(blanks)
            rest = rest[blanks.endIndex...]
        }
        return cells
    }

    /// The words that tell a state, with the colour of each (ECMA-48, SGR): green is well, yellow waits, red is not.
    private static let colors: [String: Int] = [
        "up": 32, "live": 32, "ok": 32, "ADDED": 32, "found": 32,
        "pending": 33, "standby": 33, "held": 33, "warning": 33, "MODIFIED": 33,
        "down": 31, "dead": 31, "failed": 31, "lost": 31, "DELETED": 31,
        "skipped": 2,
    ]
}
