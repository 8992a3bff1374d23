import AgentCore
import Datapath
import ForwarderProtocol
import Reactor
import Southbound
import Wire

/// The MACs that this host learns, in a file that its forwarder writes to and that outlives it.
final class HostMACs {
    private var kept: (descriptor: Descriptor, file: LearntMACFile)?

    /// Takes the file of a forwarder that an earlier agent has started.
    func adopt(_ descriptor: Descriptor) {
        guard kept == nil, let file = LearntMACFile(descriptor.raw) else { return }
        kept = (descriptor, file)
    }

    /// Returns what a forwarder is to be told, if it is one that was just connected and has no file.
    func news(after event: Event) -> [(message: ForwarderMessage, descriptors: [Descriptor])] {
        guard case .forwarderConnected(let greeting, let held, _, _) = event,
            greeting.version == ForwarderProtocol.version, kept == nil || !held.contains(.learntMACs)
        else { return [] }
        if kept == nil {
            let (descriptor, file) = LearntMACFile.make(seed: .random(in: 0 ... .max))
            guard let file else {
                Log.write(.warning, "MACs are not learnt: \(SystemError(call: "memfd_create", errno: -descriptor))")
                return []
            }
            kept = (Descriptor(owning: descriptor), file)
        }
        return kept.map { [(.learntMACs, [$0.descriptor])] } ?? []
    }

    /// The MACs that a filter includes, by switch and MAC.
    func list(_ filter: LearntMACFilter, _ core: AgentCore, now: Duration) -> [LearntMAC] {
        var macs: [LearntMAC] = []
        kept?.file.macs.forEach(now: now) { entry, idleSeconds in
            if let mac = Self.named(entry, idleSeconds, core), filter.includes(mac) { macs.append(mac) }
        }
        return macs.sorted { ($0.switchName, $0.mac) < ($1.switchName, $1.mac) }
    }

    /// Forgets the MACs that a filter includes.
    /// - Returns: how many.
    func forget(_ filter: LearntMACFilter, _ core: AgentCore) -> Int {
        kept?.file.macs.remove { entry in Self.named(entry, 0, core).map(filter.includes) ?? false } ?? 0
    }

    private static func named(_ entry: LearntMACs.Entry, _ idleSeconds: UInt64, _ core: AgentCore) -> LearntMAC? {
        core.learntMAC(
            MACAddress(truncating: entry.mac),
            at: ObjectID(high: entry.idHigh, low: entry.idLow),
            portKey: entry.portKey,
            vni: entry.vni,
            idleSeconds: idleSeconds
        )
    }
}
