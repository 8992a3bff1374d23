import OVSDB

/// A command about rows of OVN's databases: `list`, `find`, `get`, and those that change rows.
public struct DatabaseCommand: Equatable, Sendable {
    /// The column of a row, or the value of a key of a map there.
    struct Place: Equatable, Sendable {
        var column: String
        var key: Atom?
    }

    /// A place and its new value.
    struct Assignment: Equatable, Sendable {
        var place: Place
        var value: Datum
    }

    /// The work of a command; a record is named by name, by UUID, or by the first digits of one.
    enum Action: Equatable, Sendable {
        case list([String])
        case find([Condition])
        case get(String, [Place])
        case set(String, [Assignment])
        case add(String, column: String, Datum)
        case remove(String, column: String, Datum)
        case clear(String, [String])
        /// Make an object; later commands of the chain may call it `@NAME`.
        case create([Assignment], id: String?)
        /// Delete objects; `nil` for all of the table.
        case destroy([String]?)
    }

    var table: OVNTable
    var action: Action
    /// The columns to print, in this order; empty for all.
    var columns: [String] = []
    /// True if a record that is not there is no error.
    var ifExists = false

    /// True if it only prints.
    var onlyReads: Bool {
        switch action {
        case .list, .find, .get: true
        case .set, .add, .remove, .clear, .create, .destroy: false
        }
    }

    /// The records that it changes.
    var changedRecords: [String] {
        switch action {
        case .set(let record, _), .add(let record, _, _), .remove(let record, _, _), .clear(let record, _): [record]
        case .destroy(let records): records ?? []
        case .list, .find, .get, .create: []
        }
    }

    /// The columns that it changes.
    var changedColumns: Set<String> {
        switch action {
        case .set(_, let assignments), .create(let assignments, _): Set(assignments.map(\.place.column))
        case .add(_, let column, _), .remove(_, let column, _): [column]
        case .clear(_, let columns): Set(columns)
        case .list, .find, .get, .destroy: []
        }
    }

    /// The error for a record that is not there.
    func missing(_ record: String) -> ClientError { .refused("no row \"\(record)\" in table \(table.name)") }
}

extension DatabaseCommand {
    /// The verbs that only print, for both programs.
    static func readingVerbs<Command>(
        of database: OVNDatabase,
        _ example: Examples,
        _ make: @escaping @Sendable (DatabaseCommand) -> Command
    ) -> [ControlVerb<Command>] {
        [
            ControlVerb(
                "list",
                options: ["--columns=COLUMN[,COLUMN]...", "--if-exists"],
                parameters: "TABLE [RECORD]...",
                count: 1...Int.max,
                abstract: "List rows of a table, or some of them.",
                details: """
                    TABLE is \(database.tables.map(\.name).joined(separator: ", ")).
                    A beginning that only one has is enough. RECORD is a name, a UUID or its beginning.
                    --format=table|list|csv|json, --data=string|bare|json, --no-headings and --bare say
                    how to print.
                    """,
                examples: [example.list]
            ) { words throws(ClientError) in
                let table = try OVNTable.named(words[0], in: database)
                return make(
                    DatabaseCommand(
                        table: table,
                        action: .list(Array(words.arguments.dropFirst())),
                        columns: try columns(words, table),
                        ifExists: words.options.contains("--if-exists")
                    )
                )
            },
            ControlVerb(
                "find",
                options: ["--columns=COLUMN[,COLUMN]..."],
                parameters: "TABLE [COLUMN[:KEY]=VALUE]...",
                count: 1...Int.max,
                abstract: "List the rows that fulfil all conditions.",
                details: """
                    In the place of = may be !=, <, >, <= and >=, or for sets {=}, {!=}, {<}, {>}, {<=}, {>=},
                    {in} and {not-in}.
                    """,
                examples: [example.find]
            ) { words throws(ClientError) in
                let table = try OVNTable.named(words[0], in: database)
                var conditions: [Condition] = []
                for word in words.arguments.dropFirst() { conditions.append(try condition(word, table)) }
                return make(
                    DatabaseCommand(table: table, action: .find(conditions), columns: try columns(words, table))
                )
            },
            getVerb(of: database, example.get, make),
        ]
    }

    private static func getVerb<Command>(
        of database: OVNDatabase,
        _ example: String,
        _ make: @escaping @Sendable (DatabaseCommand) -> Command
    ) -> ControlVerb<Command> {
        ControlVerb(
            "get",
            options: ["--if-exists"],
            parameters: "TABLE RECORD [COLUMN[:KEY]]...",
            count: 2...Int.max,
            abstract: "Print columns of a row, one a line.",
            examples: [example]
        ) { words throws(ClientError) in
            let table = try OVNTable.named(words[0], in: database)
            var places: [Place] = []
            for word in words.arguments.dropFirst(2) {
                var reader = DatumReader(word)
                let place = try place(&reader, word, table).place
                guard reader.isAtEnd else { throw .usage("'\(word)' is not a column; write COLUMN or COLUMN:KEY") }
                places.append(place)
            }
            return make(
                DatabaseCommand(
                    table: table,
                    action: .get(try words.reference(1, of: "row"), places),
                    ifExists: words.options.contains("--if-exists")
                )
            )
        }
    }

    /// Lines to copy.
    struct Examples: Sendable {
        var list: String
        var find: String
        var get: String
    }

    private static func columns<Command>(
        _ words: ControlVerb<Command>.Words,
        _ table: OVNTable
    ) throws(ClientError) -> [String] {
        var columns: [String] = []
        for word in (words.values["--columns"] ?? "").split(whereSeparator: { $0 == "," || $0 == " " }) {
            let column = try table.column(String(word)).name
            if !columns.contains(column) { columns.append(column) }
        }
        return columns
    }

    private static func condition(_ word: String, _ table: OVNTable) throws(ClientError) -> Condition {
        var reader = DatumReader(word)
        let (place, column) = try place(&reader, word, table)
        let comparison = Condition.Comparison.allCases.first { reader.take($0.rawValue) }
        guard let comparison else {
            let known = Condition.Comparison.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            throw .usage("\(word): argument does not end in one of \(known) followed by a value")
        }
        // As in OVN a single value is compared with one. What it may be among is a list, which OVN does not take.
        var type = place.key == nil ? column.type : ColumnType(column.type.value ?? column.type.key)
        type.minimum = 0
        if comparison == .within || comparison == .outside || place.key != nil && comparison.isOfSets {
            type.maximum = .max
        }
        let value = try datum(&reader, type, word)
        return Condition(column: place.column, key: place.key, comparison: comparison, value: value)
    }

    /// The place at the beginning of a word.
    static func place(
        _ reader: inout DatumReader,
        _ word: String,
        _ table: OVNTable
    ) throws(ClientError) -> (place: Place, column: OVNColumn) {
        let name: String
        do throws(DatumError) { name = try reader.token().text } catch { throw .usage("\(word): \(error.reason)") }
        let column = try table.column(name)
        guard reader.take(":") else { return (Place(column: column.name), column) }
        guard column.type.isMap else {
            throw .usage("\(word): \(column.name) of \(table.name) is no map and has no keys")
        }
        do throws(DatumError) {
            return (Place(column: column.name, key: try reader.atom(column.type.key)), column)
        } catch {
            throw .usage("\(word): \(error.reason)")
        }
    }

    /// The rest of a word as a value.
    static func datum(
        _ reader: inout DatumReader,
        _ type: ColumnType,
        _ word: String
    ) throws(ClientError) -> Datum {
        do throws(DatumError) { return try reader.datum(type) } catch { throw .usage("\(word): \(error.reason)") }
    }
}
