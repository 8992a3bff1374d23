import JSON
import NetworkModel
import OVSDB

/// A topology made of a northbound database of OVN, and what of that it does not have.
///
/// All objects are tried as central would take them; what it would refuse is left out and told. So the file that is
/// made can be applied to an empty network.
public struct NorthboundImport: Sendable {
    /// The rows and columns that are otherwise or not at all.
    public internal(set) var remarks: [ImportRemark] = []
    /// The bodies of the objects, by kind.
    var bodies: [ObjectKind: [JSONObject]] = [:]
    /// The rows that they are of, in the same order.
    var origins: [ObjectKind: [Origin]] = [:]
    private let contents: DatabaseContents
    private var names: [String: RowNames] = [:]

    /// The row that an object was made of.
    struct Origin: Sendable {
        var table: String
        var row: String
    }

    /// The tables whose rows others own: what is said of those says it of these.
    private static let ownedTables: Set = [
        "Logical_Router_Port", "Logical_Router_Policy", "Logical_Router_Static_Route", "NAT", "Gateway_Chassis",
        "HA_Chassis", "Meter_Band", "Load_Balancer_Health_Check", "Forwarding_Group",
    ]

    /// Makes objects of all rows.
    /// - Throws: ``ClientError/refused(_:)`` if it is another database.
    public init(_ contents: DatabaseContents) throws(ClientError) {
        self.contents = contents
        guard contents.name == "OVN_Northbound" else {
            throw .refused("this is the database \(contents.name), and OVN_Northbound is the one to import")
        }
        nameRows()
        for (id, row) in rows(of: .dhcpOptions) { add(object(id, row, .dhcpOptions), .dhcpOptions, id, .dhcpOptions) }
        for (id, row) in rows(of: .dns) { add(object(id, row, .dns), .dnsRecords, id, .dns) }
        for (id, row) in rows(of: .mirror) { add(object(id, row, .mirror), .mirror, id, .mirror) }
        for (id, row) in rows(of: .logicalSwitch) { addSwitch(id, row) }
        for (id, row) in rows(of: .portGroup) {
            add(object(id, row, .portGroup), .portGroup, id, .portGroup)
            addACLs(of: row, ("port_group", name(id, .portGroup)))
        }
        for (id, row) in rows(of: .addressSet) { add(object(id, row, .addressSet), .addressSet, id, .addressSet) }
        remarkForeignTables()
        try leaveOutRefused()
    }

    public var objectCount: Int { bodies.values.reduce(0) { $0 + $1.count } }

    /// One sentence about the whole.
    public var summary: String {
        var text = "\(objectCount) objects; \(remarks.count) remarks tell what is otherwise or not at all"
        if objectCount > Limits.topologyObjectCountMaximum {
            text += "; 'heddle apply' takes \(Limits.topologyObjectCountMaximum) at once: give the file several owners"
        }
        return text
    }

    /// The file for `heddle apply`.
    public func text(asJSON: Bool) throws(ClientError) -> String {
        let lists = bodies.mapValues { list in
            list.map { JSONValue.object($0) }.sorted { $0.raw("name").utf8Precedes($1.raw("name")) }
        }
        let document = TopologySession.document(owner: nil, lists)
        return asJSON ? document.indentedText : try document.yaml()
    }

    // MARK: Rows

    /// The rows of a table by name, then by UUID.
    private func rows(of table: OVNTable) -> [(id: String, row: OVNRow)] {
        (contents.rows[table.name] ?? [:]).map { ($0.key, OVNRow(columns: $0.value)) }.sorted {
            ($0.1["name"].text, $0.0) < ($1.1["name"].text, $1.0)
        }
    }

    private mutating func nameRows() {
        for (table, prefix) in [
            (OVNTable.logicalSwitch, "switch"), (.logicalSwitchPort, "port"), (.portGroup, "group"),
            (.addressSet, "addresses"), (.mirror, "mirror"), (.dhcpOptions, "dhcp"), (.dns, "dns"),
        ] {
            var given = RowNames(prefix: prefix)
            for (id, row) in rows(of: table) {
                var wanted = row["name"].text
                if table == .dhcpOptions { wanted = "dhcp-" + row["cidr"].text.replacing("/", with: "-") }
                guard let reason = given.add(id, wanted), table != .dhcpOptions, !wanted.isEmpty else { continue }
                remark(table, wanted, "name", "it is \(given[id] ?? "") here, since \(reason)")
            }
            names[table.name] = given
        }
    }

    private func name(_ id: String, _ table: OVNTable) -> String { names[table.name]?[id] ?? id }

    /// The name of a row in remarks.
    private func label(_ id: String, _ row: OVNRow) -> String { row["name"].isEmpty ? id : row["name"].text }

    private mutating func remark(_ table: OVNTable, _ row: String, _ column: String?, _ reason: String) {
        remarks.append(ImportRemark(table: table.name, row: row, column: column, reason: reason))
    }

    /// The body of an object, with its name.
    /// - Parameter key: The key of its name, if that is not the row's UUID.
    private mutating func object(
        _ id: String,
        _ row: OVNRow,
        _ table: OVNTable,
        key: String? = nil
    ) -> JSONObject {
        var row = row
        let known = Set(table.columns.map(\.name))
        for column in row.columns.keys.sorted() where !known.contains(column) && !row[column].isEmpty {
            remark(table, label(id, row), column, "this version does not know it")
        }
        for column in table.columns {
            if column.isAbsent, let reason = column.remedy, row[column.name].saysSomething {
                remark(table, label(id, row), column.name, reason)
            }
            guard column.type.key == .uuid, column.remedy == nil else { continue }
            row[column.name] = references(row[column.name], of: column.name)
        }
        let given = name(key ?? id, table)
        // The row's own name is kept if it cannot be the object's.
        if !row["name"].isEmpty, row["name"].text != given {
            row["external_ids"][.string("ovn-name")] = .string(row["name"].text)
        }
        var object = JSONObject(distinct: [("name", .string(given))])
        for member in table.body?(row).members ?? [] where !member.value.isUnsaid(member.name) {
            object[member.name] = member.value
        }
        return object
    }

    /// The names of what a column refers to; rows that are gone are left out, as OVN does.
    private func references(_ datum: Datum, of column: String) -> Datum {
        let table: OVNTable
        switch column {
        case "dhcpv4_options", "dhcpv6_options": table = .dhcpOptions
        case "dns_records": table = .dns
        case "mirror_rules": table = .mirror
        default: table = .logicalSwitchPort
        }
        return .uuids(datum.texts.compactMap { names[table.name]?[$0] })
    }

    private mutating func add(_ body: JSONObject, _ kind: ObjectKind, _ id: String, _ table: OVNTable) {
        let row = OVNRow(columns: contents.rows[table.name]?[id] ?? [:])
        bodies[kind, default: []].append(body)
        origins[kind, default: []].append(Origin(table: table.name, row: label(id, row)))
    }

    // MARK: Switches, ports and ACLs

    private mutating func addSwitch(_ id: String, _ row: OVNRow) {
        add(object(id, row, .logicalSwitch), .logicalSwitch, id, .logicalSwitch)
        let home = name(id, .logicalSwitch)
        let ports = contents.rows[OVNTable.logicalSwitchPort.name] ?? [:]
        let own = row["ports"].texts.compactMap { id in ports[id].map { (id, OVNRow(columns: $0)) } }
        for (id, port) in own.sorted(by: { ($0.1["name"].text, $0.0) < ($1.1["name"].text, $1.0) }) {
            addPort(id, port, on: home)
        }
        addACLs(of: row, ("switch", home))
        addQoSRules(of: row, home)
    }

    private mutating func addPort(_ id: String, _ row: OVNRow, on home: String) {
        let table = OVNTable.logicalSwitchPort
        var row = row
        guard row["type"].text != "router" else {
            let router = row["options"].map["router-port"].map { " \($0)" } ?? ""
            let reason = "it leads to the router port\(router), and logical routers are not in this version"
            return remark(table, label(id, row), nil, reason)
        }
        // A tag that OVN has chosen stays; of a port of a physical network it may be there alone.
        if !row["tag"].isEmpty, ["", "0"].contains(row["tag_request"].text) { row["tag_request"] = row["tag"] }
        if !row["dynamic_addresses"].isEmpty, let given = row["dynamic_addresses"].texts.first {
            let others = row["addresses"].texts.filter { !$0.split(separator: " ").contains("dynamic") }
            if others.count < row["addresses"].texts.count {
                row["addresses"] = .strings(others + [given])
                remark(table, label(id, row), "addresses", "the dynamic address stays what OVN gave, \(given)")
            }
        }
        var body = object(id, row, table)
        body["switch"] = .string(home)
        add(body, .logicalSwitchPort, id, table)
    }

    private mutating func addACLs(of row: OVNRow, _ home: (member: String, name: String)) {
        let acls = contents.rows[OVNTable.acl.name] ?? [:]
        for id in row["acls"].texts {
            guard let columns = acls[id] else { continue }
            var row = OVNRow(columns: columns)
            row["match"] = .string(withNewNames(row["match"].text))
            var acl = NbACL(
                entity: home.name,
                direction: row["direction"].text,
                priority: Int64(row["priority"].text) ?? 0,
                match: row["match"].text,
                action: row["action"].text
            )
            acl.givenName = row["name"].texts.first.flatMap { ObjectName.problem($0) == nil ? $0 : nil }
            // OVN's ACLs may have equal names, and one may be of several switches and groups.
            var given = names[OVNTable.acl.name] ?? RowNames(prefix: "acl")
            let key = "\(id)/\(home.name)"
            _ = given.add(key, acl.name(on: home.name))
            names[OVNTable.acl.name] = given
            var body = object(id, row, .acl, key: key)
            body[home.member] = .string(home.name)
            add(body, .acl, id, .acl)
        }
    }

    private mutating func addQoSRules(of row: OVNRow, _ home: String) {
        let rules = contents.rows[OVNTable.qos.name] ?? [:]
        for id in row["qos_rules"].texts {
            guard let columns = rules[id] else { continue }
            var row = OVNRow(columns: columns)
            row["match"] = .string(withNewNames(row["match"].text))
            let name = NbACL.name(
                on: home,
                row["direction"].text,
                Int64(row["priority"].text) ?? 0,
                row["match"].text
            )
            var given = names[OVNTable.qos.name] ?? RowNames(prefix: "qos")
            let key = "\(id)/\(home)"
            _ = given.add(key, name)
            names[OVNTable.qos.name] = given
            var body = object(id, row, .qos, key: key)
            body["switch"] = .string(home)
            add(body, .qosRule, id, .qos)
        }
    }

    /// A match with the names that ports have here.
    private func withNewNames(_ match: String) -> String {
        guard let renamed = names[OVNTable.logicalSwitchPort.name]?.renamed, !renamed.isEmpty else { return match }
        let parts = match.split(separator: "\"", omittingEmptySubsequences: false).map(String.init)
        return parts.enumerated().map { place, part in place % 2 == 1 ? renamed[part] ?? part : part }
            .joined(separator: "\"")
    }

    private mutating func remarkForeignTables() {
        let own = Set(OVNDatabase.northbound.tables.map(\.name))
        let foreign = Dictionary(
            uniqueKeysWithValues: OVNDatabase.northbound.foreignTables.map { ($0.name, $0.remedy) }
        )
        for table in contents.rows.keys.sorted() where !own.contains(table) && !Self.ownedTables.contains(table) {
            for (id, columns) in (contents.rows[table] ?? [:]).sorted(by: { $0.key < $1.key }) {
                let row = OVNRow(columns: columns)
                if table == "NB_Global" {
                    guard row["ipsec"].text == "true" else { continue }
                    let reason = "Heddle does not encrypt tunnels; encrypt between hosts, or use --authenticate-tunnels"
                    remarks.append(ImportRemark(table: table, row: ".", column: "ipsec", reason: reason))
                    continue
                }
                let said = columns.filter { !["name", "external_ids"].contains($0.key) && $0.value.saysSomething }
                let list = said.isEmpty ? "" : " (\(said.keys.sorted().joined(separator: ", ")))"
                let reason = (foreign[table] ?? "this version does not know the table") + list
                let label = row["name"].isEmpty ? id : row["name"].text
                remarks.append(ImportRemark(table: table, row: label, column: nil, reason: reason))
            }
        }
    }
}

/// The names that objects get of rows: valid, and each once.
struct RowNames: Sendable {
    private let prefix: String
    private var names: [String: String] = [:]
    private var used: Set<String> = []
    /// New names by the old ones, where they differ.
    private(set) var renamed: [String: String] = [:]

    init(prefix: String) { self.prefix = prefix }

    subscript(id: String) -> String? { names[id] }

    /// Gives a row a name.
    /// - Returns: The reason why it is not the one that was wanted; `nil` if it is.
    mutating func add(_ id: String, _ wanted: String) -> String? {
        var reason = wanted.isEmpty ? "a name is needed" : ObjectName.problem(wanted)
        var name = wanted
        if reason != nil {
            let known = wanted.isEmpty ? id : wanted
            name = Atom.isUUID(known) ? "\(prefix)-\(known)" : Self.cleaned(known)
            if ObjectName.problem(name) != nil { name = "\(prefix)-\(id)" }
        }
        if !used.insert(name).inserted {
            reason = reason ?? "another has the name"
            let base = name.prefix(Limits.nameByteCountMaximum - 9)
            // There are fewer rows than numbers.
            let number = (2...).first { !used.contains("\(base)-\($0)") } ?? 0
            name = "\(base)-\(number)"
            used.insert(name)
        }
        names[id] = name
        if name != wanted, renamed[wanted] == nil { renamed[wanted] = name }
        return reason
    }

    /// A text with `-` in the place of what names do not have, and cut.
    private static func cleaned(_ text: String) -> String {
        let octets = text.utf8.prefix(Limits.nameByteCountMaximum).map { byte in
            ObjectName.problem(String(UnicodeScalar(byte)) + "a") == nil ? byte : UInt8(ascii: "-")
        }
        return String(decoding: octets, as: UTF8.self)
    }
}

extension Datum {
    /// True if it is not what a row has that says nothing.
    fileprivate var saysSomething: Bool {
        !isEmpty && self != .integer(0) && self != .boolean(false) && self != .string("")
    }
}

extension JSONValue {
    /// True if a member of a new object is the same when it is left out.
    fileprivate func isUnsaid(_ name: String) -> Bool {
        switch self {
        case .null: true
        case .bool(let value): value == (name == "enabled")
        case .string(let text): text.isEmpty
        case .array(let elements): elements.isEmpty
        case .object(let object): object.members.isEmpty
        case .integer, .number: false
        }
    }
}
