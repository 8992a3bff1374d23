import CLinux
import Glibc
import Reactor
import Wire

/// TAP devices: Ethernet frames through a descriptor (Linux tuntap.rst).
///
/// Each read and write is one frame with the 10 bytes of `struct virtio_net_hdr` before it, in the machine's byte
/// order. Descriptors are non-blocking; a device has one for each of its queues, over which the kernel spreads flows.
/// The kernel leaves checksums and the cutting of superpackets to the reader, which takes TCP of both families, and UDP
/// where the kernel has that.
public enum TAPDevice {
    /// Bytes before each frame.
    public static let virtioHeaderByteCount = 10
    /// Octets that all queues of a device may hold when we do not read, unless a configuration says otherwise: it
    /// bounds the host's memory that one guest can pin, since nobody else is charged for a frame once a TAP has it. It
    /// is 256 superpackets, and no throughput is lost by it.
    public static let queuedByteCount = 16 << 20
    /// Octets of the longest superpacket that the kernel makes.
    public static let superpacketByteCountMaximum = 65_536
    /// Frames that a queue holds at least: those of one batch. Where there are so many queues that these would be too
    /// much memory, superpackets are shorter, which costs throughput, and so comes last.
    static let queueLengthMinimum = 64

    /// Segments of the longest superpacket: as many as one train on the underlay takes, so that none needs a second,
    /// tiny one: a train has 65,507 bytes, and each segment 30 more than the MTU (Geneve, its option, Ethernet).
    /// - Parameter mtu: the device's.
    public static func segmentCountMaximum(mtu: Int) -> Int { max(1, min(64, 65_507 / (mtu + 30))) }

    /// The bounds of a device's queues and superpackets, so that queues × frames × octets are not
    /// more than a number. The kernel keeps to both.
    public struct QueueBound: Equatable, Sendable {
        /// Frames that each queue holds (the device's `txqueuelen`).
        public let length: Int
        /// Octets of a superpacket (`gso_max_size`).
        public let superpacketByteCount: Int

        /// The bound of a device with so many queues.
        /// - Parameter byteCount: octets in all queues together.
        public init(byteCount: Int, queueCount: Int) {
            let each = max(1, byteCount / max(1, queueCount))
            length = max(queueLengthMinimum, each / superpacketByteCountMaximum)
            superpacketByteCount = max(4096, min(superpacketByteCountMaximum, each / length))
        }
    }

    /// The properties of a new device.
    public struct Configuration: Equatable, Sendable {
        /// Its name, for which `Link.isValidName` holds.
        public var name: String
        /// The logical port, told by the device's alias.
        public var logicalPort: String
        /// Its MAC address; `nil` for a random one.
        public var mac: MACAddress?
        public var addresses: [IPPrefix]
        /// Its MTU in bytes; `nil` for 1500.
        public var mtu: Int?
        /// The number of queues, at least 1.
        public var queueCount: Int
        /// Octets that its queues may hold together.
        public var queuedByteCount: Int

        /// A device named `name` for `logicalPort`.
        public init(
            name: String,
            logicalPort: String,
            mac: MACAddress? = nil,
            addresses: [IPPrefix] = [],
            mtu: Int? = nil,
            queueCount: Int = 1,
            queuedByteCount: Int = TAPDevice.queuedByteCount
        ) {
            self.name = name
            self.logicalPort = logicalPort
            self.mac = mac
            self.addresses = addresses
            self.mtu = mtu
            self.queueCount = queueCount
            self.queuedByteCount = queuedByteCount
        }
    }

    /// Makes a persistent device in `namespace`, switched on, and opens its queues.
    ///
    /// It is made and opened in the calling thread's namespace under a temporary name and moved then: a descriptor of
    /// /dev/net/tun keeps the namespace alive in which it was opened, and that must not be a guest's. It becomes
    /// persistent at the very end, so that a failure before that, even of this process, leaves nothing behind.
    ///
    /// This takes tens of milliseconds when the namespace is not the calling thread's.
    public static func create(
        _ configuration: Configuration,
        in namespace: NetworkNamespace
    ) throws(TAPError) -> [Descriptor] {
        guard Link.isValidName(configuration.name) else { throw .invalidName(configuration.name) }
        guard try system({ () throws(SystemError) in try Link.find(named: configuration.name, in: namespace) }) == nil
        else { throw .nameTaken(configuration.name, namespace: namespace.description) }
        return try system { () throws(SystemError) in
            let device = try openControl()
            let flags = configuration.queueCount > 1 ? flags | CLINUX_IFF_MULTI_QUEUE : flags
            // The kernel puts the first free number for %d.
            try systemCall("ioctl TUNSETIFF hdt%d") { clinux_tun_attach(device.raw, "hdt%d", flags) }
            var queues = [device]
            let name = try name(of: device)
            while queues.count < configuration.queueCount { queues.append(try openQueue(of: name)) }
            try prepare(device)
            try furnish(device, configuration, in: namespace)
            try systemCall("ioctl TUNSETPERSIST") { clinux_tun_set_persistent(device.raw, 1) }
            return queues
        }
    }

    /// Opens an existing persistent device; its settings (addresses, MAC, MTU, alias, link) stay.
    ///
    /// Descriptors of a namespace that is not ours keep it alive, even after its name has gone.
    /// - Parameter queueCount: how many queues to open, if the device was made for several.
    public static func open(
        _ name: String,
        in namespace: NetworkNamespace,
        queueCount: Int = 1
    ) throws(TAPError) -> [Descriptor] {
        guard Link.isValidName(name) else { throw .invalidName(name) }
        let result: Result<[Descriptor], TAPError> = try system { () throws(SystemError) in
            try namespace.run { () throws(TAPError) in
                try openHere(name, namespace: namespace.description, queueCount: queueCount)
            }
        }
        return try result.get()
    }

    private static func openHere(
        _ name: String,
        namespace: String,
        queueCount: Int
    ) throws(TAPError) -> [Descriptor] {
        let link = try system { () throws(SystemError) in try Link.find(named: name) }
        guard let link else { throw .absent(name, namespace: namespace) }
        guard link.kind == "tun" else { throw .notPersistentTAP(name, namespace: namespace) }
        let device = try system(openControl)
        do throws(SystemError) {
            let takesMore = try attach(device, to: name)
            // The kernel would have made the device, had it gone in the meantime: then it is not persistent.
            let present = try systemCall("ioctl TUNGETIFF \(name)") { clinux_tun_get(device.raw, nil) }
            if present & Int(CLINUX_IFF_PERSIST) != 0 {
                try prepare(device)
                var queues = [device]
                while takesMore, queues.count < queueCount { queues.append(try openQueue(of: name)) }
                return queues
            }
        } catch {
            switch error.errno {
            case EBUSY: throw .busy(name, namespace: namespace)
            case EINVAL: throw .notPersistentTAP(name, namespace: namespace)
            default: throw .system(error)
            }
        }
        throw .notPersistentTAP(name, namespace: namespace)
    }

    /// Deletes the device of an open descriptor wherever it is now, whatever it is called; one that is gone is no
    /// concern.
    public static func delete(_ device: Descriptor) throws(SystemError) {
        do throws(SystemError) {
            let namespace = try namespace(of: device)
            try Link.find(named: try name(of: device), in: namespace)?.delete(in: namespace)
        } catch  where error.errno == EBADFD || error.errno == ENODEV {
            return
        }
    }

    /// The namespace in which the device of an open descriptor is now.
    /// - Throws: EBADFD when it was deleted.
    public static func namespace(of device: Descriptor) throws(SystemError) -> NetworkNamespace {
        let descriptor = try systemCall("ioctl TUNGETDEVNETNS") { clinux_tun_namespace(device.raw) }
        return NetworkNamespace(descriptor: Descriptor(owning: Int32(descriptor)), description: "of a TAP")
    }

    /// The present name of an open device.
    /// - Throws: EBADFD when it was deleted.
    public static func name(of device: Descriptor) throws(SystemError) -> String {
        var name = [CChar](repeating: 0, count: Int(CLINUX_IFNAMSIZ))
        try systemCall("ioctl TUNGETIFF") { clinux_tun_get(device.raw, &name) }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static let flags = CLINUX_IFF_TAP | CLINUX_IFF_NO_PI | CLINUX_IFF_VNET_HDR

    private static func openControl() throws(SystemError) -> Descriptor {
        try .open("/dev/net/tun", flags: O_RDWR | O_NONBLOCK)
    }

    /// Returns true for a device made for several queues: it is refused to an opener without IFF_MULTI_QUEUE.
    private static func attach(_ device: Descriptor, to name: String) throws(SystemError) -> Bool {
        do throws(SystemError) {
            try systemCall("ioctl TUNSETIFF \(name)") { clinux_tun_attach(device.raw, name, flags) }
            return false
        } catch  where error.errno == EINVAL {
            try attachQueue(device, to: name)
            return true
        }
    }

    /// Another queue of a device in the calling thread's namespace.
    private static func openQueue(of name: String) throws(SystemError) -> Descriptor {
        let queue = try openControl()
        try attachQueue(queue, to: name)
        return queue
    }

    private static func attachQueue(_ queue: Descriptor, to name: String) throws(SystemError) {
        let flags = flags | CLINUX_IFF_MULTI_QUEUE
        try systemCall("ioctl TUNSETIFF \(name)") { clinux_tun_attach(queue.raw, name, flags) }
    }

    /// Sets what belongs to the device, not to the descriptor, and may be left over from somebody else.
    private static func prepare(_ device: Descriptor) throws(SystemError) {
        try systemCall("ioctl TUNSETVNETHDRSZ") {
            clinux_tun_set_header_size(device.raw, Int32(virtioHeaderByteCount))
        }
        try setOffloads(device)
    }

    /// Sets all offloads that the kernel has: the more it leaves to us, the fewer system calls there are. The maker of
    /// the device may have left others.
    private static func setOffloads(_ device: Descriptor) throws(SystemError) {
        let checksums = UInt32(CLINUX_TUN_CSUM)
        let segments = checksums | UInt32(CLINUX_TUN_TSO4 | CLINUX_TUN_TSO6 | CLINUX_TUN_TSO_ECN)
        let datagrams = segments | UInt32(CLINUX_TUN_USO4 | CLINUX_TUN_USO6)
        for offloads in [datagrams, segments, checksums] {
            if clinux_tun_set_offloads(device.raw, offloads) >= 0 { return }
        }
        try systemCall("ioctl TUNSETOFFLOAD") { clinux_tun_set_offloads(device.raw, 0) }
    }

    private static func furnish(
        _ device: Descriptor,
        _ configuration: Configuration,
        in namespace: NetworkNamespace
    ) throws(SystemError) {
        let temporaryName = try name(of: device)
        let gone = SystemError(call: "find \(temporaryName)", errno: ENODEV)
        guard let link = try Link.find(named: temporaryName) else { throw gone }
        let bound = QueueBound(byteCount: configuration.queuedByteCount, queueCount: configuration.queueCount)
        let change = LinkChange(
            name: configuration.name,
            alias: Link.aliasPrefix + configuration.logicalPort,
            mac: configuration.mac,
            mtu: configuration.mtu,
            transmitQueueLength: bound.length,
            superpacketByteCountMaximum: bound.superpacketByteCount
        )
        try link.move(to: namespace, applying: change)
        try namespace.run { () throws(SystemError) in
            guard let link = try Link.find(named: configuration.name) else { throw gone }
            for address in configuration.addresses { try link.add(address) }
            let segments = segmentCountMaximum(mtu: configuration.mtu ?? link.mtu)
            try link.apply(LinkChange(segmentCountMaximum: segments, isUp: true))
        }
    }
}
