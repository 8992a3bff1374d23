/// Columns as wide as their widest cell, two blanks between; an empty cell is a dash.
struct TextTable {
    /// The text of an empty cell, so that programs can split columns.
    static let noValue = "-"

    /// The end of a cell that was cut.
    static let cutMark: Character = "…"
    /// The fewest characters that a cell is cut to.
    static let cutWidthMinimum = 8

    /// The lines, the first of which has the titles.
    private(set) var rows: [[String]]

    init(_ titles: [String]) { rows = [titles] }

    mutating func append(_ cells: [String]) { rows.append(cells.map { $0.isEmpty ? Self.noValue : $0 }) }

    /// The text, a newline after every line.
    var text: String { Self.text(of: rows, widths: widths) }

    /// The text in lines of so many characters, if it becomes so by cutting cells: those of the widest columns first,
    /// but neither titles nor the first column, which has the names. `nil` cuts nothing.
    func text(fitting lineWidth: Int?) -> String {
        let whole = widths
        guard let lineWidth, var excess = Self.excess(of: whole, over: lineWidth) else { return text }
        let minima = rows[0].map { max($0.count, Self.cutWidthMinimum) }
        var widths = whole
        while excess > 0 {
            let order = widths.indices.dropFirst().filter { widths[$0] > minima[$0] }.sorted { widths[$0] > widths[$1] }
            guard let widest = order.first else { break }
            // Down to the next one, so that both give way from there on.
            let next = order.dropFirst().first.map { widths[$0] - 1 } ?? 0
            let width = max(widths[widest] - excess, minima[widest], next)
            excess -= widths[widest] - width
            widths[widest] = width
        }
        let cut = rows.map { row in
            row.enumerated().map { column, cell in
                cell.count > widths[column] ? String(cell.prefix(widths[column] - 1)) + String(Self.cutMark) : cell
            }
        }
        return Self.text(of: cut, widths: widths)
    }

    /// The characters that lines have too many; `nil` if they fit.
    private static func excess(of widths: [Int], over lineWidth: Int) -> Int? {
        let excess = widths.reduce(0, +) + 2 * (widths.count - 1) - lineWidth
        return excess > 0 ? excess : nil
    }

    /// The width of each column in characters.
    var widths: [Int] {
        var widths: [Int] = []
        for row in rows {
            for (column, cell) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], cell.count)
            }
        }
        return widths
    }

    /// Lines in columns of these widths, which a longer cell pushes aside.
    static func text(of rows: [[String]], widths: [Int]) -> String {
        rows.map { row in
            let cells = row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : cell.padded(to: widths[column])
            }
            return cells.joined(separator: "  ") + "\n"
        }.joined()
    }
}
