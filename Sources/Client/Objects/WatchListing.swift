import JSON
import Wire

/// The output of `heddle get --watch`, some events at a time.
struct WatchListing {
    let kind: ShownKind
    let format: OutputFormat
    private var widths: [Int] = []

    init(_ kind: ShownKind, format: OutputFormat) {
        self.kind = kind
        self.format = format
    }

    /// The text of some events: rows below those printed before, a line of JSON or a YAML document for each.
    mutating func text(of events: [WatchedObjects.Event]) throws(ClientError) -> String {
        guard !events.isEmpty else { return "" }
        switch format {
        case .table, .wide: return rows(of: events)
        case .name:
            return events.map { event in
                "\(kind.singular)/\(kind.name(of: event.object))\(event.kind == .deleted ? " deleted" : "")\n"
            }.joined()
        case .json: return events.map { $0.json.text.printableDocument + "\n" }.joined()
        case .yaml:
            var text = ""
            for event in events { text += "---\n" + (try event.json.yaml()) }
            return text
        }
    }

    /// Columns grow with what comes, and never shrink again. The titles come with the first row, whose width they know.
    private mutating func rows(of events: [WatchedObjects.Event]) -> String {
        let columns = kind.columns.filter { format == .wide || !$0.isWide }
        var table = TextTable(["EVENT"] + columns.map(\.title))
        for event in events { table.append([event.kind.rawValue] + columns.map { $0.cell(event.object) }) }
        let isFirst = widths.isEmpty
        widths = isFirst ? table.widths : zip(widths, table.widths).map { max($0, $1) }
        // Any of these may be the first row's event.
        widths[0] = max(widths[0], WatchedObjects.Event.Kind.modified.rawValue.count)
        return TextTable.text(of: isFirst ? table.rows : Array(table.rows.dropFirst()), widths: widths)
    }
}

extension WatchedObjects.Event {
    /// `{"type":"ADDED","object":{...}}`, as Kubernetes' watches have it.
    fileprivate var json: JSONValue { ["type": .string(kind.rawValue), "object": object] }
}
