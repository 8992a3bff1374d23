import ForwarderProtocol
import Match
import Southbound
import Wire

/// A mirror, with the ports of this host whose frames go there.
struct HostMirror: Hashable, Sendable {
    var session: MirrorSession
    var sink: MirrorOrder.Sink
    /// The ports' names on this host.
    var ports: [String]

    /// The order for the forwarder. A match that this version cannot read lets nothing through: it could have been to
    /// keep something out.
    var order: MirrorOrder {
        var rules: [(expression: MatchExpression, outcome: Bool)] = []
        var isReadable = session.rules.count <= MirrorSession.ruleCountMaximum
        for rule in session.rules.prefix(MirrorSession.ruleCountMaximum) {
            if let expression = try? MatchExpression(rule.match), !expression.hasNames {
                rules.append((expression, rule.action == .mirror))
            } else {
                isReadable = false
            }
        }
        isReadable = isReadable && rules.reduce(0) { $0 + $1.expression.weight } <= MatchProgram.stepCountMaximum
        return MirrorOrder(
            ports: ports,
            copiesSent: session.filter != .toPort,
            copiesReceived: session.filter != .fromPort,
            sink: sink,
            filter: isReadable ? MatchProgram(rules, otherwise: true) : MatchProgram([], otherwise: false)
        )
    }
}

extension AgentCore {
    /// The order that tells the forwarder the mirrors of this host's ports; `nil` if it knows them.
    mutating func mirrorOrder() -> ForwarderOrder? {
        // The forwarder has those of a newer share.
        guard !forwarder.mustWaitForCentral else { return nil }
        let mirrors = wantedMirrors
        guard mirrors != forwarder.mirrors else { return nil }
        forwarder.mirrors = mirrors
        return ForwarderOrder(.mirrors(mirrors.map(\.order)))
    }

    /// The mirrors of the ports that the forwarder has and that are bound here, as the share says.
    private var wantedMirrors: [HostMirror] {
        var bound: [String: String] = [:]
        var mirrors: [ObjectID: HostMirror] = [:]
        for name in boundPorts(among: forwarder.held).sorted() {
            guard let logicalPort = ports[name]?.specification.logicalPort else { continue }
            bound[logicalPort] = name
        }
        for (name, logicalPort) in forwarder.nested { bound[logicalPort] = name }
        for (logicalPort, name) in bound {
            for id in (share.binding(of: logicalPort)?.mirrors ?? []).prefix(MirrorSession.perPortMaximum) {
                if mirrors[id] != nil {
                    mirrors[id]?.ports.append(name)
                } else if case .mirrorSession(let session)? = share.records[.mirrorSession(id)],
                    let sink = sink(of: session, among: bound)
                {
                    mirrors[id] = HostMirror(session: session, sink: sink, ports: [name])
                }
            }
        }
        // The same ones at each commit, if there are too many.
        let sorted = mirrors.sorted { $0.key < $1.key }.prefix(ForwarderProtocol.mirrorCountMaximum)
        return sorted.map { HostMirror(session: $0.value.session, sink: $0.value.sink, ports: $0.value.ports.sorted()) }
    }

    /// The place that copies go to; `nil` if this host does not have it.
    /// - Parameter bound: The names of ports by their logical ports.
    private func sink(of session: MirrorSession, among bound: [String: String]) -> MirrorOrder.Sink? {
        switch session.type {
        case .gre: IPAddress(session.sink).map { .gre($0, key: session.index) }
        case .erspan: IPAddress(session.sink).map { .erspan($0, index: session.index) }
        case .local: forwarder.held.contains(session.sink) ? .port(session.sink) : nil
        case .logicalPort: bound[session.sink].map { .port($0) }
        }
    }
}
