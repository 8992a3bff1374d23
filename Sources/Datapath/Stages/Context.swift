import Wire

/// All that stages know of a frame, and what they have found out.
///
/// Stages read the frame through the members here. What the key of its flow may lack is noted in `read`, so that a
/// decision is kept only under a key that has all it depends on.
public struct Context {
    private let frame: Frame
    /// The port that sent the frame.
    private(set) var ingress: UnsafePointer<PortRow>
    /// The datapath of that port.
    private(set) var datapath: UnsafePointer<DatapathRow>
    /// In egress only: the port that the frame goes to.
    var egress: UnsafePointer<PortRow>?
    /// Where the frame goes by `Step.output`.
    var destinations = Destinations()
    /// What stages have read.
    private(set) var read: Fields
    /// Room for an answer.
    let reply: UnsafeMutableRawBufferPointer

    /// - Parameter read: what was read to find the port.
    init(
        _ frame: Frame,
        from ingress: UnsafePointer<PortRow>,
        in datapath: UnsafePointer<DatapathRow>,
        reply: UnsafeMutableRawBufferPointer,
        read: Fields = []
    ) {
        self.frame = frame
        self.ingress = ingress
        self.datapath = datapath
        self.reply = reply
        self.read = read
    }

    /// Fields of a frame, by what the keys of flows have of them. The MAC and IP addresses of the destination, the
    /// number of tags, the protocol over Ethernet, and of transport protocols whether it is ICMPv6, are in every key.
    struct Fields: OptionSet {
        let rawValue: UInt8

        /// The MAC and IP addresses of the sender.
        static let sender = Fields(rawValue: 1)
        /// The first tag.
        static let tag = Fields(rawValue: 2)
        /// The transport protocol.
        static let transport = Fields(rawValue: 4)
        /// The ports of TCP and UDP.
        static let ports = Fields(rawValue: 8)
        /// Anything else.
        static let contents = Fields(rawValue: 16)
        /// The time.
        static let clock = Fields(rawValue: 32)
    }

    /// The key of the port or group that the frame goes to.
    var outputKey: UInt16 { egress?.pointee.key ?? destinations.key }

    /// Ports and places.
    struct Destinations {
        /// The key of the port or group.
        var key: UInt16 = 0
        /// The ports of this host.
        var locals = Extent.empty
        /// The numbers (`UInt32`) of the places of other hosts.
        var remotes = Extent.empty

        var isEmpty: Bool { locals.count &+ remotes.count == 0 }
    }
}

// In every key.
extension Context {
    var network: Frame.Network { frame.network }
    var isShort: Bool { frame.isShort }
    var tagByteCount: Int { frame.tagByteCount }
    var destination: UInt64 { frame.destination }
    var isMulticast: Bool { frame.isMulticast }
    /// `eth.type` IPv4 only.
    var ipv4Destination: UInt32 { frame.ipv4Destination }
    /// `eth.type` IPv6 only.
    var ipv6Destination: IPv6Address { frame.ipv6Destination }
    /// Whether ICMPv6 should follow, which may be cut short.
    var isICMPv6: Bool { frame.network == .ipv6 && frame.transport == IPProtocol.icmpv6 }
}

// Noted.
extension Context {
    var source: UInt64 { mutating get { noting(.sender).source } }
    var hasMulticastSource: Bool { mutating get { noting(.sender).hasMulticastSource } }
    /// `eth.type` IPv4 only.
    var ipv4Source: UInt32 { mutating get { noting(.sender).ipv4Source } }
    /// `eth.type` IPv6 only.
    var ipv6Source: IPv6Address { mutating get { noting(.sender).ipv6Source } }
    /// Whether the only tag is one for VLAN 0.
    var isPriorityTagged: Bool { mutating get { noting(.tag).isPriorityTagged } }
    /// The two ports of UDP, source first, in one word; 0 if no UDP header is there.
    var udpPorts: UInt32 { mutating get { noting([.transport, .ports]).udpPorts } }
    /// The frame as a whole; the decision is not kept, but made for each frame of the flow.
    var contents: Frame { mutating get { noting(.contents) } }

    private mutating func noting(_ fields: Fields) -> Frame {
        read.formUnion(fields)
        return frame
    }
}
