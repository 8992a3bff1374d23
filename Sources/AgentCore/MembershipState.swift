import ForwarderProtocol
import Southbound
import Wire

/// The members of multicast groups on the switches that ask for them, as their ports' reports have told this host.
///
/// Every report reaches each host that has a port of the switch, so each knows by itself; central hears nothing of it.
struct MembershipState: Sendable {
    /// The most groups that one port is a member of: half of what a switch has by default.
    static let portGroupCountMaximum = 1024
    /// The most pairs of a group and a member on one switch: some MiB.
    static let memberCountMaximum = 1 << 16
    /// The seconds after its last query for which a port leads to a multicast router: OVS's
    /// `MCAST_MROUTER_PORT_IDLE_TIMEOUT`.
    static let routerLifetime = Duration.seconds(180)
    /// The time in which other hosts have asked their ports after they have heard of this one, beside that in which
    /// those answer.
    static let queryPatience = Duration.seconds(5)
    /// The pause between two changes of tables: what is reported meanwhile is one change.
    static let changePause = Duration.milliseconds(100)
    /// The pause between two looks for members that have been silent for too long.
    static let checkPause = Duration.seconds(1)

    /// A switch that asks for members.
    struct Switch: Sendable {
        var settings: MulticastSnooping
        /// The switch's key.
        var vni: UInt32
        /// The time until which not all members must have reported; `nil` if it has come.
        var listensUntil: Duration?
        /// By group: the ports that are members, and until when if they say nothing.
        var members: [IPAddress: [ObjectID: Duration]] = [:]
        var groupsByPort: [ObjectID: Set<IPAddress>] = [:]
        var memberCount = 0
        /// The ports that lead to multicast routers, and until when.
        var routers: [ObjectID: Duration] = [:]
        /// The statements of ports that have, or of a switch that has, too many groups already.
        var refusedCount: UInt64 = 0
        /// The ports by their keys.
        var ports: [UInt16: ObjectID] = [:]
    }

    /// The place of a port.
    private struct Place: Sendable {
        var datapath: ObjectID
        var key: UInt16
    }

    private(set) var switches: [ObjectID: Switch] = [:]
    private var datapaths: [UInt32: ObjectID] = [:]
    private var places: [ObjectID: Place] = [:]
    /// True if the share has been looked at as a whole.
    var hasScanned = false
    private var changed: [ObjectID: Set<IPAddress>] = [:]
    /// The time before which tables are not changed again.
    private var changeAt = Duration.zero
    /// True if that had not come when time was looked at last: then it is waited for.
    private var isPausing = false
    /// The time of the next look for silent members.
    private var checkAt: Duration?

    /// The time at which there is something to do.
    var deadline: Duration? {
        let listening = switches.values.compactMap(\.listensUntil).min()
        return [changed.isEmpty || !isPausing ? nil : changeAt, checkAt, listening].compactMap(\.self).min()
    }

    /// True if tables are to be changed now.
    func isDue(now: Duration) -> Bool { !changed.isEmpty && changeAt <= now }

    // The share

    mutating func put(_ datapath: DatapathBinding, now: Duration) {
        guard let settings = datapath.snooping else { return removeSwitch(datapath.id) }
        let patience =
            settings.querier.map { .seconds(Int64($0.maxResponse)) + Self.queryPatience }
            ?? Duration.seconds(Int64(settings.idleTimeout))
        var changed = switches[datapath.id] ?? Switch(settings: settings, vni: 0, listensUntil: now + patience)
        datapaths[changed.vni] = nil
        changed.settings = settings
        changed.vni = datapath.tunnelKey
        changed.listensUntil = changed.listensUntil.map { min($0, now + patience) }
        switches[datapath.id] = changed
        datapaths[datapath.tunnelKey] = datapath.id
    }

    mutating func removeSwitch(_ id: ObjectID) {
        guard let former = switches.removeValue(forKey: id) else { return }
        datapaths[former.vni] = nil
        changed[id] = nil
        for port in former.ports.values { places[port] = nil }
    }

    mutating func put(_ port: PortBinding) {
        let place = places[port.id]
        if let place, place.datapath == port.datapath, place.key == port.tunnelKey { return }
        removePort(port.id)
        guard switches[port.datapath] != nil else { return }
        places[port.id] = Place(datapath: port.datapath, key: port.tunnelKey)
        switches[port.datapath]?.ports[port.tunnelKey] = port.id
    }

    mutating func removePort(_ id: ObjectID) {
        guard let place = places.removeValue(forKey: id), switches[place.datapath] != nil else { return }
        if switches[place.datapath]?.ports[place.key] == id { switches[place.datapath]?.ports[place.key] = nil }
        for group in switches[place.datapath]?.groupsByPort[id] ?? [] { remove(id, from: group, place.datapath) }
        if switches[place.datapath]?.routers.removeValue(forKey: id) != nil { note(place.datapath) }
    }

    // Reports

    mutating func take(_ report: MembershipReport, now: Duration) {
        guard let id = datapaths[report.vni], let port = switches[id]?.ports[report.portKey] else { return }
        switch report.fact {
        case .joined(let group): join(port, group, id, now: now)
        case .left(let group): remove(port, from: group, id)
        case .router:
            if switches[id]?.routers.updateValue(now + Self.routerLifetime, forKey: port) == nil { note(id) }
            checkSoon(now: now)
        }
    }

    private mutating func join(_ port: ObjectID, _ group: IPAddress, _ id: ObjectID, now: Duration) {
        guard let home = switches[id] else { return }
        let end = now + .seconds(Int64(home.settings.idleTimeout))
        guard home.members[group]?[port] == nil else {
            switches[id]?.members[group]?[port] = end
            return
        }
        let isNew = home.members[group] == nil
        guard home.groupsByPort[port]?.count ?? 0 < Self.portGroupCountMaximum,
            home.memberCount < Self.memberCountMaximum,
            !isNew || home.members.count < Int(home.settings.tableSize)
        else {
            switches[id]?.refusedCount += 1
            return
        }
        switches[id]?.members[group, default: [:]][port] = end
        switches[id]?.groupsByPort[port, default: []].insert(group)
        switches[id]?.memberCount += 1
        changed[id, default: []].insert(group)
        checkSoon(now: now)
    }

    private mutating func remove(_ port: ObjectID, from group: IPAddress, _ id: ObjectID) {
        guard switches[id]?.members[group]?.removeValue(forKey: port) != nil else { return }
        if switches[id]?.members[group]?.isEmpty == true { switches[id]?.members[group] = nil }
        switches[id]?.groupsByPort[port]?.remove(group)
        if switches[id]?.groupsByPort[port]?.isEmpty == true { switches[id]?.groupsByPort[port] = nil }
        switches[id]?.memberCount -= 1
        changed[id, default: []].insert(group)
    }

    private mutating func note(_ id: ObjectID) { changed[id, default: []].formUnion([]) }

    private mutating func checkSoon(now: Duration) { if checkAt == nil { checkAt = now + Self.checkPause } }

    // Time

    /// Ends listening where it is time to, and forgets members that have said nothing for too long.
    mutating func settle(now: Duration) {
        isPausing = changeAt > now
        for (id, home) in switches {
            guard let end = home.listensUntil, end <= now else { continue }
            switches[id]?.listensUntil = nil
            note(id)
        }
        guard let checkAt, checkAt <= now else { return }
        var next: Duration?
        func isOver(_ end: Duration) -> Bool {
            if end > now { next = min(next ?? end, end) }
            return end <= now
        }
        for (id, home) in switches {
            for (group, ports) in home.members {
                for (port, end) in ports where isOver(end) { remove(port, from: group, id) }
            }
            for (port, end) in home.routers where isOver(end) {
                switches[id]?.routers[port] = nil
                note(id)
            }
        }
        self.checkAt = next.map { max($0, now + Self.checkPause) }
    }

    /// Takes what tables do not have yet.
    /// - Parameter all: True if they have nothing.
    mutating func takeChanges(all: Bool, now: Duration) -> [MembershipChange] {
        let ids = all ? switches.mapValues { Set($0.members.keys) } : changed
        guard !ids.isEmpty else { return [] }
        changed = [:]
        changeAt = now + Self.changePause
        return ids.sorted { $0.key < $1.key }.compactMap { id, groups in
            guard let home = switches[id] else { return nil }
            return MembershipChange(
                datapath: id,
                groups: Dictionary(
                    uniqueKeysWithValues: groups.map { ($0, (home.members[$0] ?? [:]).keys.sorted()) }
                ),
                routers: home.routers.keys.sorted(),
                isListening: home.listensUntil != nil
            )
        }
    }
}
