/// The treatment of a frame that is longer than the path to another host carries.
///
/// The forwarder does what the sender allows: it cuts a TCP superpacket into shorter segments, IPv4 without the
/// don't-fragment bit into fragments (RFC 791 section 2.3). So is an IPv6 packet that no host has to make shorter, if
/// the path carries less than IPv6's least MTU: the link has to see to it then (RFC 8200 section 5). All other frames
/// go nowhere, and their sender is told.
public enum Oversize {
    /// TCP segments, shorter than those that were asked for.
    case recut(Superpacket)
    /// The fragments of a frame that lies in one piece.
    case fragments(Fragments)
    /// The datagrams of a superpacket, each in fragments.
    case fragmentedDatagrams
    /// The frame goes nowhere; `Frame.writeTooBig` says whether there is an answer.
    case refuse

    /// - Parameters:
    ///   - frame: the frame, its checksums complete unless it is a superpacket.
    ///   - superpacket: what it is cut into, if it stands for many.
    ///   - pathMTU: what the path carries, in octets after the Ethernet header, tags included.
    ///   - identification: tells the fragments of an IPv6 packet from those of others.
    public init(_ frame: Frame, _ superpacket: Superpacket?, pathMTU: Int, identification: UInt32) {
        guard let superpacket else {
            let fragments = Fragments(of: frame, pathMTU: pathMTU, identification: identification)
            self = fragments.map { .fragments($0) } ?? .refuse
            return
        }
        if superpacket.isUDP {
            let isAllowed = frame.mayBeFragmented(
                packetByteCount: superpacket.wirePacketByteCount,
                pathMTU: pathMTU
            )
            self = isAllowed ? .fragmentedDatagrams : .refuse
        } else {
            self = superpacket.recut(pathMTU: pathMTU).map { .recut($0) } ?? .refuse
        }
    }
}

extension Frame {
    /// True if a packet with this frame's network header may be cut into fragments on its way.
    /// - Parameter packetByteCount: its octets, after the Ethernet header.
    func mayBeFragmented(packetByteCount: Int, pathMTU: Int) -> Bool {
        switch network {
        case .ipv4: ipv4FragmentWord & 0x4000 == 0
        case .ipv6:
            pathMTU - tagByteCount < Fragments.ipv6MTUMinimum
                && packetByteCount - tagByteCount <= Fragments.ipv6MTUMinimum
        case .arp, .foreignARP, .opaque, .malformed: false
        }
    }
}
