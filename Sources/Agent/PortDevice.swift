import AgentCore
import Glibc
import HTTP
import HTTPTypes
import Netdev
import Reactor
import Wire

/// The devices of ports: makes, opens and removes them. These calls take milliseconds and run on a worker.
enum PortDevice {
    /// A device with the descriptors of its queues, through which its frames go.
    struct Opened: Sendable {
        var queues: [Descriptor]
        var device: Device
    }

    struct Queues: Sendable {
        var count: Int
        /// Octets that they may hold together.
        var byteCount: Int

        var bound: TAPDevice.QueueBound { TAPDevice.QueueBound(byteCount: byteCount, queueCount: count) }
    }

    /// Finds or makes the device of a port and opens it. If that fails, nothing is left behind.
    static func open(_ port: PortSpecification, _ order: DeviceOrder, _ queues: Queues) -> Result<Opened, Problem> {
        do throws(Problem) {
            return .success(try openOrRefuse(port, order, queues))
        } catch {
            return .failure(error)
        }
    }

    /// Returns the condition of an opened device. An unknown condition counts as present: no guest loses its device
    /// because of an unanswered question.
    static func condition(
        of port: PortSpecification,
        _ place: DevicePlace,
        _ descriptor: Descriptor?
    ) -> DeviceCondition {
        // Its connection tells by itself.
        if port.device == .vhostUser { return .present }
        if let served = socketCondition(of: port, descriptor) {
            guard served == .present || served == .presentWithoutSuperpackets, port.netns != nil else { return served }
        } else if let descriptor {
            do throws(SystemError) {
                _ = try TAPDevice.name(of: descriptor)
            } catch {
                if error.errno == EBADFD || error.errno == ENODEV { return .gone }
            }
        }
        guard let netns = port.netns, let namespace = place.namespace else { return .present }
        do throws(SystemError) {
            return try NetworkNamespace.identity(of: netns) == namespace ? .present : .namespaceReplaced
        } catch {
            return error.errno == ENOENT || error.errno == ENOTDIR ? .namespaceGone : .present
        }
    }

    static func place(of port: PortSpecification, isPinned: Bool) -> DevicePlace {
        guard let netns = port.netns else { return DevicePlace() }
        return DevicePlace(namespace: try? NetworkNamespace.identity(of: netns), isPinned: isPinned)
    }

    /// Removes the device if it is ours, wherever the guest has moved it; a missing device is no error.
    /// - Returns: the reason why it could not be removed.
    static func remove(_ port: PortSpecification, isOwned: Bool, descriptor: Descriptor?) -> String? {
        do throws(SystemError) {
            if port.device != .tap { return try removeSocket(of: port, isOwned: isOwned, descriptor) }
            guard isOwned else { return nil }
            if let descriptor {
                try TAPDevice.delete(descriptor)
            } else {
                let namespace = try namespace(of: port)
                let link = try Link.find(named: port.interface, in: namespace)
                if let link, link.logicalPort != nil { try link.delete(in: namespace) }
            }
            return nil
        } catch {
            return error.errno == ENOENT || error.errno == ENODEV ? nil : error.description
        }
    }

    private static func namespace(of port: PortSpecification) throws(SystemError) -> NetworkNamespace {
        if let netns = port.netns { return try NetworkNamespace(netns) }
        return try .current()
    }

    private static func openOrRefuse(
        _ port: PortSpecification,
        _ order: DeviceOrder,
        _ queues: Queues
    ) throws(Problem) -> Opened {
        if port.device == .veth, order.isOfKeptDevice, let opened = try openVeth(port, queues) { return opened }
        let namespace: NetworkNamespace
        do throws(SystemError) {
            namespace = try Self.namespace(of: port)
        } catch {
            throw refusal(of: error, netns: port.netns ?? "")
        }
        switch port.device {
        case .tap: return try openTAP(port, order, queues, in: namespace)
        case .veth: return try openVeth(port, order, queues, in: namespace)
        case .existing: return try openExisting(port, order, queues)
        case .physical: return try openPhysical(port, queues)
        case .vhostUser: throw absent(port)
        }
    }

    private static func openTAP(
        _ port: PortSpecification,
        _ order: DeviceOrder,
        _ queues: Queues,
        in namespace: NetworkNamespace
    ) throws(Problem) -> Opened {
        let present = try link(of: port, in: namespace)
        switch order {
        case .plug(let demand, let mtu):
            guard let present else {
                if demand == .existing { throw absent(port) }
                return try make(port, mtu: mtu, queues, in: namespace)
            }
            if demand == .new { throw taken(port) }
            return try adopt(port, present, queues, in: namespace)
        case .restore(let isOwned, let mtu):
            if present == nil, isOwned { return try make(port, mtu: mtu, queues, in: namespace) }
            return try open(port, queues.count, in: namespace)
        case .reopen:
            return try open(port, queues.count, in: namespace)
        }
    }

    private static func make(
        _ port: PortSpecification,
        mtu: Int,
        _ queues: Queues,
        in namespace: NetworkNamespace
    ) throws(Problem) -> Opened {
        let descriptors: [Descriptor]
        do throws(TAPError) {
            descriptors = try TAPDevice.create(
                TAPDevice.Configuration(
                    name: port.interface,
                    logicalPort: port.logicalPort,
                    mac: port.mac,
                    addresses: port.addresses,
                    mtu: mtu,
                    queueCount: queues.count,
                    queuedByteCount: queues.byteCount
                ),
                in: namespace
            )
        } catch {
            throw refusal(of: error, port)
        }
        let mac = try link(of: port, in: namespace)?.mac ?? port.mac
        let place = place(of: port, isPinned: false)
        let device = Device(isOwned: true, mac: mac, place: place)
        return Opened(queues: descriptors, device: device)
    }

    /// Opens a device that is there and leaves it as it is.
    private static func open(
        _ port: PortSpecification,
        _ queueCount: Int,
        in namespace: NetworkNamespace
    ) throws(Problem) -> Opened {
        let queues: [Descriptor]
        do throws(TAPError) {
            queues = try TAPDevice.open(port.interface, in: namespace, queueCount: queueCount)
        } catch {
            throw refusal(of: error, port)
        }
        let link = try link(of: port, in: namespace)
        return Opened(
            queues: queues,
            device: Device(
                isOwned: link?.logicalPort != nil,
                mac: link?.mac,
                place: place(of: port, isPinned: true)
            )
        )
    }

    /// Opens an existing device and sets it up as the user orders. Queues that are too long are cut.
    private static func adopt(
        _ port: PortSpecification,
        _ link: Link,
        _ queues: Queues,
        in namespace: NetworkNamespace
    ) throws(Problem) -> Opened {
        var opened = try open(port, queues.count, in: namespace)
        let change = LinkChange(
            alias: opened.device.isOwned ? Link.aliasPrefix + port.logicalPort : nil,
            transmitQueueLength: min(link.transmitQueueLength, queues.bound.length),
            superpacketByteCountMaximum: min(link.superpacketByteCountMaximum, queues.bound.superpacketByteCount)
        )
        try setUp(port, link, change, in: namespace)
        opened.device.mac = port.mac ?? opened.device.mac
        return opened
    }

    /// Switches the guest's interface on with the MAC, MTU and addresses that the user orders.
    static func setUp(
        _ port: PortSpecification,
        _ link: Link,
        _ change: LinkChange = LinkChange(),
        in namespace: NetworkNamespace
    ) throws(Problem) {
        var change = change
        change.mac = port.mac
        change.mtu = port.mtu
        change.isUp = true
        do throws(SystemError) {
            try link.apply(change, in: namespace)
            for address in port.addresses {
                do throws(SystemError) {
                    try link.add(address, in: namespace)
                } catch {
                    if error.errno != EEXIST { throw error }
                }
            }
        } catch {
            throw Problem(
                .conflict,
                code: "device_refuses",
                detail: "The interface \(port.interface) does not accept the requested settings: \(error)."
            )
        }
    }

    static func link(of port: PortSpecification, in namespace: NetworkNamespace) throws(Problem) -> Link? {
        do throws(SystemError) {
            return try Link.find(named: port.interface, in: namespace)
        } catch {
            throw Problem(
                .serviceUnavailable,
                code: "device_failed",
                detail: "The interfaces cannot be listed: \(error)."
            )
        }
    }
}

extension PortDevice {
    /// The reason why nothing is done with devices at the moment.
    static let isBusy = Problem(
        .serviceUnavailable,
        code: "devices_busy",
        detail: "The agent still waits for an earlier call about a device; most often a file system hangs."
    )

    static func place(of port: PortSpecification) -> String { port.netns.map { " in netns \($0)" } ?? "" }

    static func absent(_ port: PortSpecification) -> Problem {
        Problem(
            .conflict,
            code: "device_missing",
            detail: "There is no interface \(port.interface)\(place(of: port))."
        )
    }

    static func taken(_ port: PortSpecification) -> Problem {
        Problem(
            .conflict,
            code: "device_exists",
            detail: "There is already an interface \(port.interface)\(place(of: port)); give another --interface."
        )
    }

    private static func refusal(of error: SystemError, netns: String) -> Problem {
        switch error.errno {
        case ENOENT, ENOTDIR:
            Problem(
                .conflict,
                code: "netns_missing",
                detail: "There is no network namespace \(netns); make it first, as with 'ip netns add \(netns)'.",
                pointer: "/netns"
            )
        case EINVAL:
            Problem(
                .conflict,
                code: "netns_invalid",
                detail: "\(netns) is not a network namespace.",
                pointer: "/netns"
            )
        default:
            Problem(
                .serviceUnavailable,
                code: "netns_failed",
                detail: "The network namespace \(netns) fails: \(error)."
            )
        }
    }

    /// The reason why a device cannot be made or opened, and what to do about it.
    static func refusal(of error: TAPError, _ port: PortSpecification) -> Problem {
        switch error {
        case .invalidName:
            Problem(.unprocessableContent, code: "invalid_interface", detail: "\(error).", pointer: "/interface")
        case .nameTaken: taken(port)
        case .absent: absent(port)
        case .notPersistentTAP:
            Problem(
                .conflict,
                code: "device_is_no_tap",
                detail: "The interface \(port.interface)\(place(of: port)) is there, but is not a persistent TAP; "
                    + "remove it or give another --interface.",
                pointer: "/interface"
            )
        case .busy:
            Problem(
                .conflict,
                code: "device_busy",
                detail: "The interface \(port.interface)\(place(of: port)) is in use by another process; "
                    + "stop that first or give another --interface.",
                pointer: "/interface"
            )
        case .system(let error):
            Problem(
                .serviceUnavailable,
                code: "device_failed",
                detail: "The interface \(port.interface)\(place(of: port)) cannot be made or opened: \(error)"
                    + remedy(for: error) + "."
            )
        }
    }

    /// Returns the remedy for the device file of TAPs; empty for other errors.
    private static func remedy(for error: SystemError) -> String {
        guard error.call.hasSuffix("/dev/net/tun") else { return "" }
        return switch error.errno {
        case EACCES, EPERM: "; 'chmod 666 /dev/net/tun' lets the agent's user have it"
        case ENOENT, ENXIO, ENODEV: "; 'modprobe tun' loads it, and a container must be given it"
        default: ""
        }
    }
}
