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
    /// The content of answers to DHCP requests.
    case dhcpResponder(DHCPResponder)
    /// The names that DNS queries are answered for.
    case dnsResponder(DNSResponder)
    /// A place that frames are copied to.
    case mirrorSession(MirrorSession)

    /// The key of the record, unique among all.
    public var key: RecordKey {
        switch self {
        case .chassis(let chassis): .chassis(chassis.name)
        case .datapathBinding(let datapath): .datapathBinding(datapath.id)
        case .portBinding(let port): .portBinding(port.id)
        case .dhcpResponder(let responder): .dhcpResponder(responder.id)
        case .dnsResponder(let responder): .dnsResponder(responder.id)
        case .mirrorSession(let session): .mirrorSession(session.id)
        }
    }

    /// The keys of the records that a host needs together with this one: what a datapath, or a port of it, refers to.
    public var attachments: [RecordKey] {
        switch self {
        case .datapathBinding(let datapath): datapath.dnsRecords.map { .dnsResponder($0) }
        case .portBinding(let port):
            // Most refer to nothing.
            port.dhcpv4Options == nil && port.dhcpv6Options == nil && port.mirrors.isEmpty
                ? []
                : [port.dhcpv4Options, port.dhcpv6Options].compactMap { $0.map { .dhcpResponder($0) } }
                    + port.mirrors.map { .mirrorSession($0) }
        case .chassis, .dhcpResponder, .dnsResponder, .mirrorSession: []
        }
    }
}

/// The kinds of southbound record, in the order that answers have; their names are those of `features` and of the feed.
public enum RecordKind: String, CaseIterable, Sendable, CustomStringConvertible {
    /// A host.
    case chassis
    /// A logical switch.
    case datapathBinding = "datapath_binding"
    /// A logical port.
    case portBinding = "port_binding"
    /// The content of answers to DHCP requests.
    case dhcpResponder = "dhcp_responder"
    /// The names that DNS queries are answered for.
    case dnsResponder = "dns_responder"
    /// A place that frames are copied to.
    case mirrorSession = "mirror_session"

    public var description: String { rawValue }
}

/// The key of a southbound record: its kind and, in it, a name or an identity. In the order that answers have:
/// chassis by name, then datapaths by identity, then ports by identity, then what they refer to.
public enum RecordKey: Hashable, Comparable, Sendable {
    /// A host, by name.
    case chassis(String)
    /// A logical switch, by identity.
    case datapathBinding(ObjectID)
    /// A logical port, by identity.
    case portBinding(ObjectID)
    /// The content of answers to DHCP requests, by identity.
    case dhcpResponder(ObjectID)
    /// The names that DNS queries are answered for, by identity.
    case dnsResponder(ObjectID)
    /// A place that frames are copied to, by identity.
    case mirrorSession(ObjectID)

    /// The `kind` on the feed.
    public var kind: RecordKind {
        switch self {
        case .chassis: .chassis
        case .datapathBinding: .datapathBinding
        case .portBinding: .portBinding
        case .dhcpResponder: .dhcpResponder
        case .dnsResponder: .dnsResponder
        case .mirrorSession: .mirrorSession
        }
    }

    /// The `id` on the feed.
    public var id: String {
        switch self {
        case .chassis(let name): name
        case .datapathBinding(let id), .portBinding(let id), .dhcpResponder(let id), .dnsResponder(let id),
            .mirrorSession(let id):
            id.description
        }
    }
}

/// One change of a feed or of a share.
public enum RecordChange: Hashable, Sendable {
    /// The record is new or has changed.
    case put(Record)
    /// The record is gone, or has left the share.
    case delete(RecordKey)
    /// A datapath's record has changed by no more than this.
    case patch(FilterPatch)

    public var key: RecordKey {
        switch self {
        case .put(let record): record.key
        case .delete(let key): key
        case .patch(let patch): .datapathBinding(patch.datapath)
        }
    }
}
