import JSON
import Persistent
import Wire

/// The records that hosts need, translated from the northbound database. A value: a copy is a snapshot and costs
/// nothing.
public struct SouthboundDatabase: Sendable {
    /// A record with the revision of its last change and its canonical JSON, made once at the commit.
    public struct Entry: Sendable {
        public var record: Record
        /// The revision of the last commit that changed it.
        public var revision: UInt64
        /// The canonical JSON, as lists and the feed have it.
        public var bytes: [UInt8]

        public init(record: Record, revision: UInt64, bytes: [UInt8]) {
            self.record = record
            self.revision = revision
            self.bytes = bytes
        }

        /// A record as a commit leaves it, with the canonical JSON made here.
        public init(record: Record, revision: UInt64) {
            self.init(record: record, revision: revision, bytes: record.bytes)
        }
    }

    public internal(set) var entries: OrderedMap<RecordKey, Entry> = OrderedMap()
    /// The chassis in order of name.
    public internal(set) var chassisByName = OrderedMap<String, RecordKey>()
    /// The datapaths in order of tunnel key.
    public internal(set) var datapathsByKey = OrderedMap<UInt32, RecordKey>()
    /// The port bindings in order of logical port.
    public internal(set) var portsByName = OrderedMap<String, RecordKey>()
    /// The port bindings of each datapath in order of tunnel key.
    public internal(set) var portsByDatapath: OrderedMap<ObjectID, OrderedMap<UInt16, RecordKey>> = OrderedMap()
    /// The chassis by the address of each of their encaps, which no two share.
    public internal(set) var chassisByEncap: OrderedMap<Encap, String> = OrderedMap()
    /// The chassis by the identity of its host in lower case, which no two share.
    public internal(set) var chassisByIdentity: OrderedMap<String, String> = OrderedMap()
    /// The datapaths that a chassis has ports of, with the number of them: one half of the span index.
    public internal(set) var datapathsByChassis: OrderedMap<String, OrderedMap<ObjectID, Int>> = OrderedMap()
    /// The chassis that have ports of a datapath, with the number of them: the other half.
    public internal(set) var chassisByDatapath: OrderedMap<ObjectID, OrderedMap<String, Int>> = OrderedMap()
    public internal(set) var portsByChassis: OrderedMap<String, OrderedMap<ObjectID, RecordKey>> = OrderedMap()
    /// The records that a datapath or its ports refer to, with the number of references: what its hosts need too.
    public internal(set) var attachmentsByDatapath: OrderedMap<ObjectID, OrderedMap<RecordKey, Int>> = OrderedMap()
    /// The datapaths that refer to a record, themselves or by their ports, with the number of references.
    public internal(set) var datapathsByAttachment: OrderedMap<RecordKey, OrderedMap<ObjectID, Int>> = OrderedMap()

    public init() {}

    public func chassis(named name: String) -> Chassis? {
        if case .chassis(let chassis)? = entries[.chassis(name)]?.record { chassis } else { nil }
    }

    /// The datapath of the logical switch with this identity.
    public func datapathBinding(_ id: ObjectID) -> DatapathBinding? {
        if case .datapathBinding(let datapath)? = entries[.datapathBinding(id)]?.record { datapath } else { nil }
    }

    /// The binding of the logical port with this identity.
    public func portBinding(_ id: ObjectID) -> PortBinding? {
        if case .portBinding(let port)? = entries[.portBinding(id)]?.record { port } else { nil }
    }

    /// The datapath and the places of a port, without a copy of the rest of its binding.
    public func place(ofPort id: ObjectID) -> (datapath: ObjectID, locations: [PortBinding.Location])? {
        guard case .portBinding(let port)? = entries[.portBinding(id)]?.record else { return nil }
        return (port.datapath, port.locations)
    }

    /// The content of answers to DHCP requests with this identity.
    public func dhcpResponder(_ id: ObjectID) -> DHCPResponder? {
        if case .dhcpResponder(let responder)? = entries[.dhcpResponder(id)]?.record { responder } else { nil }
    }

    /// The names that DNS queries are answered for, with this identity.
    public func dnsResponder(_ id: ObjectID) -> DNSResponder? {
        if case .dnsResponder(let responder)? = entries[.dnsResponder(id)]?.record { responder } else { nil }
    }

    /// The port bindings of a datapath in order of tunnel key.
    public func portBindings(ofDatapath id: ObjectID) -> [PortBinding] {
        guard let keys = portsByDatapath[id] else { return [] }
        return keys.compactMap { entry in
            if case .portBinding(let port)? = entries[entry.value]?.record { port } else { nil }
        }
    }
}
