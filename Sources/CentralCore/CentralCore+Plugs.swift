import NetworkModel
import Persistent
import Southbound

/// The choice among the hosts that have a port plugged in.
///
/// A new plug takes the port from whoever holds it, the last one winning, unless `requested_chassis` names hosts: then
/// the one that holds it keeps it while it lives. A claim that was seen before takes it from nobody, but a port that
/// nobody holds goes to a host that has it plugged in: none is ever stranded.
extension CentralCore {
    /// A host that has a port plugged in.
    struct Plug {
        var chassis: String
        var claim: Ledger.SeenClaim
        var reason: LogicalSwitchPort.Status.Reason
        /// The features that the port needs and the host lacks, or the physical networks of which it needs one, if that
        /// is the reason.
        var lacks: [String]
        /// True if the host says itself that the port was taken from it since.
        var isSetAside: Bool
        /// Of a virtual port: the port there that has announced its address.
        var parent: String?
        /// The fence of the standby place that the guest there has activated; `nil` if there is none.
        var activated: UInt64?

        var chassisID: String { claim.chassisID }
        /// True if the host may have the port, can serve it and is live.
        var isEligible: Bool { reason == .setAside }
    }

    /// The hosts that list the port as plugged in, by name; a virtual one by a parent that they hold, a nested one the
    /// host that its parent is bound to.
    /// - Parameter needed: the features of a host that may have it.
    func plugs(of port: LogicalSwitchPort, needing needed: [String], in draft: Transaction) -> [Plug] {
        let networks = draft.network.northbound.physicalNetworks(ofSwitch: port.switchID)
        return (pluggedAt[port.pluggedName] ?? []).sorted().compactMap { name in
            guard let session = sessions[name], let plugged = session.ports[port.pluggedName],
                hasParent(port, at: name, draft),
                let chassisID = draft.network.southbound.chassis(named: name)?.chassisID
            else { return nil }
            let parent = plugged.parent.isEmpty ? nil : plugged.parent
            guard port.mayBe(by: parent), parent.map({ holds($0, of: port, at: name, draft) }) ?? true else {
                return nil
            }
            let lacks = needed.filter { !session.features.contains($0) }
            let reason: LogicalSwitchPort.Status.Reason =
                draft.network.ledger.chassis[name]?.isLive != true
                ? .chassisLost
                : !port.mayBe(at: name)
                    ? .requestedElsewhere
                    : !lacks.isEmpty
                        ? .unsupportedByChassis : session.reaches(networks) ? .setAside : .noPhysicalNetwork
            return Plug(
                chassis: name,
                claim: Ledger.SeenClaim(chassisID: chassisID, claim: plugged.claim),
                reason: reason,
                lacks: reason == .unsupportedByChassis ? lacks : reason == .noPhysicalNetwork ? networks : [],
                isSetAside: plugged.isSetAside,
                parent: parent,
                activated: plugged.activated
            )
        }
    }

    /// True if the parent of a nested port is bound to a host, or if the port is not nested.
    private func hasParent(_ port: LogicalSwitchPort, at name: String, _ draft: Transaction) -> Bool {
        guard let parent = port.parentName else { return true }
        guard let stored = draft.network.northbound.port(.name(parent)), !stored.value.isNested else { return false }
        return draft.locations(ofPort: stored.id).first?.chassis == name
    }

    /// True if a host has the parent of a virtual port, on the same switch.
    private func holds(_ parent: String, of port: LogicalSwitchPort, at name: String, _ draft: Transaction) -> Bool {
        guard let stored = draft.network.northbound.port(.name(parent)), stored.value.switchID == port.switchID else {
            return false
        }
        return draft.locations(ofPort: stored.id).first?.chassis == name
    }

    /// True if the host that holds a port may go on holding it; one that is silent may.
    ///
    /// One that lacks a feature that the port needs by now may not, as it may not get the port: what it does not know
    /// it would not obey.
    func mayKeep(
        _ port: LogicalSwitchPort,
        at holder: String,
        needing needed: [String],
        _ draft: Transaction
    ) -> Bool {
        guard port.mayBe(at: holder), draft.network.southbound.chassis(named: holder) != nil,
            hasParent(port, at: holder, draft)
        else { return false }
        guard let session = sessions[holder], session.hasSpoken else { return true }
        return session.ports[port.pluggedName] != nil && needed.allSatisfy(session.features.contains)
            && session.reaches(draft.network.northbound.physicalNetworks(ofSwitch: port.switchID))
    }

    /// The host that gets the port now; `nil` if it stays where it is.
    func winner(
        of port: LogicalSwitchPort,
        among plugs: [Plug],
        heldAt holder: String?,
        _ state: Ledger.BindingState,
        _ draft: Transaction
    ) -> Plug? {
        let eligible = plugs.filter(\.isEligible)
        // The address of a virtual port goes to whoever announced it last.
        let hasOrder = !port.requestedChassis.isEmpty && !port.isVirtual
        func isNew(_ plug: Plug) -> Bool { !plug.isSetAside && plug.claim.claim > state.claim(of: plug.chassisID) }
        func first(of plugs: [Plug]) -> Plug? {
            if hasOrder {
                // All of them are on the list.
                return port.requestedChassis.lazy.compactMap { name in plugs.first { $0.chassis == name } }.first
            }
            return plugs.first(where: isNew)
                ?? state.claims.reversed().lazy.compactMap { claim in
                    plugs.first { !$0.isSetAside && $0.chassisID == claim.chassisID }
                }.first ?? state.claims.reversed().lazy.compactMap { claim in
                    plugs.first { $0.chassisID == claim.chassisID }
                }.first ?? plugs.first
        }
        guard let holder else { return first(of: eligible) }
        if !hasOrder { return first(of: eligible.filter(isNew)) }
        // While a guest moves, its new host has not started it: only its frames, or the user, take the port there.
        let isLive = port.isMoving || draft.network.ledger.chassis[holder]?.isLive == true
        return isLive ? eligible.first { $0.chassis == holder && isNew($0) } : first(of: eligible)
    }

    /// Notes which chassis wait for ports by what is committed, so that it is looked at again when they speak.
    mutating func noteCommittedWaits() {
        committedWaits = [:]
        for (id, port) in working.northbound.ports {
            for waiting in port.value.status.waiting { committedWaits[waiting.chassis, default: []].append(id) }
        }
    }

    /// The hosts that have the port plugged in and neither hold it nor are standby, and why.
    func waiting(
        for port: LogicalSwitchPort,
        at holders: [String],
        _ plugs: [Plug],
        _ draft: Transaction
    ) -> [LogicalSwitchPort.Status.Waiting] {
        let behind = holders.first.map { port.movesTo(behind: $0) } ?? []
        var waiting = plugs.filter { !holders.contains($0.chassis) }.map { plug in
            plug.isEligible && behind.contains(plug.chassis) && !mayStand(plug.chassis)
                ? .init(chassis: plug.chassis, reason: .unsupportedByChassis, lacks: [Feature.standby])
                : LogicalSwitchPort.Status.Waiting(chassis: plug.chassis, reason: plug.reason, lacks: plug.lacks)
        }
        // A host that has sent no sync since this process started is taken to have it plugged in.
        for var old in port.status.waiting
        where !holders.contains(old.chassis) && sessions[old.chassis]?.hasSpoken == false {
            if draft.network.ledger.chassis[old.chassis]?.isLive != true {
                old.reason = .chassisLost
            } else if !port.mayBe(at: old.chassis) {
                old.reason = .requestedElsewhere
            } else if !old.lacksSomething {
                old.reason = .setAside
            }
            if !old.lacksSomething { old.lacks = [] }
            waiting.append(old)
        }
        return Array(waiting.sorted { $0.chassis < $1.chassis }.prefix(Limits.waitingChassisCountMaximum))
    }
}

extension Ledger.BindingState {
    /// True if a claim is remembered although it does not bind the port: a higher one, or that of the holder, whose
    /// state may be an old copy.
    func isNews(_ plug: CentralCore.Plug, heldAt holder: String?) -> Bool {
        let seen = claim(of: plug.chassisID)
        return plug.claim.claim > seen || (plug.chassis == holder && plug.claim.claim != seen)
    }
}

extension Session {
    /// True if the host has a device of one of the physical networks of a switch, or the switch has none.
    func reaches(_ networks: [String]) -> Bool {
        networks.isEmpty || networks.contains(where: physicalNetworks.contains)
    }
}

extension LogicalSwitchPort.Status.Waiting {
    /// True if the port is not there because of what the host does not have.
    fileprivate var lacksSomething: Bool { reason == .unsupportedByChassis || reason == .noPhysicalNetwork }
}

extension LogicalSwitchPort {
    func mayBe(at chassis: String) -> Bool { requestedChassis.isEmpty || requestedChassis.contains(chassis) }
}
