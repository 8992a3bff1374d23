import Wire

/// A forwarder's counters since it started, or, of a port, since it was plugged.
///
/// Every frame that was received is accounted for exactly once:
/// `receivedFrames` = `forwardedFrames` + the sum of the drops, for each port, for the underlay and in total.
public struct ForwarderStatistics: Hashable, Sendable {
    /// The counters of each port, by name.
    public var ports: [SourceStatistics]
    /// The counters of the underlay; its name is empty.
    public var underlay: SourceStatistics
    /// The threads that move packets.
    public var pollers: [PollerStatistics]
    /// The paths to other hosts, by address.
    public var paths: [PathStatistics]

    public init(
        ports: [SourceStatistics] = [],
        underlay: SourceStatistics = SourceStatistics(name: ""),
        pollers: [PollerStatistics] = [],
        paths: [PathStatistics] = []
    ) {
        self.ports = ports
        self.underlay = underlay
        self.pollers = pollers
        self.paths = paths
    }
}

/// The size that the path to another host carries, and the frames that did not go there.
public struct PathStatistics: Hashable, Sendable {
    /// The host's encap.
    public var address: IPAddress
    /// The longest packet of a guest that goes there in one piece, in bytes after the Ethernet header.
    public var mtu: UInt32
    /// Frames that did not go there since they are longer.
    public var tooLongFrames: UInt64
    /// Frames that did not go there for another reason.
    public var unsentFrames: UInt64

    public init(address: IPAddress, mtu: UInt32, tooLongFrames: UInt64 = 0, unsentFrames: UInt64 = 0) {
        self.address = address
        self.mtu = mtu
        self.tooLongFrames = tooLongFrames
        self.unsentFrames = unsentFrames
    }
}

/// The counters of one poller.
public struct PollerStatistics: Hashable, Sendable {
    public var name: String
    /// The number of ports that it reads, or 1 for the underlay.
    public var sourceCount: UInt32
    public var receivedFrames: UInt64

    public init(name: String, sourceCount: UInt32, receivedFrames: UInt64) {
        self.name = name
        self.sourceCount = sourceCount
        self.receivedFrames = receivedFrames
    }
}

/// The counters of one port, or of the underlay, seen from the forwarder. Bytes are those of Ethernet frames without
/// tunnel headers and checksum.
public struct SourceStatistics: Hashable, Sendable {
    /// The port's name on this host.
    public var name: String
    /// Frames read from the device or socket.
    public var receivedFrames: UInt64 = 0
    /// Bytes of the frames read.
    public var receivedBytes: UInt64 = 0
    /// Frames read that went out somewhere: as one copy or more, or as an answer.
    public var forwardedFrames: UInt64 = 0
    /// Frames written to the device or socket; each copy of a flooded frame is one.
    public var sentFrames: UInt64 = 0
    /// Bytes of the frames written.
    public var sentBytes: UInt64 = 0
    /// Copies that the device or socket did not take.
    public var unsentFrames: UInt64 = 0
    /// Frames written one by one since the kernel refused them as one.
    public var singlySentFrames: UInt64 = 0
    /// Frames read that went nowhere, by reason; only the reasons that have dropped any.
    public var drops: [NamedCount] = []
    /// Frames read that went out, but not to all who should have had them, by reason; they count among the forwarded.
    public var partlyDropped: [NamedCount] = []
    /// Answers given in the place of the frames' destinations, by kind; only the kinds that were given.
    public var answers: [NamedCount] = []

    public init(name: String) { self.name = name }
}

/// The count of one drop reason or kind of answer. It travels by name, so that a newer forwarder may have more.
public struct NamedCount: Hashable, Sendable {
    /// The name in snake case, as the datapath's `DropReason` or `AnswerKind` has it for people.
    public var name: String
    public var frames: UInt64

    public init(name: String, frames: UInt64) {
        self.name = name
        self.frames = frames
    }
}
