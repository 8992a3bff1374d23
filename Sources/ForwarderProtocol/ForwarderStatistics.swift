/// A forwarder's counters since it started, or, of a port, since it was plugged. All are exact:
/// received frames = frames that were put out at least once + drops.
public struct ForwarderStatistics: Hashable, Sendable {
    /// The counters of each port, by name.
    public var ports: [PortStatistics]
    /// What came from and went to the underlay.
    public var underlay: TrafficCounters
    /// Frames from the underlay, and underlay sends of any frame, that were dropped; by reason.
    public var underlayDrops: [DropCount]

    /// Counters.
    public init(ports: [PortStatistics] = [], underlay: TrafficCounters = .init(), underlayDrops: [DropCount] = []) {
        self.ports = ports
        self.underlay = underlay
        self.underlayDrops = underlayDrops
    }
}

/// The counters of one port.
public struct PortStatistics: Hashable, Sendable {
    /// The port's name on this host.
    public var name: String
    /// The frames that the port sent (received here) and that were written to it.
    public var traffic: TrafficCounters
    /// The port's frames, and frames to the port, that were dropped; by reason, those that are not zero.
    public var drops: [DropCount]

    /// Counters of a port.
    public init(name: String, traffic: TrafficCounters, drops: [DropCount]) {
        self.name = name
        self.traffic = traffic
        self.drops = drops
    }
}

/// Frames and bytes both ways, seen from the forwarder. Bytes are those of Ethernet frames without checksum.
public struct TrafficCounters: Hashable, Sendable {
    /// Frames read.
    public var receivedFrames: UInt64
    /// Bytes read.
    public var receivedBytes: UInt64
    /// Frames written; each copy of a flooded frame is one.
    public var sentFrames: UInt64
    /// Bytes written.
    public var sentBytes: UInt64

    /// Counters.
    public init(
        receivedFrames: UInt64 = 0,
        receivedBytes: UInt64 = 0,
        sentFrames: UInt64 = 0,
        sentBytes: UInt64 = 0
    ) {
        self.receivedFrames = receivedFrames
        self.receivedBytes = receivedBytes
        self.sentFrames = sentFrames
        self.sentBytes = sentBytes
    }
}

/// How often a reason dropped a frame. The reason travels by name, so that a newer forwarder may have more.
public struct DropCount: Hashable, Sendable {
    /// The reason's name, as `DropReason` spells it.
    public var reason: String
    /// How many frames.
    public var frames: UInt64

    /// A count.
    public init(reason: String, frames: UInt64) {
        self.reason = reason
        self.frames = frames
    }
}
