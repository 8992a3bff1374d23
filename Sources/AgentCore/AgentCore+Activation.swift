import ForwarderProtocol
import Southbound

/// Guests that move to this host: their ports are standby here, and shut, until they announce themselves.
extension AgentCore {
    /// The forwarder has opened a standby port: its tables say so from now on, also those of another forwarder, and
    /// central is told with the next sync.
    mutating func portActivated(_ activation: PortActivation) {
        guard var port = ports[activation.name], port.activationMark != activation.mark else { return }
        port.activationMark = activation.mark
        ports[activation.name] = port
        _ = savePorts()
        guard let binding = share.binding(of: port.specification.logicalPort), activatedPlace(of: port) != nil else {
            return
        }
        forwarder.note([.put(.portBinding(binding))])
        let logicalPort = port.specification.logicalPort
        emit(.log(.info, "port \(activation.name): the guest of \(logicalPort) runs here now"))
    }

    /// The standby place here that the port's guest has activated, until central says that it is active.
    func activatedPlace(of port: PluggedPort) -> PortBinding.Location? {
        guard let mark = port.activationMark, let binding = share.binding(of: port.specification.logicalPort),
            binding.activationMark(on: configuration.chassis) == mark
        else { return nil }
        return binding.location(on: configuration.chassis)
    }

    /// A change as the tables of this host are to have it: an activated place is active.
    func activated(_ change: RecordChange) -> RecordChange {
        guard case .put(.portBinding(let binding)) = change,
            let mark = binding.activationMark(on: configuration.chassis),
            ports.values.contains(where: {
                $0.activationMark == mark && $0.specification.logicalPort == binding.logicalPort
            })
        else { return change }
        return .put(.portBinding(binding.activated(on: configuration.chassis)))
    }

    /// The reason why a port that is standby here passes no frames; `nil` if it is not, or does.
    func standbyStory(of port: PluggedPort) -> String? {
        guard let binding = share.binding(of: port.specification.logicalPort),
            binding.location(on: configuration.chassis)?.state == .standby, activatedPlace(of: port) == nil
        else { return nil }
        let holder = binding.locations.first?.chassis ?? "another host"
        let frames = binding.activationStrategy.map(\.rawValue).joined(separator: ", ")
        return "\(holder) has \(binding.logicalPort) until the guest here announces itself (\(frames))"
    }
}
