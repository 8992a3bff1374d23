import JSON
import OVSDB
import Wire

/// A table of OVN's databases, filled with this network's objects.
struct OVNTable: Sendable {
    /// As OVN spells it: `Logical_Switch`.
    let name: String
    /// The objects that its rows are made of.
    let kind: ShownKind
    /// `_uuid`, then all columns that OVN has, and those that this network has besides, by name.
    let columns: [OVNColumn]
    /// The rows that an object makes, most of them one.
    let rows: @Sendable (JSONValue) -> [JSONValue]
    /// The members that users set, made of a row's columns; each is there, `null` if it is left out.
    let body: (@Sendable (OVNRow) -> JSONObject)?
    /// The name that an object made of a row gets, or the reason why it cannot be made so.
    let creation: Creation

    /// The way in which `create` makes an object.
    enum Creation: Sendable {
        case named(@Sendable (OVNRow) -> String)
        /// Not at all; what to use.
        case elsewhere(String)
    }

    init(
        _ name: String,
        _ kind: ShownKind,
        _ columns: [OVNColumn],
        creation: Creation = .elsewhere("central makes its rows"),
        rows: @escaping @Sendable (JSONValue) -> [JSONValue] = { [$0] },
        body: (@Sendable (OVNRow) -> JSONObject)? = nil
    ) {
        self.name = name
        self.kind = kind
        self.columns = columns
        self.creation = creation
        self.rows = rows
        self.body = body
    }

    /// The row of an object, as far as these columns go.
    func row(of object: JSONValue, _ objects: OVNObjects, columns: [OVNColumn]? = nil) -> OVNRow {
        OVNRow(
            columns: Dictionary(
                (columns ?? self.columns).map { ($0.name, $0.value(object, objects)) },
                uniquingKeysWith: { first, _ in first }
            )
        )
    }

    /// The column that a word means: its name, in any case, or a beginning of it that no other has.
    func column(_ word: String) throws(ClientError) -> OVNColumn {
        switch bestMatch(for: word, among: columns.map(\.name)) {
        case .one(let place): return columns[place]
        case .several:
            throw .usage("\(name) contains more than one column whose name matches \"\(word)\"")
        case .none:
            let names = columns.map(\.name).joined(separator: ", ")
            let hint = suggestion(for: word, among: columns.map(\.name))
            throw .usage(
                "\(name) does not contain a column whose name matches \"\(word)\"; \(hint)the columns are \(names)"
            )
        }
    }

    /// The table that a word means: its name, in any case, or a beginning of it that no other has.
    static func named(_ word: String, in database: OVNDatabase) throws(ClientError) -> OVNTable {
        let tables = database.tables
        switch bestMatch(for: word, among: tables.map(\.name) + database.foreignTables.map(\.name)) {
        case .one(let place) where place < tables.count: return tables[place]
        case .one(let place):
            let table = database.foreignTables[place - tables.count]
            throw .usage("the table \(table.name) exists in OVN, but not here: \(table.remedy)")
        case .several(let names):
            throw .usage("\"\(word)\" matches multiple table names: \(names.joined(separator: ", "))")
        case .none:
            let hint = suggestion(for: word, among: tables.map(\.name))
            throw .usage(
                "unknown table \"\(word)\"; \(hint)the tables are \(tables.map(\.name).joined(separator: ", "))"
            )
        }
    }
}

extension OVNTable: Equatable {
    static func == (left: OVNTable, right: OVNTable) -> Bool { left.name == right.name }
}

/// The columns of a row by name.
struct OVNRow: Sendable {
    var columns: [String: Datum] = [:]

    subscript(column: String) -> Datum {
        get { columns[column] ?? Datum() }
        set { columns[column] = newValue }
    }
}

/// A column of a table of OVN's databases.
struct OVNColumn: Sendable {
    let name: String
    let type: ColumnType
    /// The kinds of other objects that its value is made of.
    let needs: [ShownKind]
    /// The reason why it cannot be set, and what to use; `nil` if it can.
    let remedy: String?
    /// True if this version of the network has nothing for it.
    let isAbsent: Bool
    let value: @Sendable (JSONValue, OVNObjects) -> Datum

    init(
        _ name: String,
        _ type: ColumnType,
        needs: [ShownKind] = [],
        fixed remedy: String? = nil,
        isAbsent: Bool = false,
        _ value: @escaping @Sendable (JSONValue, OVNObjects) -> Datum
    ) {
        self.name = name
        self.type = type
        self.needs = needs
        self.remedy = remedy
        self.isAbsent = isAbsent
        self.value = value
    }

    /// One that this version of the network has nothing for.
    static func absent(_ name: String, _ type: ColumnType, _ remedy: String) -> OVNColumn {
        OVNColumn(name, type, fixed: remedy, isAbsent: true) { _, _ in type == .integer ? .integer(0) : Datum() }
    }

    /// The identity that central gave the object.
    static let uuid = OVNColumn("_uuid", .uuid, fixed: "central gives it") { object, _ in
        .uuids([object.raw("id")])
    }

    /// The name of an object.
    static func name(_ remedy: String) -> OVNColumn {
        OVNColumn("name", .string, fixed: "names do not change: \(remedy)") { object, _ in
            .string(object.raw("name"))
        }
    }

    /// The user's own marks.
    static let externalIDs = OVNColumn("external_ids", .map) { object, _ in Datum(map: object.rawMap("labels")) }
}

/// The databases of OVN that there is something of here.
enum OVNDatabase: Sendable {
    case northbound, southbound

    /// By name.
    var tables: [OVNTable] {
        switch self {
        case .northbound:
            [
                .acl, .addressSet, .dhcpOptions, .dns, .logicalSwitch, .logicalSwitchPort, .mirror, .portGroup,
                .qos,
            ]
        case .southbound: [.chassis, .datapathBinding, .encap, .multicastGroup, .portBinding]
        }
    }
}

/// The other objects that columns refer to.
struct OVNObjects: Equatable, Sendable {
    private var ids: [ShownKind: [String: String]] = [:]
    private var members: [Home: [String: [String]]] = [:]
    private var objects: [ShownKind: [String: JSONValue]] = [:]

    /// The kind and the member by which objects belong to another one.
    private struct Home: Hashable {
        var kind: ShownKind
        var member: String
    }

    init(_ lists: [ShownKind: [JSONValue]] = [:]) {
        for (kind, list) in lists {
            ids[kind] = Dictionary(
                list.map { (kind.rawName(of: $0), $0.rowID) },
                uniquingKeysWith: { first, _ in first }
            )
            objects[kind] = Dictionary(list.map { (kind.rawName(of: $0), $0) }, uniquingKeysWith: { first, _ in first })
            for member in ["switch", "port_group"] {
                members[Home(kind: kind, member: member)] = Dictionary(grouping: list) { $0.raw(member) }
                    .mapValues { $0.map(\.rowID) }
            }
        }
    }

    /// The identity of the object of this name. A name that there is none of stays as it is.
    func id(_ kind: ShownKind, _ name: String) -> String { ids[kind]?[name] ?? name }

    func ids(_ kind: ShownKind, _ names: [String]) -> [String] { names.map { id(kind, $0) } }

    /// The identities of the objects whose member is this name.
    func ids(_ kind: ShownKind, where member: String, is name: String) -> [String] {
        members[Home(kind: kind, member: member)]?[name] ?? []
    }

    func object(_ kind: ShownKind, _ name: String) -> JSONValue? { objects[kind]?[name] }
}

/// The result of looking for a name that a word means.
enum NameMatch {
    case none
    case one(Int)
    case several([String])
}

/// Finds the name that a word means, as OVN's programs do: in any case, `-` as `_`, or a beginning that only one has.
func bestMatch(for word: String, among names: [String]) -> NameMatch {
    func plain(_ text: String) -> String { text.lowercased().replacing("-", with: "_") }
    let wanted = plain(word)
    guard !wanted.isEmpty else { return .none }
    if let place = names.firstIndex(where: { plain($0) == wanted }) { return .one(place) }
    let places = names.indices.filter { plain(names[$0]).hasPrefix(wanted) }
    switch places.count {
    case 0: return .none
    case 1: return .one(places[0])
    default: return .several(places.map { names[$0] }.sorted())
    }
}

extension JSONValue {
    /// The string member of this name, as it is; empty if it is missing or something else.
    func raw(_ name: String) -> String { self[name]?.stringValue ?? "" }

    /// The strings of the array member of this name, as they are.
    func raws(_ name: String) -> [String] { (self[name]?.arrayValue ?? []).compactMap(\.stringValue) }

    /// The strings of the object member of this name, as they are.
    func rawMap(_ name: String) -> [String: String] {
        Dictionary(
            (self[name]?.objectValue?.members ?? []).compactMap { member in
                member.value.stringValue.map { (member.name, $0) }
            },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// The identity of an object; of a chassis, which has none, the one that its agent has made.
    var rowID: String { self["id"]?.stringValue ?? self["chassis_id"]?.stringValue ?? "" }
}

extension ShownKind {
    /// The name of an object, as it is.
    func rawName(of object: JSONValue) -> String {
        switch self {
        case .portBinding: object.raw("logical_port")
        case .multicastGroup: "\(object.raw("datapath"))/\(object.raw("name"))"
        case .dhcpResponder, .dnsResponder, .mirrorSession: object.raw("id")
        case .resource, .datapathBinding: object.raw("name")
        }
    }
}
