import Northbound
import Northd
import Persistent
import Southbound
import Wire

/// Where ports are, and what users are told of it: a function of what users want, what hosts have said and what was
/// taken from them before.
extension CentralCore {
    /// The most ports that one commit of the core's own settles.
    static let settledPortCountMaximum = 4096

    /// Settles all ports that concern a chassis: those it holds and those it says are plugged.
    mutating func settlePorts(of name: String, author: String) {
        var ids = Set(working.southbound.portsByChassis[name]?.map(\.key) ?? [])
        for port in (sessions[name]?.ports ?? [:]).keys {
            if let listed = working.northbound.portsByName[ProjectName(port)] { ids.insert(listed.id) }
        }
        settle(ids.sorted(), author: author)
    }

    /// Settles every port that a host has spoken of, once the log may be writable again.
    mutating func settleEverything() {
        for name in sessions.keys.sorted() {
            guard working.southbound.chassis(named: name) != nil else { continue }
            let isHeard = (sessions[name]?.leaseEnd ?? now) > now
            var draft = Draft(on: working, time: wallClock)
            draft.setLive(isHeard, chassis: name)
            commit(draft, author: "central")
            settlePorts(of: name, author: "chassis/\(name)")
        }
    }

    /// Settles ports in as few commits as their size allows.
    private mutating func settle(_ ids: [ObjectID], author: String) {
        guard ids.count <= Self.settledPortCountMaximum else {
            settle(Array(ids.prefix(Self.settledPortCountMaximum)), author: author)
            settle(Array(ids.dropFirst(Self.settledPortCountMaximum)), author: author)
            return
        }
        var draft = Draft(on: working, time: wallClock)
        for id in ids { settle(id, in: &draft) }
        do {
            let maximum = configuration.commitByteCountMaximum
            guard let commit = try draft.finish(author: author, byteCountMaximum: maximum) else {
                return
            }
            queue(commit, of: draft)
        } catch {
            guard ids.count > 1 else {
                effects.append(.log(LogEntry(.warning, "A port could not be settled. \(error.detail)")))
                return
            }
            settle(Array(ids.prefix(ids.count / 2)), author: author)
            settle(Array(ids.dropFirst(ids.count / 2)), author: author)
        }
    }

    /// Settles one port in a draft.
    /// - Parameter chassisID: a host from which the port is taken so that it may claim it again.
    func settle(_ id: ObjectID, in draft: inout Draft, forgettingClaimOf chassisID: String? = nil) {
        guard let port = draft.network.northbound.ports[id]?.value else { return }
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
        guard location != oldLocation || state != oldState || status != old else { return }
        draft.settle(port: id, at: location, state, status)
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
