import AgentCore
import HTTP
import Reactor

extension Agent {
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
