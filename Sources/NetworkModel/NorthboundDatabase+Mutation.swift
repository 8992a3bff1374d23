import JSON
import Persistent
import Wire

extension NorthboundDatabase {
    /// Puts a switch, in place of one with its identity, and keeps every index in step. Its canonical JSON is made
    /// by ``seal(switch:)``.
    public mutating func put(_ stored: Stored<LogicalSwitch>) {
        move(\.switches, stored.value.name, stored.id, from: switches[stored.id]?.owner, to: stored.owner)
        switches[stored.id] = stored
        switchesByName[ProjectName(stored.value.name)] = stored.id
    }

    /// Puts a port, in place of one with its identity, and keeps every index in step. Its canonical JSON is made
    /// by ``seal(port:)``.
    public mutating func put(_ stored: Stored<LogicalSwitchPort>) {
        let old = ports.updateValue(stored, forKey: stored.id)
        let value = stored.value
        let name = ProjectName(value.name)
        portsByName[name] = ListedObject(stored)
        if let old, old.value.addresses == value.addresses, old.owner == stored.owner { return }
        if let old { unindexAddresses(of: old) }
        move(\.ports, value.name, stored.id, from: old?.owner, to: stored.owner)
        portsBySwitch.update(value.switchID, default: OrderedMap()) { $0[name] = stored.id }
        forEachAddress(of: stored) {
            $0.portsByMAC[$1] = stored.id
        } ip: {
            $0.portsByIP[$1] = stored.id
        }
    }

    /// Removes a switch, which has no ports any more.
    public mutating func removeSwitch(_ id: ObjectID) {
        guard let old = switches.removeValue(forKey: id) else { return }
        move(\.switches, old.value.name, id, from: old.owner, to: nil)
        switchesByName[ProjectName(old.value.name)] = nil
        portsBySwitch[id] = nil
    }

    /// Removes a port.
    public mutating func removePort(_ id: ObjectID) {
        guard let old = ports.removeValue(forKey: id) else { return }
        move(\.ports, old.value.name, id, from: old.owner, to: nil)
        let name = ProjectName(old.value.name)
        portsByName[name] = nil
        portsBySwitch.update(old.value.switchID, default: OrderedMap()) { $0[name] = nil }
        if portsBySwitch[old.value.switchID]?.isEmpty == true { portsBySwitch[old.value.switchID] = nil }
        unindexAddresses(of: old)
    }

    /// Changes what the server knows of a port.
    public mutating func setStatus(_ status: LogicalSwitchPort.Status, ofPort id: ObjectID) {
        guard var port = ports[id] else { return }
        port.value.status = status
        ports[id] = port
    }

    /// Changes what the server knows of a switch.
    public mutating func setStatus(_ status: LogicalSwitch.Status, ofSwitch id: ObjectID) {
        guard var stored = switches[id] else { return }
        stored.value.status = status
        switches[id] = stored
    }

    /// Gives a changed switch its revision and makes its canonical JSON.
    public mutating func seal(switch id: ObjectID, revision: UInt64, time: Int64) {
        guard var stored = switches[id] else { return }
        stored.revision = revision
        stored.updatedAt = time
        stored.bytes = stored.json.bytes
        switches[id] = stored
    }

    /// Gives a changed port its revision and makes its canonical JSON.
    public mutating func seal(port id: ObjectID, revision: UInt64, time: Int64) {
        guard var stored = ports[id] else { return }
        stored.revision = revision
        stored.updatedAt = time
        stored.bytes = stored.json(switchName: switches[stored.value.switchID]?.value.name ?? "").bytes
        portsByName[ProjectName(stored.value.name)] = ListedObject(stored)
        ports[id] = stored
    }

    /// Puts an object of the log.
    /// - Throws: ``StoredError`` where the bytes are not what ``seal(port:revision:time:)`` made.
    public mutating func restore(_ kind: ResourceKind, bytes: [UInt8]) throws(StoredError) {
        switch kind {
        case .logicalSwitch: put(try Stored<LogicalSwitch>(canonical: bytes))
        case .logicalSwitchPort: put(try Stored<LogicalSwitchPort>(canonical: bytes, in: self))
        case .chassis: throw StoredError("a chassis among the objects of users")
        }
    }

    /// Says when users last changed something of a topology; one without objects has no revision.
    public mutating func setRevision(_ revision: UInt64, ofTopology owner: String) {
        guard var topology = topologies[owner] else { return }
        topology.revision = revision
        topologies[owner] = topology
    }

    /// Keeps the owners' indices in step with an object that changes hands.
    private mutating func move(
        _ objects: WritableKeyPath<Topology, OrderedMap<ProjectName, ObjectID>>,
        _ name: String,
        _ id: ObjectID,
        from old: String?,
        to new: String?
    ) {
        guard old != new else { return }
        if let old, var topology = topologies[old] {
            topology[keyPath: objects][ProjectName(name)] = nil
            topologies[old] = topology.isEmpty ? nil : topology
        }
        if let new {
            var topology = topologies[new] ?? Topology()
            topology[keyPath: objects][ProjectName(name)] = id
            topologies[new] = topology
        }
    }

    /// Lets go of a port's addresses, save those that another port has taken meanwhile.
    mutating func unindexAddresses(of old: Stored<LogicalSwitchPort>) {
        forEachAddress(of: old) {
            if $0.portsByMAC[$1] == old.id { $0.portsByMAC[$1] = nil }
        } ip: {
            if $0.portsByIP[$1] == old.id { $0.portsByIP[$1] = nil }
        }
    }

    private mutating func forEachAddress(
        of port: Stored<LogicalSwitchPort>,
        mac visitMAC: (inout NorthboundDatabase, OnSwitch<MACAddress>) -> Void,
        ip visitIP: (inout NorthboundDatabase, OnSwitch<IPAddress>) -> Void
    ) {
        for address in port.value.logicalAddresses {
            guard case .known(let mac, let ips) = address else { continue }
            visitMAC(&self, OnSwitch(switchID: port.value.switchID, address: mac))
            for ip in ips { visitIP(&self, OnSwitch(switchID: port.value.switchID, address: ip)) }
        }
    }
}
