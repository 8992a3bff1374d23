import Persistent
import Southbound
import Wire

extension Transaction {
    /// Works out the ACLs of the switches that the changes so far concern; before ports are settled, as hosts need a
    /// feature for them.
    /// - Throws: ``Refusal`` if the hosts of a switch would have to test too much.
    public mutating func translateFilters() throws(Refusal) {
        let databases = [base.northbound, network.northbound]
        guard databases.contains(where: { !$0.acls.isEmpty || !$0.qosRules.isEmpty }) else { return }
        for id in switchesOfFilters().sorted() {
            guard let home = network.northbound.switches[id] else { continue }
            let filter = network.northbound.filter(of: id)
            try check(filter, of: home)
            setFilter(filter, of: id)
            if filter != base.southbound.datapathBinding(id)?.filter { touch(.logicalSwitch, id) }
        }
    }

    private func check(_ filter: PacketFilter?, of home: Stored<LogicalSwitch>) throws(Refusal) {
        guard let filter else { return }
        let database = network.northbound
        let weight =
            filter.acls.reduce(0) { $0 + (database.acls[.name($1.name)]?.value.match.weight ?? 0) }
            + filter.markings.reduce(0) { $0 + (database.qosRules[.name($1.name)]?.value.match.weight ?? 0) }
        guard weight <= ACL.weightMaximum else {
            throw Refusal(
                .limitExceeded,
                "The ACLs on the switch \"\(home.name)\" come to \(weight) tests and constants, and a switch has at "
                    + "most \(ACL.weightMaximum); use address sets and port groups, or fewer ACLs."
            )
        }
        guard filter.byteCount <= ACL.filterByteCountMaximum else {
            throw Refusal(
                .limitExceeded,
                "The ACLs on the switch \"\(home.name)\", with the addresses and ports that they name, come "
                    + "to more than \(ACL.filterByteCountMaximum) bytes; use fewer or smaller address sets and groups."
            )
        }
    }

    /// The switches whose ACLs, or the meaning of names in them, may have changed.
    private func switchesOfFilters() -> Set<ObjectID> {
        let databases = [base.northbound, network.northbound]
        var ids = Set(touched(.acl))
        var names = Set<NamedObject>()
        var groups = Set(touched(.portGroup))
        for id in touched(.logicalSwitchPort) {
            let (old, new) = (base.northbound.ports[id]?.value, network.northbound.ports[id]?.value)
            guard old == nil || new == nil || old?.logicalAddresses != new?.logicalAddresses else { continue }
            for database in databases {
                if let name = database.ports[id]?.name {
                    names.insert(NamedObject(kind: .logicalSwitchPort, name: name))
                }
                for referrer in (database.referrers[id] ?? OrderedMap()).map(\.key) where referrer.kind == .portGroup {
                    groups.insert(referrer.id)
                }
            }
        }
        for database in databases {
            for id in touched(.addressSet) {
                guard let name = database.addressSets[id]?.name else { continue }
                names.insert(NamedObject(kind: .addressSet, name: name))
            }
            for id in groups {
                guard let name = database.portGroups[id]?.name else { continue }
                names.insert(NamedObject(kind: .portGroup, name: name))
                for end in ["_ip4", "_ip6"] { names.insert(NamedObject(kind: .addressSet, name: name + end)) }
                ids.formUnion(database.acls.index.byPortGroup[id]?.map(\.key) ?? [])
            }
        }
        for database in databases {
            for name in names { ids.formUnion(database.acls.index.byName[name]?.map(\.key) ?? []) }
        }
        var switches: Set<ObjectID> = databases.reduce(into: []) { $0.formUnion($1.switches(ofACLs: ids)) }
        let rules = Set(touched(.qosRule))
        for database in databases {
            let named = names.flatMap { database.qosRules.index.byName[$0]?.map(\.key) ?? [] }
            for id in rules.union(named) {
                if let home = database.qosRules[id]?.value.homeSwitch { switches.insert(home) }
            }
        }
        return switches
    }
}

extension NorthboundDatabase {
    /// The switches on which ACLs are asked.
    fileprivate func switches(ofACLs ids: Set<ObjectID>) -> Set<ObjectID> {
        var switches: Set<ObjectID> = []
        var groups: Set<ObjectID> = []
        for id in ids {
            guard let acl = acls[id]?.value else { continue }
            if let home = acl.switchID { switches.insert(home) }
            if let group = acl.portGroup { groups.insert(group) }
        }
        for group in groups {
            for port in portGroups[group]?.value.ports ?? [] {
                if let home = ports[port]?.value.switchID { switches.insert(home) }
            }
        }
        return switches
    }
}

extension PacketFilter {
    /// About the bytes of its JSON.
    fileprivate var byteCount: Int {
        acls.reduce(0) { $0 + $1.match.utf8.count + $1.name.utf8.count + 96 }
            + markings.reduce(0) { $0 + $1.match.utf8.count + $1.name.utf8.count + 96 }
            + addressSets.values.reduce(0) { $0 + 64 + $1.count * 32 }
            + portGroups.values.reduce(0) { $0 + 64 + $1.count * 6 }
    }
}
