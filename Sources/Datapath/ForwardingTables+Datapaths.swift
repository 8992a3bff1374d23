import Match
import Southbound
import Wire

/// A logical switch, as it is known while tables are compiled.
final class DatapathState {
    var record: DatapathBinding
    /// The row as it will be written next.
    var row: DatapathRow
    /// True if it has its VNI; else nothing of it is in the tables.
    var isActive = false
    /// Its ports on other chassis, by the number of the chassis.
    var members: [UInt32: Members] = [:]
    /// The keys of its localnet ports: with any, frames for other hosts go over the wire and not through tunnels.
    var localnets: Set<UInt16> = []
    /// The slot of the first of them that passes frames here.
    var wire: UInt16? {
        localnets.filter { locals[$0]?.isEnabled == true }.min().flatMap { locals[$0]?.slot }
    }
    /// Its ports that are plugged in here, by key.
    var locals: [UInt16: LocalMember] = [:]
    /// The ports whose key another port has, by key.
    var rivals: [UInt16: [ObjectID]] = [:]
    /// The keys of the trie that several ports want: the lowest port key has it.
    var contested: [KeyName: [KeyRow]] = [:]
    /// The keys of the names that responders have.
    var responderKeys: [KeyRow] = []
    var areGroupsOutdated = false
    var virtualPortCount = 0
    /// True if it is counted among those whose gateway sends advertisements unasked.
    var isAdvertiser = false
    /// Its ACLs in either direction, then its QoS rules so, to be laid again into a new file.
    var filters: [CompiledFilter] = []
    /// The sets and groups that these test.
    var sets = CompiledSets()
    /// The members that sets and groups have gained or lost since all decisions were made anew, the newest last.
    var changedMembers: [ChangedMembersRow] = []
    /// The members of multicast groups on it.
    var multicast = MulticastState()
    var areMembersOutdated = false
    /// The expressions of its ACLs, those that can be read.
    var expressions: [String: MatchExpression] = [:]

    /// The number of ports on a chassis.
    struct Members {
        var bound = 0
        var enabled = 0
        var unknown = 0
        /// Those that get frames to all multicast groups.
        var routers = 0
    }

    struct LocalMember: Equatable {
        var slot: UInt16
        var isEnabled: Bool
        var hasUnknown: Bool
        /// True if it gets frames to all multicast groups.
        var takesGroups = false
        /// True if it gets reports of their members.
        var takesReports = false

        init(_ port: PortBinding, in slot: UInt16) {
            self.slot = slot
            isEnabled = port.isEnabled
            hasUnknown = port.hasUnknown
            takesGroups = port.takesGroups
            takesReports = port.takesGroups || port.floodsReports
        }
    }

    /// A key of a trie, without what is known of it.
    struct KeyName: Hashable {
        var kind: UInt32
        var high: UInt64
        var low: UInt64

        init(_ row: KeyRow) {
            kind = row.kind
            high = row.high
            low = row.low
        }
    }

    init(_ record: DatapathBinding) {
        self.record = record
        row = DatapathRow(
            vni: record.tunnelKey,
            index: 0,
            generation: 0,
            vlanPassthru: record.vlanPassthru ? 1 : 0,
            flood: .empty,
            unknown: .empty,
            chassis: .empty,
            ports: .empty,
            keys: 0
        )
    }

    /// Has all that its row refers to copied.
    /// - Parameter moved: where the options of responders lie now.
    func copy(from former: TableFile, to file: TableFile, _ moved: [Reference: Extent]) {
        row.flood = Self.copy(row.flood, from: former, to: file)
        row.unknown = Self.copy(row.unknown, from: former, to: file)
        row.chassis = file.copy(UInt32.self, row.chassis, from: former)
        row.keys = file.copyTrie(row.keys, from: former)
        row.router = file.copyRouter(row.router, from: former)
        row.groups = file.copyTrie(row.groups, from: former)
        row.multicastRouters = Self.copy(row.multicastRouters, from: former, to: file)
        row.reporters = file.copy(UInt16.self, row.reporters, from: former)
        if row.querier != 0 { row.querier = file.append(former.load(QuerierRow.self, at: row.querier)) }
        forgetFilterPlaces()
        layFilters(into: file)
        row.changedMembers = file.append(changedMembers)
        contested = contested.mapValues { claims in claims.map { file.copyKey($0, from: former) } }
        row.ports = file.copy(row.ports, from: former) { reference in
            var port = former.load(PortRow.self, at: reference)
            port.security = file.copySecurity(port.security, from: former)
            port.origins = file.copy(OriginRow.self, port.origins, from: former)
            port.locals = file.copy(UInt16.self, port.locals, from: former)
            port.parents = file.copy(UInt16.self, port.parents, from: former)
            port.nested = file.copy(NestedRow.self, port.nested, from: former)
            port.vlans = file.copy(UInt64.self, port.vlans, from: former)
            port.remotes = file.copy(UInt32.self, port.remotes, from: former)
            port.dhcpv4 = file.copyDHCP(port.dhcpv4, from: former, moved)
            port.dhcpv6 = file.copyDHCP(port.dhcpv6, from: former, moved)
            return file.append(port)
        }
    }

    /// Takes over the ACLs of its record. Expressions that were there before are not read again.
    func compileFilters() {
        let filter = record.filter ?? PacketFilter(acls: [])
        let former = expressions
        expressions = [:]
        for match in filter.acls.map(\.match) + filter.markings.map(\.match) where expressions[match] == nil {
            expressions[match] = former[match] ?? (try? MatchExpression(match))
        }
        sets = CompiledSets()
        let directions = PacketFilter.Direction.allCases
        filters = directions.map { CompiledFilter(filter, $0, expressions, &sets) }
        filters += directions.map { CompiledFilter(markingBy: filter, $0, expressions, &sets) }
    }

    /// Takes over other members of the sets and groups that its ACLs name.
    /// - Returns: `false` if its ACLs are to be compiled anew.
    func takeMembers(_ patch: FilterPatch) -> Bool {
        guard let filter = record.filter, !filters.isEmpty else { return false }
        sets.take(filter, patch)
        return filters.indices.allSatisfy { filters[$0].take(filter, patch) }
    }

    /// Lays what does not lie in a file yet.
    func layFilters(into file: TableFile) {
        guard filters.count == 2 * PacketFilter.Direction.allCases.count else { return }
        row.fromPort = filters[0].lay(into: file)
        row.toPort = filters[1].lay(into: file)
        row.markingFromPort = filters[2].lay(into: file)
        row.markingToPort = filters[3].lay(into: file)
        row.sets = sets.lay(into: file)
    }

    /// Notes members that a set or a group has gained or lost.
    func note(_ members: RuleIndex.Interval, family: UInt32, _ generation: UInt32) {
        let (first, last) = (WideValue(members.first), WideValue(members.last))
        changedMembers.append(ChangedMembersRow(first: first, last: last, generation: generation, family: family))
    }

    /// Has what was decided before the oldest changes decided anew, if there are more than are kept.
    func forgetOldMembers() {
        let excess = changedMembers.count - ChangedMembersRow.countMaximum
        guard excess > 0 else { return }
        row.generation = changedMembers[excess - 1].generation
        changedMembers.removeFirst(excess)
    }

    private func forgetFilterPlaces() {
        sets.forgetPlaces()
        for index in filters.indices { filters[index].forgetPlace() }
    }

    private static func copy(_ group: GroupRow, from former: TableFile, to file: TableFile) -> GroupRow {
        GroupRow(
            locals: file.copy(UInt16.self, group.locals, from: former),
            remotes: file.copy(UInt32.self, group.remotes, from: former)
        )
    }
}

extension ForwardingTables {
    func put(_ record: DatapathBinding) {
        if let present = datapaths[record.id] {
            let isAlike =
                present.record.tunnelKey == record.tunnelKey && present.record.vlanPassthru == record.vlanPassthru
            if isAlike, present.record.dnsDomain == record.dnsDomain { return replaceServices(of: present, by: record) }
            removeDatapath(record.id)
            datapaths[record.id] = DatapathState(record)
            // Members do not depend on the key.
            if record.snooping != nil { datapaths[record.id]?.multicast = present.multicast }
        } else {
            datapaths[record.id] = DatapathState(record)
        }
        var claims = vniClaims[record.tunnelKey] ?? []
        claims.append(record.id)
        vniClaims[record.tunnelKey] = claims.sorted()
        settleVNI(record.tunnelKey)
    }

    func removeDatapath(_ id: ObjectID) {
        guard let datapath = datapaths[id] else { return }
        let vni = datapath.record.tunnelKey
        if datapath.isActive { deactivate(datapath) }
        datapaths[id] = nil
        vniClaims[vni]?.removeAll { $0 == id }
        if vniClaims[vni]?.isEmpty ?? false { vniClaims[vni] = nil }
        settleVNI(vni)
    }

    /// Gives the VNI to the lowest identity that wants it.
    private func settleVNI(_ vni: UInt32) {
        let claims = vniClaims[vni] ?? []
        for loser in claims.dropFirst() {
            if let datapath = datapaths[loser], datapath.isActive { deactivate(datapath) }
        }
        if let winner = claims.first.flatMap({ datapaths[$0] }), !winner.isActive { activate(winner) }
    }

    private func activate(_ datapath: DatapathState) {
        let index = freeIndices.popLast() ?? datapathsByIndex.count
        if index == datapathsByIndex.count { datapathsByIndex.append(nil) }
        datapathsByIndex[index] = datapath
        datapath.isActive = true
        datapath.row.index = UInt32(index)
        layServices(of: datapath)
        layNames(of: datapath)
        datapath.compileFilters()
        datapath.layFilters(into: file)
        raise(datapath)
        let key = KeyRow(.vni, low: UInt64(datapath.row.vni), value: UInt32(index))
        file.insert(key, into: &root.keys, seed: hashSeed)
        for id in strays.removeValue(forKey: datapath.record.id) ?? [] { admit(id) }
    }

    private func deactivate(_ datapath: DatapathState) {
        var ids = datapath.rivals.values.flatMap(\.self)
        file.forEach(in: datapath.row.ports) { _, reference in
            let row = file.load(PortRow.self, at: reference)
            ids.append(ObjectID(high: row.idHigh, low: row.idLow))
        }
        datapath.rivals = [:]
        for id in ids { withdraw(id) }
        removeNames(of: datapath)
        strays[datapath.record.id] = ids.isEmpty ? nil : Set(ids)
        let key = KeyRow(.vni, low: UInt64(datapath.row.vni), value: 0)
        file.remove(key, from: &root.keys, seed: hashSeed)
        file.set(0, at: Int(datapath.row.index), of: &root.datapaths)
        datapathsByIndex[Int(datapath.row.index)] = nil
        freeIndices.append(Int(datapath.row.index))
        countAdvertiser(datapath, false)
        countQuerier(datapath, false)
        datapath.row = DatapathState(datapath.record).row
        datapath.multicast.outdated.formUnion(datapath.multicast.groups.keys)
        datapath.isActive = false
    }

    /// Takes a record whose ports and keys are those of the former one.
    private func replaceServices(of datapath: DatapathState, by record: DatapathBinding) {
        let former = datapath.record
        datapath.record = record
        guard datapath.isActive, former != record, !takeMembers(of: datapath, since: former) else { return }
        layServices(of: datapath)
        if former.dnsRecords != record.dnsRecords { layNames(of: datapath) }
        if former.filter != record.filter {
            datapath.compileFilters()
            datapath.layFilters(into: file)
        }
        if former.guardsRouters != record.guardsRouters || former.guardsDHCP != record.guardsDHCP {
            // Frames of ports of other hosts are looked at there.
            for key in datapath.locals.keys.sorted() { layPort(key, of: datapath) }
        }
        raise(datapath)
    }

    /// Takes a record in which no more is another than members of sets and groups that ACLs name. Decisions about other
    /// addresses and ports hold.
    /// - Returns: `false` if there is more to it.
    private func takeMembers(of datapath: DatapathState, since former: DatapathBinding) -> Bool {
        guard let patch = FilterPatch(from: former, to: datapath.record),
            patch.memberCount <= ChangedMembersRow.countMaximum, datapath.takeMembers(patch)
        else { return false }
        datapath.layFilters(into: file)
        let generation = UInt32(truncatingIfNeeded: root.epoch)
        for prefix in patch.addressSets.values.flatMap({ $0.removed + $0.added }) {
            let family: UInt32 = prefix.address.isIPv6 ? 6 : 4
            datapath.note(RuleIndex.Interval(prefix), family: family, generation)
        }
        let keys = Set(patch.portGroups.values.flatMap { $0.removed + $0.added }).sorted()
        for key in keys {
            datapath.note(RuleIndex.Interval(first: UInt128(key), last: UInt128(key)), family: 0, generation)
            layPort(key, of: datapath)
        }
        datapath.forgetOldMembers()
        datapath.row.changedMembers = file.append(datapath.changedMembers)
        datapath.row.filterGeneration = generation
        outdated.insert(datapath.row.index)
        return true
    }

    private func layServices(of datapath: DatapathState) {
        let advertisement = datapath.record.routerAdvertisement
        datapath.row.router = layRouter(advertisement)
        countAdvertiser(datapath, advertisement?.maxInterval != nil)
        countQuerier(datapath, datapath.record.snooping?.querier != nil)
        laySnooping(of: datapath)
        noteServices(of: datapath)
    }

    private func countQuerier(_ datapath: DatapathState, _ isQuerier: Bool) {
        if datapath.row.querier != 0, !isQuerier { root.querierCount -= 1 }
        if datapath.row.querier == 0, isQuerier { root.querierCount += 1 }
        if !isQuerier { datapath.row.querier = 0 }
    }

    private func countAdvertiser(_ datapath: DatapathState, _ isAdvertiser: Bool) {
        if datapath.isAdvertiser, !isAdvertiser { root.advertiserCount -= 1 }
        if !datapath.isAdvertiser, isAdvertiser { root.advertiserCount += 1 }
        datapath.isAdvertiser = isAdvertiser
    }

    /// Sets what hosts do for all ports of a datapath.
    func noteServices(of datapath: DatapathState) {
        let record = datapath.record
        var services: DatapathServices = []
        if record.dnsDomain != nil || !record.dnsRecords.isEmpty { services.insert(.names) }
        if datapath.virtualPortCount > 0 { services.insert(.virtualPorts) }
        if record.filter?.tracksConnections == true { services.insert(.connections) }
        services.formUnion(datapath.row.services.intersection([.snooping, .listening, .floodsUnregistered]))
        guard services != datapath.row.services else { return }
        datapath.row.services = services
        raise(datapath)
    }

    /// Has decisions in a datapath made anew.
    func raise(_ datapath: DatapathState) {
        datapath.row.generation = UInt32(truncatingIfNeeded: root.epoch)
        datapath.row.filterGeneration = datapath.row.generation
        datapath.changedMembers = []
        datapath.row.changedMembers = .empty
        outdated.insert(datapath.row.index)
    }

    /// Writes a datapath's row, and its groups where their members may be others.
    func write(_ datapath: DatapathState) {
        if datapath.areGroupsOutdated {
            writeGroups(of: datapath)
            datapath.areMembersOutdated = true
        }
        if datapath.areMembersOutdated { writeMembers(of: datapath) }
        file.set(file.append(datapath.row), at: Int(datapath.row.index), of: &root.datapaths)
    }

    private func writeGroups(of datapath: DatapathState) {
        datapath.areGroupsOutdated = false
        let locals = datapath.locals.sorted { $0.key < $1.key }.map(\.value).filter(\.isEnabled)
        let numbers = datapath.members.keys.sorted()
        let places = datapath.localnets.isEmpty ? numbers.filter { chassis[$0].place != nil } : []
        let isUnlike =
            replace(&datapath.row.flood.locals, by: locals.map(\.slot))
            | replace(&datapath.row.unknown.locals, by: locals.filter(\.hasUnknown).map(\.slot))
            | replace(&datapath.row.flood.remotes, by: places.filter { datapath.members[$0]?.enabled ?? 0 > 0 })
            | replace(&datapath.row.unknown.remotes, by: places.filter { datapath.members[$0]?.unknown ?? 0 > 0 })
            | replace(&datapath.row.chassis, by: numbers.filter { chassis[$0].isPresent })
        if isUnlike != 0 { raise(datapath) }
    }

    /// Writes a list if it is another one; 1 if it is.
    func replace<Row: BitwiseCopyable & Equatable>(_ extent: inout Extent, by rows: [Row]) -> Int {
        guard file.load(Row.self, extent) != rows else { return 0 }
        extent = file.append(rows)
        return 1
    }
}
