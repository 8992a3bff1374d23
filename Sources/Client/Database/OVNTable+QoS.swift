import JSON
import NetworkModel
import OVSDB

extension OVNTable {
    static let qos = OVNTable(
        "QoS",
        .qosRule,
        [
            .uuid,
            OVNColumn("action", .numbers) { object, _ in
                Datum(elements: [Datum.Element(.string("dscp"), .integer(object["dscp"]?.integerValue ?? 0))])
            },
            .absent("bandwidth", .numbers, "'qos_max_rate' in a port's options bounds it"),
            OVNColumn("direction", .string) { object, _ in .string(object.raw("direction")) },
            .externalIDs,
            OVNColumn("match", .string) { object, _ in .string(object.raw("match")) },
            OVNColumn("priority", .integer) { object, _ in .integer(object["priority"]?.integerValue ?? 0) },
        ],
        creation: .elsewhere("use 'qos-add'"),
        body: { row in
            var action = row["action"].map
            let dscp = action.removeValue(forKey: "dscp").flatMap { Int64($0) }
            var body: [(String, JSONValue)] = [
                ("direction", .string(row["direction"].text)),
                ("priority", .integer(Int64(row["priority"].text) ?? 0)),
                ("match", .string(row["match"].text)),
                ("dscp", dscp.map { .integer($0) } ?? .null),
                ("labels", .texts(row["external_ids"].map)),
            ]
            // Central refuses the other actions by name.
            body += action.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }
            return body.asObject
        }
    )
}

extension ColumnType {
    /// A map of names to integers.
    fileprivate static let numbers = ColumnType(.string, value: .integer, minimum: 0, maximum: .max)
}

extension ShownKind {
    static let qosRule = ShownKind.resource(.object(.qosRule))
}
