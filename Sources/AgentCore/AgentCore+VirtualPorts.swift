import Southbound
import Wire

/// A virtual port that a parent on this host has claimed by announcing its address: a plug of the virtual port whose
/// device is the parent's.
struct VirtualPlug: Hashable, Sendable {
    /// The logical port that has announced the address.
    var parent: String
    /// The number of the claim: raised with each, on disk before it is told to central.
    var claim: UInt64
    /// The highest fence with which the port was seen here, or that it had when it was claimed: a place with a higher
    /// one is another claim's.
    var boundSequence: UInt64
    /// The save of the ports file that the claim is part of.
    var save: UInt64 = 0
}

/// A claimed virtual port as it is in the ports file.
public struct StoredVirtualPlug: Hashable, Sendable {
    public var logicalPort: String
    public var parent: String
    public var claim: UInt64
    /// The highest fence that the claim has seen (``VirtualPlug/boundSequence``). A stored share may be older than the
    /// claim, and its place is then not one that has overcome it.
    public var boundSequence: UInt64
}

extension AgentCore {
    /// A port of this host has announced the address of a virtual port. How often the forwarder tells that of one port
    /// is limited there.
    mutating func virtualClaimed(_ id: ObjectID, by name: String) {
        guard let parent = logicalPort(of: name),
            case .portBinding(let binding)? = share.records[.portBinding(id)], binding.isVirtual,
            mayHave(binding, parent)
        else { return }
        // A claim that nobody has overcome yet says it already.
        guard virtualPlugs[binding.logicalPort]?.parent != parent else { return }
        lastClaim += 1
        virtualPlugs[binding.logicalPort] = VirtualPlug(
            parent: parent,
            claim: lastClaim,
            boundSequence: binding.locations.map(\.bindSeq).max() ?? 0
        )
        let save = savePorts()
        virtualPlugs[binding.logicalPort]?.save = save
    }

    /// True if a logical port is a parent of the virtual port and bound here, as plugged.
    private func mayHave(_ binding: PortBinding, _ parent: String) -> Bool {
        guard binding.virtualParents.contains(parent), let place = share.binding(of: parent),
            place.datapath == binding.datapath, place.location(on: configuration.chassis) != nil
        else { return false }
        return devicePort(of: parent)?.isLeaving == false
    }

    /// Forgets the virtual ports that parents of this host have no longer: another host has claimed them since, or the
    /// parent is gone, or is one no more.
    mutating func settleVirtualPlugs() {
        // A share that is not there yet, or is the last run's and older than the claims, says nothing.
        guard !virtualPlugs.isEmpty, sync.hasHeard, sync.shadow == nil else { return }
        var isChanged = false
        for (name, plug) in virtualPlugs.sorted(by: { $0.key < $1.key }) {
            let binding = share.binding(of: name)
            let holder = binding?.locations.max { $0.bindSeq < $1.bindSeq }
            let isHere = holder?.chassis == configuration.chassis && holder?.parent == plug.parent
            if isHere { virtualPlugs[name]?.boundSequence = max(plug.boundSequence, holder?.bindSeq ?? 0) }
            let isLost = !isHere && holder.map { $0.bindSeq > plug.boundSequence } ?? false
            guard isLost || binding.map({ !mayHave($0, plug.parent) }) ?? true else { continue }
            virtualPlugs[name] = nil
            isChanged = true
        }
        if isChanged { _ = savePorts() }
    }

    /// The virtual ports that central is told of: those whose claims are on disk.
    var reportedVirtualPorts: [SyncRequest.PluggedPort] {
        virtualPlugs.sorted { $0.key < $1.key }.compactMap { name, plug in
            guard plug.save <= files.portsSaved else { return nil }
            let device = devicePort(of: plug.parent)?.specification
            return SyncRequest.PluggedPort(
                logicalPort: name,
                interface: device?.interface ?? "",
                claim: plug.claim,
                isUp: device.map { forwarder.upPorts.contains($0.name) } ?? false,
                parent: plug.parent
            )
        }
    }
}
