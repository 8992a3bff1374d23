import JSON
import OVSDB

extension OVNTable {
    static let logicalSwitchPort = OVNTable(
        "Logical_Switch_Port",
        .port,
        [
            .uuid,
            OVNColumn("addresses", .set(.string)) { object, _ in .strings(object.raws("addresses")) },
            reference("dhcpv4_options", .dhcpOptions),
            reference("dhcpv6_options", .dhcpOptions),
            OVNColumn("dynamic_addresses", .optional(.string), fixed: "central makes it of 'addresses'") { object, _ in
                .strings(["dynamic_addresses"].compactMap { object["status"]?[$0]?.stringValue })
            },
            OVNColumn("enabled", .optional(.boolean)) { object, _ in
                .boolean(object["enabled"]?.boolValue ?? true)
            },
            .externalIDs,
            .absent("ha_chassis_group", .optional(.uuid), "gateways are not in this version"),
            OVNColumn("mirror_rules", .set(.uuid), needs: [.mirror]) { object, objects in
                .uuids(objects.ids(.mirror, object.raws("mirror_rules")))
            },
            .name("use 'lsp-del' and 'lsp-add'"),
            OVNColumn("options", .map) { object, _ in Datum(map: options(ofPort: object)) },
            OVNColumn("parent_name", .optional(.string)) { object, _ in
                .strings(["parent_name"].compactMap { object[$0]?.stringValue })
            },
            OVNColumn("port_security", .set(.string)) { object, _ in .strings(object.raws("port_security")) },
            OVNColumn("tag", .optional(.integer), fixed: "set 'tag_request'") { object, _ in
                Datum((object["status"]?["tag"]?.integerValue).map { [.integer($0)] } ?? [])
            },
            OVNColumn("tag_request", .optional(.integer)) { object, _ in
                Datum((object["tag_request"]?.integerValue).map { [.integer($0)] } ?? [])
            },
            OVNColumn("type", .string) { object, _ in .string(object.raw("type")) },
            OVNColumn("up", .optional(.boolean), fixed: "hosts tell it") { object, _ in
                .boolean(object["status"]?["up"]?.boolValue ?? false)
            },
        ],
        creation: .elsewhere("use 'lsp-add'"),
        body: { portBody($0) }
    )

    private static func reference(_ name: String, _ kind: ShownKind) -> OVNColumn {
        OVNColumn(name, .optional(.uuid), needs: [kind]) { object, objects in
            .uuids(objects.ids(kind, [object.raw(name)].filter { !$0.isEmpty }))
        }
    }

    /// The keys of OVN's `options` that are members of their own here, with these; lists among them have commas.
    private static let optionLists = [
        (key: requestedChassisKey, member: "requested_chassis"),
        (key: activationStrategyKey, member: "activation_strategy"),
        (key: virtualParentsKey, member: "virtual_parents"),
    ]

    private static func options(ofPort object: JSONValue) -> [String: String] {
        var options = object.rawMap("options")
        for (key, member) in optionLists where !object.raws(member).isEmpty {
            options[key] = object.raws(member).joined(separator: ",")
        }
        options[virtualIPKey] = object["virtual_ip"]?.stringValue
        return options
    }

    private static func portBody(_ row: OVNRow) -> JSONObject {
        var options = row["options"].map
        var members: [(String, JSONValue)] = []
        for (key, member) in optionLists {
            let words = (options.removeValue(forKey: key) ?? "").split(separator: ",").map(String.init)
            members.append((member, .list(words)))
        }
        members.append(("virtual_ip", .optional(options.removeValue(forKey: virtualIPKey))))
        members += [
            ("options", .texts(options)),
            ("type", .string(row["type"].text)),
            ("addresses", .list(row["addresses"].texts)),
            ("port_security", .list(row["port_security"].texts)),
            ("enabled", .bool(row["enabled"].text != "false")),
            ("dhcpv4_options", .optional(row["dhcpv4_options"].texts.first)),
            ("dhcpv6_options", .optional(row["dhcpv6_options"].texts.first)),
            ("parent_name", .optional(row["parent_name"].texts.first)),
            ("tag_request", (row["tag_request"].texts.first.flatMap { Int64($0) }).map { .integer($0) } ?? .null),
            ("mirror_rules", .list(row["mirror_rules"].texts)),
            ("labels", .texts(row["external_ids"].map)),
        ]
        return members.asObject
    }
}
