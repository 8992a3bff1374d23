import HashTreeCollections
import JSON
import Northbound
import Northd
import Persistent
import Southbound
import Wire

extension API {
    /// The collection that a route lists.
    func collection(_ call: Call, network: Network) throws(Problem) -> Collection {
        let northbound = network.northbound
        let southbound = network.southbound
        switch call.route.endpoint {
        case .listSwitches: return Self.named(northbound.switchesByName) { northbound.switches[$0]?.bytes }
        case .listPorts: return Self.named(northbound.portsByName) { northbound.ports[$0]?.bytes }
        case .listSwitchPorts:
            guard let parent = northbound.logicalSwitch(call.reference) else {
                throw Problem(Refusal(.notFound, "There is no switch \"\(call.reference)\"."))
            }
            return Self.named(northbound.portsBySwitch[parent.id] ?? OrderedMap()) { northbound.ports[$0]?.bytes }
        case .listChassis:
            return Collection { after, limit in
                southbound.chassisByName.entries(after: after, limit: limit).compactMap { entry in
                    network.chassisView(named: entry.key).map { (entry.key, $0.json.bytes) }
                }
            }
        case .listSouthboundChassis: return Self.records(southbound.chassisByName, southbound) { $0 }
        case .listDatapathBindings:
            return Self.records(southbound.datapathsByKey, southbound) { UInt32($0) }
        case .listPortBindings: return Self.records(southbound.portsByName, southbound) { $0 }
        default: return Self.multicastGroups(southbound)
        }
    }

    private static func named(
        _ index: OrderedMap<ProjectName, ObjectID>,
        _ bytes: @escaping (ObjectID) -> [UInt8]?
    ) -> Collection {
        Collection { after, limit in
            index.entries(after: after.map { ProjectName($0) }, limit: limit).compactMap { entry in
                bytes(entry.value).map { (entry.key.name, $0) }
            }
        }
    }

    private static func records<Key>(
        _ index: OrderedMap<Key, RecordKey>,
        _ database: SouthboundDatabase,
        key: @escaping (String) -> Key?
    ) -> Collection {
        Collection(
            items: { after, limit in
                index.entries(after: after.flatMap(key), limit: limit).compactMap { entry in
                    database.entries[entry.value].map { ("\(entry.key)", $0.bytes) }
                }
            },
            isKey: { key($0) != nil }
        )
    }

    /// The groups are derived: those of a datapath follow those of the one with the next lower key.
    private static func multicastGroups(_ database: SouthboundDatabase) -> Collection {
        Collection(
            items: { text, limit in
                let after = text.flatMap(MulticastGroupKey.init)
                var datapath = after.flatMap { $0.datapath > 0 ? $0.datapath - 1 : nil }
                var items: [(key: String, bytes: [UInt8])] = []
                while items.count < limit, let next = database.datapathsByKey.entries(after: datapath, limit: 1).first {
                    datapath = next.key
                    guard case .datapathBinding(let id) = next.value else { continue }
                    for group in database.multicastGroups(ofDatapath: id) {
                        let key = MulticastGroupKey(datapath: next.key, group: UInt32(group.kind.rawValue))
                        if after.map({ $0 < key }) ?? true { items.append((key.text, group.json.bytes)) }
                    }
                }
                return Array(items.prefix(limit))
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
