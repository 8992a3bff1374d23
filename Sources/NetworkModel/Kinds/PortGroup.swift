import JSON
import Wire

/// A named set of ports of any switches (OVN_Northbound `Port_Group`).
///
/// As in OVN, a group keeps no port from going: a port that is deleted leaves its groups in the same commit.
public struct PortGroup: Hashable, Sendable {
    /// 1 ... 128 bytes of `[A-Za-z0-9._:@-]`, not shaped like a UUID, fixed at creation, unique in the project.
    public var name: String
    /// Its members, each once, in the user's order.
    public var ports: [ObjectID] = []
    /// The user's own marks; at most 64.
    public var labels: [String: String] = [:]
    /// The server knows nothing of a port group.
    public var status = NoStatus()

    /// The most members of a group: a port that leaves it costs a commit that tells the whole group.
    public static let portCountMaximum = 4096
}

extension PortGroup: Kind {
    public static let kind = ObjectKind.portGroup
    public static let names = KindNames(
        row: "port_group",
        singular: "port-group",
        plural: "port-groups",
        aliases: ["pg"]
    )
    public static var table: WritableKeyPath<NorthboundDatabase, Table<PortGroup>> { \.portGroups }
    public static let fields = Fields<PortGroup>([
        .name,
        .members("ports", { $0.ports }, { $0.ports = $1 }, of: LogicalSwitchPort.self, atMost: portCountMaximum),
        .texts("labels", { $0.labels }, { $0.labels = $1 }),
    ])
    public static let reachesOthers = true
    public static let blank = PortGroup(name: "")
}
