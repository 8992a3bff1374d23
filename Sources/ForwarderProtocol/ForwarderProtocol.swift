/// The protocol of agent and forwarder over their socket.
///
/// The socket is `forwarder.sock` in a directory of its own, SOCK_SEQPACKET. The forwarder listens and speaks first;
/// the newest connection is the agent's. Every message is one `ForwarderMessage`; descriptors ride on its first packet.
public enum ForwarderProtocol {
    /// The version of the messages; an agent replaces a forwarder of another one.
    ///
    /// The header, `greeting`, `held` and `heldEnd` keep their form over all versions, so that an agent can always
    /// take the descriptors back from the forwarder that it replaces.
    public static let version: UInt16 = 17

    /// The most bytes a message has, header included: the statistics of all ports and paths have far fewer.
    public static let messageByteCountMaximum = 64 << 20

    /// The most bytes of one packet; a longer message goes in several. Below any default socket buffer (208 KiB).
    public static let packetByteCountMaximum = 64 << 10

    /// The most ports of one forwarder, nested ones among them: each has a slot with counters on every poller.
    public static let portCountMaximum = 4096

    /// The most queues of a TAP, and the most sockets of the underlay: as many threads read each. Their descriptors
    /// ride on one message.
    public static let queueCountMaximum = 8

    /// Queues that suit a host: the other processors are for the guests and for the kernel's part.
    /// - Parameter processors: how many the host has.
    public static func queueCount(processors: Int) -> Int { min(max(1, processors / 2), queueCountMaximum) }

    /// The most captures at once: each has a ring of some MiB.
    public static let captureCountMaximum = 4

    /// The most descriptors that ride on one message: those of a guest's rings and memory.
    public static let descriptorCountMaximum = RingLayout.descriptorCountMaximum

    /// The most mirrors of a port: each may be a copy of all its frames.
    public static let mirrorsPerPortMaximum = 4
    /// The most mirrors of a host, each for any number of its ports: with the longest rules they are a message of some
    /// MiB, and more places than anybody looks at.
    public static let mirrorCountMaximum = 1024

    /// The most facts about multicast groups in one message: some tens of KiB.
    public static let membershipReportCountMaximum = 1024

    /// The most keys with a chassis: three of ours with two of its. A forged datagram costs as many hashes.
    public static let tunnelKeyCountMaximum = 6

    /// The most bytes of a name that crosses the socket; names of the API have 128.
    public static let nameByteCountMaximum = 1024
}
