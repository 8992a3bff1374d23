import JSON
import NetworkModel
import Persistent
import Southbound
import Wire

extension API {
    /// The collection that a route lists, as far as the filter lets it through.
    func collection(_ call: Call, _ filter: Filter, network: Network) throws(Problem) -> Collection {
        let northbound = network.northbound
        let southbound = network.southbound
        switch call.route.endpoint {
        case .listSwitches: return Self.switches(filter, northbound)
        case .listPorts: return Self.ports(filter, network)
        case .listSwitchPorts:
            guard let parent = northbound.logicalSwitch(call.reference) else {
                throw Problem(Refusal(.notFound, "There is no switch \"\(call.reference)\"."))
            }
            return Self.ports(filter, network, of: parent.id)
        case .listTopologies: return Self.topologies(northbound)
        case .listChassis:
            let index = filter.list(.name).map { Self.picked($0) { [all = southbound.chassisByName] in all[$0] } }
            return Self.found(in: index ?? southbound.chassisByName, key: { $0 }, named: { $0 }) { name, _ in
                guard filter.matches(chassis: name, isLive: network.ledger.chassis[name]?.isLive ?? false) else {
                    return nil
                }
                return network.chassisView(named: name)?.json.bytes
            }
        case .listTokens:
            return Self.found(in: network.access.tokens, key: { $0 }, named: { $0 }) { _, token in token.bytes }
        case .listSouthboundChassis:
            let index = filter.list(.name).map { Self.picked($0) { [all = southbound.chassisByName] in all[$0] } }
            return Self.records(index ?? southbound.chassisByName, southbound, filter) { $0 }
        case .listDatapathBindings:
            return Self.records(southbound.datapathsByKey, southbound, filter) { UInt32($0) }
        case .listPortBindings:
            return Self.records(Self.portBindings(filter, southbound), southbound, filter) { $0 }
        default: return Self.multicastGroups(southbound, filter)
        }
    }

    private static func switches(_ filter: Filter, _ database: NorthboundDatabase) -> Collection {
        var index = database.switchesByName
        if let owner = filter.only(.owner) { index = database.topologies[owner]?.switches ?? OrderedMap() }
        if let names = filter.list(.name) { index = picked(names) { [index] in index[$0] } }
        return found(in: index, key: { ProjectName($0) }, named: \.name) { _, id in
            database.switches[id].flatMap { filter.matches($0) ? $0.bytes : nil }
        }
    }

    /// - Parameter parent: The only switch whose ports are wanted.
    private static func ports(_ filter: Filter, _ network: Network, of parent: ObjectID? = nil) -> Collection {
        let database = network.northbound
        let named = filter.list(.switch).map { list in
            Set(list.compactMap { database.logicalSwitch(Reference($0))?.id })
        }
        var index: OrderedMap<ProjectName, ObjectID>?
        if let only = parent ?? (named?.count == 1 ? named?.first : nil) {
            index = database.portsBySwitch[only] ?? OrderedMap()
        } else if let owner = filter.only(.owner) {
            index = database.topologies[owner]?.ports ?? OrderedMap()
        }
        if let names = filter.list(.name) {
            let all = index
            index = picked(names) { name in all.map { $0[name] } ?? database.portsByName[name]?.id }
        } else if let few = few(filter, network) {
            index = few
        }
        func bytes(_ id: ObjectID) -> [UInt8]? {
            database.ports[id].flatMap { filter.matches($0, switches: named) ? $0.bytes : nil }
        }
        guard let index else {
            if filter.isEmpty { return all(of: database.portsByName) }
            return found(in: database.portsByName, key: { ProjectName($0) }, named: \.name) { _, listed in
                bytes(listed.id)
            }
        }
        return found(in: index, key: { ProjectName($0) }, named: \.name) { _, id in bytes(id) }
    }

    /// All objects of an index that has their texts.
    private static func all(of index: OrderedMap<ProjectName, ListedObject>) -> Collection {
        Collection { after, work, take in
            var cursor = after.map { index.cursor(after: ProjectName($0)) } ?? index.makeIterator()
            while let run = cursor.nextRun() {
                // Each text is somewhere else in memory. Those of a leaf are looked at before the first is taken: so the
                // processor waits for all of them at once, and not for one after the other.
                var byteCount = 0
                for place in run.indices { byteCount += run[place].value.bytes.count }
                guard byteCount > 0 else { continue }
                for place in run.indices {
                    guard let cost = take({ run[place].key.name }, run[place].value.bytes) else { return .stopped }
                    work -= 1 + cost
                    guard work > 0 else { return .spent(at: run[place].key.name) }
                }
            }
            return .end
        }
    }

    /// The entries with these names, so that a filter by name costs look-ups and not a walk.
    private static func picked(
        _ names: [String],
        _ id: (ProjectName) -> ObjectID?
    ) -> OrderedMap<ProjectName, ObjectID> {
        var picked = OrderedMap<ProjectName, ObjectID>()
        for name in names { picked[ProjectName(name)] = id(ProjectName(name)) }
        return picked
    }

    private static func picked<Value>(_ names: [String], _ value: (String) -> Value?) -> OrderedMap<String, Value> {
        var picked = OrderedMap<String, Value>()
        for name in names { picked[name] = value(name) }
        return picked
    }

    /// The most ports that are put in order before the first of them is shown; a walk finds more of them as fast.
    private static let fewMaximum = 256

    /// The ports that an index has for an address or a chassis, which are among those that the filter lets through or
    /// all of them; `nil` where it asks for neither, or they are many.
    private static func few(_ filter: Filter, _ network: Network) -> OrderedMap<ProjectName, ObjectID>? {
        let database = network.northbound
        var ids: [ObjectID]?
        if let macs = filter.macs {
            ids = database.portIDs(macs: macs, atMost: fewMaximum)
        }
        if ids == nil, let ips = filter.ips {
            ids = database.portIDs(ips: ips, atMost: fewMaximum)
        }
        if ids == nil, let chassis = filter.list(.chassis) {
            ids = portIDs(chassis, network.southbound)
        }
        guard let ids else { return nil }
        var few = OrderedMap<ProjectName, ObjectID>()
        for id in ids {
            if let name = database.ports[id]?.value.name { few[ProjectName(name)] = id }
        }
        return few
    }

    /// The ports on some chassis, `nil` where they are many.
    private static func portIDs(_ chassis: [String], _ database: SouthboundDatabase) -> [ObjectID]? {
        var ids: [ObjectID] = []
        for name in chassis {
            guard let ports = database.portsByChassis[name] else { continue }
            guard ids.count + ports.count <= fewMaximum else { return nil }
            ids += ports.map(\.key)
        }
        return ids
    }

    /// The bindings that can be among those that the filter lets through.
    private static func portBindings(
        _ filter: Filter,
        _ database: SouthboundDatabase
    ) -> OrderedMap<String, RecordKey> {
        let all = database.portsByName
        if let names = filter.list(.logicalPort) { return picked(names) { all[$0] } }
        guard let chassis = filter.list(.chassis), let ids = portIDs(chassis, database) else { return all }
        var few = OrderedMap<String, RecordKey>()
        for id in ids {
            let key = RecordKey.portBinding(id)
            if case .portBinding(let binding)? = database.entries[key]?.record { few[binding.logicalPort] = key }
        }
        return few
    }

    private static func topologies(_ database: NorthboundDatabase) -> Collection {
        found(in: database.topologies, key: { $0 }, named: { $0 }) { owner, topology in
            let json: JSONValue = [
                "owner": .string(owner), "revision": .integer(Int64(clamping: topology.revision)),
                "switches": .integer(Int64(topology.switches.count)), "ports": .integer(Int64(topology.ports.count)),
            ]
            return json.bytes
        }
    }

    /// The entries of an index that `bytes` gives something for.
    private static func found<Key, Value>(
        in index: OrderedMap<Key, Value>,
        key: @escaping (String) -> Key?,
        named: @escaping (Key) -> String,
        _ bytes: @escaping (Key, Value) -> [UInt8]?
    ) -> Collection {
        Collection(
            walk: { after, work, take in
                var cursor = after.flatMap(key).map { index.cursor(after: $0) } ?? index.makeIterator()
                while let entry = cursor.next() {
                    work -= 1
                    if let bytes = bytes(entry.key, entry.value) {
                        guard let cost = take({ named(entry.key) }, bytes) else { return .stopped }
                        work -= cost
                    }
                    guard work > 0 else { return .spent(at: named(entry.key)) }
                }
                return .end
            },
            isKey: { key($0) != nil }
        )
    }

    private static func records<Key>(
        _ index: OrderedMap<Key, RecordKey>,
        _ database: SouthboundDatabase,
        _ filter: Filter,
        key: @escaping (String) -> Key?
    ) -> Collection {
        found(in: index, key: key, named: { "\($0)" }) { _, recordKey in
            database.entries[recordKey].flatMap { filter.matches($0.record) ? $0.bytes : nil }
        }
    }

    /// The groups are derived: those of a datapath follow those of the one with the next lower key.
    private static func multicastGroups(_ database: SouthboundDatabase, _ filter: Filter) -> Collection {
        Collection(
            walk: { text, work, take in
                let after = text.flatMap(MulticastGroupKey.init)
                let datapath = after.flatMap { $0.datapath > 0 ? $0.datapath - 1 : nil }
                var cursor =
                    datapath.map { database.datapathsByKey.cursor(after: $0) }
                    ?? database.datapathsByKey.makeIterator()
                while let next = cursor.next() {
                    work -= 1
                    if case .datapathBinding(let id) = next.value,
                        case .datapathBinding(let binding)? = database.entries[next.value]?.record,
                        filter.matches(datapath: binding.name)
                    {
                        for group in database.multicastGroups(ofDatapath: id) {
                            let key = MulticastGroupKey(datapath: next.key, group: UInt32(group.kind.rawValue))
                            guard after.map({ $0 < key }) ?? true else { continue }
                            // Their members are put together here, and sorted.
                            work -= group.ports.count
                            guard let cost = take({ key.text }, group.json.bytes) else { return .stopped }
                            work -= cost
                        }
                    }
                    guard work > 0 else {
                        return .spent(at: MulticastGroupKey(datapath: next.key, group: .max).text)
                    }
                }
                return .end
            },
            isKey: { MulticastGroupKey($0) != nil }
        )
    }
}

/// Where a multicast group stands in the list: by the tunnel key of its datapath, then by its own.
private struct MulticastGroupKey: Comparable {
    var datapath: UInt32
    var group: UInt32

    init(datapath: UInt32, group: UInt32) {
        self.datapath = datapath
        self.group = group
    }

    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let datapath = UInt32(parts[0]), let group = UInt32(parts[1]) else { return nil }
        self.init(datapath: datapath, group: group)
    }

    var text: String { "\(datapath)/\(group)" }

    static func < (left: MulticastGroupKey, right: MulticastGroupKey) -> Bool {
        (left.datapath, left.group) < (right.datapath, right.group)
    }
}
