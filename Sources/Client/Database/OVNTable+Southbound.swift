import JSON
import OVSDB
import Wire

// The tables of OVN_Southbound (ovn-sb(5), version 20.27).

private let byCentral = "central makes it"
private let byHost = "hosts tell it"
private let noGateways = "gateways are not in this version"

extension OVNTable {
    static let chassis = OVNTable(
        "Chassis",
        .chassis,
        [
            OVNColumn("_uuid", .uuid, fixed: byHost) { object, _ in .uuids([object.rowID]) },
            OVNColumn("encaps", .set(.uuid), fixed: "its agent tells it: 'heddle agent --encap-ip'") { object, _ in
                .uuids(encaps(of: object).map(\.rowID))
            },
            .absent("external_ids", .map, "hosts have no labels in this version"),
            OVNColumn("hostname", .string, fixed: byHost) { object, _ in .string(object.raw("hostname")) },
            OVNColumn("name", .string, fixed: "its agent tells it: 'heddle agent --chassis'") { object, _ in
                .string(object.raw("name"))
            },
            .absent("nb_cfg", .integer, "'heddle nb --wait=hv sync' tells whether hosts are up to date"),
            OVNColumn("other_config", .map, fixed: byHost) { object, _ in
                let networks = object.raws("physical_networks")
                return Datum(map: networks.isEmpty ? [:] : ["physical_networks": networks.joined(separator: ",")])
            },
            .absent("transport_zones", .set(.string), "all hosts have tunnels to those that they share a switch with"),
            .absent("vtep_logical_switches", .set(.string), "VTEP gateways are not in this version"),
        ]
    )

    static let encap = OVNTable(
        "Encap",
        .chassis,
        [
            .uuid,
            OVNColumn("chassis_name", .string, fixed: byHost) { object, _ in .string(object.raw("chassis_name")) },
            OVNColumn("ip", .string, fixed: byHost) { object, _ in .string(object.raw("ip")) },
            .absent("options", .map, "there are none in this version"),
            OVNColumn("type", .string, fixed: byHost) { object, _ in .string(object.raw("type")) },
        ],
        rows: { encaps(of: $0) }
    )

    /// The encaps of a chassis as objects of their own, with identities made of what they say.
    private static func encaps(of chassis: JSONValue) -> [JSONValue] {
        (chassis["encaps"]?.arrayValue ?? []).map { encap in
            let text = "\(chassis.rowID)/\(encap.raw("type"))/\(encap.raw("ip"))"
            return encap.merged(with: ["id": .string(derivedID(text)), "chassis_name": .string(chassis.raw("name"))])
        }
    }

    static let datapathBinding = OVNTable(
        "Datapath_Binding",
        .datapathBinding,
        [
            .uuid,
            OVNColumn("external_ids", .map, fixed: byCentral) { object, _ in
                Datum(map: ["logical-switch": object.raw("id"), "name": object.raw("name")])
            },
            .absent("load_balancers", .set(.uuid), "load balancers are not in this version"),
            OVNColumn("tunnel_key", .integer, fixed: byCentral) { object, _ in
                .integer(object["tunnel_key"]?.integerValue ?? 0)
            },
        ]
    )

    static let multicastGroup = OVNTable(
        "Multicast_Group",
        .multicastGroup,
        [
            OVNColumn("_uuid", .uuid, fixed: byCentral) { object, _ in
                .uuids([derivedID("\(object.raw("datapath"))/\(object.raw("name"))")])
            },
            OVNColumn("datapath", .uuid, needs: [.datapathBinding], fixed: byCentral) { object, objects in
                .uuids([objects.id(.datapathBinding, object.raw("datapath"))])
            },
            OVNColumn("name", .string, fixed: byCentral) { object, _ in .string(object.raw("name")) },
            OVNColumn("ports", .set(.uuid), needs: [.portBinding], fixed: byCentral) { object, objects in
                .uuids(objects.ids(.portBinding, object.raws("ports")))
            },
            OVNColumn("tunnel_key", .integer, fixed: byCentral) { object, _ in
                .integer(object["tunnel_key"]?.integerValue ?? 0)
            },
        ]
    )

    static let portBinding = OVNTable(
        "Port_Binding",
        .portBinding,
        [
            .uuid,
            location("additional_chassis", .set(.uuid), "standby"),
            .absent("additional_encap", .set(.uuid), byCentral),
            location("chassis", .optional(.uuid), "active"),
            OVNColumn("datapath", .uuid, fixed: byCentral) { object, _ in .uuids([object.raw("datapath")]) },
            .absent("encap", .optional(.uuid), byCentral),
            .absent("external_ids", .map, "those of Logical_Switch_Port are not told to hosts"),
            .absent("gateway_chassis", .set(.uuid), noGateways),
            .absent("ha_chassis_group", .optional(.uuid), noGateways),
            OVNColumn("logical_port", .string, fixed: byCentral) { object, _ in .string(object.raw("logical_port")) },
            OVNColumn("mac", .set(.string), fixed: byCentral) { object, _ in .strings(macs(of: object)) },
            OVNColumn("mirror_rules", .set(.uuid), fixed: byCentral) { object, _ in .uuids(object.raws("mirrors")) },
            .absent("nat_addresses", .set(.string), "NAT is not in this version"),
            OVNColumn("options", .map, fixed: byCentral) { object, _ in
                let chassis = object.raws("requested_chassis")
                return Datum(map: chassis.isEmpty ? [:] : [requestedChassisKey: chassis.joined(separator: ",")])
            },
            OVNColumn("parent_port", .optional(.string), fixed: byCentral) { object, _ in
                .strings(["parent_port"].compactMap { object[$0]?.stringValue })
            },
            OVNColumn("port_security", .set(.string), fixed: byCentral) { object, _ in
                .strings(
                    (object["port_security"]?.arrayValue ?? []).map { entry in
                        ([entry.raw("mac")] + entry.raws("prefixes")).joined(separator: " ")
                    }
                )
            },
            .absent("requested_additional_chassis", .set(.uuid), byCentral),
            OVNColumn("requested_chassis", .optional(.uuid), needs: [.chassis], fixed: byCentral) { object, objects in
                // As in OVN, a name that no host has yet is none.
                let name = object.raws("requested_chassis").first
                return .uuids([name.flatMap { objects.object(.chassis, $0)?.rowID }].compactMap(\.self))
            },
            OVNColumn("tag", .optional(.integer), fixed: byCentral) { object, _ in
                Datum((object["tag"]?.integerValue).map { [.integer($0)] } ?? [])
            },
            OVNColumn("tunnel_key", .integer, fixed: byCentral) { object, _ in
                .integer(object["tunnel_key"]?.integerValue ?? 0)
            },
            OVNColumn("type", .string, needs: [.port], fixed: byCentral) { object, objects in
                .string(objects.object(.port, object.raw("logical_port"))?.raw("type") ?? "")
            },
            OVNColumn("up", .optional(.boolean), needs: [.port], fixed: byHost) { object, objects in
                let port = objects.object(.port, object.raw("logical_port"))
                return .boolean(port?["status"]?["up"]?.boolValue ?? false)
            },
            OVNColumn("virtual_parent", .optional(.string), fixed: byHost) { object, _ in
                .strings((object["locations"]?.arrayValue ?? []).compactMap { $0["parent"]?.stringValue })
            },
        ]
    )

    private static func location(_ name: String, _ type: ColumnType, _ state: String) -> OVNColumn {
        OVNColumn(name, type, needs: [.chassis], fixed: "hosts bind ports: 'heddle port add'") { object, objects in
            let places = (object["locations"]?.arrayValue ?? []).filter { $0.raw("state") == state }
            return .uuids(objects.ids(.chassis, places.map { $0.raw("chassis") }))
        }
    }

    private static func macs(of binding: JSONValue) -> [String] {
        let known = (binding["addresses"]?.arrayValue ?? []).map { entry in
            ([entry.raw("mac")] + entry.raws("ips")).joined(separator: " ")
        }
        return known + (binding["unknown"]?.boolValue == true ? ["unknown"] : [])
    }

    /// A UUID of a text (RFC 9562 section 5.8), the same each time: for rows that are no objects here.
    private static func derivedID(_ text: String) -> String {
        // FNV-1a, from two different beginnings.
        var high: UInt64 = 0xcbf2_9ce4_8422_2325
        var low: UInt64 = 0x8422_2325_cbf2_9ce4
        for byte in text.utf8 {
            high = (high ^ UInt64(byte)) &* 0x100_0000_01b3
            low = (low ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        return ObjectID(
            high: high & 0xffff_ffff_ffff_0fff | 0x8000,
            low: low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
        ).description
    }
}
