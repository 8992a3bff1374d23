import JSON
import NetworkModel
import OVSDB

// The tables of OVN_Northbound (ovn-nb(5), version 7.0).

private let noBalancers = "load balancers are not in this version"

extension OVNTable {
    static let logicalSwitch = OVNTable(
        "Logical_Switch",
        .logicalSwitch,
        [
            .uuid,
            OVNColumn("acls", .set(.uuid), needs: [.acl], fixed: "use 'acl-add' and 'acl-del'") { object, objects in
                .uuids(objects.ids(.acl, where: "switch", is: object.raw("name")))
            },
            .absent("copp", .optional(.uuid), "hosts bound what guests may ask of them by themselves"),
            OVNColumn("dns_records", .set(.uuid), needs: [.dnsRecords]) { object, objects in
                .uuids(objects.ids(.dnsRecords, object.raws("dns_records")))
            },
            .externalIDs,
            .absent("forwarding_groups", .set(.uuid), noBalancers),
            .absent("load_balancer", .set(.uuid), noBalancers),
            .absent("load_balancer_group", .set(.uuid), noBalancers),
            .name("use 'ls-del' and 'ls-add'"),
            OVNColumn("other_config", .map) { object, _ in Datum(map: otherConfig(of: object)) },
            OVNColumn("ports", .set(.uuid), needs: [.port], fixed: "use 'lsp-add' and 'lsp-del'") { object, objects in
                .uuids(objects.ids(.port, where: "switch", is: object.raw("name")))
            },
            OVNColumn("qos_rules", .set(.uuid), needs: [.qosRule], fixed: "use 'qos-add' and 'qos-del'") {
                object,
                objects in .uuids(objects.ids(.qosRule, where: "switch", is: object.raw("name")))
            },
        ],
        creation: .named { $0["name"].text },
        body: { switchBody($0) }
    )

    private static func otherConfig(of object: JSONValue) -> [String: String] {
        var config = object.rawMap("other_config")
        config["subnet"] = object["subnet"]?.stringValue
        let excluded = object.raws("exclude_ips")
        if !excluded.isEmpty { config["exclude_ips"] = excluded.joined(separator: " ") }
        config["ipv6_prefix"] = object["ipv6_prefix"]?.stringValue
        if object["mac_only"]?.boolValue == true { config["mac_only"] = "true" }
        if object["vlan_passthru"]?.boolValue == true { config["vlan-passthru"] = "true" }
        return config
    }

    private static func switchBody(_ row: OVNRow) -> JSONObject {
        var config = row["other_config"].map
        let excluded = config.removeValue(forKey: "exclude_ips") ?? ""
        return [
            ("labels", .texts(row["external_ids"].map)),
            ("vlan_passthru", .bool(config.removeValue(forKey: "vlan-passthru") == "true")),
            ("subnet", .optional(config.removeValue(forKey: "subnet"))),
            ("exclude_ips", .list(excluded.split(separator: " ").map(String.init))),
            ("ipv6_prefix", .optional(config.removeValue(forKey: "ipv6_prefix"))),
            ("mac_only", .bool(config.removeValue(forKey: "mac_only") == "true")),
            ("dns_records", .list(row["dns_records"].texts)),
            ("other_config", .texts(config)),
        ].asObject
    }

    static let acl = OVNTable(
        "ACL",
        .acl,
        [
            .uuid,
            OVNColumn("action", .string) { object, _ in .string(object.raw("action")) },
            OVNColumn("direction", .string) { object, _ in .string(object.raw("direction")) },
            .externalIDs,
            .absent("label", .integer, "'external_ids' may say anything"),
            OVNColumn("log", .boolean) { object, _ in .boolean(object["log"]?.boolValue ?? false) },
            OVNColumn("match", .string) { object, _ in .string(object.raw("match")) },
            .absent("meter", .optional(.string), "hosts bound what they log by themselves"),
            OVNColumn("name", .optional(.string), fixed: "names do not change: use 'acl-del' and 'acl-add --name'") {
                object,
                _ in .string(object.raw("name"))
            },
            .absent("options", .map, "there are none in this version"),
            OVNColumn("priority", .integer) { object, _ in .integer(object["priority"]?.integerValue ?? 0) },
            OVNColumn("severity", .optional(.string)) { object, _ in
                // Its default says nothing of an ACL that is not logged.
                let severity = object["severity"]?.stringValue
                return .strings(severity.map { [$0] } ?? (object["log"]?.boolValue == true ? ["info"] : []))
            },
            OVNColumn("tier", .integer) { object, _ in .integer(object["tier"]?.integerValue ?? 0) },
        ],
        creation: .elsewhere("use 'acl-add'"),
        body: { row in
            [
                ("direction", .string(row["direction"].text)),
                ("priority", .integer(Int64(row["priority"].text) ?? 0)),
                ("tier", .integer(Int64(row["tier"].text) ?? 0)),
                ("match", .string(row["match"].text)),
                ("action", .string(row["action"].text)),
                ("labels", .texts(row["external_ids"].map)),
                ("log", .bool(row["log"].text == "true")),
                ("severity", .optional(row["severity"].texts.first)),
            ].asObject
        }
    )

    static let portGroup = OVNTable(
        "Port_Group",
        .portGroup,
        [
            .uuid,
            OVNColumn("acls", .set(.uuid), needs: [.acl], fixed: "use 'acl-add' and 'acl-del'") { object, objects in
                .uuids(objects.ids(.acl, where: "port_group", is: object.raw("name")))
            },
            .externalIDs,
            .name("use 'pg-del' and 'pg-add'"),
            OVNColumn("ports", .set(.uuid), needs: [.port]) { object, objects in
                .uuids(objects.ids(.port, object.raws("ports")))
            },
        ],
        creation: .named { $0["name"].text },
        body: { row in
            [("ports", .list(row["ports"].texts)), ("labels", .texts(row["external_ids"].map))].asObject
        }
    )

    static let addressSet = OVNTable(
        "Address_Set",
        .addressSet,
        [
            .uuid,
            OVNColumn("addresses", .set(.string)) { object, _ in .strings(object.raws("addresses")) },
            .externalIDs,
            .name("destroy it and create another"),
        ],
        creation: .named { $0["name"].text },
        body: { row in
            [("addresses", .list(row["addresses"].texts)), ("labels", .texts(row["external_ids"].map))].asObject
        }
    )

    static let dhcpOptions = OVNTable(
        "DHCP_Options",
        .dhcpOptions,
        [
            .uuid,
            OVNColumn("cidr", .string) { object, _ in .string(object.raw("cidr")) },
            .externalIDs,
            OVNColumn("options", .map) { object, _ in Datum(map: object.rawMap("options")) },
        ],
        creation: .named { "dhcp-" + $0["cidr"].text.replacing("/", with: "-") },
        body: { row in
            [
                ("cidr", .string(row["cidr"].text)), ("options", .texts(row["options"].map)),
                ("labels", .texts(row["external_ids"].map)),
            ].asObject
        }
    )

    static let dns = OVNTable(
        "DNS",
        .dnsRecords,
        [
            .uuid, .externalIDs,
            OVNColumn("options", .map) { object, _ in Datum(map: object.rawMap("options")) },
            OVNColumn("records", .map) { object, _ in Datum(map: object.rawMap("records")) },
        ],
        creation: .elsewhere("use 'heddle apply', which gives it a name"),
        body: { row in
            [
                ("records", .texts(row["records"].map)), ("options", .texts(row["options"].map)),
                ("labels", .texts(row["external_ids"].map)),
            ].asObject
        }
    )

    static let mirror = OVNTable(
        "Mirror",
        .mirror,
        [
            .uuid, .externalIDs,
            OVNColumn("filter", .string) { object, _ in .string(object.raw("filter")) },
            OVNColumn("index", .integer) { object, _ in .integer(object["index"]?.integerValue ?? 0) },
            .name("use 'mirror-del' and 'mirror-add'"),
            OVNColumn("sink", .string) { object, _ in .string(object.raw("sink")) },
            OVNColumn("type", .string) { object, _ in .string(object.raw("type")) },
        ],
        creation: .named { $0["name"].text },
        body: { row in
            [
                ("type", .string(row["type"].text)), ("filter", .string(row["filter"].text)),
                ("sink", .string(row["sink"].text)), ("index", .integer(Int64(row["index"].text) ?? 0)),
                ("labels", .texts(row["external_ids"].map)),
            ].asObject
        }
    )
}

extension JSONValue {
    /// An object of strings, by key.
    static func texts(_ map: [String: String]) -> JSONValue {
        .object(JSONObject(distinct: map.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
    }

    static func list(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }

    /// A string, or `null` for none.
    static func optional(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
}

extension Array where Element == (String, JSONValue) {
    /// The members of an object, whose names differ.
    var asObject: JSONObject { JSONObject(distinct: map { (name: $0.0, value: $0.1) }) }
}

extension ShownKind {
    static let acl = ShownKind.resource(.object(.acl))
    static let portGroup = ShownKind.resource(.object(.portGroup))
    static let addressSet = ShownKind.resource(.object(.addressSet))
    static let dnsRecords = ShownKind.resource(.object(.dnsRecords))
}
