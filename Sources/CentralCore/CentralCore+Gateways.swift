import NetworkModel
import Persistent
import Southbound
import Wire

/// The places of l2gateway ports: the user chooses the chassis, and nobody plugs them.
extension CentralCore {
    /// The reason why an l2gateway port cannot be at its chassis, and what the chassis lacks, if that is it.
    private typealias Obstacle = (reason: LogicalSwitchPort.Status.Reason, lacks: [String])

    /// Settles a port that is on the chassis which its options name, as soon as that has a device of the network.
    func settleGateway(_ port: LogicalSwitchPort, _ id: ObjectID, in draft: inout Transaction) -> Settled {
        let oldLocations = draft.locations(ofPort: id)
        let oldState = draft.network.ledger.bindings[id] ?? Ledger.BindingState()
        let (chassis, session) = (port.gatewayChassis, port.gatewayChassis.flatMap { sessions[$0] })
        let obstacle = obstacle(to: port, isThere: oldLocations.first?.chassis == chassis, draft)
        var (location, state) = (oldLocations.first, oldState)
        if obstacle != nil { location = nil }
        if obstacle == nil, let chassis, location?.chassis != chassis {
            state.bindSeq += 1
            state.boundAt = draft.stamp.revision
            location = PortBinding.Location(chassis: chassis, bindSeq: state.bindSeq)
        }
        // No claim counts for it, also if the port was of another type before.
        state.claims = []
        var status = port.status
        (status.virtualParent, status.standby, status.waiting) = (nil, nil, [])
        status.chassis = location?.chassis
        let isLive = chassis.map { draft.network.ledger.chassis[$0]?.isLive == true } ?? false
        let isSaid = session?.hasSpoken == true
        let wasUp = port.status.isUp && port.status.chassis == location?.chassis
        status.isUp =
            port.isEnabled && location != nil && isLive
            && (isSaid ? session?.ports[port.name]?.isUp == true && (session?.applied ?? 0) >= state.boundAt : wasUp)
        status.reason =
            status.isUp
            ? nil
            : !port.isEnabled ? .disabled : obstacle?.reason ?? (isLive ? .notProgrammed : .chassisLost)
        if let chassis, let obstacle, !obstacle.lacks.isEmpty {
            status.waiting = [.init(chassis: chassis, reason: obstacle.reason, lacks: obstacle.lacks)]
        }
        let claimants = location.map { [$0.chassis] } ?? []
        var settled = Settled(port: port.name, claimants: claimants, awaited: status.isUp ? [] : claimants)
        let locations = [location].compactMap(\.self)
        guard locations != oldLocations || state != oldState || status != port.status else { return settled }
        draft.settle(port: id, at: locations, state, status)
        settled.hasChanged = true
        return settled
    }

    /// - Parameter isThere: True if it is at the chassis now; silence does not take it away.
    private func obstacle(to port: LogicalSwitchPort, isThere: Bool, _ draft: Transaction) -> Obstacle? {
        guard let network = port.gatewayNetwork, let name = port.gatewayChassis else { return (.noPhysicalNetwork, []) }
        guard draft.network.southbound.chassis(named: name) != nil else { return (.notPlugged, []) }
        guard let session = sessions[name], session.hasSpoken else {
            let known = port.status.waiting.first { $0.chassis == name }
            return isThere ? nil : (known?.reason ?? .notPlugged, known?.lacks ?? [])
        }
        let lacks = draft.neededFeatures(of: port).filter { !session.features.contains($0) }
        guard lacks.isEmpty else { return (.unsupportedByChassis, lacks) }
        guard session.physicalNetworks.contains(network) else { return (.noPhysicalNetwork, [network]) }
        let isLive = draft.network.ledger.chassis[name]?.isLive == true
        return isThere || isLive ? nil : (.chassisLost, [])
    }
}
