import HTTP
import JSON
import OVSDB

/// Prints rows of OVN's databases, made of central's objects.
struct DatabaseReader {
    let caller: any Caller

    /// The fewest digits of a UUID that name a row.
    private static let digitCountMinimum = 4

    /// The output of a command that only prints. As of OVN's programs, an empty line is before all tables but one.
    func text(_ command: DatabaseCommand, _ style: RowStyle, after tableCount: inout Int) throws(ClientError) -> String
    {
        let text = try text(command, style)
        switch command.action {
        case .list, .find:
            tableCount += 1
            return tableCount > 1 && style.format != .json ? "\n" + text : text
        case .get, .set, .add, .remove, .clear, .create, .destroy: return text
        }
    }

    private func text(_ command: DatabaseCommand, _ style: RowStyle) throws(ClientError) -> String {
        let table = command.table
        switch command.action {
        case .list(let records):
            let rows = records.isEmpty ? try rows(of: table) : try named(records, command)
            return try text(of: rows, command, style)
        case .find(let conditions):
            let columns = table.columns.filter { column in conditions.contains { $0.column == column.name } }
            let objects = try objects(for: columns)
            let rows = try rows(of: table).filter { object in
                let row = table.row(of: object, objects, columns: columns)
                return conditions.allSatisfy { $0.holds(row[$0.column]) }
            }
            return try text(of: rows, command, style)
        case .get(let record, let places):
            return try text(ofPlaces: places, record, command)
        case .set, .add, .remove, .clear, .create, .destroy: return ""
        }
    }

    private func text(of rows: [JSONValue], _ command: DatabaseCommand, _ style: RowStyle) throws(ClientError) -> String
    {
        let table = command.table
        var columns = table.columns
        if !command.columns.isEmpty {
            columns = command.columns.compactMap { name in table.columns.first { $0.name == name } }
        }
        let objects = try objects(for: columns)
        return RowTable(
            columns: columns.map { ($0.name, $0.type) },
            rows: rows.map { object in columns.map { $0.value(object, objects) } }
        ).text(style)
    }

    private func text(
        ofPlaces places: [DatabaseCommand.Place],
        _ record: String,
        _ command: DatabaseCommand
    ) throws(ClientError) -> String {
        let table = command.table
        guard let object = try object(record, of: table) else {
            guard command.ifExists else { throw command.missing(record) }
            return ""
        }
        let columns = table.columns.filter { column in places.contains { $0.column == column.name } }
        let objects = try objects(for: columns)
        var text = ""
        for place in places {
            guard let column = columns.first(where: { $0.name == place.column }) else { continue }
            let datum = column.value(object, objects)
            guard let key = place.key else {
                text += datum.text(column.type) + "\n"
                continue
            }
            guard let value = datum[key] else {
                guard command.ifExists else {
                    throw .refused(
                        "no key \"\(key.bareText)\" in \(table.name) record \"\(record)\" column \(column.name)"
                    )
                }
                text += "\n"
                continue
            }
            text += value.text + "\n"
        }
        return text
    }

    private func named(_ records: [String], _ command: DatabaseCommand) throws(ClientError) -> [JSONValue] {
        var rows: [JSONValue] = []
        for record in records {
            if let object = try object(record, of: command.table) {
                rows.append(object)
            } else if !command.ifExists {
                throw command.missing(record)
            }
        }
        return rows
    }

    /// All rows of a table as objects, by name.
    func rows(of table: OVNTable) throws(ClientError) -> [JSONValue] {
        try caller.list(table.kind.path).flatMap(table.rows)
    }

    /// The object of a row, by its name, its UUID, or the first digits of that; `nil` if there is none.
    func object(_ record: String, of table: OVNTable) throws(ClientError) -> JSONValue? {
        let isOwn = table.kind.hasOwnPaths && table != .encap
        if isOwn, let object = try caller.object(table.kind.path(of: record))?.body { return object }
        let isPart = record.utf8.count >= Self.digitCountMinimum && record.allSatisfy { $0 == "-" || $0.isHexDigit }
        guard !isOwn || isPart || table == .chassis else { return nil }
        let rows = try rows(of: table)
        if let row = rows.first(where: { table.kind.rawName(of: $0) == record }) { return row }
        guard isPart else { return nil }
        // The row of a multicast group has its identity only there.
        let column = table.columns[0]
        let found = rows.filter { column.value($0, OVNObjects()).text.hasPrefix(record.lowercased()) }
        guard found.count <= 1 else {
            throw .refused(
                "\(record) is the beginning of \(found.count) UUIDs of table \(table.name); write more of it"
            )
        }
        return found.first
    }

    /// The objects that columns refer to.
    func objects(for columns: [OVNColumn]) throws(ClientError) -> OVNObjects {
        var lists: [ShownKind: [JSONValue]] = [:]
        for kind in columns.flatMap(\.needs) where lists[kind] == nil { lists[kind] = try caller.list(kind.path) }
        return OVNObjects(lists)
    }
}
