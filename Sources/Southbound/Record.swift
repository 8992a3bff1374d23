import Wire

/// A southbound record: what the feed carries and what an agent keeps.
///
/// Indirect, because maps and histories copy records often and change them seldom: a copy counts one reference.
public indirect enum Record: Hashable, Sendable {
    /// A host.
    case chassis(Chassis)
    /// A logical switch.
    case datapathBinding(DatapathBinding)
    /// A logical port.
    case portBinding(PortBinding)

    /// What identifies the record among all.
    public var key: RecordKey {
        switch self {
        case .chassis(let chassis): .chassis(chassis.name)
        case .datapathBinding(let datapath): .datapathBinding(datapath.id)
        case .portBinding(let port): .portBinding(port.id)
        }
    }
}

/// What identifies a southbound record: its kind and, in it, a name or an identity.
public enum RecordKey: Hashable, Sendable {
    /// A host, by name.
    case chassis(String)
    /// A logical switch, by identity.
    case datapathBinding(ObjectID)
    /// A logical port, by identity.
    case portBinding(ObjectID)

    /// The `kind` on the feed.
    public var kind: String {
        switch self {
        case .chassis: "chassis"
        case .datapathBinding: "datapath_binding"
        case .portBinding: "port_binding"
        }
    }

    /// The `id` on the feed.
    public var id: String {
        switch self {
        case .chassis(let name): name
        case .datapathBinding(let id), .portBinding(let id): id.description
        }
    }
}

/// One change of a feed or of a share.
public enum RecordChange: Hashable, Sendable {
    /// The record is new or has changed.
    case put(Record)
    /// The record is gone, or has left the share.
    case delete(RecordKey)
}
