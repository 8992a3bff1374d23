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
        Collection { after, limit in
            index.entries(after: after.flatMap(key), limit: limit).compactMap { entry in
                database.entries[entry.value].map { ("\(entry.key)", $0.bytes) }
            }
        }
    }

    /// The groups are derived: those of a datapath follow those of the one with the next lower key. Their key in the
    /// list is `DATAPATH/GROUP`.
    private static func multicastGroups(_ database: SouthboundDatabase) -> Collection {
        Collection { after, limit in
            let position = after?.split(separator: "/").compactMap { UInt32($0) } ?? []
            var datapath = position.first.flatMap { $0 > 0 ? $0 - 1 : nil }
            var groups: [(key: String, bytes: [UInt8])] = []
            while groups.count < limit, let next = database.datapathsByKey.entries(after: datapath, limit: 1).first {
                datapath = next.key
                guard case .datapathBinding(let id) = next.value else { continue }
                for group in database.multicastGroups(ofDatapath: id) {
                    let isSeen =
                        position.first == next.key && position.count == 2
                        && UInt32(group.kind.rawValue) <= position[1]
                    if !isSeen { groups.append(("\(next.key)/\(group.kind.rawValue)", group.json.bytes)) }
                }
            }
            return Array(groups.prefix(limit))
        }
    }
}
