import Persistent
import Southbound
import Wire

extension NorthboundDatabase {
    /// The ACLs that the hosts of a switch ask, its own and those of the port groups that have ports on it, and its QoS
    /// rules; `nil` if there are none.
    func filter(of id: ObjectID) -> PacketFilter? {
        guard !acls.isEmpty || !qosRules.isEmpty else { return nil }
        let groups = portGroups(on: id)
        var ids = acls.index.bySwitch[id]?.map(\.key) ?? []
        for group in groups.keys.sorted() { ids += acls.index.byPortGroup[group]?.map(\.key) ?? [] }
        let markings = (qosRules.index.bySwitch[id]?.map(\.key) ?? []).compactMap { qosRules[$0]?.value }
            .sorted { $0.priority != $1.priority ? $0.priority > $1.priority : $0.name < $1.name }
        guard !ids.isEmpty || !markings.isEmpty else { return nil }
        let rules = ids.compactMap { acls[$0]?.value }.sorted { $0.precedes($1) }
        var filter = PacketFilter(acls: rules.map(\.rule))
        filter.markings = markings.map(\.marking)
        let matches = rules.map(\.match) + markings.map(\.match)
        for named in matches.reduce(into: Set<NamedObject>(), { $0.formUnion($1.names) }) {
            switch named.kind {
            case .logicalSwitchPort:
                guard let port = ports[.name(named.name)]?.value, port.switchID == id else { continue }
                filter.ports[named.name] = port.status.tunnelKey
            case .portGroup:
                let group = portGroups[.name(named.name)]
                filter.portGroups[named.name] = group.flatMap { groups[$0.id] }?.sorted() ?? []
            case .addressSet: filter.addressSets[named.name] = addresses(of: named)
            case .dhcpOptions, .dnsRecords, .mirror, .logicalSwitch, .acl, .qosRule: break
            }
        }
        return filter
    }

    /// The port groups that have ports on a switch, with the keys of these.
    private func portGroups(on id: ObjectID) -> [ObjectID: [UInt16]] {
        var groups: [ObjectID: [UInt16]] = [:]
        for entry in ports.index.bySwitch[id] ?? OrderedMap() {
            guard let referrers = referrers[entry.value], let port = ports[entry.value]?.value else { continue }
            for referrer in referrers.lazy.map(\.key) where referrer.kind == .portGroup {
                groups[referrer.id, default: []].append(port.status.tunnelKey)
            }
        }
        return groups
    }

    /// The addresses of a set, ascending; one of the user's comes before that of a port group.
    private func addresses(of named: NamedObject) -> [IPPrefix] {
        if let set = addressSets[.name(named.name)]?.value { return set.addresses.sorted() }
        guard let (name, isIPv6) = named.groupOfAddresses, let group = portGroups[.name(name)]?.value else { return [] }
        var addresses: Set<IPPrefix> = []
        for id in group.ports {
            for case .known(_, let ips) in ports[id]?.value.logicalAddresses ?? [] {
                for ip in ips {
                    switch ip {
                    case .v4: if !isIPv6 { addresses.insert(IPPrefix(host: ip)) }
                    case .v6: if isIPv6 { addresses.insert(IPPrefix(host: ip)) }
                    }
                }
            }
        }
        return addresses.sorted()
    }

    /// Checks that no match of an ACL or a QoS rule names an object, so that it can go.
    func checkUnnamed<Object: Kind>(_ stored: Stored<Object>) throws(Refusal) {
        guard !acls.isEmpty || !qosRules.isEmpty else { return }
        var names = [NamedObject(kind: Object.kind, name: stored.value.name)]
        switch Object.kind {
        case .portGroup:
            let derived = ["_ip4", "_ip6"].map { NamedObject(kind: .addressSet, name: stored.value.name + $0) }
            names += derived.filter { addressSets[.name($0.name)] == nil }
        case .addressSet:
            if let group = names[0].groupOfAddresses, portGroups[.name(group.group)] != nil { return }
        // Ports leave, as in OVN: what names one is true of no frame then.
        case .logicalSwitchPort, .logicalSwitch, .dhcpOptions, .dnsRecords, .mirror, .acl, .qosRule: return
        }
        let acl = names.lazy.compactMap { acls.index.byName[$0]?.first?.key }.first.flatMap { acls[$0]?.name }
        if let acl { throw Self.inUse(stored, by: ACL.names, named: acl) }
        let rule = names.lazy.compactMap { qosRules.index.byName[$0]?.first?.key }.first.flatMap { qosRules[$0]?.name }
        if let rule { throw Self.inUse(stored, by: QoSRule.names, named: rule) }
    }

    private static func inUse<Object: Kind>(
        _ stored: Stored<Object>,
        by names: KindNames,
        named name: String
    ) -> Refusal {
        Refusal(
            .objectInUse,
            "The \(Object.names.noun) \"\(stored.value.name)\" is in use by the match of the \(names.noun) "
                + "\"\(name)\"; take it out there first.",
            conflictsWith: "\(names.path)/\(name)"
        )
    }
}

extension ACL {
    /// True if it is asked before another one. OVN leaves open which of two with one priority counts; here it is what
    /// stops frames, and else the one whose name comes first.
    fileprivate func precedes(_ other: ACL) -> Bool {
        if tier != other.tier { return tier < other.tier }
        if priority != other.priority { return priority > other.priority }
        if action.rank != other.action.rank { return action.rank < other.action.rank }
        return name < other.name
    }

    fileprivate var rule: PacketFilter.Rule {
        PacketFilter.Rule(
            name: name,
            direction: direction,
            tier: tier,
            match: match.text,
            action: action,
            log: isLogged ? severity : nil
        )
    }
}
