import Northbound
import Northd
import Persistent
import Southbound
import Wire

/// Where ports are, and what users are told of it: a function of what users want, what hosts have said and what was
/// taken from them before.
extension CentralCore {
    /// Settles all ports that concern a chassis: those it holds and those it says are plugged.
    mutating func settlePorts(of name: String, author: String) {
        var ids = Set(working.southbound.portsByChassis[name]?.map(\.key) ?? [])
        for port in (sessions[name]?.ports ?? [:]).keys {
            if let listed = working.northbound.portsByName[ProjectName(port)] { ids.insert(listed.id) }
        }
        settleInPieces(ids.sorted(), author: author)
    }

    /// Settles ports in as few commits as their size allows.
    mutating func settle(_ ids: [ObjectID], author: String, forgettingClaimOf chassisID: String?) {
        var draft = Draft(on: working, time: time)
        for id in ids { note(settle(id, in: &draft, forgettingClaimOf: chassisID)) }
        do {
            let maximum = configuration.commitByteCountMaximum
            guard let commit = try draft.finish(author: author, byteCountMaximum: maximum) else { return }
            queue(commit, of: draft, isUsers: false)
        } catch {
            guard ids.count > 1 else {
                effects.append(.log(LogEntry(.warning, "A port could not be settled. \(error.detail)")))
                return
            }
            settle(Array(ids.prefix(ids.count / 2)), author: author, forgettingClaimOf: chassisID)
            settle(Array(ids.dropFirst(ids.count / 2)), author: author, forgettingClaimOf: chassisID)
        }
    }

    /// What settling a port found out about the hosts that have it plugged.
    struct Settled {
        var port: String
        var claimants: [String]
        /// The host where it is up.
        var upAt: String?
    }

    /// Remembers which hosts' tables the port still waits for.
    mutating func note(_ settled: Settled?) {
        guard let settled else { return }
        for name in settled.claimants {
            if settled.upAt == name {
                sessions[name]?.awaitingTables.remove(settled.port)
            } else {
                sessions[name]?.awaitingTables.insert(settled.port)
            }
        }
    }

    /// Settles one port in a draft.
    /// - Parameter chassisID: a host from which the port is taken so that it may claim it again.
    func settle(_ id: ObjectID, in draft: inout Draft, forgettingClaimOf chassisID: String? = nil) -> Settled? {
        guard let port = draft.network.northbound.ports[id]?.value else { return nil }
        let oldLocation = draft.network.southbound.portBinding(id)?.locations.first
        let oldState = draft.network.ledger.bindings[id] ?? Ledger.BindingState()
        var location = oldLocation
        var state = oldState
        if let chassisID { state.claims.removeAll { $0.chassisID == chassisID } }
        if let holder = location?.chassis {
            if !port.mayBe(at: holder) {
                // Central sets the claim aside itself, so the host may have the port back once it is allowed again.
                let holderID = draft.network.southbound.chassis(named: holder)?.chassisID
                state.claims.removeAll { $0.chassisID == holderID }
                location = nil
            } else if draft.network.southbound.chassis(named: holder) == nil || hasUnplugged(port.name, at: holder) {
                location = nil
                // What another host under the same name does not have plugged, the former one may take back.
                let holderID = draft.network.southbound.chassis(named: holder)?.chassisID
                if let taken = state.claims.last, taken.chassisID != holderID {
                    state.claims.removeAll { $0.chassisID == taken.chassisID }
                }
            }
        }
        let claimants = (pluggedAt[port.name] ?? []).sorted()
        let chassisIDs = claimants.map { draft.network.southbound.chassis(named: $0)?.chassisID ?? "" }
        for (claimant, chassisID) in zip(claimants, chassisIDs) {
            guard let claim = claim(of: claimant, chassisID, on: port, draft), claim.claim > state.claim(of: chassisID)
            else { continue }
            state.take(claim, at: draft.stamp.revision, plugged: Set(chassisIDs))
            location = PortBinding.Location(chassis: claimant, bindSeq: state.bindSeq)
        }
        let old = port.status
        var status = old
        status.chassis = location?.chassis
        status.isUp = isUp(port, at: location, state, draft, wasUp: old.isUp && old.chassis == location?.chassis)
        status.reason = status.isUp ? nil : reason(port, at: location, draft)
        let settled = Settled(port: port.name, claimants: claimants, upAt: status.isUp ? location?.chassis : nil)
        guard location != oldLocation || state != oldState || status != old else { return settled }
        draft.settle(port: id, at: location, state, status)
        return settled
    }

    private func hasUnplugged(_ port: String, at holder: String) -> Bool {
        guard let session = sessions[holder], session.hasSpoken else { return false }
        return session.ports[port] == nil
    }

    /// The claim of a chassis that may have the port and can serve it.
    private func claim(
        of claimant: String,
        _ chassisID: String,
        on port: LogicalSwitchPort,
        _ draft: Draft
    ) -> Ledger.TakenClaim? {
        guard let session = sessions[claimant], let plugged = session.ports[port.name], session.canBind,
            draft.network.ledger.chassis[claimant]?.isLive == true, port.mayBe(at: claimant)
        else { return nil }
        return Ledger.TakenClaim(chassisID: chassisID, claim: plugged.claim)
    }

    /// Whether the hosting forwarder has the port with tables that know of its binding.
    private func isUp(
        _ port: LogicalSwitchPort,
        at location: PortBinding.Location?,
        _ state: Ledger.BindingState,
        _ draft: Draft,
        wasUp: Bool
    ) -> Bool {
        guard port.isEnabled, let holder = location?.chassis, let session = sessions[holder],
            draft.network.ledger.chassis[holder]?.isLive == true
        else { return false }
        guard session.hasSpoken else { return wasUp }
        guard let plugged = session.ports[port.name],
            let chassisID = draft.network.southbound.chassis(named: holder)?.chassisID
        else { return false }
        return plugged.isUp && plugged.claim == state.claim(of: chassisID) && session.applied >= state.boundAt
    }

    private func reason(
        _ port: LogicalSwitchPort,
        at location: PortBinding.Location?,
        _ draft: Draft
    ) -> LogicalSwitchPort.Status.Reason {
        guard port.isEnabled else { return .disabled }
        if let holder = location?.chassis {
            return draft.network.ledger.chassis[holder]?.isLive == true ? .notProgrammed : .chassisLost
        }
        guard let claimants = pluggedAt[port.name] else { return .notPlugged }
        var reason = LogicalSwitchPort.Status.Reason.notPlugged
        for claimant in claimants where draft.network.ledger.chassis[claimant]?.isLive == true {
            guard port.mayBe(at: claimant) else {
                reason = .requestedElsewhere
                continue
            }
            if sessions[claimant]?.canBind == false { return .unsupportedByChassis }
        }
        return reason
    }
}

extension LogicalSwitchPort {
    fileprivate func mayBe(at chassis: String) -> Bool {
        requestedChassis.isEmpty || requestedChassis.contains(chassis)
    }
}

extension Session {
    /// Whether the agent applies every kind of record that a port needs.
    fileprivate var canBind: Bool { RecordKey.kinds.allSatisfy(features.contains) }
}
