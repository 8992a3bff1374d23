import Persistent
import Southbound
import Wire

extension LogicalSwitchPort {
    /// The most ports that are sorted before the first is shown; more are found as fast by a walk.
    private static let candidateCountMaximum = 256

    /// The ports that an index has for an address or a chassis; `nil` if the filter asks for neither, or they are many.
    public static func candidates(_ filter: ObjectFilter, in network: Network) -> OrderedMap<ProjectName, ObjectID>? {
        let ports = network.northbound.ports
        var ids = filter.macs.flatMap { ports.index.portIDs(macs: $0, atMost: candidateCountMaximum) }
        if ids == nil { ids = filter.ips.flatMap { ports.index.portIDs(ips: $0, atMost: candidateCountMaximum) } }
        if ids == nil { ids = filter.values["chassis"].flatMap { network.southbound.portIDs(at: $0) } }
        guard let ids else { return nil }
        var candidates = OrderedMap<ProjectName, ObjectID>()
        for id in ids {
            if let name = ports[id]?.value.name { candidates[ProjectName(name)] = id }
        }
        return candidates
    }

    /// True if the port has one of the addresses that are asked for.
    public static func matches(_ stored: Stored<LogicalSwitchPort>, _ filter: ObjectFilter) -> Bool {
        guard filter.macs != nil || filter.ips != nil else { return true }
        let known = stored.value.logicalAddresses.compactMap { address in
            if case .known(let mac, let ips) = address { (mac: mac, ips: ips) } else { nil }
        }
        return (filter.macs.map { macs in known.contains { macs.contains($0.mac) } } ?? true)
            && (filter.ips.map { ips in
                known.contains { $0.ips.contains(where: ips.contains) }
                    || stored.value.virtualIP.map(ips.contains) ?? false
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
