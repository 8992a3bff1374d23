import AgentCore
import ForwarderProtocol
import HTTP
import Netdev
import Reactor

extension Agent {
    /// Takes duplicates back from a forwarder, for ports that have none here.
    func keep(_ what: HeldDescriptor, _ descriptors: [Descriptor]) {
        switch what {
        case .underlay(let address):
            if underlay == nil, address == configuration.encapIP { underlay = descriptors }
        case .port(let name):
            if queues[name] == nil, core.hasPort(named: name) { queues[name] = descriptors }
        case .learntMACs: descriptors.first.map(macs.adopt)
        case .connections: descriptors.first.map(connections.adopt)
        case .filterRecord: descriptors.first.map(filters.adopt)
        }
    }

    func openDevice(of port: PortSpecification, _ order: DeviceOrder) {
        devices.run { [reports, deviceQueues] in
            let result = PortDevice.open(port, order, deviceQueues)
            reports?.send(.deviceOpened(port: port.name, result))
        } orElse: {
            reports?.send(.deviceOpened(port: port.name, .failure(PortDevice.isBusy)))
        }
    }

    func checkDevices(_ places: [PortSpecification: DevicePlace]) {
        let descriptors = places.keys.reduce(into: [:]) { $0[$1.name] = queues[$1.name]?.first }
        devices.run { [reports] in
            let conditions = places.map { ($0.name, PortDevice.condition(of: $0, $1, descriptors[$0.name])) }
            reports?.send(.devicesChecked(Dictionary(uniqueKeysWithValues: conditions)))
        } orElse: {
            let unknown = places.keys.map { ($0.name, DeviceCondition.present) }
            reports?.send(.devicesChecked(Dictionary(uniqueKeysWithValues: unknown)))
        }
    }

    /// Sends frames to wires; what a wire does not take is lost, and comes again by itself.
    func announce(_ announcements: [Announcement]) {
        for announcement in announcements {
            guard let socket = queues[announcement.wire]?.first else { continue }
            PacketSocket.send(announcement.frame, tag: announcement.tag, over: socket)
        }
    }

    func removeDevice(of port: PortSpecification, isOwned: Bool) {
        let descriptor = queues.removeValue(forKey: port.name)?.first
        devices.run { [reports] in
            let failure = PortDevice.remove(port, isOwned: isOwned, descriptor: descriptor)
            reports?.send(.deviceRemoved(port: port.name, failure: failure))
        } orElse: {
            reports?.send(.deviceRemoved(port: port.name, failure: PortDevice.isBusy.detail))
        }
    }
}
