import Persistent
import Southbound
import Wire

/// A commit in the making: the network as it will be, and what of it was touched.
///
/// Operations change the network; sealing compares it with the one before, and makes the rows of the commit of the
/// difference. So each object is translated and encoded once, whatever led to it.
public struct Transaction: Sendable {
    /// The network before the commit.
    public let base: Network
    /// The network after it, as far as it is made. What hosts are told of objects is made last.
    public internal(set) var network: Network
    /// The commit's revision and time.
    public let stamp: CommitStamp
    /// The largest keys that objects get.
    let keys: KeyMaximums
    /// The prefix of new MAC addresses as the operator wants it; `nil` for the network's own.
    private let wantedMACPrefix: MACPrefix?
    /// The objects that may have changed.
    private var touched: [ObjectKind: Set<ObjectID>] = [:]
    /// The bindings of ports that were asked for meanwhile, as they will be.
    private var bindings: [ObjectID: PortBinding] = [:]
    /// The ACLs of switches that have been worked out anew, `nil` for none.
    private var filters: [ObjectID: PacketFilter?] = [:]
    /// The chassis that may have changed.
    private(set) var chassis: Set<String> = []
    /// The key spaces that a key was taken from.
    private(set) var keySpaces: Set<Ledger.KeySpace> = []
    /// The objects that keys were given to, of which no record tells yet.
    private var givenKeys: [Ledger.KeySpace: [UInt32: ObjectID]] = [:]
    /// The owners of whose topologies a user has changed something.
    var owners: Set<String> = []
    /// The changes of the commit, once the transaction is sealed.
    var rows: [CommitChange] = []
    public private(set) var removedChassis: [String] = []
    /// The ports of deleted chassis that later commits free.
    public var orphaned: [ObjectID] = []
    /// Bytes of the objects that the commit takes the place of.
    public private(set) var replacedByteCount = 0

    /// The largest keys that objects get.
    public struct KeyMaximums: Sendable {
        public var datapath: UInt32
        public var port: UInt16

        public init(
            datapath: UInt32 = DatapathBinding.tunnelKeyMaximum,
            port: UInt16 = PortBinding.tunnelKeyMaximum
        ) {
            self.datapath = datapath
            self.port = port
        }
    }

    /// A transaction on a network, whose commit is the next or a later one.
    public init(
        on network: Network,
        time: Int64,
        revision: UInt64? = nil,
        keys: KeyMaximums = KeyMaximums(),
        macPrefix: MACPrefix? = nil
    ) {
        base = network
        wantedMACPrefix = macPrefix
        self.network = network
        self.keys = keys
        stamp = CommitStamp(revision: revision ?? network.revision + 1, time: time)
    }

    /// The objects of a kind that may have changed, in order.
    func touched(_ kind: ObjectKind) -> [ObjectID] { touched[kind]?.sorted() ?? [] }

    /// The ports whose place is to be looked at again, in order: those that may have changed and what is nested in
    /// them, and those of switches whose hosts need other features or physical networks than before.
    /// - Parameter isPlugged: True for the name of a port that a host has plugged.
    public func portsToSettle(_ isPlugged: (String) -> Bool) -> [ObjectID] {
        var ids = touched[.logicalSwitchPort] ?? []
        if !network.northbound.ports.index.nested.isEmpty {
            for id in ids {
                let port = network.northbound.ports[id] ?? base.northbound.ports[id]
                ids.formUnion(port.map { nestedPorts(of: $0.value.name) } ?? [])
            }
        }
        for id in touched[.logicalSwitch] ?? [] {
            guard let old = base.northbound.switches[id]?.value, let new = network.northbound.switches[id]?.value,
                old.neededFeatures != new.neededFeatures
                    || old.guardsRouters != new.guardsRouters || old.guardsDHCP != new.guardsDHCP
                    || base.southbound.datapathBinding(id)?.filter?.neededFeatures != filter(of: id)?.neededFeatures
            else { continue }
            ids.formUnion(network.northbound.ports.index.bySwitch[id]?.map(\.value) ?? [])
        }
        for id in switchesWithOtherNetworks() {
            ids.formUnion(network.northbound.ports.index.bySwitch[id]?.map(\.value) ?? [])
        }
        var found: [ObjectID] = []
        for id in ids where !isSettledNowhere(id, isPlugged) { found.append(id) }
        return found.sorted()
    }

    /// True for a port that no host has, has had, or waits for, as most of a large write are, and that says so.
    private func isSettledNowhere(_ id: ObjectID, _ isPlugged: (String) -> Bool) -> Bool {
        guard let port = network.northbound.ports[id]?.value else { return true }
        return port.type.isEmpty && port.isNowhere && locations(ofPort: id).isEmpty
            && (network.ledger.bindings[id]?.standbyAt ?? 0) == 0 && !isPlugged(port.name)
    }

    /// The ACLs of a switch as the commit will leave them.
    func filter(of id: ObjectID) -> PacketFilter? { filters[id] ?? base.southbound.datapathBinding(id)?.filter }

    mutating func setFilter(_ filter: PacketFilter?, of id: ObjectID) { filters[id] = .some(filter) }

    /// The features that the host of a port needs, in order.
    public func neededFeatures(of port: LogicalSwitchPort) -> [String] {
        network.northbound.neededFeatures(of: port, filter: filter(of: port.switchID))
    }

    /// The same, in no order.
    func touchedSet(_ kind: ObjectKind) -> Set<ObjectID> { touched[kind] ?? [] }

    /// Takes note of an object that may have changed.
    func isTouched(_ kind: ObjectKind, _ id: ObjectID) -> Bool { touched[kind]?.contains(id) ?? false }

    mutating func touch(_ kind: ObjectKind, _ id: ObjectID) {
        touched[kind, default: []].insert(id)
        bindings[id] = nil
    }

    /// Takes note of an object that the commit takes the place of.
    mutating func noteReplaced(_ bytes: [UInt8]?) { replacedByteCount += bytes?.count ?? 0 }

    /// Puts a chassis as its agent describes it.
    public mutating func put(_ chassis: Chassis) {
        self.chassis.insert(chassis.name)
        put(.chassis(chassis), inPlaceOf: base.southbound.entries[.chassis(chassis.name)])
    }

    /// Sets whether a chassis counts as live, and the share that it holds back: for a silent one, the last known.
    public mutating func setLive(_ isLive: Bool, held: HeldShare?, chassis name: String) {
        let old = network.ledger.chassis[name]
        guard old?.isLive != isLive || old?.held != held else { return }
        chassis.insert(name)
        network.ledger.setChassis(.init(isLive: isLive, held: held, revision: stamp.revision), named: name)
    }

    /// Deletes a chassis; its ports are still to be settled.
    public mutating func removeChassis(_ name: String) {
        chassis.insert(name)
        removedChassis.append(name)
        network.southbound.remove(.chassis(name))
        network.ledger.setChassis(nil, named: name)
    }

    /// The binding of a port as the commit will leave it; `nil` for a port that is not there.
    public mutating func binding(ofPort id: ObjectID) -> PortBinding? {
        if let binding = bindings[id] { return binding }
        guard isTouched(.logicalSwitchPort, id) else { return network.southbound.portBinding(id) }
        let binding = network.northbound.ports[id].map { self.binding(of: $0) }
        bindings[id] = binding
        return binding
    }

    /// The places of a port as the commit will leave them, without a look at the rest of its binding.
    public func locations(ofPort id: ObjectID) -> [PortBinding.Location] {
        bindings[id]?.locations ?? network.southbound.place(ofPort: id)?.locations ?? []
    }

    /// The binding of a port that was touched.
    func binding(of port: Stored<LogicalSwitchPort>) -> PortBinding {
        bindings[port.id]
            ?? Translation.binding(of: port, at: network.southbound.place(ofPort: port.id)?.locations ?? [])
    }

    /// Sets the places of a port, the state of its bindings, and its status for users.
    public mutating func settle(
        port id: ObjectID,
        at locations: [PortBinding.Location],
        _ state: Ledger.BindingState,
        _ status: LogicalSwitchPort.Status
    ) {
        guard var port = network.northbound.ports[id], var binding = binding(ofPort: id) else { return }
        touch(.logicalSwitchPort, id)
        binding.locations = locations
        bindings[id] = binding
        network.ledger.setBinding(state == Ledger.BindingState() ? nil : state, of: id)
        guard port.value.status != status else { return }
        port.value.status = status
        network.northbound.put(port)
    }

    /// Has the object of a record translated anew.
    public mutating func retranslate(_ key: RecordKey) {
        switch key {
        case .chassis(let name): chassis.insert(name)
        case .datapathBinding(let id):
            setFilter(network.northbound.filter(of: id), of: id)
            touch(.logicalSwitch, id)
        case .portBinding(let id): touch(.logicalSwitchPort, id)
        case .dhcpResponder(let id): touch(.dhcpOptions, id)
        case .dnsResponder(let id): touch(.dnsRecords, id)
        case .mirrorSession(let id): touch(.mirror, id)
        }
    }

    /// Puts a record, if it is not as it was.
    /// - Returns: The new entry in that case.
    @discardableResult
    mutating func put(
        _ record: Record,
        inPlaceOf old: SouthboundDatabase.Entry?
    ) -> SouthboundDatabase.Entry? {
        if let old, old.record == record {
            network.southbound.put(old)
            return nil
        }
        let entry = SouthboundDatabase.Entry(record: record, revision: stamp.revision)
        network.southbound.put(entry)
        return entry
    }

    /// Lets go of what is unique of an object, so that others can take it.
    mutating func release<Object: Kind>(_ stored: Stored<Object>) {
        network.northbound[keyPath: Object.table].index.release(stored)
    }

    mutating func forget(port id: ObjectID) { network.ledger.setBinding(nil, of: id) }
}

extension Transaction {
    /// Sets the last key given in a space; 0 forgets the space.
    mutating func setLastKey(_ key: UInt32, in space: Ledger.KeySpace) {
        keySpaces.insert(space)
        network.ledger.setLastKey(key, in: space)
    }

    /// Settles the prefix of the MAC addresses that central gives out: the operator's, else the one before, else one
    /// made of the epoch, which is random; the ports' index counts its addresses from now on.
    mutating func settleMACPrefix() {
        let kept = network.ledger.lastKeys[.macPrefix]
        let prefix =
            wantedMACPrefix ?? kept.flatMap { MACPrefix(truncating: UInt64($0)) } ?? MACPrefix(local: network.epoch)
        if kept != prefix.rawValue { setLastKey(prefix.rawValue, in: .macPrefix) }
        network.northbound.ports.index.countMACs(under: prefix)
    }

    /// Takes the next free key of a space for an object; `nil` if all are taken.
    mutating func takeKey(in space: Ledger.KeySpace, for id: ObjectID) -> UInt32? {
        let last = network.ledger.lastKeys[space] ?? 0
        let key: UInt32? =
            switch space {
            case .datapaths: freeKey(after: last, upTo: keys.datapath, in: space, network.southbound.datapathsByKey)
            case .ports(let datapath):
                freeKey(
                    after: UInt16(clamping: last),
                    upTo: keys.port,
                    in: space,
                    network.southbound.portsByDatapath[datapath] ?? OrderedMap()
                ).map { UInt32($0) }
            case .macPrefix: nil
            }
        guard let key else { return nil }
        givenKeys[space, default: [:]][key] = id
        setLastKey(key, in: space)
        return key
    }

    /// The first free key of a space that no new object of the transaction has either.
    private func freeKey<Key: FixedWidthInteger & Sendable>(
        after last: Key,
        upTo maximum: Key,
        in space: Ledger.KeySpace,
        _ taken: OrderedMap<Key, RecordKey>
    ) -> Key? {
        let given = givenKeys[space] ?? [:]
        var last = last
        for _ in 0...given.count {
            guard let key = NetworkModel.freeKey(after: last, upTo: maximum, taken: taken) else { return nil }
            guard let holder = given[UInt32(key)], network.northbound.hasKey(holder) else { return key }
            last = key
        }
        return nil
    }
}

/// The first free key above the last one given, else the first from 1 on; `nil` if all are taken.
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

extension LogicalSwitchPort {
    /// True if its status is that of a port that no host has or waits for.
    fileprivate var isNowhere: Bool {
        status.chassis == nil && status.standby == nil && status.waiting.isEmpty && status.virtualParent == nil
            && !isNested && !status.isUp && status.reason == (isEnabled ? .notPlugged : .disabled)
    }
}

extension NorthboundDatabase {
    fileprivate func hasKey(_ id: ObjectID) -> Bool { switches[id] != nil || ports[id] != nil }
}
