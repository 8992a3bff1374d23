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
    /// The destinations of the frame by `Step.output`.
    var destinations = Destinations()
    /// The changes to the frame's headers.
    var edit = Edit()
    /// The virtual port whose address the frame announces, if a parent that does not have it yet has sent it.
    var claimed: UnsafePointer<PortRow>?
    /// The ACL that has decided last, by its place in the datapath's record; `.max` for none.
    var acl = UInt32.max
    /// The place of the frame among connections; `nil` where none are tracked.
    var finding: ConnectionTable.Lookup.Finding?
    /// True while ACLs judge, by an answer, the connection that it is of: as what its other end has sent.
    var isReversed = false
    /// While `isReversed`: the key of the port that has opened the connection.
    var openerKey: UInt16 = 0
    /// The connection that the decision depends on: of the port that has sent the frame, in egress of the one that it
    /// goes to; none if the decision cannot be kept, or none is tracked.
    var connection = ConnectionReference.none
    /// Datapaths that the frame has come into from another one.
    private(set) var enteredCount: Int32 = 0
    private(set) var read: Fields
    /// True if the frame tells of members of multicast groups.
    var tellsMembers = false
    /// Room for an answer.
    let reply: UnsafeMutableRawBufferPointer
    /// The MACs that were learnt, if any are.
    private let learnt: LearntMACs?
    /// The connections of ports, if any are tracked.
    let connections: ConnectionTable?
    /// The time of a clock that all processes of the host have.
    private let now: Duration

    /// - Parameter read: what was read to find the port.
    init(
        _ frame: Frame,
        from ingress: UnsafePointer<PortRow>,
        in datapath: UnsafePointer<DatapathRow>,
        reply: UnsafeMutableRawBufferPointer,
        learnt: LearntMACs?,
        connections: ConnectionTable? = nil,
        now: Duration,
        read: Fields = []
    ) {
        self.learnt = learnt
        self.connections = connections
        self.now = now
        self.frame = frame
        self.ingress = ingress
        self.datapath = datapath
        self.reply = reply
        self.read = read
    }

    /// Fields of a frame, by what the keys of flows have of them. The MAC and IP addresses of the destination, the
    /// number of tags, the protocol over Ethernet, and of transport protocols whether it is ICMPv6 or a DHCP server's,
    /// are in every key.
    struct Fields: OptionSet {
        let rawValue: UInt16

        /// The MAC and IP addresses of the sender.
        static let sender = Fields(rawValue: 1)
        /// The first tag.
        static let tag = Fields(rawValue: 2)
        static let transport = Fields(rawValue: 4)
        /// The ports of TCP and UDP.
        static let ports = Fields(rawValue: 8)
        /// True if TCP opens or ends a connection.
        static let connection = Fields(rawValue: 16)
        /// Anything else.
        static let contents = Fields(rawValue: 32)
        /// The time, or anything else beside the tables.
        static let clock = Fields(rawValue: 64)
        /// MACs that were learnt, or one that is to be.
        static let learnt = Fields(rawValue: 128)
        /// The connections that the frame is of; what has been read of it beside the flow's key is looked at again for
        /// each frame (`ConnectionTable.follow`).
        static let connections = Fields(rawValue: 256)
    }

    /// Goes on as a frame that the port has sent.
    mutating func enter(_ port: UnsafePointer<PortRow>, in datapath: UnsafePointer<DatapathRow>) {
        ingress = port
        self.datapath = datapath
        destinations = Destinations()
        enteredCount &+= 1
    }

    /// True if the frame comes from a physical network.
    var isFromWire: Bool { ingress.pointee.flags.contains(.isLocalnet) }

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
    }
}

// In every key. Of what an edit has changed, members say what it is then.
extension Context {
    var network: Frame.Network { frame.network }
    var isShort: Bool { frame.isShort }
    var tagByteCount: Int { frame.tagByteCount }
    var destination: UInt64 { edit.parts.contains(.destination) ? edit.destination : frame.destination }
    var isMulticast: Bool { destination & 0x0100_0000_0000 != 0 }
    /// `eth.type` IPv4 only.
    var ipv4Destination: UInt32 {
        edit.parts.contains(.ipv4Destination)
            ? UInt32(truncatingIfNeeded: edit.destinationAddress.low) : frame.ipv4Destination
    }
    /// `eth.type` IPv6 only.
    var ipv6Destination: IPv6Address {
        edit.parts.contains(.ipv6Destination) ? edit.destinationAddress : frame.ipv6Destination
    }
    /// True if ICMPv6 should follow, which may be cut short.
    var isICMPv6: Bool { frame.isICMPv6 }
    /// True if it is what a DHCP server sends, or may hide it.
    var isOfDHCPServer: Bool { frame.isOfDHCPServer }
}

// Noted.
extension Context {
    var source: UInt64 {
        mutating get { edit.parts.contains(.source) ? edit.source : noting(.sender).source }
    }
    var hasMulticastSource: Bool { mutating get { source & 0x0100_0000_0000 != 0 } }
    /// `eth.type` IPv4 only.
    var ipv4Source: UInt32 {
        mutating get {
            edit.parts.contains(.ipv4Source)
                ? UInt32(truncatingIfNeeded: edit.sourceAddress.low) : noting(.sender).ipv4Source
        }
    }
    /// `eth.type` IPv6 only.
    var ipv6Source: IPv6Address {
        mutating get { edit.parts.contains(.ipv6Source) ? edit.sourceAddress : noting(.sender).ipv6Source }
    }
    /// True if the only tag is one for VLAN 0.
    var isPriorityTagged: Bool { mutating get { noting(.tag).isPriorityTagged } }
    /// The control information of the first tag with bit 12 set; 0 without a tag.
    var tagWord: UInt16 {
        mutating get {
            if edit.parts.contains(.addedTag) { return edit.tagControl | 0x1000 }
            return tagByteCount > 0 ? UInt16(truncatingIfNeeded: noting(.tag).firstTag) | 0x1000 : 0
        }
    }
    /// The VLAN of the first tag, 0 if there is none but one for a priority; `nil` if that is a service provider's, or
    /// hides another one behind VLAN 0.
    var vlan: UInt16? {
        mutating get {
            if edit.parts.contains(.addedTag) { return edit.tagControl & 0xfff }
            guard tagByteCount > 0 else { return 0 }
            let tag = noting(.tag).firstTag
            let vlan = UInt16(truncatingIfNeeded: tag & 0xfff)
            return tag > 0xffff || vlan == 0 && tagByteCount > 4 ? nil : vlan
        }
    }
    /// True if there is a tag behind the first one.
    var hasTwoTags: Bool {
        let isOneLess = edit.parts.contains(.removedTag) && tagByteCount > 0
        return tagByteCount / 4 &- (isOneLess ? 1 : 0) &+ (edit.parts.contains(.addedTag) ? 1 : 0) > 1
    }
    /// True if the frame is of a VLAN as its sender sees it: it has tags, and not only one for VLAN 0.
    var isInVLAN: Bool { mutating get { tagByteCount > 0 && !isPriorityTagged } }
    /// The transport protocol; IP only.
    var transport: UInt8 { mutating get { noting(.transport).transport } }
    /// The ports of TCP or UDP, source first, in one word; 0 if no whole header is there. IP only.
    var ports: UInt32 { mutating get { noting([.transport, .ports]).ports } }
    /// The effect of a TCP segment on its connection: 1 opens it, 2 ends it, 0 neither. IP only.
    var connectionClass: UInt8 { mutating get { noting([.transport, .connection]).connectionClass } }
    /// The frame as a whole, as it came; the decision is not kept, but made for each frame of the flow.
    var contents: Frame { mutating get { noting(.contents) } }

    /// True if the standby port of this host was activated, which tables do not tell.
    mutating func isActivated(_ port: UnsafePointer<PortRow>, _ tables: Tables) -> Bool {
        read.insert(.clock)
        return tables.isActivated(port)
    }

    /// Notes that the sender's MAC was seen at its port.
    mutating func learnSource(_ tables: Tables) {
        guard let learnt else { return }
        read.insert(.learnt)
        // No stage after this one changes the sender, and none before it.
        let source = self.source
        guard source != 0, source & 0x0100_0000_0000 == 0 else { return }
        if isFromWire, let port = learntPlace(of: source, tables), !port.pointee.flags.contains(.isLocalnet) { return }
        learnt.note(source, at: ingress, vni: datapath.pointee.vni, now: now)
    }

    /// The frame as connections see it, and milliseconds of their clock. The decision is kept with the connection alone
    /// (`keepConnection`), or is made for each frame.
    var tracked: (packet: TrackedPacket, now: UInt64) {
        mutating get {
            (TrackedPacket(noting([.sender, .transport, .ports, .connection])), ConnectionTable.milliseconds(now))
        }
    }

    /// Notes the connection that the decision depends on; without one, or with two of one direction, the decision is
    /// made for each frame.
    mutating func keepConnection(_ reference: ConnectionReference) {
        read.insert(connection.isNone && !reference.isNone ? .connections : .clock)
        connection = reference
    }

    /// True if the frame is one on its way, false if it is only asked what would become of it.
    var hasTime: Bool { now != .zero }

    /// Has a decision on the frame logged; it is made for each frame.
    mutating func log(_ decision: FilterDecision, in record: FilterRecord) {
        record.log(decision, on: noting(.contents), now: now)
    }

    /// The port at which the destination's MAC was last seen, if it still learns and can be reached.
    mutating func learntDestination(_ tables: Tables) -> UnsafePointer<PortRow>? {
        guard learnt != nil else { return nil }
        read.insert(.learnt)
        guard let port = learntPlace(of: destination, tables),
            port.pointee.locals.count + port.pointee.remotes.count > 0
        else { return nil }
        return port
    }

    /// The port at which a MAC was last seen, if it still learns.
    private func learntPlace(of mac: UInt64, _ tables: Tables) -> UnsafePointer<PortRow>? {
        guard let place = learnt?.find(mac, vni: datapath.pointee.vni, now: now),
            let port = tables.port(key: place.portKey, in: datapath), port.pointee.learns,
            port.pointee.idHigh == place.idHigh, port.pointee.idLow == place.idLow
        else { return nil }
        return port
    }

    private mutating func noting(_ fields: Fields) -> Frame {
        read.formUnion(fields)
        return frame
    }
}
