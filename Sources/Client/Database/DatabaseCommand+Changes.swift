import OVSDB

extension DatabaseCommand {
    /// The verbs that change rows.
    static func changingVerbs<Command>(
        _ make: @escaping @Sendable (DatabaseCommand) -> Command
    ) -> [ControlVerb<Command>] {
        [setVerb(make), clearVerb(make), createVerb(make), destroyVerb(make)]
            + [
                elementVerb(
                    "add",
                    parameters: "TABLE RECORD COLUMN [KEY=]VALUE...",
                    abstract: "Add values to a set, or pairs to a map.",
                    example: "heddle nb add Address_Set web addresses '\"10.0.0.7\"'",
                    make
                ) { record, column, words throws(ClientError) in
                    .add(record, column: column.name, try values(words, column.type))
                },
                elementVerb(
                    "remove",
                    parameters: "TABLE RECORD COLUMN KEY|VALUE|KEY=VALUE...",
                    abstract: "Take values out of a set, or pairs out of a map.",
                    example: "heddle nb remove Logical_Switch ls1 external_ids tenant",
                    make
                ) { record, column, words throws(ClientError) in
                    .remove(record, column: column.name, try removals(words, column.type))
                },
            ]
    }

    private static func setVerb<Command>(
        _ make: @escaping @Sendable (DatabaseCommand) -> Command
    ) -> ControlVerb<Command> {
        ControlVerb(
            "set",
            options: ["--if-exists"],
            parameters: "TABLE RECORD COLUMN[:KEY]=VALUE...",
            count: 3...Int.max,
            abstract: "Set columns of a row.",
            details: """
                external_ids are the labels of an object. What is a member of its own here is set by OVN's
                key, such as other_config:subnet of a switch or options:requested-chassis of a port.
                """,
            examples: [
                "heddle nb set Logical_Switch ls1 'other_config:subnet=\"10.0.0.0/24\"' external_ids:tenant=t1",
                "heddle nb lsp-add ls1 p1 -- set Logical_Switch_Port p1 options:requested-chassis=hv1",
            ]
        ) { words throws(ClientError) in
            let table = try OVNTable.named(words[0], in: .northbound)
            return make(
                DatabaseCommand(
                    table: table,
                    action: .set(
                        try words.reference(1, of: "row"),
                        try assignments(words.arguments.dropFirst(2), table)
                    ),
                    ifExists: words.options.contains("--if-exists")
                )
            )
        }
    }

    private static func clearVerb<Command>(
        _ make: @escaping @Sendable (DatabaseCommand) -> Command
    ) -> ControlVerb<Command> {
        ControlVerb(
            "clear",
            options: ["--if-exists"],
            parameters: "TABLE RECORD COLUMN...",
            count: 3...Int.max,
            abstract: "Make sets, maps and optional values empty.",
            examples: ["heddle nb clear Logical_Switch_Port ls1-vm1 port_security"]
        ) { words throws(ClientError) in
            let table = try OVNTable.named(words[0], in: .northbound)
            var columns: [String] = []
            for word in words.arguments.dropFirst(2) {
                let column = try settable(try table.column(word), table)
                guard column.type.minimum == 0 else {
                    throw .usage(
                        "\"clear\" operation cannot be applied to column \(column.name) of table \(table.name), which "
                            + "is not allowed to be empty"
                    )
                }
                columns.append(column.name)
            }
            return make(
                DatabaseCommand(
                    table: table,
                    action: .clear(try words.reference(1, of: "row"), columns),
                    ifExists: words.options.contains("--if-exists")
                )
            )
        }
    }

    private static func createVerb<Command>(
        _ make: @escaping @Sendable (DatabaseCommand) -> Command
    ) -> ControlVerb<Command> {
        ControlVerb(
            "create",
            options: ["--id=@NAME"],
            parameters: "TABLE COLUMN[:KEY]=VALUE...",
            count: 2...Int.max,
            abstract: "Make an object and print its UUID.",
            details: """
                Of Logical_Switch, Port_Group, Address_Set, Mirror and DHCP_Options; other commands of the
                chain may refer to it as @NAME.
                """,
            examples: ["heddle nb create Address_Set name=web 'addresses=\"10.0.0.5\",\"10.0.1.0/24\"'"]
        ) { words throws(ClientError) in
            let table = try OVNTable.named(words[0], in: .northbound)
            if case .elsewhere(let remedy) = table.creation {
                throw .usage("rows of \(table.name) are not made by 'create' here: \(remedy)")
            }
            let id = words.values["--id"]
            guard id?.hasPrefix("@") ?? true else {
                throw .usage("--id names the new row for this chain, such as --id=@web; central gives it its UUID")
            }
            let assignments = try assignments(words.arguments.dropFirst(), table, isNew: true)
            return make(DatabaseCommand(table: table, action: .create(assignments, id: id)))
        }
    }

    private static func destroyVerb<Command>(
        _ make: @escaping @Sendable (DatabaseCommand) -> Command
    ) -> ControlVerb<Command> {
        ControlVerb(
            "destroy",
            options: ["--if-exists", "--all"],
            parameters: "TABLE [RECORD]...",
            count: 1...Int.max,
            abstract: "Delete objects.",
            details: """
                A switch takes its ports along, as by ls-del.
                """,
            examples: ["heddle nb destroy Address_Set web", "heddle nb --if-exists destroy Port_Group web"]
        ) { words throws(ClientError) in
            let table = try OVNTable.named(words[0], in: .northbound)
            let records = Array(words.arguments.dropFirst())
            let isAll = words.options.contains("--all")
            guard isAll == records.isEmpty else {
                throw .usage("'destroy' takes either --all or the records to delete")
            }
            return make(
                DatabaseCommand(
                    table: table,
                    action: .destroy(isAll ? nil : records),
                    ifExists: words.options.contains("--if-exists")
                )
            )
        }
    }

    private static func elementVerb<Command>(
        _ name: String,
        parameters: String,
        abstract: String,
        example: String,
        _ make: @escaping @Sendable (DatabaseCommand) -> Command,
        _ action: @escaping @Sendable (String, OVNColumn, ArraySlice<String>) throws(ClientError) -> Action
    ) -> ControlVerb<Command> {
        ControlVerb(
            name,
            options: ["--if-exists"],
            parameters: parameters,
            count: 4...Int.max,
            abstract: abstract,
            examples: [example]
        ) { words throws(ClientError) in
            let table = try OVNTable.named(words[0], in: .northbound)
            let column = try settable(try table.column(words[2]), table)
            return make(
                DatabaseCommand(
                    table: table,
                    action: try action(try words.reference(1, of: "row"), column, words.arguments.dropFirst(3)),
                    ifExists: words.options.contains("--if-exists")
                )
            )
        }
    }

    private static func settable(_ column: OVNColumn, _ table: OVNTable) throws(ClientError) -> OVNColumn {
        if let remedy = column.remedy {
            throw .usage("column \(column.name) of \(table.name) cannot be set here: \(remedy)")
        }
        return column
    }

    private static func assignments(
        _ words: ArraySlice<String>,
        _ table: OVNTable,
        isNew: Bool = false
    ) throws(ClientError) -> [Assignment] {
        var assignments: [Assignment] = []
        for word in words {
            var reader = DatumReader(word)
            let (place, column) = try place(&reader, word, table)
            if !isNew || column.name != "name" { _ = try settable(column, table) }
            guard reader.take("=") else {
                throw .usage("\(word): argument does not end in \"=\" followed by a value")
            }
            let type = place.key == nil ? column.type : ColumnType(column.type.value ?? column.type.key)
            let value = try datum(&reader, type, word)
            assignments.append(Assignment(place: place, value: value))
        }
        return assignments
    }

    private static func values(_ words: ArraySlice<String>, _ type: ColumnType) throws(ClientError) -> Datum {
        var result = Datum()
        var type = type
        (type.minimum, type.maximum) = (0, .max)
        for word in words {
            var reader = DatumReader(word)
            result = result.adding(try datum(&reader, type, word))
        }
        return result
    }

    /// Values of a set, or of a map keys and pairs.
    private static func removals(_ words: ArraySlice<String>, _ type: ColumnType) throws(ClientError) -> Datum {
        guard type.isMap else { return try values(words, type) }
        var elements: [Datum.Element] = []
        for word in words {
            var reader = DatumReader(word)
            do throws(DatumError) {
                elements += try reader.datum(type).elements
            } catch {
                var reader = DatumReader(word)
                elements += try datum(&reader, .set(type.key), word).elements
            }
        }
        return Datum(elements: elements)
    }
}
