import HTTP
import JSON
import OVSDB

extension NbPlan {
    /// Makes operations of a command that changes rows.
    mutating func change(_ command: DatabaseCommand) throws(ClientError) {
        switch command.action {
        case .set(let record, let assignments):
            try change(record, command) { row throws(ClientError) in
                for assignment in assignments { row.set(assignment) }
            }
        case .add(let record, let column, let datum):
            let datum = resolved(datum, of: column, command.table)
            try change(record, command) { row throws(ClientError) in
                row[column] = row[column].adding(datum)
                try Self.checkCount(row, column, "add", command.table)
            }
        case .remove(let record, let column, let datum):
            let datum = resolved(datum, of: column, command.table)
            try change(record, command) { row throws(ClientError) in
                row[column] = row[column].removing(datum)
                try Self.checkCount(row, column, "remove", command.table)
            }
        case .clear(let record, let columns):
            try change(record, command) { row throws(ClientError) in
                for column in columns { row[column] = Datum() }
            }
        case .create(let assignments, let id): try create(assignments, id: id, command.table)
        case .destroy(let records?):
            for record in records { try destroy(record, command) }
        case .destroy(nil):
            for object in allRecords[command.table.name] ?? [] {
                operate("delete", command.table.kind.path(of: command.table.kind.rawName(of: object)))
            }
        case .list, .find, .get: break
        }
    }

    private mutating func change(
        _ record: String,
        _ command: DatabaseCommand,
        _ edit: (inout OVNRow) throws(ClientError) -> Void
    ) throws(ClientError) {
        let table = command.table
        guard let (name, object) = current(record, of: table), let body = table.body else {
            guard command.ifExists else { throw command.missing(record) }
            return
        }
        var row = table.row(of: object, referredObjects)
        let old = body(row)
        try edit(&row)
        resolve(&row, table)
        let patch = Self.patch(from: old, to: body(row))
        guard !patch.members.isEmpty else { return }
        if let revision = records[table.name]?[record]?["revision"]?.integerValue {
            require(table.kind.path + "/", name, Known(revision: revision))
        }
        operate("patch", table.kind.path(of: name), .object(patch))
    }

    private mutating func create(
        _ assignments: [DatabaseCommand.Assignment],
        id: String?,
        _ table: OVNTable
    ) throws(ClientError) {
        guard case .named(let name) = table.creation, let body = table.body else { return }
        var row = OVNRow()
        for assignment in assignments { row.set(assignment) }
        resolve(&row, table)
        let given = name(row)
        guard !given.isEmpty, given != "dhcp-" else {
            throw .usage("a new row of \(table.name) needs a \(table == .dhcpOptions ? "cidr" : "name")")
        }
        var object = JSONObject(distinct: [("name", .string(given))])
        for member in body(row).members where !member.value.saysNothing { object[member.name] = member.value }
        operate("create", table.kind.path, .object(object))
        if let id { rowNames[id] = given }
        created.append((table.kind.path(of: given)))
    }

    private mutating func destroy(_ record: String, _ command: DatabaseCommand) throws(ClientError) {
        guard let (name, _) = current(record, of: command.table) else {
            guard command.ifExists else { throw command.missing(record) }
            return
        }
        operate("delete", command.table.kind.path(of: name))
    }

    /// An object as the chain has left it so far, with its name; `nil` if it is not there.
    private func current(_ record: String, of table: OVNTable) -> (name: String, object: JSONValue)? {
        var object = records[table.name]?[record]
        let name = object.map { table.kind.rawName(of: $0) } ?? rowNames[record] ?? record
        let path = table.kind.path(of: name)
        for operation in operations {
            let target = operation.raw("path")
            switch operation.raw("op") {
            case "create":
                let isPort = table == .logicalSwitchPort && target.hasSuffix("/ports")
                if target == table.kind.path || isPort, operation["body"]?.raw("name") == name {
                    object = operation["body"]
                }
            case "patch":
                if target == path, let patch = operation["body"] { object = object?.merged(with: patch) }
            case "delete":
                if target == path { object = nil }
            default: break
            }
        }
        return object.map { (name, $0) }
    }

    private func resolve(_ row: inout OVNRow, _ table: OVNTable) {
        for (column, datum) in row.columns { row.columns[column] = resolved(datum, of: column, table) }
    }

    /// A value with the UUIDs of what it refers to by name; of rows that the chain makes with their names.
    private func resolved(_ datum: Datum, of column: String, _ table: OVNTable) -> Datum {
        guard let kind = table.columns.first(where: { $0.name == column })?.needs.first else { return datum }
        return Datum(
            elements: datum.elements.map { element in
                guard case .uuid(let text) = element.key else { return element }
                return Datum.Element(.uuid(rowNames[text] ?? referredObjects.id(kind, text)))
            }
        )
    }

    private static func checkCount(
        _ row: OVNRow,
        _ column: String,
        _ verb: String,
        _ table: OVNTable
    ) throws(ClientError) {
        guard let type = table.columns.first(where: { $0.name == column })?.type else { return }
        let count = row[column].elements.count
        guard count > type.maximum || count < type.minimum else { return }
        throw .refused(
            "\"\(verb)\" operation would put \(count) values in column \(column) of table \(table.name), which takes "
                + (count > type.maximum ? "one; use 'set'" : "at least one; use 'set'")
        )
    }

    /// The merge patch that makes one body of another.
    private static func patch(from old: JSONObject, to new: JSONObject) -> JSONObject {
        var patch = JSONObject()
        for member in new.members where old[member.name] != member.value {
            guard let before = old[member.name]?.objectValue, let after = member.value.objectValue else {
                patch[member.name] = member.value
                continue
            }
            var changes = JSONObject()
            for pair in before.members where after[pair.name] == nil { changes[pair.name] = .null }
            for pair in after.members where before[pair.name] != pair.value { changes[pair.name] = pair.value }
            patch[member.name] = .object(changes)
        }
        return patch
    }
}

extension OVNRow {
    /// Sets a column, or the value of a key of a map.
    mutating func set(_ assignment: DatabaseCommand.Assignment) {
        guard let key = assignment.place.key else {
            self[assignment.place.column] = assignment.value
            return
        }
        self[assignment.place.column][key] = assignment.value.elements.first?.key
    }
}

extension JSONValue {
    /// True if a new object is the same without the member.
    fileprivate var saysNothing: Bool {
        switch self {
        case .null: true
        case .array(let elements): elements.isEmpty
        case .object(let object): object.members.isEmpty
        case .bool(let value): !value
        case .string, .integer, .number: false
        }
    }
}
