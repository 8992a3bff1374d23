import AgentCore
import Datapath
import ForwarderProtocol
import Reactor
import Wire

/// The connections of this host's ports, in a file that its forwarder writes to and that outlives it.
final class HostConnections {
    private var kept: (descriptor: Descriptor, file: ConnectionFile)?

    /// Takes the file of a forwarder that an earlier agent has started.
    func adopt(_ descriptor: Descriptor) {
        guard kept == nil, let file = ConnectionFile(descriptor.raw) else { return }
        kept = (descriptor, file)
    }

    /// Returns what a forwarder is to be told, if it is one that was just connected and has no file.
    func news(after event: Event) -> [(message: ForwarderMessage, descriptors: [Descriptor])] {
        guard case .forwarderConnected(let greeting, let held, _, _) = event,
            greeting.version == ForwarderProtocol.version, kept == nil || !held.contains(.connections)
        else { return [] }
        if kept == nil {
            let key = SipHashKey(low: .random(in: 0 ... .max), high: .random(in: 0 ... .max))
            let (descriptor, file) = ConnectionFile.make(key: key)
            guard let file else {
                let error = SystemError(call: "memfd_create", errno: -descriptor)
                Log.write(.warning, "connections are not tracked, so that ACLs let no answers pass: \(error)")
                return []
            }
            kept = (Descriptor(owning: descriptor), file)
        }
        return kept.map { [(.connections, [$0.descriptor])] } ?? []
    }

    /// The most connections of a page: some 200 KB of JSON.
    private static let pageCountMaximum = 1000
    /// The most connections that are looked at for a page, so that other requests are not kept waiting.
    private static let pageVisitMaximum = 65_536

    /// A page of the connections that a filter includes, in no order.
    /// - Returns: the answer to a request for them, with the place after the last if there may be more.
    func list(_ filter: ConnectionFilter, _ core: AgentCore, now: Duration) -> Answer {
        let names = core.namedPorts
        var page: [PortConnection] = []
        var next: Int?
        var visitCount = 0
        kept?.file.connections.forEach(from: filter.after, now: now) { connection, place in
            visitCount += 1
            if let name = names.name(vni: connection.vni, key: connection.portKey, filter) {
                page.append(PortConnection(connection, name))
            }
            guard page.count < Self.pageCountMaximum, visitCount < Self.pageVisitMaximum else {
                next = place
                return false
            }
            return true
        }
        return .connections(page, next: next)
    }

    /// Forgets the connections that a filter includes.
    /// - Returns: how many.
    func forget(_ filter: ConnectionFilter, _ core: AgentCore) -> Int {
        let names = core.namedPorts
        return kept?.file.connections.remove { connection in
            filter.isAll || names.name(vni: connection.vni, key: connection.portKey, filter) != nil
        } ?? 0
    }
}

extension PortConnection {
    fileprivate init(_ connection: TrackedConnection, _ name: NamedPorts.Name) {
        self.init(
            switchName: name.switchName,
            logicalPort: name.logicalPort,
            transport: connection.transport,
            source: connection.source,
            sourcePort: connection.sourcePort,
            destination: connection.destination,
            destinationPort: connection.destinationPort,
            state: connection.state,
            isBlocked: connection.isBlocked,
            idleSeconds: connection.idleSeconds
        )
    }
}
