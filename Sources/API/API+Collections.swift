import HTTP
import JSON
import NetworkModel
import Persistent
import Southbound
import Wire

extension API {
    /// The collection that a route lists, as far as the filter lets it through.
    func collection(
        _ call: Call,
        _ filter: Filter,
        _ order: ListOrder,
        network: Network
    ) throws(Problem) -> Listing {
        let northbound = network.northbound
        let southbound = network.southbound
        switch call.route.endpoint {
        case .list(let kind): return network.listing(of: kind, filter.objects, order)
        case .listBelow(let kind):
            guard let home = kind.row.parent?.kind else { throw unexpected }
            guard let parent = northbound.listed(home, call.reference) else {
                throw Problem(Refusal(.notFound, "There is no \(home.names.noun) \"\(call.reference)\"."))
            }
            var objects = filter.objects
            objects.parent = parent.id
            return network.listing(of: kind, objects, order)
        case .listTopologies: return Self.topologies(northbound)
        case .listChassis:
            return Listing(of: Self.chassis(filter, southbound), key: { $0 }, named: { $0 }) { name, _ in
                guard filter.matches(chassis: name, isLive: network.ledger.chassis[name]?.isLive ?? false) else {
                    return nil
                }
                return network.chassisView(named: name)?.json.bytes
            }
        case .listTokens:
            return Listing(of: network.access.tokens, key: { $0 }, named: { $0 }) { _, token in token.bytes }
        case .listRecords(.chassis):
            return Self.records(Self.chassis(filter, southbound), southbound, filter) { $0 }
        case .listRecords(.datapathBinding):
            return Self.records(southbound.datapathsByKey, southbound, filter) { UInt32($0) }
        case .listRecords(.portBinding):
            return Self.records(Self.portBindings(filter, southbound), southbound, filter) { $0 }
        case .listRecords(.dhcpResponder):
            return Self.records(of: northbound.dhcpOptions, southbound) { .dhcpResponder($0) }
        case .listRecords(.dnsResponder):
            return Self.records(of: northbound.dnsRecords, southbound) { .dnsResponder($0) }
        case .listRecords(.mirrorSession):
            return Self.records(of: northbound.mirrors, southbound) { .mirrorSession($0) }
        case .listMulticastGroups: return Self.multicastGroups(southbound, filter)
        case .create, .get, .replace, .patch, .delete, .deleteSelected, .createBelow, .transact, .trace, .getTopology,
            .applyTopology, .deleteTopology, .getChassis, .deleteChassis, .migrate, .getRealization, .portStatistics,
            .hostReport, .reply, .sync,
            .readChanges, .createToken, .getToken,
            .deleteToken, .enrol, .renewCertificate, .getChanges, .getAudit, .identity, .index, .livez, .readyz,
            .version, .metrics, .contract, .console, .consoleFile:
            throw unexpected
        }
    }

    private static func chassis(_ filter: Filter, _ database: SouthboundDatabase) -> OrderedMap<String, RecordKey> {
        filter.list(.name).map { picked($0) { name in database.chassisByName[name] } } ?? database.chassisByName
    }

    private static func picked<Value>(_ names: [String], _ value: (String) -> Value?) -> OrderedMap<String, Value> {
        var picked = OrderedMap<String, Value>()
        for name in names { picked[name] = value(name) }
        return picked
    }

    /// The bindings that can be among those that the filter lets through.
    private static func portBindings(
        _ filter: Filter,
        _ database: SouthboundDatabase
    ) -> OrderedMap<String, RecordKey> {
        let all = database.portsByName
        if let names = filter.list(.logicalPort) { return picked(names) { all[$0] } }
        guard let chassis = filter.list(.chassis), let ids = database.portIDs(at: chassis) else { return all }
        var few = OrderedMap<String, RecordKey>()
        for id in ids {
            let key = RecordKey.portBinding(id)
            if case .portBinding(let binding)? = database.entries[key]?.record { few[binding.logicalPort] = key }
        }
        return few
    }

    private static func topologies(_ database: NorthboundDatabase) -> Listing {
        Listing(of: database.topologies, key: { $0 }, named: { $0 }) { owner, topology in
            let counts = ObjectKind.allCases.map { kind in
                (name: kind.names.member, value: JSONValue.integer(Int64(database.owned(by: owner, kind).count)))
            }
            let head: [(name: String, value: JSONValue)] = [
                ("owner", .string(owner)), ("revision", .integer(Int64(clamping: topology.revision))),
            ]
            return JSONValue.object(JSONObject(distinct: head + counts)).bytes
        }
    }

    private static func records<Key>(
        _ index: OrderedMap<Key, RecordKey>,
        _ database: SouthboundDatabase,
        _ filter: Filter,
        key: @escaping (String) -> Key?
    ) -> Listing {
        Listing(of: index, key: key, named: { "\($0)" }) { _, recordKey in
            database.entries[recordKey].flatMap { filter.matches($0.record) ? $0.bytes : nil }
        }
    }

    /// The records of a kind's objects, by the names of those.
    private static func records<Object: Kind>(
        of table: Table<Object>,
        _ database: SouthboundDatabase,
        _ recordKey: @escaping (ObjectID) -> RecordKey
    ) -> Listing {
        Listing(of: table.byName, key: { ProjectName($0) }, named: { $0.name }) { _, object in
            database.entries[recordKey(object.id)]?.bytes
        }
    }

    /// The groups are derived: those of a datapath follow those of the one with the next lower key.
    private static func multicastGroups(_ database: SouthboundDatabase, _ filter: Filter) -> Listing {
        Listing(
            isKey: { MulticastGroupKey($0) != nil },
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
            }
        )
    }
}

/// The place of a multicast group in the list: by the tunnel key of its datapath, then by its own.
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
