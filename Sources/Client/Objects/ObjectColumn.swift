import JSON
import NetworkModel
import Wire

/// A column of the table that `heddle get` prints.
struct ObjectColumn: Sendable {
    let title: String
    /// True if only `-o wide` has it.
    let isWide: Bool
    let cell: @Sendable (JSONValue) -> String

    init(_ title: String, isWide: Bool = false, _ cell: @escaping @Sendable (JSONValue) -> String) {
        self.title = title
        self.isWide = isWide
        self.cell = cell
    }

    /// The member of this name as it is.
    init(_ title: String, _ member: String, isWide: Bool = false) {
        self.init(title, isWide: isWide) { $0[member]?.plainText ?? "" }
    }
}

extension ShownKind {
    /// The columns of the table, those of `-o wide` among them.
    var columns: [ObjectColumn] {
        switch self {
        case .resource(.object(let kind)):
            // Two have more to show than their fields.
            self == .logicalSwitch ? Self.switchColumns : self == .port ? Self.portColumns : Self.columns(of: kind)
        case .resource(.chassis): Self.chassisColumns
        case .datapathBinding:
            [
                ObjectColumn("NAME", "name"), ObjectColumn("TUNNEL KEY", "tunnel_key"),
                ObjectColumn("VLAN PASSTHRU", "vlan_passthru"), ObjectColumn("ID", "id"),
            ]
        case .portBinding: Self.portBindingColumns
        case .dhcpResponder:
            [
                ObjectColumn("ID", "id"), ObjectColumn("CIDR", "cidr"), ObjectColumn("SERVER ID", "server_id"),
                ObjectColumn("SERVER MAC", "server_mac"), ObjectColumn("LEASE TIME", "lease_time"),
                ObjectColumn("OPTIONS", "options", isWide: true),
            ]
        case .dnsResponder:
            [
                ObjectColumn("ID", "id"), ObjectColumn("OWNED", "owned"),
                ObjectColumn("NAMES") { "\($0["records"]?.objectValue?.members.count ?? 0)" },
                ObjectColumn("POINTERS") { "\($0["pointers"]?.objectValue?.members.count ?? 0)" },
            ]
        case .mirrorSession:
            [
                ObjectColumn("ID", "id"), ObjectColumn("TYPE", "type"), ObjectColumn("FILTER", "filter"),
                ObjectColumn("SINK", "sink"), ObjectColumn("INDEX", "index"),
                ObjectColumn("RULES") { "\($0["rules"]?.arrayValue?.count ?? 0)" },
            ]
        case .multicastGroup:
            [
                ObjectColumn("DATAPATH", "datapath"), ObjectColumn("NAME", "name"),
                ObjectColumn("TUNNEL KEY", "tunnel_key"),
                ObjectColumn("PORTS") { "\($0.texts("ports").count)" },
                ObjectColumn("MEMBERS", isWide: true) { $0.texts("ports").joined(separator: ",") },
            ]
        }
    }

    private static func columns(of kind: ObjectKind) -> [ObjectColumn] {
        kind.row.fields.map { field in
            ObjectColumn(field.name.uppercased().replacing("_", with: " ")) { $0.fieldText(field.name) }
        } + objectColumns
    }

    private static let switchColumns =
        [
            ObjectColumn("NAME", "name"),
            ObjectColumn("TUNNEL KEY") { $0["status"]?["tunnel_key"]?.plainText ?? "" },
            ObjectColumn("LABELS") { $0.labelText },
            ObjectColumn("VLAN PASSTHRU", "vlan_passthru", isWide: true),
            ObjectColumn("SUBNET", "subnet", isWide: true),
            ObjectColumn("IPV6 PREFIX", "ipv6_prefix", isWide: true),
        ] + objectColumns

    private static let portColumns =
        [
            ObjectColumn("NAME", "name"),
            ObjectColumn("SWITCH", "switch"),
            ObjectColumn("STATE") { $0["status"]?["up"]?.boolValue == true ? "up" : "down" },
            ObjectColumn("CHASSIS") { $0["status"]?.text("chassis") ?? "" },
            ObjectColumn("REASON") { $0["status"]?.text("reason") ?? "" },
            ObjectColumn("ADDRESSES") { $0.addressTexts.joined(separator: ", ") },
            ObjectColumn("PORT SECURITY", isWide: true) { $0.texts("port_security").joined(separator: ", ") },
            ObjectColumn("ENABLED", "enabled", isWide: true),
            ObjectColumn("REQUESTED CHASSIS", isWide: true) { $0.texts("requested_chassis").joined(separator: ",") },
            ObjectColumn("TUNNEL KEY", isWide: true) { $0["status"]?["tunnel_key"]?.plainText ?? "" },
            ObjectColumn("LABELS", isWide: true) { $0.labelText },
        ] + objectColumns

    /// The columns of every object of users.
    private static let objectColumns = [
        ObjectColumn("REVISION", "revision", isWide: true),
        ObjectColumn("CREATED", "created_at", isWide: true),
        ObjectColumn("ID", "id", isWide: true),
    ]

    private static let chassisColumns = [
        ObjectColumn("NAME", "name"),
        ObjectColumn("STATE") { $0.chassisCondition },
        ObjectColumn("HOSTNAME", "hostname"),
        ObjectColumn("ENCAPS") { $0.encapText },
        ObjectColumn("REVISION", "revision", isWide: true),
        ObjectColumn("CHASSIS ID", "chassis_id", isWide: true),
    ]

    private static let portBindingColumns = [
        ObjectColumn("LOGICAL PORT", "logical_port"),
        ObjectColumn("TUNNEL KEY", "tunnel_key"),
        ObjectColumn("CHASSIS") { binding in
            (binding["locations"]?.arrayValue ?? []).map { location in
                let state = location.text("state")
                return location.text("chassis") + (state == "active" ? "" : " (\(state))")
            }.joined(separator: ", ")
        },
        ObjectColumn("ADDRESSES") { binding in
            let addresses = (binding["addresses"]?.arrayValue ?? []).map { entry in
                ([entry.text("mac")] + entry.texts("ips")).joined(separator: " ")
            }
            return (addresses + (binding["unknown"]?.boolValue == true ? ["unknown"] : [])).joined(separator: ", ")
        },
        ObjectColumn("ENABLED", "enabled", isWide: true),
        ObjectColumn("BIND SEQ", isWide: true) { binding in
            (binding["locations"]?.arrayValue ?? []).map { $0["bind_seq"]?.plainText ?? "" }.joined(separator: ",")
        },
        ObjectColumn("DATAPATH", "datapath", isWide: true),
        ObjectColumn("ID", "id", isWide: true),
    ]
}

extension JSONValue {
    /// A string without its quotes, nothing for null, everything else as JSON has it; as it may be printed.
    var plainText: String {
        switch self {
        case .null: ""
        case .string(let text): text.printable
        case .bool, .integer, .number, .array, .object: text.printableDocument
        }
    }

    /// `key=value,...` of the object's labels.
    var labelText: String { fieldText("labels") }

    /// A member in one line: the elements of a list, `key=value` of a map.
    func fieldText(_ name: String) -> String {
        switch self[name] {
        case .array(let elements)?: elements.map(\.plainText).joined(separator: ", ")
        case .object(let map)?: map.members.map(Self.pair).joined(separator: ",")
        case let value?: value.plainText
        case nil: ""
        }
    }

    /// `m1: from-lport to gre 192.0.2.9` of a mirror.
    var mirrorText: String {
        let text = "\(self.text("name")): \(self.text("filter")) to \(self.text("type")) \(self.text("sink"))"
        let count = self["mirror_rules"]?.arrayValue?.count ?? 0
        return count == 0 ? text : text + ", \(count) rule\(count == 1 ? "" : "s")"
    }

    /// `key=value` of a label or an option.
    static func pair(_ member: (name: String, value: JSONValue)) -> String {
        "\(member.name.printable)=\(member.value.plainText)"
    }

    /// `geneve 192.0.2.11, ...` of a chassis.
    var encapText: String {
        (self["encaps"]?.arrayValue ?? []).map { "\($0.text("type")) \($0.text("ip"))" }.joined(separator: ", ")
    }

    var chassisState: String { self["status"]?["live"]?.boolValue == false ? "dead" : "live" }
}
