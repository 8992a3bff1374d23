/// Columns as wide as their widest cell, two blanks between; an empty cell is a dash.
struct TextTable {
    /// The text of an empty cell, so that programs can split columns.
    static let noValue = "-"

    /// The lines, the first of which has the titles.
    private(set) var rows: [[String]]

    init(_ titles: [String]) { rows = [titles] }

    mutating func append(_ cells: [String]) { rows.append(cells.map { $0.isEmpty ? Self.noValue : $0 }) }

    /// The text, a newline after every line.
    var text: String { Self.text(of: rows, widths: widths) }

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
