import Southbound
import Wire

/// The members of a switch's multicast groups, while tables are compiled.
struct MulticastState {
    var groups: [IPAddress: [ObjectID]] = [:]
    /// The groups that a port is a member of.
    var groupsByPort: [ObjectID: Set<IPAddress>] = [:]
    var routers: [ObjectID] = []
    var isListening = true
    /// The groups whose rows may be out of date.
    var outdated: Set<IPAddress> = []

    mutating func set(_ ports: [ObjectID], of group: IPAddress) {
        for port in groups[group] ?? [] {
            groupsByPort[port]?.remove(group)
            if groupsByPort[port]?.isEmpty ?? false { groupsByPort[port] = nil }
        }
        groups[group] = ports.isEmpty ? nil : ports
        for port in ports { groupsByPort[port, default: []].insert(group) }
        outdated.insert(group)
    }
}

extension ForwardingTables {
    /// Takes over what is new of members, of datapaths that are there and ask for them.
    func put(_ change: MembershipChange) {
        guard let datapath = datapaths[change.datapath], datapath.record.snooping != nil else { return }
        for (group, ports) in change.groups { datapath.multicast.set(ports, of: group) }
        datapath.multicast.routers = change.routers
        datapath.multicast.isListening = change.isListening
        outdateMembers(of: datapath)
    }

    /// The rows of groups and routers may be others.
    func outdateMembers(of datapath: DatapathState) {
        datapath.areMembersOutdated = true
        if datapath.isActive { outdated.insert(datapath.row.index) }
    }

    /// The place of a port may be another one.
    func notePlace(of port: ObjectID, in datapath: DatapathState) {
        guard datapath.record.snooping != nil else { return }
        datapath.multicast.outdated.formUnion(datapath.multicast.groupsByPort[port] ?? [])
        datapath.areMembersOutdated = true
    }

    /// Lays the querier, and forgets members if they are asked for no more.
    func laySnooping(of datapath: DatapathState) {
        if datapath.record.snooping == nil { datapath.multicast = MulticastState() }
        if datapath.row.groups == 0 { datapath.multicast.outdated = Set(datapath.multicast.groups.keys) }
        datapath.row.querier = layQuerier(datapath.record.snooping?.querier)
        outdateMembers(of: datapath)
    }

    /// Writes the rows of members that may be others.
    func writeMembers(of datapath: DatapathState) {
        datapath.areMembersOutdated = false
        var services = datapath.row.services.subtracting([.snooping, .listening, .floodsUnregistered])
        var isUnlike = 0
        if let snooping = datapath.record.snooping {
            services.insert(.snooping)
            if datapath.multicast.isListening { services.insert(.listening) }
            if snooping.floodsUnregistered { services.insert(.floodsUnregistered) }
            isUnlike = writeRouters(of: datapath)
            // Routers are among the members of every group.
            if isUnlike != 0 { datapath.multicast.outdated.formUnion(datapath.multicast.groups.keys) }
            for group in datapath.multicast.outdated.sorted() { write(group, of: datapath) }
            isUnlike |= datapath.multicast.outdated.isEmpty ? 0 : 1
        } else if datapath.row.services.contains(.snooping) {
            datapath.row.groups = 0
            (datapath.row.multicastRouters, datapath.row.reporters) = (.empty, .empty)
            isUnlike = 1
        }
        datapath.multicast.outdated = []
        guard isUnlike != 0 || services != datapath.row.services else { return }
        datapath.row.services = services
        datapath.row.membersGeneration = UInt32(truncatingIfNeeded: root.epoch)
    }

    private func writeRouters(of datapath: DatapathState) -> Int {
        let places = datapath.localnets.isEmpty ? datapath.members.keys.filter { chassis[$0].place != nil } : []
        let locals = datapath.locals.values.filter(\.isEnabled)
        let learnt = self.places(of: datapath.multicast.routers, in: datapath)
        let routers = learnt.locals.union(locals.filter(\.takesGroups).map(\.slot))
        let reporters = routers.union(locals.filter(\.takesReports).map(\.slot))
        let remotes = learnt.remotes.union(places.filter { datapath.members[$0]?.routers ?? 0 > 0 })
        return replace(&datapath.row.multicastRouters.locals, by: routers.sorted())
            | replace(&datapath.row.multicastRouters.remotes, by: remotes.sorted())
            | replace(&datapath.row.reporters, by: reporters.sorted())
    }

    private func write(_ group: IPAddress, of datapath: DatapathState) {
        let key = KeyRow(group: group)
        guard let ports = datapath.multicast.groups[group] else {
            return file.remove(key, from: &datapath.row.groups, seed: hashSeed)
        }
        let members = places(of: ports, in: datapath)
        let routers = datapath.row.multicastRouters
        let row = GroupRow(
            locals: file.append(members.locals.union(file.load(UInt16.self, routers.locals)).sorted()),
            remotes: file.append(members.remotes.union(file.load(UInt32.self, routers.remotes)).sorted())
        )
        var found = key
        found.mac = UInt64(file.append(row))
        file.insert(found, into: &datapath.row.groups, seed: hashSeed)
    }

    /// The slots and the places at which enabled ports are.
    private func places(
        of ids: [ObjectID],
        in datapath: DatapathState
    ) -> (locals: Set<UInt16>, remotes: Set<UInt32>) {
        var (locals, remotes): (Set<UInt16>, Set<UInt32>) = ([], [])
        for id in ids {
            guard let port = port(id), port.isEnabled, !port.isVirtual, isLaid(port, in: datapath) else { continue }
            let row = file.load(PortRow.self, at: file.element(Int(port.tunnelKey), of: datapath.row.ports))
            locals.formUnion(file.load(UInt16.self, row.locals))
            remotes.formUnion(file.load(UInt32.self, row.remotes))
        }
        return (locals, remotes)
    }
}

extension PortBinding {
    /// True if it gets the frames to all multicast groups: also those who are behind a wire may be members.
    var takesGroups: Bool { !isVirtual && (floodsMulticast || wiredNetwork != nil) }
}

extension KeyRow {
    init(group: IPAddress) {
        switch group {
        case .v4(let address): self.init(.multicastGroup, low: UInt64(address.rawValue), value: 0)
        case .v6(let address): self.init(.multicastGroup, high: address.high, low: address.low, value: 0)
        }
    }
}

extension TableFile {
    /// Copies the row of a multicast group from another file.
    func copyGroup(_ key: KeyRow, from former: TableFile) -> KeyRow {
        let row = former.load(GroupRow.self, at: Reference(truncatingIfNeeded: key.mac))
        var copied = key
        copied.mac = UInt64(
            append(
                GroupRow(
                    locals: copy(UInt16.self, row.locals, from: former),
                    remotes: copy(UInt32.self, row.remotes, from: former)
                )
            )
        )
        return copied
    }
}
