/// The rings of a guest and the memory that they are in, as a vhost-user port's forwarder is told of them.
///
/// The descriptors of the message that carries it are, in this order: a file for each region, one for the log if there
/// is one, and three for each pair: the receiving ring's call, the sending ring's kick, its call.
public struct RingLayout: Hashable, Sendable {
    /// The most regions of a guest's memory: what QEMU sends without slots.
    public static let regionCountMaximum = 8
    /// The most pairs of rings: each poller writes to one.
    public static let pairCountMaximum = ForwarderProtocol.queueCountMaximum
    /// The most buffers of a ring: QEMU's own maximum.
    public static let ringSizeMaximum: UInt16 = 1024
    /// The most octets of a guest's memory from a file's beginning: 4 TiB, of 128 TiB that a process can map.
    public static let memoryByteCountMaximum: UInt64 = 4 << 40

    /// A piece of a guest's memory.
    public struct Region: Hashable, Sendable {
        /// Its address as the guest's device drivers say it.
        public var guestAddress: UInt64
        public var byteCount: UInt64
        /// Its offset in its file.
        public var fileOffset: UInt64

        public init(guestAddress: UInt64, byteCount: UInt64, fileOffset: UInt64) {
            self.guestAddress = guestAddress
            self.byteCount = byteCount
            self.fileOffset = fileOffset
        }
    }

    /// A split ring (virtio 1.2, section 2.7), by the guest's addresses.
    public struct Ring: Hashable, Sendable {
        /// The number of its buffers, a power of two.
        public var size: UInt16
        public var descriptors: UInt64
        public var available: UInt64
        public var used: UInt64
        /// The address that writes to the used ring are logged by; `nil` if they are not.
        public var usedLog: UInt64?

        public init(size: UInt16, descriptors: UInt64, available: UInt64, used: UInt64, usedLog: UInt64? = nil) {
            self.size = size
            self.descriptors = descriptors
            self.available = available
            self.used = used
            self.usedLog = usedLog
        }
    }

    /// A queue of a network device.
    public struct Pair: Hashable, Sendable {
        /// The ring by which the guest receives.
        public var receiving: Ring
        /// The ring by which the guest sends.
        public var sending: Ring

        public init(receiving: Ring, sending: Ring) {
            self.receiving = receiving
            self.sending = sending
        }
    }

    /// The log of written pages: a bit for each 4096 octets of the guest's addresses.
    public struct Log: Hashable, Sendable {
        public var byteCount: UInt64
        public var fileOffset: UInt64

        public init(byteCount: UInt64, fileOffset: UInt64) {
            self.byteCount = byteCount
            self.fileOffset = fileOffset
        }
    }

    /// The features that the guest's driver and the port have agreed on, bit by bit (``VirtioFeature``).
    public var features: UInt64
    public var regions: [Region]
    public var pairs: [Pair]
    /// The log that writes are noted in, while the guest is moved to another host.
    public var log: Log?

    public init(features: UInt64, regions: [Region], pairs: [Pair], log: Log? = nil) {
        self.features = features
        self.regions = regions
        self.pairs = pairs
        self.log = log
    }

    /// The number of descriptors that belong to it.
    public var descriptorCount: Int { regions.count + (log == nil ? 0 : 1) + 3 * pairs.count }
    /// The most descriptors of one layout.
    public static let descriptorCountMaximum = regionCountMaximum + 1 + 3 * pairCountMaximum
}

/// The numbers of the feature bits that matter here (virtio 1.2, sections 5.1.3 and 6; vhost-user's own).
public enum VirtioFeature {
    /// The device completes checksums.
    public static let checksum = 0
    /// The driver takes frames whose checksum is to be completed.
    public static let guestChecksum = 1
    /// The device tells the MTU.
    public static let mtu = 3
    public static let guestTCPv4 = 7
    public static let guestTCPv6 = 8
    public static let guestECN = 9
    public static let hostTCPv4 = 11
    public static let hostTCPv6 = 12
    public static let hostECN = 13
    /// A frame may be in several buffers.
    public static let mergeableBuffers = 15
    public static let multipleQueues = 22
    /// Writes to the guest's memory are logged (vhost).
    public static let logAll = 26
    public static let anyLayout = 27
    public static let indirectDescriptors = 28
    public static let eventIndex = 29
    /// There are features of the protocol itself (vhost-user).
    public static let protocolFeatures = 30
    public static let version1 = 32
}

extension MessageWriter {
    mutating func put(_ layout: RingLayout) {
        put(layout.features)
        put(layout.regions) { writer, region in
            writer.put(region.guestAddress)
            writer.put(region.byteCount)
            writer.put(region.fileOffset)
        }
        put(layout.pairs) { writer, pair in
            writer.put(pair.receiving)
            writer.put(pair.sending)
        }
        put(layout.log != nil)
        if let log = layout.log {
            put(log.byteCount)
            put(log.fileOffset)
        }
    }

    private mutating func put(_ ring: RingLayout.Ring) {
        put(ring.size)
        put(ring.descriptors)
        put(ring.available)
        put(ring.used)
        put(ring.usedLog != nil)
        put(ring.usedLog ?? 0)
    }
}

extension MessageReader {
    mutating func ringLayout() throws(ForwarderMessageError) -> RingLayout {
        let features: UInt64 = try integer()
        let regions = try list(elementByteCountMinimum: 24) {
            (reader: inout MessageReader) throws(ForwarderMessageError) in
            RingLayout.Region(
                guestAddress: try reader.integer(),
                byteCount: try reader.integer(),
                fileOffset: try reader.integer()
            )
        }
        let pairs = try list(elementByteCountMinimum: 70) {
            (reader: inout MessageReader) throws(ForwarderMessageError) in
            RingLayout.Pair(receiving: try reader.ring(), sending: try reader.ring())
        }
        var log: RingLayout.Log?
        if try boolean() { log = RingLayout.Log(byteCount: try integer(), fileOffset: try integer()) }
        guard regions.count <= RingLayout.regionCountMaximum, pairs.count <= RingLayout.pairCountMaximum else {
            throw .tooLong
        }
        return RingLayout(features: features, regions: regions, pairs: pairs, log: log)
    }

    private mutating func ring() throws(ForwarderMessageError) -> RingLayout.Ring {
        var ring = RingLayout.Ring(
            size: try integer(),
            descriptors: try integer(),
            available: try integer(),
            used: try integer()
        )
        let isLogged = try boolean()
        let address: UInt64 = try integer()
        guard isLogged || address == 0 else { throw .invalidValue }
        if isLogged { ring.usedLog = address }
        return ring
    }
}
