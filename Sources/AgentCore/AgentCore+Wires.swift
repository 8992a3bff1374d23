import Southbound

/// The wires of this host: for each localnet port of the share whose physical network this host has a device of, and
/// each l2gateway port that is bound here, that device, as a port that nobody plugs.
extension AgentCore {
    /// The claim of a wire: central chooses the places of l2gateway ports without it, and is not told of others.
    private static let claimOfWire: UInt64 = 1

    /// Opens the wires that the share asks for, and lets go of those that it asks for no more.
    ///
    /// A wire has another name if its device or tag is another one: the forwarder of an earlier start may hold it, and
    /// tells no more of it than the name.
    mutating func settleWires() {
        guard areWiresOutdated else { return }
        areWiresOutdated = false
        var wanted: [String: PortSpecification] = [:]
        for binding in share.wiredBindings {
            guard let network = binding.wiredNetwork, let device = configuration.physicalNetworks[network],
                binding.isLocalnet || binding.location(on: configuration.chassis) != nil
            else { continue }
            let tag = binding.tag.map { ".\($0)" } ?? ""
            // No port of a user has a slash in its name.
            let name = "\(binding.logicalPort)/\(device)\(tag)"
            var wire = PortSpecification(name: name, logicalPort: binding.logicalPort, interface: device)
            (wire.device, wire.tag) = (.physical, binding.tag)
            wanted[name] = wire
        }
        for port in ports.values.filter(\.isWire).sorted(by: { $0.specification.name < $1.specification.name }) {
            let name = port.specification.name
            guard wanted.removeValue(forKey: name) == nil else { continue }
            ports[name] = nil
            forwarder.changedPorts.insert(name)
            forwarder.upPorts.remove(name)
            announcements.openings[name] = nil
            emit(.releaseDevice(port: name))
        }
        for wire in wanted.values.sorted(by: { $0.name < $1.name }) { add(wire) }
    }

    private mutating func add(_ wire: PortSpecification) {
        guard ports.count < Self.portCountMaximum else {
            return emit(.log(.warning, "\(wire.name): this host has \(Self.portCountMaximum) ports already"))
        }
        let port = PluggedPort(specification: wire, isOwned: false, claim: Self.claimOfWire)
        ports[wire.name] = port
        // The forwarder of an earlier start may hold it; else it is opened with the other devices.
        if forwarder.phase == .connected { openDevices() }
    }
}
