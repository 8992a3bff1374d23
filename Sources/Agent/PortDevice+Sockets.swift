import AgentCore
import CLinux
import Glibc
import HTTP
import HTTPTypes
import Netdev
import Reactor
import Wire

/// Devices that are served by a packet socket on the host's side: a veth pair that we make, and what others have made.
extension PortDevice {
    /// The name of the host's end of a port's veth pair: `hd-` and the port's name if Linux takes that, else `hd_` and
    /// 48 bits of its FNV-1a hash.
    static func hostName(of port: PortSpecification) -> String {
        let name = "hd-\(port.name)"
        if Link.isValidName(name) { return name }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in port.name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let digits = String(hash & 0xffff_ffff_ffff, radix: 16)
        return "hd_" + String(repeating: "0", count: 12 - digits.count) + digits
    }

    /// The name of the device on the host's side.
    private static func interface(of port: PortSpecification) -> String {
        port.device == .veth ? hostName(of: port) : port.interface
    }

    private static func hostLink(of port: PortSpecification) throws(Problem) -> Link? {
        do throws(SystemError) {
            return try Link.find(named: interface(of: port))
        } catch {
            throw failed(port, error)
        }
    }

    /// The condition of a device that is served by a socket; `nil` for one that is not.
    static func socketCondition(of port: PortSpecification, _ descriptor: Descriptor?) -> DeviceCondition? {
        guard port.device != .tap else { return nil }
        guard let descriptor else { return ((try? hostLink(of: port)) ?? nil) == nil ? .gone : .present }
        guard let index = PacketSocket.deviceIndex(of: descriptor) else { return nil }
        guard index > 0 else { return .gone }
        guard port.device == .existing, let link = try? Link.find(index: index) else { return .present }
        return PacketSocket.takesSuperpackets(link, descriptor) ? .present : .presentWithoutSuperpackets
    }

    /// Takes a pair away that we have made, or gives a device back to the host's stack.
    static func removeSocket(
        of port: PortSpecification,
        isOwned: Bool,
        _ descriptor: Descriptor?
    ) throws(SystemError) -> String? {
        let index = descriptor.flatMap(PacketSocket.deviceIndex)
        switch port.device {
        case .tap, .vhostUser, .physical: break
        case .veth:
            let link = if let index { try Link.find(index: index) } else { try Link.find(named: hostName(of: port)) }
            if let link, link.logicalPort != nil { try link.delete() }
        case .existing:
            // One that was never opened has nothing of ours.
            if let index, let link = try Link.find(index: index) { try link.letHostIn() }
        }
        return nil
    }

    // Pairs

    /// Opens the host's end of a pair that is there, wherever the guest has moved the other one; `nil` if it is not.
    static func openVeth(_ port: PortSpecification, _ queues: Queues) throws(Problem) -> Opened? {
        guard let host = try hostLink(of: port), host.kind == "veth", host.logicalPort == port.logicalPort else {
            return nil
        }
        let device = Device(isOwned: true, mac: port.mac, place: place(of: port, isPinned: false))
        return Opened(queues: [try open(host, port, queues)], device: device)
    }

    static func openVeth(
        _ port: PortSpecification,
        _ order: DeviceOrder,
        _ queues: Queues,
        in namespace: NetworkNamespace
    ) throws(Problem) -> Opened {
        let present = try link(of: port, in: namespace)
        switch order {
        case .plug(let demand, let mtu):
            if let present {
                guard demand != .new, var opened = try openVeth(port, queues) else { throw taken(port) }
                try setUp(port, present, in: namespace)
                opened.device.mac = port.mac ?? present.mac
                return opened
            }
            if demand == .existing { throw absent(port) }
            return try makeVeth(port, mtu: mtu, queues, in: namespace)
        case .restore(isOwned: true, let mtu): return try makeVeth(port, mtu: mtu, queues, in: namespace)
        case .restore, .reopen: throw absent(port)
        }
    }

    private static func makeVeth(
        _ port: PortSpecification,
        mtu: Int,
        _ queues: Queues,
        in namespace: NetworkNamespace
    ) throws(Problem) -> Opened {
        let configuration = VethPair.Configuration(
            hostName: hostName(of: port),
            name: port.interface,
            logicalPort: port.logicalPort,
            mac: port.mac,
            addresses: port.addresses,
            mtu: mtu,
            queuedByteCount: queues.byteCount
        )
        let descriptor: Descriptor
        do throws(TAPError) {
            descriptor = try VethPair.create(configuration, in: namespace, keepsDatagrams: keepsDatagrams)
        } catch {
            if case .system(let error) = error { throw failed(port, error) }
            throw refusal(of: error, port)
        }
        let mac = try link(of: port, in: namespace)?.mac ?? port.mac
        return Opened(
            queues: [descriptor],
            device: Device(isOwned: true, mac: mac, place: place(of: port, isPinned: false))
        )
    }

    /// True if the kernel can tell of UDP's superpackets (since Linux 6.2).
    private static let keepsDatagrams = (try? KernelFeatures.probe().takesUDPSuperpackets) ?? false

    // Devices of others

    static func openExisting(
        _ port: PortSpecification,
        _ order: DeviceOrder,
        _ queues: Queues
    ) throws(Problem) -> Opened {
        guard let link = try hostLink(of: port) else { throw absent(port) }
        if let reason = try reasonAgainst(link) {
            throw Problem(
                .conflict,
                code: "device_unsuitable",
                detail: "The interface \(port.interface) \(reason).",
                pointer: "/interface"
            )
        }
        if case .plug = order, let mtu = port.mtu {
            do throws(SystemError) {
                try link.apply(LinkChange(mtu: mtu))
            } catch {
                throw failed(port, error)
            }
        }
        return Opened(queues: [try open(link, port, queues)], device: Device(isOwned: false, mac: nil))
    }

    /// Opens a device of the host's that leads to a physical network.
    static func openPhysical(_ port: PortSpecification, _ queues: Queues) throws(Problem) -> Opened {
        guard let link = try hostLink(of: port) else { throw absent(port) }
        guard link.isEthernet else {
            throw Problem(
                .conflict,
                code: "device_unsuitable",
                detail: "The interface \(port.interface) is no Ethernet device; name another one by --physical-network."
            )
        }
        do throws(SystemError) {
            let socket = try PacketSocket.openShared(link, tag: port.tag, queuedByteCount: queues.byteCount)
            return Opened(queues: [socket], device: Device(isOwned: false, mac: nil))
        } catch {
            if error.errno == ENODEV { throw absent(port) }
            throw failed(port, error)
        }
    }

    /// The reason why a device cannot belong to a guest alone.
    private static func reasonAgainst(_ link: Link) throws(Problem) -> String? {
        guard link.kind == "tun" || link.kind == "veth", link.isEthernet else {
            return "is neither a TAP nor an end of a veth pair"
        }
        if link.master != nil {
            return "belongs to a bridge or the like; take it out first: ip link set \(link.name) nomaster"
        }
        do throws(SystemError) {
            let addresses = try Link.addresses().filter { address in
                if case .v6(let number) = address.prefix.address, number.isLinkLocal { return false }
                return address.index == link.index
            }
            guard let address = addresses.first else { return nil }
            return "has an address of this host, \(address.prefix); it must be a guest's alone"
        } catch {
            throw Problem(
                .serviceUnavailable,
                code: "device_failed",
                detail: "The addresses of interfaces cannot be listed: \(error)."
            )
        }
    }

    // Both

    /// Opens a device of the agent's namespace, switched on.
    private static func open(
        _ link: Link,
        _ port: PortSpecification,
        _ queues: Queues
    ) throws(Problem) -> Descriptor {
        do throws(SystemError) {
            let descriptor = try PacketSocket.open(link, queuedByteCount: queues.byteCount)
            // Frames wait here for a VMM that does not read; a veth has no queue.
            if link.kind == "tun" {
                let length = min(link.transmitQueueLength, queues.bound.length)
                try link.apply(LinkChange(transmitQueueLength: length))
            }
            return descriptor
        } catch {
            // It has gone just now.
            if port.device == .existing, error.errno == ENODEV { throw absent(port) }
            throw failed(port, error)
        }
    }

    private static func failed(_ port: PortSpecification, _ error: SystemError) -> Problem {
        if error.errno == EEXIST { return taken(port) }
        let isOfClassifier = error.call.contains("TFILTER") || error.call.contains("QDISC")
        let remedy =
            isOfClassifier && [ENOENT, EOPNOTSUPP, EINVAL].contains(error.errno)
            ? "; the kernel needs sch_ingress and cls_bpf, and the interface no other ingress queue" : ""
        return Problem(
            .serviceUnavailable,
            code: "device_failed",
            detail: "The interface \(port.interface)\(place(of: port)) cannot be made or opened: \(error)\(remedy)."
        )
    }
}

extension DeviceOrder {
    /// True if the device is opened that an earlier order has made.
    var isOfKeptDevice: Bool {
        switch self {
        case .plug: false
        case .restore, .reopen: true
        }
    }
}
