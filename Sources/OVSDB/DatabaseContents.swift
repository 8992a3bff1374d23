import JSON

/// The fault of a database, as one clause.
public struct DatabaseError: Error, Equatable, Sendable {
    public let reason: String

    public init(_ reason: String) { self.reason = reason }
}

/// All rows of a database.
public struct DatabaseContents: Equatable, Sendable {
    /// The name that its schema tells: `OVN_Northbound`.
    public private(set) var name = ""
    /// The columns of each table.
    public private(set) var schema: [String: [String: ColumnType]] = [:]
    /// By table and UUID, the columns that are not as a new row has them.
    public private(set) var rows: [String: [String: [String: Datum]]] = [:]
    /// The number of rows of all tables.
    public private(set) var rowCount = 0

    /// The most rows: ten for each of a hundred thousand ports, and nothing that a machine has no memory for.
    public static let rowCountMaximum = 1_000_000
    /// The most tables and columns that a schema has; OVN's have some 250.
    public static let columnCountMaximum = 10_000

    public init() {}

    /// Takes over a schema (RFC 7047 section 3.2); rows stay.
    public mutating func take(schema json: JSONValue) throws(DatabaseError) {
        guard let tables = json["tables"]?.objectValue, let name = json["name"]?.stringValue else {
            throw DatabaseError("it has no schema")
        }
        var schema: [String: [String: ColumnType]] = [:]
        var columnCount = 0
        for table in tables.members {
            var columns: [String: ColumnType] = [:]
            for column in table.value["columns"]?.objectValue?.members ?? [] {
                columnCount += 1
                guard columnCount <= Self.columnCountMaximum else {
                    throw DatabaseError("its schema has more than \(Self.columnCountMaximum) columns")
                }
                // A column of a type that OVN's northbound database has not is left out.
                columns[column.name] = column.value["type"].flatMap { ColumnType(schema: $0) }
            }
            schema[table.name] = columns
        }
        self.name = name
        self.schema = schema
    }

    /// Carries out a transaction as the logs have it: rows by table and UUID, `null` for one that goes. Names that
    /// begin with `_` are about the transaction.
    public mutating func apply(_ transaction: JSONValue) throws(DatabaseError) {
        guard let tables = transaction.objectValue else { throw DatabaseError("a transaction is no object") }
        let isDifference = transaction["_is_diff"] == true
        for table in tables.members where table.name.first != "_" {
            guard let changes = table.value.objectValue else {
                throw DatabaseError("the rows of \(Self.shown(table.name)) are no object")
            }
            for row in changes.members { try apply(row.value, to: row.name, of: table.name, isDifference) }
        }
    }

    /// Takes over a row whole.
    public mutating func put(_ row: JSONValue, _ id: String, of table: String) throws(DatabaseError) {
        try apply(row, to: id, of: table, false)
    }

    private mutating func apply(
        _ change: JSONValue,
        to id: String,
        of table: String,
        _ isDifference: Bool
    ) throws(DatabaseError) {
        guard let types = schema[table] else { throw DatabaseError("its schema has no table \(Self.shown(table))") }
        guard Atom.isUUID(id) else { throw DatabaseError("a row of \(table) has no UUID, but \(Self.shown(id))") }
        if change == .null {
            if rows[table]?.removeValue(forKey: id) != nil { rowCount -= 1 }
            return
        }
        guard let columns = change.objectValue else { throw DatabaseError("row \(id) of \(table) is no object") }
        // Taken out meanwhile, so that it is changed in place.
        var row = rows[table]?.removeValue(forKey: id)
        if row == nil {
            guard rowCount < Self.rowCountMaximum else {
                throw DatabaseError("it has more than \(Self.rowCountMaximum) rows")
            }
            rowCount += 1
        }
        for column in columns.members where column.name.first != "_" {
            guard let type = types[column.name] else { continue }
            guard let datum = Datum(json: column.value, type) else {
                throw DatabaseError("column \(column.name) of row \(id) of \(table) is no \(type.noun)")
            }
            let old = row?[column.name] ?? Datum()
            row = row ?? [:]
            row?[column.name] = isDifference ? old.applying(datum, type) : datum
        }
        rows[table, default: [:]][id] = row ?? [:]
    }

    /// The beginning of a text that a message may have.
    static func shown(_ text: String) -> String { "\"\(text.prefix(64))\"" }
}
