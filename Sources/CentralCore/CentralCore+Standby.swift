import NetworkModel
import Southbound

/// The second place of a port whose guest moves from one host to another: docs/decisions/046-migration.md.
extension CentralCore {
    /// The host at the standby place, if its guest has announced itself there.
    func activated(_ standby: PortBinding.Location?, of port: LogicalSwitchPort, among plugs: [Plug]) -> Plug? {
        guard port.isMoving else { return nil }
        return plugs.first { $0.isEligible && $0.hasActivated(standby) }
    }

    /// The standby place of a port: where it was, else the first host in the list behind the holder that has the port
    /// plugged in and may have it.
    ///
    /// A silent or dead host stays: silence changes nothing on the wire. One that the guest has left is in front of the
    /// new holder, so that nothing leads back there.
    func standby(
        of port: LogicalSwitchPort,
        behind location: PortBinding.Location?,
        former: PortBinding.Location?,
        among plugs: [Plug],
        needing needed: [String],
        _ state: inout Ledger.BindingState,
        _ draft: Transaction
    ) -> PortBinding.Location? {
        let behind = location.map { port.movesTo(behind: $0.chassis) } ?? []
        if let former, behind.contains(former.chassis), mayKeep(port, at: former.chassis, needing: needed, draft),
            mayStand(former.chassis)
        {
            return former
        }
        var next: Plug?
        for name in behind where next == nil && mayStand(name) {
            next = plugs.first { $0.chassis == name && $0.isEligible }
        }
        guard let next else {
            state.standbyAt = 0
            return nil
        }
        state.stand(next.claim, at: draft.stamp.revision, plugged: Set(plugs.map(\.chassisID)))
        return PortBinding.Location(chassis: next.chassis, bindSeq: state.bindSeq, state: .standby)
    }

    /// True if the agent of a chassis keeps standby ports shut, as far as is known: an older one would let them pass.
    func mayStand(_ chassis: String) -> Bool {
        guard let session = sessions[chassis], session.hasSpoken else { return true }
        return session.features.contains(Feature.standby)
    }
}

extension CentralCore.Plug {
    func hasActivated(_ standby: PortBinding.Location?) -> Bool {
        standby.map { $0.chassis == chassis && $0.bindSeq == activated } ?? false
    }
}

extension LogicalSwitchPort {
    /// True if the port may have a standby place.
    var isMoving: Bool { requestedChassis.count > 1 && !activationStrategy.isEmpty }

    /// The chassis that its guest may move to from its holder's, in the user's order.
    func movesTo(behind holder: String) -> ArraySlice<String> {
        guard isMoving, let index = requestedChassis.firstIndex(of: holder) else { return [] }
        return requestedChassis[(index + 1)...]
    }
}
