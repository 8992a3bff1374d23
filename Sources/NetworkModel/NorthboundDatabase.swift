import Persistent
import Southbound
import Wire

/// The logical network as users wrote it. A value: a copy is a snapshot and costs nothing.
public struct NorthboundDatabase: Sendable {
    public internal(set) var dhcpOptions = Table<DHCPOptions>()
    public internal(set) var dnsRecords = Table<DNSRecords>()
    public internal(set) var mirrors = Table<Mirror>()
    public internal(set) var switches = Table<LogicalSwitch>()
    public internal(set) var ports = Table<LogicalSwitchPort>()
    public internal(set) var portGroups = Table<PortGroup>()
    public internal(set) var addressSets = Table<AddressSet>()
    public internal(set) var acls = Table<ACL>()
    public internal(set) var qosRules = Table<QoSRule>()
    /// The number of objects, of all kinds.
    private(set) var objectCount = 0
    /// The topologies by owner, in the order that lists have.
    public internal(set) var topologies = OrderedMap<String, Topology>()

    /// The objects that refer to an object, by its identity.
    private(set) var referrers: OrderedMap<ObjectID, OrderedMap<Referrer, Void>> = OrderedMap()

    public init() {}

    /// The switch that a path or a body points at.
    public func logicalSwitch(_ reference: Reference) -> Stored<LogicalSwitch>? { switches[reference] }

    public func port(_ reference: Reference) -> Stored<LogicalSwitchPort>? { ports[reference] }

    /// The object of a kind that a path points at, as far as a reader is interested in it.
    public func listed(_ kind: ObjectKind, _ reference: Reference) -> ListedObject? { kind.row.listed(self, reference) }

    /// The name of the user's object that a path points at.
    public func name(_ kind: ResourceKind, _ reference: Reference) -> String? {
        guard case .object(let kind) = kind else { return nil }
        return kind.row.name(self, reference)
    }

    /// The object that the object of a path belongs to; itself, if it belongs to none.
    public func home(of kind: ObjectKind, _ reference: Reference) -> ObjectID? { kind.row.home(self, reference) }

    public func count(of kind: ObjectKind) -> Int { kind.row.count(self) }

    /// The number of objects that belong to the object that a path points at.
    public func dependentCount(of kind: ObjectKind, _ reference: Reference) -> Int {
        guard let id = kind.row.listed(self, reference)?.id else { return 0 }
        return kind.row.dependents(self, id)?.ids.count ?? 0
    }

    /// The objects of a kind in a topology, in the order that lists have.
    public func owned(by owner: String, _ kind: ObjectKind) -> OrderedMap<ProjectName, ObjectID> {
        kind.row.owned(self, owner)
    }

    /// The features that the host of a port needs, in order: those of any port, and what the port, its switch and ACLs
    /// there say.
    func neededFeatures(of port: LogicalSwitchPort, filter: PacketFilter?) -> [String] {
        let home = switches[port.switchID]?.value
        let fields = home?.neededFeatures ?? []
        let routers = port.hasVirtualRouters ? Feature.virtualRouters : nil
        let isPhysical = !port.isLocalnet && ports.index.physicalNetworks[port.switchID] != nil
        let wire = isPhysical ? Feature.physicalNetworks : nil
        let gateway = port.isL2Gateway ? Feature.l2Gateways : nil
        let trunk = port.trunk == nil ? nil : Feature.trunks
        let rules =
            [routers, port.guardFeature(on: home), wire, gateway, trunk].compactMap(\.self)
            + (filter?.neededFeatures ?? [])
        let later = LogicalSwitchPort.fields.features(of: port) + fields + rules
        return later.isEmpty ? Feature.basic : Set(Feature.basic + later).sorted()
    }

    /// Appends what a user says of an object, whole: a body that makes it again.
    public func write(_ kind: ObjectKind, _ id: ObjectID, to text: inout [UInt8]) { kind.row.write(self, id, &text) }

    /// Puts an object, in place of one with its identity, and keeps every index in step.
    public mutating func put<Object: Kind>(_ stored: Stored<Object>) {
        let old = self[keyPath: Object.table].put(stored)
        if old == nil { objectCount += 1 }
        count(from: old?.owner, to: stored.owner)
        Object.follow(stored.id, from: old, to: stored, in: &self)
        noteReferences(of: Object.self, stored.id, from: old, to: stored)
    }

    /// Puts an object that differs from the one with its identity only in what the server sets.
    mutating func seal<Object: Kind>(_ stored: Stored<Object>) { self[keyPath: Object.table].seal(stored) }

    /// Removes an object that nothing refers to any more, if it is there.
    public mutating func remove<Object: Kind>(_ kind: Object.Type, _ id: ObjectID) {
        guard let old = self[keyPath: Object.table].remove(id) else { return }
        objectCount -= 1
        count(from: old.owner, to: nil)
        Object.follow(id, from: old, to: nil, in: &self)
        noteReferences(of: kind, id, from: old, to: nil)
    }

    /// Puts an object that was read.
    typealias Put = @Sendable (inout NorthboundDatabase) -> Void

    /// Puts an object of the log.
    /// - Throws: ``StoredError`` if the bytes are not what a commit made.
    public mutating func restore(_ kind: ObjectKind, bytes: [UInt8]) throws(StoredError) {
        try kind.row.restore(self, bytes)(&self)
    }

    /// Sets the revision at which users last changed a topology; one without objects has none.
    public mutating func setRevision(_ revision: UInt64, ofTopology owner: String) {
        guard topologies[owner] != nil else { return }
        topologies.update(owner, default: Topology()) { $0.revision = revision }
    }

    /// Takes members that are gone out of an object that lets them go.
    mutating func dropLostMembers<Object: Kind>(of kind: Object.Type, _ id: ObjectID) {
        guard var stored = self[keyPath: Object.table][id] else { return }
        var value = stored.value
        for (_, reference) in Object.fields.references { reference.dropLost?(&value, self) }
        guard value != stored.value else { return }
        stored.value = value
        put(stored)
    }

    /// Keeps who refers to what in step.
    private mutating func noteReferences<Object: Kind>(
        of kind: Object.Type,
        _ id: ObjectID,
        from old: Stored<Object>?,
        to new: Stored<Object>?
    ) {
        let fields = Object.fields
        guard !fields.references.isEmpty else { return }
        let before = old.map { fields.referredIDs(of: $0.value) } ?? []
        let after = new.map { fields.referredIDs(of: $0.value) } ?? []
        guard before != after else { return }
        let referrer = Referrer(kind: Object.kind, id: id)
        // Of a long list, most stay.
        for target in Set(before).subtracting(after) {
            referrers.update(target, default: OrderedMap()) { $0[referrer] = nil }
            if referrers[target]?.isEmpty == true { referrers[target] = nil }
        }
        for target in Set(after).subtracting(before) {
            referrers.update(target, default: OrderedMap()) { $0[referrer] = () }
        }
    }

    /// Counts the objects of topologies when one changes hands.
    private mutating func count(from old: String?, to new: String?) {
        guard old != new else { return }
        if let old {
            topologies.update(old, default: Topology()) { $0.objectCount -= 1 }
            if topologies[old]?.objectCount == 0 { topologies[old] = nil }
        }
        if let new { topologies.update(new, default: Topology()) { $0.objectCount += 1 } }
    }
}
