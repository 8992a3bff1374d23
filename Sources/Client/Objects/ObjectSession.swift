import HTTP
import HTTPTypes
import JSON
import NetworkModel

/// Carries `heddle get`, `describe` and `delete` to central.
public struct ObjectSession {
    let caller: any Caller

    public init(caller: any Caller) {
        self.caller = caller
    }

    /// The objects of a kind, as text.
    /// - Parameters:
    ///   - names: Only these, by name or UUID; empty means all.
    ///   - logicalSwitch: For ports: only those of this switch.
    ///   - order: The order of the list, as central knows it; `nil` for that of names.
    ///   - lineWidth: The characters that a line of ``OutputFormat/table`` has room for; `nil` if it has for any.
    ///   - onMissing: Is told of each name that is not there, and the others are given.
    /// - Throws: ``ClientError`` if one of the names is not there and nobody is told of it.
    public func get(
        _ kind: ShownKind,
        names: [String] = [],
        of logicalSwitch: String? = nil,
        selection: ObjectSelection = ObjectSelection(),
        order: String? = nil,
        format: OutputFormat = .table,
        lineWidth: Int? = nil,
        onMissing: ((ClientError) -> Void)? = nil
    ) throws(ClientError) -> String {
        var query = try selection.query(of: kind)
        if let order { query.append(("order", try Self.checked(order, of: kind, names))) }
        let objects =
            names.isEmpty
            ? try list(kind, of: logicalSwitch, query) : try find(kind, names, onMissing).map(\.object)
        guard names.isEmpty || !objects.isEmpty else { return "" }
        let left = names.isEmpty ? selection.rest(of: kind) : selection
        try left.checkFields(of: objects, kind)
        let chosen = objects.filter(left.fits)
        switch format {
        case .table: return Self.table(of: chosen, kind, isWide: false).text(fitting: lineWidth)
        case .wide: return Self.table(of: chosen, kind, isWide: true).text
        case .name: return chosen.map { "\(kind.singular)/\(kind.name(of: $0))\n" }.joined()
        case .json, .yaml:
            // One object that was asked for by its name is given as it is.
            let value = names.count == 1 && chosen.count == 1 ? chosen[0] : ["items": .array(chosen)]
            return format == .json ? value.indentedText : try value.yaml()
        }
    }

    private static func checked(_ order: String, of kind: ShownKind, _ names: [String]) throws(ClientError) -> String {
        guard kind.object != nil else { throw .usage("\(kind.plural) have one order only; leave --order out") }
        guard names.isEmpty else { throw .usage("objects that are named come in the order of their names") }
        guard ListOrder(order, countMaximum: 0) != nil else {
            throw .usage("--order is one of \(ListOrder.forms.joined(separator: ", ")), not '\(cut(order, at: 64))'")
        }
        return order
    }

    /// Describes objects, with the next steps for their user.
    /// - Parameter onMissing: Is told of each name that is not there, and the others are described.
    public func describe(
        _ kind: ShownKind,
        names: [String],
        onMissing: ((ClientError) -> Void)? = nil
    ) throws(ClientError) -> String {
        var texts: [String] = []
        for (object, name) in try find(kind, names, onMissing) {
            texts.append(try description(of: object, kind, askedAs: name))
        }
        return texts.joined(separator: "\n")
    }

    /// Deletes objects, in one commit: all of them or, if one cannot be deleted, none.
    /// - Parameters:
    ///   - ifExists: True if those that are not there are no concern.
    ///   - confirmed: The number of objects that are to be deleted, if central wants it confirmed.
    /// - Returns: One line for each that was deleted.
    public func delete(
        _ kind: ShownKind,
        names: [String],
        ifExists: Bool,
        confirmed: Int? = nil
    ) throws(ClientError) -> String {
        guard kind.hasOwnPaths else {
            throw .usage("a \(kind.singular) is made and removed by central itself; delete the switch, port or chassis")
        }
        let path = "/v1/transactions" + (confirmed.map { "?confirm_deletes=\($0)" } ?? "")
        var left = Self.unique(names)
        while !left.isEmpty {
            let operations = left.map { name -> JSONValue in ["op": "delete", "path": .string(kind.path(of: name))] }
            let reply = try caller.send(Call(.post, path, body: ["ops": .array(operations)]))
            if (200...299).contains(reply.status) { break }
            let problem = Problem(status: reply.status, body: reply.body)
            guard problem.code == "not_found", let index = problem.operationIndex, left.indices.contains(index) else {
                throw .problem(problem)
            }
            guard ifExists else { throw kind.notFound(left[index]) }
            left.remove(at: index)
        }
        return left.map { "\(kind.singular) \($0) deleted\n" }.joined()
    }

    /// Deletes the objects that a selection chooses, in one commit.
    /// - Parameter confirmed: The number of objects that are to be deleted, what belongs to others counted.
    /// - Returns: One line for each that was chosen.
    public func delete(
        _ kind: ShownKind,
        _ selection: ObjectSelection,
        of logicalSwitch: String? = nil,
        confirmed: Int?
    ) throws(ClientError) -> String {
        guard kind.object != nil else { throw .usage("\(kind.plural) are deleted by their names only") }
        if let field = selection.rest(of: kind).fields.first {
            throw .usage(
                "\(kind.plural) to delete are not chosen by '\(field.name)', but by labels and by "
                    + kind.listFilters.joined(separator: ", ")
            )
        }
        var query = try selection.query(of: kind)
        if let logicalSwitch {
            try Self.checkSwitch(for: kind)
            query.append(("switch", logicalSwitch))
        }
        if let confirmed { query.append(("confirm_deletes", "\(confirmed)")) }
        let reply = try caller.require(Call(.delete, kind.path + Client.query(of: query.map { ($0.name, $0.value) })))
        guard let names = reply.body?["names"]?.arrayValue?.compactMap(\.stringValue) else {
            throw .badAnswer(caller.server, "it does not say what was deleted")
        }
        guard !names.isEmpty else { return "no \(kind.singular) fits; nothing was deleted\n" }
        return names.map { "\(kind.singular) \($0) deleted\n" }.joined()
    }

    /// Deletes all that an owner of a topology has, in one commit.
    /// - Parameters:
    ///   - ifExists: True if one that is not there is no concern.
    ///   - confirmed: The number of objects that are to be deleted, if central wants it confirmed.
    /// - Returns: One line for each object that was deleted.
    public func deleteTopology(_ owner: String, ifExists: Bool, confirmed: Int?) throws(ClientError) -> String {
        let query = Client.query(of: [("confirm_deletes", confirmed.map { "\($0)" })])
        let reply = try caller.send(Call(.delete, "/v1/topologies/\(percentEncoded(owner))\(query)"))
        if reply.status == 404, ifExists { return "" }
        guard (200...299).contains(reply.status) else {
            throw .problem(Problem(status: reply.status, body: reply.body))
        }
        let steps = reply.body?["plan"]?.arrayValue ?? []
        return steps.map { step in
            let kind = ObjectKind.allCases.first { $0.names.row == step.text("kind") }
            return "\(kind?.names.singular ?? step.text("kind")) \(step.text("name")) deleted\n"
        }.joined()
    }

    static func table(of objects: [JSONValue], _ kind: ShownKind, isWide: Bool) -> TextTable {
        let columns = kind.columns.filter { isWide || !$0.isWide }
        var table = TextTable(columns.map(\.title))
        for object in objects { table.append(columns.map { $0.cell(object) }) }
        return table
    }

    private static func unique(_ names: [String]) -> [String] {
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }

    func list(
        _ kind: ShownKind,
        of logicalSwitch: String? = nil,
        _ parameters: [(name: String, value: String)] = []
    ) throws(ClientError) -> [JSONValue] {
        let query = Client.query(of: parameters.map { ($0.name, $0.value) })
        guard let logicalSwitch else { return try caller.list(kind.path + query) }
        try Self.checkSwitch(for: kind)
        do {
            return try caller.list(ShownKind.logicalSwitch.path(of: logicalSwitch) + "/ports" + query)
        } catch {
            guard case .problem(let problem) = error, problem.status == 404 else { throw error }
            throw ShownKind.logicalSwitch.notFound(logicalSwitch)
        }
    }

    /// The objects of a kind, or those of these names, and the place in central's history that shows all of them.
    func snapshot(
        _ kind: ShownKind,
        _ names: [String]
    ) throws(ClientError) -> (objects: [JSONValue], missing: [String], place: HistoryPlace?) {
        guard !names.isEmpty else {
            let list = try caller.snapshot(kind.path)
            return (list.items, [], list.place)
        }
        var (objects, missing): ([JSONValue], [String]) = ([], [])
        var place: HistoryPlace?
        for name in Self.unique(names) {
            let reply = try caller.send(Call(.get, kind.path(of: name)))
            // Changes that come after the first are told once more, and known then.
            place = place ?? HistoryPlace(reply, revision: reply.revision)
            switch (reply.status, reply.body) {
            case (200, let object?): objects.append(object)
            case (404, _): missing.append(name)
            default: throw .problem(Problem(status: reply.status, body: reply.body))
            }
        }
        return (objects, missing, place)
    }

    /// The name of the switch that a user names by name or UUID.
    func switchName(of reference: String, for kind: ShownKind) throws(ClientError) -> String {
        try Self.checkSwitch(for: kind)
        guard let object = try caller.object(ShownKind.logicalSwitch.path(of: reference))?.body else {
            throw ShownKind.logicalSwitch.notFound(reference)
        }
        return object.text("name")
    }

    private static func checkSwitch(for kind: ShownKind) throws(ClientError) {
        guard kind == .port else { throw .usage("only ports belong to a switch; leave --switch out") }
    }

    private func find(
        _ kind: ShownKind,
        _ names: [String],
        _ onMissing: ((ClientError) -> Void)?
    ) throws(ClientError) -> [(object: JSONValue, name: String)] {
        let all = kind.hasOwnPaths ? [] : try caller.list(kind.path)
        var found: [(object: JSONValue, name: String)] = []
        for name in names {
            let object =
                kind.hasOwnPaths
                ? try caller.object(kind.path(of: name))?.body
                : all.first { kind.isNamed(name, $0) }
            guard let object else {
                guard let onMissing else { throw kind.notFound(name) }
                onMissing(kind.notFound(name))
                continue
            }
            found.append((object, name))
        }
        return found
    }
}
