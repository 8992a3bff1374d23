import NetworkModel
import Persistent
import Southbound
import Wire

/// A commit in the making: the network as it will be, and what of it was touched.
struct Draft: Sendable {
    /// The network before the commit.
    let base: Network
    /// The network after it, as far as it is made.
    var network: Network
    /// The commit's revision and time.
    let stamp: CommitStamp
    /// The switches that may have changed.
    private(set) var switches: Set<ObjectID> = []
    /// The ports that may have changed, on either side.
    private(set) var ports: Set<ObjectID> = []
    /// The chassis that may have changed.
    private(set) var chassis: Set<String> = []
    /// The key spaces that a key was taken from.
    private(set) var keySpaces: Set<Ledger.KeySpace> = []
    /// The owners of whose topologies a user has changed something.
    var owners: Set<String> = []
    /// What the commit changes, once the draft is sealed.
    var rows: [CommitChange] = []
    /// The chassis that the commit deletes.
    private(set) var removedChassis: [String] = []
    /// The ports of deleted chassis that later commits free.
    var orphaned: [ObjectID] = []
    /// Bytes of the objects that the commit takes the place of.
    private(set) var replacedByteCount = 0

    /// A draft of the commit after a network, or of a later one.
    init(on network: Network, time: Int64, revision: UInt64? = nil) {
        base = network
        self.network = network
        stamp = CommitStamp(revision: revision ?? network.revision + 1, time: time)
    }

    /// Takes note of an object that the commit takes the place of.
    mutating func noteReplaced(_ bytes: [UInt8]?) { replacedByteCount += bytes?.count ?? 0 }

    /// Carries out a user's operation on a switch or a port, gives new objects their keys and translates.
    mutating func perform(
        _ operation: Operation,
        _ configuration: Configuration,
        using generator: inout some RandomNumberGenerator
    ) throws(Refusal) -> OperationOutcome {
        let outcome = try network.northbound.perform(operation, stamp: stamp, using: &generator)
        try follow(operation.kind, outcome, configuration)
        return outcome
    }

    /// Makes the objects of an owner what a topology says.
    mutating func apply(
        _ request: TopologyRequest,
        _ configuration: Configuration,
        using generator: inout some RandomNumberGenerator
    ) throws(Refusal) -> TopologyPlan {
        let done = try network.northbound.apply(request, stamp: stamp, using: &generator)
        for (kind, outcome) in done.outcomes { try follow(kind, outcome, configuration) }
        return done.plan
    }

    /// Gives new objects their keys, and translates.
    private mutating func follow(
        _ kind: ResourceKind,
        _ outcome: OperationOutcome,
        _ configuration: Configuration
    ) throws(Refusal) {
        switch (kind, outcome) {
        case (.logicalSwitch, .created(let id)):
            try giveKey(toSwitch: id, upTo: configuration.datapathKeyMaximum)
            translate(switch: id)
        case (.logicalSwitch, .changed(let id)):
            translate(switch: id)
        case (.logicalSwitch, .deleted(let id, let ports)):
            for port in ports { forget(port: port) }
            switches.insert(id)
            network.southbound.remove(.datapathBinding(id))
            keySpaces.insert(.ports(of: id))
            network.ledger.setLastKey(0, in: .ports(of: id))
        case (.logicalSwitchPort, .created(let id)):
            try giveKey(toPort: id, upTo: configuration.portKeyMaximum)
            translate(port: id)
        case (.logicalSwitchPort, .changed(let id)):
            translate(port: id)
        case (.logicalSwitchPort, .deleted(let id, _)):
            forget(port: id)
        case (.chassis, _): break
        }
    }

    /// Puts a chassis as its agent describes it.
    mutating func put(_ chassis: Chassis) {
        self.chassis.insert(chassis.name)
        network.southbound.put(.init(record: .chassis(chassis), revision: stamp.revision, bytes: []))
    }

    /// Says whether a chassis counts as live, and what it holds: for one that is not heard, what it held last.
    mutating func setLive(_ isLive: Bool, held: HeldShare?, chassis name: String) {
        let old = network.ledger.chassis[name]
        guard old?.isLive != isLive || old?.held != held else { return }
        chassis.insert(name)
        network.ledger.setChassis(.init(isLive: isLive, held: held, revision: stamp.revision), named: name)
    }

    /// Deletes a chassis; its ports are still to be settled.
    mutating func removeChassis(_ name: String) {
        chassis.insert(name)
        removedChassis.append(name)
        network.southbound.remove(.chassis(name))
        network.ledger.setChassis(nil, named: name)
    }

    /// Says where a port is, what is remembered of its bindings, and what users are told of it.
    mutating func settle(
        port id: ObjectID,
        at location: PortBinding.Location?,
        _ state: Ledger.BindingState,
        _ status: LogicalSwitchPort.Status
    ) {
        guard let record = network.translated(port: id, at: location.map { [$0] } ?? []) else { return }
        ports.insert(id)
        network.northbound.setStatus(status, ofPort: id)
        network.ledger.setBinding(state == Ledger.BindingState() ? nil : state, of: id)
        network.southbound.put(.init(record: record, revision: stamp.revision, bytes: []))
    }

    /// Puts or deletes a record as a full translation wants it.
    mutating func apply(_ change: RecordChange) {
        switch change {
        case .put(let record):
            touch(record.key)
            network.southbound.put(.init(record: record, revision: stamp.revision, bytes: []))
        case .delete(let key):
            touch(key)
            network.southbound.remove(key)
        }
    }

    private mutating func touch(_ key: RecordKey) {
        switch key {
        case .chassis(let name): chassis.insert(name)
        case .datapathBinding(let id): switches.insert(id)
        case .portBinding(let id): ports.insert(id)
        }
    }

    private mutating func translate(switch id: ObjectID) {
        switches.insert(id)
        guard let record = network.translated(switch: id) else { return }
        network.southbound.put(.init(record: record, revision: stamp.revision, bytes: []))
    }

    private mutating func translate(port id: ObjectID) {
        ports.insert(id)
        let locations = network.southbound.portBinding(id)?.locations ?? []
        guard let record = network.translated(port: id, at: locations) else { return }
        network.southbound.put(.init(record: record, revision: stamp.revision, bytes: []))
    }

    private mutating func forget(port id: ObjectID) {
        ports.insert(id)
        network.southbound.remove(.portBinding(id))
        network.ledger.setBinding(nil, of: id)
    }

    private mutating func giveKey(toSwitch id: ObjectID, upTo maximum: UInt32) throws(Refusal) {
        let last = network.ledger.lastKeys[.datapaths] ?? 0
        guard let key = freeKey(after: last, upTo: maximum, taken: network.southbound.datapathsByKey) else {
            throw Refusal(.limitExceeded, "All \(maximum) keys of switches are in use; delete a switch first.")
        }
        network.northbound.setStatus(LogicalSwitch.Status(tunnelKey: key), ofSwitch: id)
        network.ledger.setLastKey(key, in: .datapaths)
        keySpaces.insert(.datapaths)
    }

    private mutating func giveKey(toPort id: ObjectID, upTo maximum: UInt16) throws(Refusal) {
        guard let port = network.northbound.ports[id] else { return }
        let space = Ledger.KeySpace.ports(of: port.value.switchID)
        let last = UInt16(clamping: network.ledger.lastKeys[space] ?? 0)
        let taken = network.southbound.portsByDatapath[port.value.switchID] ?? OrderedMap()
        guard let key = freeKey(after: last, upTo: maximum, taken: taken) else {
            throw Refusal(.limitExceeded, "The switch has \(maximum) ports, which is the maximum; delete one first.")
        }
        var status = port.value.status
        status.tunnelKey = key
        network.northbound.setStatus(status, ofPort: id)
        network.ledger.setLastKey(UInt32(key), in: space)
        keySpaces.insert(space)
    }
}

/// The first free key above the last one given, else the first from 1 on; `nil` where all are taken.
///
/// As OVN does for ports (ovn_allocate_tnlid): a freed key is not given again before all others were.
func freeKey<Key: FixedWidthInteger & Sendable>(
    after last: Key,
    upTo maximum: Key,
    taken: OrderedMap<Key, RecordKey>
) -> Key? {
    func firstFree(above lower: Key, upTo upper: Key) -> Key? {
        guard lower < upper else { return nil }
        var candidate = lower + 1
        var walk = taken.cursor(after: lower)
        while let next = walk.next(), next.key == candidate {
            guard candidate < upper else { return nil }
            candidate += 1
        }
        return candidate
    }
    return firstFree(above: last, upTo: maximum) ?? firstFree(above: 0, upTo: min(last, maximum))
}
