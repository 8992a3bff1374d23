import Southbound
import Wire

extension ForwardingTables {
    func put(_ port: PortBinding) {
        defer { layVirtualPorts(of: port.logicalPort) }
        let former = self.port(port.id)
        notePastPlaces(from: former, to: port)
        ports[port.id] = .portBinding(port)
        if let former, isHere(former) { removeHere(former) }
        for parent in former?.virtualParents ?? [] { virtualPorts[parent]?.remove(port.id) }
        for parent in port.virtualParents { virtualPorts[parent, default: []].insert(port.id) }
        if let parent = former?.parentPort { removeNested(id: port.id, of: parent) }
        if let parent = port.parentPort { addNested(id: port.id, of: parent) }
        if isHere(port) { portsHere[port.logicalPort, default: []].insert(port.id) }
        if let former, former.datapath == port.datapath, former.tunnelKey == port.tunnelKey,
            let datapath = datapath(of: former), isLaid(former, in: datapath)
        {
            return lay(port, replacing: former, in: datapath)
        }
        if let former { withdraw(former) }
        admit(port.id)
    }

    func removePort(_ id: ObjectID) {
        guard let former = port(id) else { return }
        defer { layVirtualPorts(of: former.logicalPort) }
        for past in pasts.removeValue(forKey: id) ?? [] { countPast(past.chassis, -1) }
        withdraw(former)
        if isHere(former) { removeHere(former) }
        for parent in former.virtualParents { virtualPorts[parent]?.remove(id) }
        if let parent = former.parentPort { removeNested(id: id, of: parent) }
        ports[id] = nil
    }

    /// Lays a port's row anew, as something has changed that it was made of.
    func layAgain(_ id: ObjectID) {
        guard let port = port(id), let datapath = datapath(of: port), isLaid(port, in: datapath) else { return }
        lay(port, replacing: port, in: datapath)
    }

    /// Lays the rows of a port's virtual ports anew: whether their frames reach it may have changed.
    private func layVirtualPorts(of parent: String) {
        for id in (virtualPorts[parent] ?? []).sorted() { layAgain(id) }
    }

    /// Lays the row of a datapath's port with a key anew.
    func layPort(_ key: UInt16, of datapath: DatapathState) {
        if let id = holder(of: key, in: datapath) { layAgain(id) }
    }

    // Keys of ports: the lowest identity has one

    /// Takes a port into the tables if its datapath is there and its key is free.
    func admit(_ id: ObjectID) {
        guard let port = port(id) else { return }
        guard let datapath = datapath(of: port) else {
            strays[port.datapath, default: []].insert(id)
            return
        }
        if let holder = holder(of: port.tunnelKey, in: datapath) {
            guard id < holder, let rival = self.port(holder) else {
                datapath.rivals[port.tunnelKey, default: []].append(id)
                return
            }
            remove(rival, from: datapath)
            datapath.rivals[port.tunnelKey, default: []].append(holder)
        }
        lay(port, replacing: nil, in: datapath)
    }

    func withdraw(_ id: ObjectID) {
        if let port = port(id) { withdraw(port) }
    }

    private func withdraw(_ port: PortBinding) {
        guard let datapath = datapath(of: port) else {
            strays[port.datapath]?.remove(port.id)
            if strays[port.datapath]?.isEmpty ?? false { strays[port.datapath] = nil }
            return
        }
        let key = port.tunnelKey
        guard isLaid(port, in: datapath) else {
            datapath.rivals[key]?.removeAll { $0 == port.id }
            return
        }
        remove(port, from: datapath)
        guard let next = datapath.rivals[key]?.min() else { return }
        datapath.rivals[key]?.removeAll { $0 == next }
        if datapath.rivals[key]?.isEmpty ?? false { datapath.rivals[key] = nil }
        admit(next)
    }

    private func holder(of key: UInt16, in datapath: DatapathState) -> ObjectID? {
        let reference = file.element(Int(key), of: datapath.row.ports)
        guard reference != 0 else { return nil }
        let row = file.load(PortRow.self, at: reference)
        return ObjectID(high: row.idHigh, low: row.idLow)
    }

    func isLaid(_ port: PortBinding, in datapath: DatapathState) -> Bool {
        holder(of: port.tunnelKey, in: datapath) == port.id
    }

    // Rows

    /// Lays a port's row and all that follows from it.
    /// - Parameter former: the binding by which the port's row was laid.
    private func lay(_ port: PortBinding, replacing former: PortBinding?, in datapath: DatapathState) {
        count(port, 1, in: datapath)
        if let former { count(former, -1, in: datapath) }
        if let former, former.addresses == port.addresses, former.hasUnknown == port.hasUnknown,
            former.answersNeighbors == port.answersNeighbors, former.logicalPort == port.logicalPort,
            former.virtualIP == port.virtualIP
        {
            outdated.insert(datapath.row.index)
        } else {
            if let former { for key in keys(of: former, in: datapath) { remove(key, from: datapath) } }
            for key in keys(of: port, in: datapath, laysRows: true) { insert(key, into: datapath) }
            raise(datapath)
        }
        let slot = slot(of: port)
        // A virtual port gets no floods: they reach its parent as a port of its own.
        let local = (port.isVirtual ? nil : slot).map {
            DatapathState.LocalMember(port, in: $0)
        }
        changeWires(of: datapath) {
            if port.isLocalnet { $0.localnets.insert(port.tunnelKey) } else { $0.localnets.remove(port.tunnelKey) }
            guard $0.locals[port.tunnelKey] != local else { return }
            $0.locals[port.tunnelKey] = local
            $0.areGroupsOutdated = true
        }
        emptySlot(of: port.tunnelKey, in: datapath)
        let reference = file.append(row(of: port, in: datapath, slot: slot))
        file.set(reference, at: Int(port.tunnelKey), of: &datapath.row.ports)
        notePlace(of: port.id, in: datapath)
        if let slot, !port.isVirtual { fill(slot, reference) }
    }

    private func remove(_ port: PortBinding, from datapath: DatapathState) {
        count(port, -1, in: datapath)
        for key in keys(of: port, in: datapath) { remove(key, from: datapath) }
        emptySlot(of: port.tunnelKey, in: datapath)
        file.set(0, at: Int(port.tunnelKey), of: &datapath.row.ports)
        notePlace(of: port.id, in: datapath)
        raise(datapath)
        changeWires(of: datapath) {
            let isPlugged = $0.locals.removeValue(forKey: port.tunnelKey) != nil
            if $0.localnets.remove(port.tunnelKey) != nil || isPlugged { $0.areGroupsOutdated = true }
        }
    }

    /// The slot of the device that frames for a port go to, if that is here.
    private func slot(of port: PortBinding) -> UInt16? {
        guard port.isVirtual else {
            // A nested port has the device of its parent.
            return isHere(port) && port.parentPort.map { slots[$0] != nil } ?? true ? slots[port.logicalPort] : nil
        }
        let place = port.locations.first { $0.state == .active && $0.chassis == localChassis }
        return place?.parent.flatMap { slots[$0] }
    }

    private func emptySlot(of key: UInt16, in datapath: DatapathState) {
        let reference = file.element(Int(key), of: datapath.row.ports)
        guard reference != 0 else { return }
        let row = file.load(PortRow.self, at: reference)
        guard row.locals.count > 0, Int(row.slot) < slotRows.count, slotRows[Int(row.slot)] == reference else { return }
        if row.tag != 0 { root.nestedCount -= 1 }
        slotRows[Int(row.slot)] = 0
        while slotRows.last == 0 { slotRows.removeLast() }
        areSlotsOutdated = true
    }

    private func fill(_ slot: UInt16, _ reference: Reference) {
        while slotRows.count <= Int(slot) { slotRows.append(0) }
        slotRows[Int(slot)] = reference
        if file.load(PortRow.self, at: reference).tag != 0 { root.nestedCount += 1 }
        areSlotsOutdated = true
    }

    private func row(of port: PortBinding, in datapath: DatapathState, slot: UInt16?) -> PortRow {
        let elsewhere = elsewhere(port)
        var flags: PortFlags = []
        if port.isEnabled { flags.insert(.enabled) }
        if port.hasUnknown { flags.insert(.hasUnknown) }
        if isHere(port) { flags.insert(.boundHere) }
        if !elsewhere.isEmpty { flags.insert(.boundElsewhere) }
        if port.isVirtual { flags.insert(.isVirtual) }
        if port.isLocalnet { flags.insert(.isLocalnet) }
        if port.isEnabled, port.hasUnknown, port.portSecurity.isEmpty, port.learnsMACs { flags.insert(.learns) }
        let home = datapath.record
        // Only what a device here sends is looked at.
        if slot != nil, !port.isVirtual {
            if port.sendingRate?.unknownsPerSecond != nil { flags.insert(.limitsUnknown) }
            if port.guardsRouters ?? home.guardsRouters ?? port.isGuarded { flags.insert(.guardsRouters) }
            if port.guardsDHCP ?? home.guardsDHCP ?? port.isGuarded { flags.insert(.guardsDHCP) }
        }
        let numbers = elsewhere.compactMap { chassis.number(of: $0) }.filter { chassis[$0].isPresent }
        let present = numbers.map { OriginRow(chassis: $0, isPast: 0, deadline: .zero) }
        let past = (pasts[port.id] ?? []).map { OriginRow(chassis: $0.chassis, isPast: 1, deadline: $0.deadline) }
        let isOverWire = !datapath.localnets.isEmpty
        let exit = slot ?? (isOverWire && !elsewhere.isEmpty ? datapath.wire : nil)
        let activation = slot == nil ? nil : port.activationMark(on: localChassis)
        let parent = slot == nil ? nil : port.parentPort.flatMap { slots[$0] }
        let trunk = slot == nil || port.isVirtual ? nil : port.trunk
        if trunk != nil { flags.insert(.isTrunk) }
        return PortRow(
            idHigh: port.id.high,
            idLow: port.id.low,
            datapath: datapath.row.index,
            generation: UInt32(truncatingIfNeeded: root.epoch),
            security: file.append(port.portSecurity),
            origins: file.append(present + past),
            locals: exit.map { file.append([$0]) } ?? .empty,
            parents: file.append(port.virtualParents.compactMap { slots[$0] }),
            remotes: file.append(isOverWire ? [] : numbers.filter { chassis[$0].place != nil }.sorted()),
            dhcpv4: slot == nil ? 0 : layDHCP(port.dhcpv4Options, of: port, isIPv6: false),
            dhcpv6: slot == nil ? 0 : layDHCP(port.dhcpv6Options, of: port, isIPv6: true),
            key: port.tunnelKey,
            slot: exit ?? 0,
            flags: flags,
            activationFrames: activation == nil ? [] : ActivationFrames(port.activationStrategy),
            activation: activation ?? 0,
            nested: slot == nil ? .empty : file.append(nestedRows(of: port.logicalPort)),
            parentSlot: parent ?? 0,
            tag: parent == nil ? 0 : port.tag ?? 0,
            nativeVLAN: trunk?.native ?? 0,
            vlans: trunk.map { file.append($0.vlans.words) } ?? .empty
        )
    }

    /// Counts a port among the members of its datapath.
    private func count(_ port: PortBinding, _ difference: Int, in datapath: DatapathState) {
        if port.isVirtual {
            datapath.virtualPortCount += difference
            noteServices(of: datapath)
        }
        for name in elsewhere(port) {
            let number = countLocation(of: name, difference)
            let before = datapath.members[number] ?? .init()
            var after = before
            after.bound += difference
            if port.isEnabled { after.enabled += difference }
            if port.isEnabled, port.hasUnknown { after.unknown += difference }
            if port.isEnabled, port.takesGroups { after.routers += difference }
            datapath.members[number] = after.bound > 0 ? after : nil
            let isOther =
                (before.bound > 0) != (after.bound > 0) || (before.enabled > 0) != (after.enabled > 0)
                || (before.unknown > 0) != (after.unknown > 0) || (before.routers > 0) != (after.routers > 0)
            if isOther { datapath.areGroupsOutdated = true }
            chassis.releaseUnused(number)
        }
    }

    // Keys of tries: the lowest port has one; of two in one port the first counts

    /// - Parameter laysRows: True to lay the rows that keys of names refer to.
    private func keys(of port: PortBinding, in datapath: DatapathState, laysRows: Bool = false) -> [KeyRow] {
        var keys: [KeyRow] = []
        let value = UInt32(port.tunnelKey)
        for address in port.addresses {
            let mac = address.mac.rawValue
            keys.append(KeyRow(.mac, low: mac, value: value))
            guard port.answersNeighbors, !port.hasUnknown, !datapath.row.isVLANPassthru else { continue }
            for ip in address.ips {
                switch ip {
                case .v4(let ip): keys.append(KeyRow(.ipv4Neighbor, low: UInt64(ip.rawValue), value: value, mac: mac))
                case .v6(let ip):
                    keys.append(KeyRow(.ipv6Neighbor, high: ip.high, low: ip.low, value: value, mac: mac))
                }
            }
        }
        switch port.virtualIP {
        case .v4(let ip)?: keys.append(KeyRow(.virtualIPv4, low: UInt64(ip.rawValue), value: value))
        case .v6(let ip)?: keys.append(KeyRow(.virtualIPv6, high: ip.high, low: ip.low, value: value))
        case nil: break
        }
        return keys + nameKeys(of: port, in: datapath, laysRows: laysRows)
    }

    func insert(_ key: KeyRow, into datapath: DatapathState) {
        let name = DatapathState.KeyName(key)
        let present = file.find(key, in: datapath.row.keys, seed: hashSeed)
        guard let present else { return file.insert(key, into: &datapath.row.keys, seed: hashSeed) }
        var claims = datapath.contested[name] ?? [present]
        guard !claims.contains(where: { $0.value == key.value }) else { return }
        claims.append(key)
        claims.sort { $0.value < $1.value }
        datapath.contested[name] = claims
        file.insert(claims[0], into: &datapath.row.keys, seed: hashSeed)
    }

    func remove(_ key: KeyRow, from datapath: DatapathState) {
        let name = DatapathState.KeyName(key)
        if var claims = datapath.contested[name] {
            claims.removeAll { $0.value == key.value }
            datapath.contested[name] = claims.count > 1 ? claims : nil
            return file.insert(claims[0], into: &datapath.row.keys, seed: hashSeed)
        }
        guard file.find(key, in: datapath.row.keys, seed: hashSeed)?.value == key.value else { return }
        file.remove(key, from: &datapath.row.keys, seed: hashSeed)
    }

    // Records

    func port(_ id: ObjectID) -> PortBinding? {
        guard case .portBinding(let port)? = ports[id] else { return nil }
        return port
    }

    private func datapath(of port: PortBinding) -> DatapathState? {
        datapaths[port.datapath].flatMap { $0.isActive ? $0 : nil }
    }

    private func isHere(_ port: PortBinding) -> Bool {
        port.isLocalnet || port.locations.contains { $0.chassis == localChassis }
    }

    /// The other chassis on which the port is, or to which its guest moves, each once.
    func elsewhere(_ port: PortBinding) -> [String] {
        var names: [String] = []
        for location in port.locations
        where location.chassis != localChassis && !names.contains(location.chassis) {
            names.append(location.chassis)
        }
        return names
    }

    private func removeHere(_ port: PortBinding) {
        portsHere[port.logicalPort]?.remove(port.id)
        if portsHere[port.logicalPort]?.isEmpty ?? false { portsHere[port.logicalPort] = nil }
    }
}

// Places that ports have left

extension ForwardingTables {
    /// Notes the places that the port has left for another.
    ///
    /// A port that is merely released leaves nothing behind: its host has stopped sending for it.
    private func notePastPlaces(from former: PortBinding?, to port: PortBinding) {
        guard let former else { return }
        let current = elsewhere(port)
        var past: [PastPlace] = []
        for place in pasts[port.id] ?? [] {
            if current.contains(chassis[place.chassis].name) {
                countPast(place.chassis, -1)
            } else {
                past.append(place)
            }
        }
        if port.newestFence > former.newestFence {
            let deadline = now + Self.previousPlaceTime
            for name in elsewhere(former) where !current.contains(name) {
                guard let number = chassis.number(of: name), chassis[number].isPresent,
                    !past.contains(where: { $0.chassis == number })
                else { continue }
                countPast(number, 1)
                past.append(PastPlace(chassis: number, deadline: deadline))
                deadlines.append((deadline, port.id))
            }
        }
        pasts[port.id] = past.isEmpty ? nil : past
    }

    /// Forgets the places that were left long enough ago.
    func forgetPastPlaces() {
        let due = deadlines.prefix { $0.time <= now }
        deadlines.removeFirst(due.count)
        for (_, id) in due {
            guard let past = pasts[id] else { continue }
            let left = past.filter { $0.deadline > now }
            pasts[id] = left.isEmpty ? nil : left
            layAgain(id)
            for place in past where place.deadline <= now { countPast(place.chassis, -1) }
        }
    }
}

extension ActivationFrames {
    fileprivate init(_ strategy: [ActivationFrame]) {
        self = []
        for frame in strategy {
            switch frame {
            case .rarp: insert(.rarp)
            case .garp: insert(.garp)
            case .na: insert(.na)
            }
        }
    }
}

extension PortBinding {
    /// The fence of the newest place.
    fileprivate var newestFence: UInt64 { locations.map(\.bindSeq).max() ?? 0 }
}
