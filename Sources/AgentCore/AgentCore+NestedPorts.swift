import ForwarderProtocol
import Southbound

/// A nested port that is bound to this host: it shares the device of a plugged port.
struct NestedPort: Hashable, Sendable {
    /// `PARENT/TAG`: no plugged port has a slash in its name.
    var name: String
    var logicalPort: String
    /// The plugged port's name.
    var parent: String
    var tag: UInt16
}

extension AgentCore {
    /// The nested ports that are bound here and whose parents are plugged, by name.
    var nestedPorts: [String: NestedPort] {
        guard share.hasNestedPorts else { return [:] }
        var nested: [String: NestedPort] = [:]
        for name in pluggedNames {
            guard let parent = ports[name]?.specification.logicalPort else { continue }
            for binding in share.nestedBindings(of: parent) {
                guard let tag = binding.tag, binding.location(on: configuration.chassis) != nil else { continue }
                let port = NestedPort(name: "\(name)/\(tag)", logicalPort: binding.logicalPort, parent: name, tag: tag)
                // Of two with one tag, which central does not make, always the same one.
                guard nested[port.name].map({ port.logicalPort < $0.logicalPort }) ?? true else { continue }
                nested[port.name] = port
            }
        }
        return nested
    }

    /// The orders that give the forwarder the nested ports that it lacks, and take away those that are gone.
    /// - Parameter isSnapshot: True if it has forgotten those that it had.
    mutating func nestedPortOrders(isSnapshot: Bool) -> [ForwarderOrder] {
        let wanted = nestedPorts
        var orders: [ForwarderOrder] = []
        for name in forwarder.nested.keys.sorted() where wanted[name] == nil {
            if !isSnapshot { orders.append(ForwarderOrder(.deletePort(name: name))) }
            forwarder.giveUpSlot(of: name)
        }
        let former = isSnapshot ? [:] : forwarder.nested
        forwarder.nested = [:]
        for (name, port) in wanted.sorted(by: { $0.key < $1.key }) {
            guard let slot = forwarder.freeSlot(of: name) else { continue }
            forwarder.nested[name] = port.logicalPort
            if former[name] == nil {
                orders.append(ForwarderOrder(.putPort(LocalPort(name: name, slot: slot, isNested: true))))
            }
        }
        return orders
    }

    /// The logical port of a port that the forwarder has, nested or with a device.
    func logicalPort(of name: String) -> String? { ports[name]?.specification.logicalPort ?? forwarder.nested[name] }

    /// The plugged port whose device a logical port has, its own or its parent's.
    func devicePort(of logicalPort: String) -> PluggedPort? {
        let plugged = share.binding(of: logicalPort)?.parentPort ?? logicalPort
        return ports.values.first { $0.specification.logicalPort == plugged }
    }

    /// The nested ports as `heddle port list` shows them.
    func nestedReports(with statistics: ForwarderStatistics?) -> [PortReport] {
        nestedPorts.values.sorted { ($0.parent, $0.tag) < ($1.parent, $1.tag) }.compactMap { nested in
            guard let parent = ports[nested.parent] else { return nil }
            var specification = parent.specification
            specification.name = nested.name
            specification.logicalPort = nested.logicalPort
            specification.mac = nil
            specification.addresses = []
            specification.mtu = nil
            let isKnown = forwarder.nested[nested.name] != nil
            let isUp = isKnown && forwarder.upPorts.contains(nested.parent)
            let detail =
                isKnown || forwarder.commit != nil || forwarder.phase != .connected
                ? "tag \(nested.tag) of \(nested.parent)"
                : "this host has \(Self.portCountMaximum) ports, and its forwarder takes no more"
            return PortReport(
                specification: specification,
                isOwned: false,
                claim: parent.claim,
                state: isUp ? .up : .pending,
                detail: detail,
                statistics: statistics?.ports.first { $0.name == nested.name }
            )
        }
    }
}
