import JSON

/// The way in which OVN's programs print rows (`--format`, `--data`, `--no-headings`, `--bare`, `--pretty`).
public struct RowStyle: Equatable, Sendable {
    public enum Format: String, CaseIterable, Sendable {
        case table, list, csv, json
    }

    /// The way in which a value is written.
    public enum Cells: String, CaseIterable, Sendable {
        case string, bare, json
    }

    public var format = Format.list
    public var cells = Cells.string
    public var hasHeadings = true
    public var isPretty = false

    public init() {}

    /// `--bare`.
    public mutating func makeBare() {
        format = .list
        cells = .bare
        hasHeadings = false
    }
}

/// Rows with the same columns, to be printed as OVN's programs do.
public struct RowTable: Sendable {
    public var columns: [(name: String, type: ColumnType)]
    public var rows: [[Datum]]

    public init(columns: [(name: String, type: ColumnType)], rows: [[Datum]]) {
        self.columns = columns
        self.rows = rows
    }

    /// The width of the names of columns where each value has a line.
    private static let nameWidth = 20

    /// The text, a newline after every line.
    public func text(_ style: RowStyle) -> String {
        switch style.format {
        case .list: list(style)
        case .table: table(style)
        case .csv: csv(style)
        case .json: json(style)
        }
    }

    private func cell(_ datum: Datum, _ type: ColumnType, _ style: RowStyle) -> String {
        switch style.cells {
        case .string: datum.text(type)
        case .bare: datum.bareText
        case .json: datum.json(type).text
        }
    }

    private func cells(_ row: [Datum], _ style: RowStyle) -> [String] {
        zip(row, columns).map { cell($0, $1.type, style) }
    }

    private func list(_ style: RowStyle) -> String {
        rows.map { row in
            zip(columns, cells(row, style)).map { column, cell in
                style.hasHeadings ? "\(Self.padded(column.name, to: Self.nameWidth)): \(cell)\n" : "\(cell)\n"
            }.joined()
        }.joined(separator: "\n")
    }

    private func table(_ style: RowStyle) -> String {
        var lines = rows.map { cells($0, style) }
        if style.hasHeadings { lines.insert(columns.map(\.name), at: 0) }
        var widths = columns.map { _ in 0 }
        for line in lines {
            for (place, cell) in line.enumerated() { widths[place] = max(widths[place], cell.utf8.count) }
        }
        if style.hasHeadings { lines.insert(widths.map { String(repeating: "-", count: $0) }, at: 1) }
        return lines.map { line in
            var text = zip(line, widths).map { Self.padded($0, to: $1) }.joined(separator: " ")
            while text.last == " " { text.removeLast() }
            return text + "\n"
        }.joined()
    }

    private func csv(_ style: RowStyle) -> String {
        var lines = rows.map { cells($0, style) }
        if style.hasHeadings { lines.insert(columns.map(\.name), at: 0) }
        return lines.map { line in
            line.map { cell in
                guard cell.utf8.contains(where: { "\"\n,".utf8.contains($0) }) else { return cell }
                return "\"" + cell.replacing("\"", with: "\"\"") + "\""
            }.joined(separator: ",") + "\n"
        }.joined()
    }

    private func json(_ style: RowStyle) -> String {
        let document: JSONValue = [
            "data": .array(rows.map { row in .array(zip(row, columns).map { $0.json($1.type) }) }),
            "headings": .array(columns.map { .string($0.name) }),
        ]
        guard style.isPretty else { return document.text + "\n" }
        var text = ""
        Self.writePretty(document, level: 0, to: &text)
        return text + "\n"
    }

    /// As OVSDB's own library indents: closing brackets follow the last element.
    private static func writePretty(_ value: JSONValue, level: Int, to text: inout String) {
        let indentation = "\n" + String(repeating: "  ", count: level + 1)
        switch value {
        case .array(let elements):
            text += "["
            for (place, element) in elements.enumerated() {
                text += (place > 0 ? "," : "") + indentation
                writePretty(element, level: level + 1, to: &text)
            }
            text += "]"
        case .object(let object):
            text += "{"
            for (place, member) in object.members.enumerated() {
                text += (place > 0 ? "," : "") + indentation + JSONValue.string(member.name).text + ": "
                writePretty(member.value, level: level + 1, to: &text)
            }
            text += "}"
        case .null, .bool, .integer, .number, .string: text += value.text
        }
    }

    private static func padded(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.utf8.count))
    }
}
