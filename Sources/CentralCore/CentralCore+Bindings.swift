import NetworkModel
import Persistent
import Southbound
import Wire

/// The places of ports, with their status for users: a function of what users want, what hosts have said and what was
/// taken from them before.
extension CentralCore {
    /// Settles all ports that concern a chassis: those it holds, those it lists as plugged and what is nested in them,
    /// and those it is noted to wait for.
    mutating func settlePorts(of name: String, author: String) {
        var ports = PortQueue(chassis: name)
        if let session = sessions[name] {
            ports.names = union(session.unsettled, session.ports.names[...])
            sessions[name]?.unsettled = []
        }
        let holdings = working.southbound.portsByChassis[name]?.map(\.key) ?? []
        ports.ids = union(holdings[...], (committedWaits[name] ?? []).sorted()[...])
        if let gateways = working.northbound.ports.index.gateways[name] {
            ports.ids = union(ports.ids, gateways.map(\.key)[...])
        }
        if !working.northbound.ports.index.nested.isEmpty {
            let nested = ports.names.flatMap { working.northbound.ports.index.nested[$0]?.map(\.value) ?? [] }
            ports.ids = union(ports.ids, nested.sorted()[...])
        }
        if sessions[name]?.hasSpoken != false { committedWaits[name] = nil }
        settle(ports, author: author)
    }

    /// Settles ports in as few commits as their size allows.
    mutating func settle(_ ids: [ObjectID], author: String) {
        var draft = Transaction(on: working, time: time)
        for id in ids { note(settleWithNested(id, in: &draft)) }
        do {
            let maximum = configuration.commitByteCountMaximum
            guard let commit = try draft.finish(author: author, byteCountMaximum: maximum) else { return }
            queue(commit, of: draft)
        } catch {
            guard ids.count > 1 else {
                effects.append(.log(LogEntry(.warning, "A port could not be bound. \(error.detail)")))
                return
            }
            settle(Array(ids.prefix(ids.count / 2)), author: author)
            settle(Array(ids.dropFirst(ids.count / 2)), author: author)
        }
    }

    /// Settles a port, and what is nested in it if its place or its status is another one.
    func settleWithNested(_ id: ObjectID, in draft: inout Transaction) -> [Settled] {
        guard let settled = settle(id, in: &draft) else { return [] }
        guard settled.hasChanged else { return [settled] }
        return [settled] + draft.nestedPorts(of: settled.port).compactMap { settle($0, in: &draft) }
    }

    /// The result of settling a port, with the hosts that have it plugged.
    struct Settled {
        var port: String
        /// True if its place, its claims or its status are others than before.
        var hasChanged = false
        var claimants: [String]
        /// The hosts that hold the port, or are standby, and are yet to bring it up.
        var awaited: [String]
    }

    /// Remembers which hosts' tables ports still wait for.
    mutating func note(_ ports: [Settled]) {
        for settled in ports {
            for name in settled.claimants {
                sessions[name]?.awaitingTables[settled.port] = settled.awaited.contains(name) ? () : nil
            }
        }
    }

    private func settle(_ id: ObjectID, in draft: inout Transaction) -> Settled? {
        guard let stored = draft.network.northbound.ports[id] else { return nil }
        if stored.value.isLocalnet { return settleLocalnet(stored.value, id, in: &draft) }
        if stored.value.isL2Gateway { return settleGateway(stored.value, id, in: &draft) }
        let oldLocations = draft.locations(ofPort: id)
        let oldState = draft.network.ledger.bindings[id] ?? Ledger.BindingState()
        let port = stored.value
        var location = oldLocations.first
        var standby = oldLocations.dropFirst().first
        var state = oldState
        // Nobody asks what a port needs that no host has, or has plugged.
        let isAtHost = location != nil || pluggedAt[port.pluggedName] != nil
        let needed = isAtHost ? draft.neededFeatures(of: port) : []
        if let place = location,
            !port.mayBe(by: place.parent) || !mayKeep(port, at: place.chassis, needing: needed, draft)
        {
            location = nil
        }
        let plugs = plugs(of: port, needing: needed, in: draft)
        let identities = Set(plugs.map(\.chassisID))
        let winner =
            activated(standby, of: port, among: plugs)
            ?? winner(of: port, among: plugs, heldAt: location?.chassis, state, draft)
        for plug in plugs where plug.chassis != winner?.chassis && state.isNews(plug, heldAt: location?.chassis) {
            state.note(plug.claim, plugged: identities)
        }
        if let winner {
            // The tables of a host let an activated port pass already.
            let revision = winner.hasActivated(standby) ? state.standbyAt : draft.stamp.revision
            state.take(winner.claim, at: revision, plugged: identities)
            location = PortBinding.Location(chassis: winner.chassis, bindSeq: state.bindSeq, parent: winner.parent)
        }
        standby = self.standby(
            of: port,
            behind: location,
            former: standby,
            among: plugs,
            needing: needed,
            &state,
            draft
        )
        let old = port.status
        var status = old
        status.chassis = location?.chassis
        status.virtualParent = location?.parent
        status.isUp = isUp(port, at: location, state, draft, wasUp: old.isUp && old.chassis == location?.chassis)
        if let place = standby {
            let wasUp = old.standby?.chassis == place.chassis && old.standby?.isUp == true
            status.standby = .init(chassis: place.chassis, isUp: isUp(port, at: place, state, draft, wasUp: wasUp))
        } else {
            status.standby = nil
        }
        status.waiting = waiting(for: port, at: [location, standby].compactMap { $0?.chassis }, plugs, draft)
        status.reason = status.isUp ? nil : reason(port, at: location, status.waiting, draft)
        var settled = Settled(
            port: port.name,
            claimants: plugs.map(\.chassis),
            awaited: [location, standby].compactMap(\.self).filter { place in
                !(place.state == .active ? status.isUp : status.standby?.isUp ?? true)
            }.map(\.chassis)
        )
        let locations = [location, standby].compactMap(\.self)
        guard locations != oldLocations || state != oldState || status != old else { return settled }
        draft.settle(port: id, at: locations, state, status)
        settled.hasChanged = true
        return settled
    }

    /// Settles a port that has no place of its own: it is up if it is joined to anything.
    private func settleLocalnet(_ port: LogicalSwitchPort, _ id: ObjectID, in draft: inout Transaction) -> Settled? {
        var status = port.status
        status.chassis = nil
        (status.virtualParent, status.standby, status.waiting) = (nil, nil, [])
        status.isUp = port.isEnabled && port.physicalNetwork != nil
        status.reason = status.isUp ? nil : port.isEnabled ? .noPhysicalNetwork : .disabled
        if status != port.status || !draft.locations(ofPort: id).isEmpty {
            draft.settle(port: id, at: [], Ledger.BindingState(), status)
        }
        return nil
    }

    /// True if the hosting forwarder has the port with tables that know of its binding.
    private func isUp(
        _ port: LogicalSwitchPort,
        at location: PortBinding.Location?,
        _ state: Ledger.BindingState,
        _ draft: Transaction,
        wasUp: Bool
    ) -> Bool {
        guard port.isEnabled, let holder = location?.chassis, let session = sessions[holder],
            draft.network.ledger.chassis[holder]?.isLive == true
        else { return false }
        guard session.hasSpoken else { return wasUp }
        guard let plugged = session.ports[port.pluggedName],
            let chassisID = draft.network.southbound.chassis(named: holder)?.chassisID
        else { return false }
        let revision = location?.state == .standby ? state.standbyAt : state.boundAt
        return plugged.isUp && plugged.claim == state.claim(of: chassisID) && session.applied >= revision
    }

    private func reason(
        _ port: LogicalSwitchPort,
        at location: PortBinding.Location?,
        _ waiting: [LogicalSwitchPort.Status.Waiting],
        _ draft: Transaction
    ) -> LogicalSwitchPort.Status.Reason {
        guard port.isEnabled else { return .disabled }
        if let holder = location?.chassis {
            return draft.network.ledger.chassis[holder]?.isLive == true ? .notProgrammed : .chassisLost
        }
        let reasons: [LogicalSwitchPort.Status.Reason] = [
            .unsupportedByChassis, .noPhysicalNetwork, .requestedElsewhere, .chassisLost,
        ]
        if let reason = reasons.first(where: { reason in waiting.contains { $0.reason == reason } }) { return reason }
        guard let parent = port.parentName else { return .notPlugged }
        return draft.network.northbound.port(.name(parent)) == nil ? .parentMissing : .parentNotBound
    }
}
