import Persistent
import Southbound
import Wire

extension LogicalSwitchPort {
    /// The most ports that are sorted before the first is shown; more are found as fast by a walk.
    private static let candidateCountMaximum = 256

    /// The ports that an index has for an address or a chassis; `nil` if the filter asks for neither, or they are many.
    public static func candidates(_ filter: ObjectFilter, in network: Network) -> OrderedMap<ProjectName, ObjectID>? {
        let (ports, maximum) = (network.northbound.ports, candidateCountMaximum)
        var ids: [ObjectID]?
        if let macs = filter.macs?.wanted, !macs.isEmpty { ids = ports.index.portIDs(macs: macs, atMost: maximum) }
        if ids == nil, let networks = filter.ips?.wanted, !networks.isEmpty {
            ids = ports.index.portIDs(networks: networks, atMost: maximum)
        }
        if ids == nil, let chassis = filter.texts["chassis"]?.texts {
            ids = network.southbound.portIDs(at: chassis.sorted())
        }
        guard let ids else { return nil }
        var candidates = OrderedMap<ProjectName, ObjectID>()
        for id in ids {
            if let name = ports[id]?.value.name { candidates[ProjectName(name)] = id }
        }
        return candidates
    }

    /// True if the port has the addresses that are asked for.
    public static func matches(_ stored: Stored<LogicalSwitchPort>, _ filter: ObjectFilter) -> Bool {
        guard filter.macs != nil || filter.ips != nil else { return true }
        let known = stored.value.logicalAddresses.compactMap { address in
            if case .known(let mac, let ips) = address { (mac: mac, ips: ips) } else { nil }
        }
        return (filter.macs.map { $0.holds { mac in known.contains { $0.mac == mac } } } ?? true)
            && (filter.ips.map { condition in
                condition.holds { network in
                    known.contains { $0.ips.contains(where: network.contains) }
                        || stored.value.virtualIP.map(network.contains) ?? false
                }
            } ?? true)
    }
}

extension SouthboundDatabase {
    /// The ports on some chassis, `nil` if they are many.
    public func portIDs(at chassis: [String], atMost maximum: Int = 256) -> [ObjectID]? {
        var ids: [ObjectID] = []
        for name in chassis {
            guard let ports = portsByChassis[name] else { continue }
            guard ids.count + ports.count <= maximum else { return nil }
            ids += ports.map(\.key)
        }
        return ids
    }
}
