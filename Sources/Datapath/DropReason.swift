/// The reason why a frame went nowhere. Every case is a counter; the raw value is its index.
public enum DropReason: UInt8, CaseIterable, Sendable {
    /// Shorter than an Ethernet header, or a header inside is cut short.
    case malformedFrame
    /// The frame's virtio-net header asks for what the frame's own headers do not: a checksum elsewhere than in TCP or
    /// UDP, or segments of something else.
    case malformedOffload
    /// Longer than the path to the destination's host carries.
    case frameTooLong
    /// The port is disabled (`enabled` false).
    case portDisabled
    /// The port is plugged here but central does not know it, or has not bound it to this chassis.
    case portNotBound
    /// A VLAN tag on a switch without `vlan_passthru`.
    case vlanTagged
    /// A VLAN that is none of the trunk port's which the frame comes from or goes to, or no tag where it needs one.
    case vlanNotAllowed
    /// A multicast or broadcast source MAC.
    case multicastSource
    /// Ingress port security: the frame's addresses are not the port's.
    case ingressPortSecurity
    /// The port is standby here: its guest runs on another host, and has not announced itself here.
    case portStandby
    /// A router advertisement or redirect by a port with `ra_guard`.
    case raGuard
    /// A message of a DHCP server by a port with `dhcp_guard`.
    case dhcpGuard
    /// An ACL, or what could escape one.
    case acl
    /// An ACL of the action `reject`: the sender is told, if it can be.
    case rejected
    /// Of no connection and begins none, or not in the window of the one that it claims; on switches that track.
    case connectionInvalid
    /// More connections than a port or host has (`ConnectionTable.portCountMaximum`,
    /// `hostCountMaximum`).
    case connectionLimit
    /// A DHCP message for the port's own server that cuts itself short or contradicts itself.
    case dhcpMalformed
    /// A DHCP message for the port's own server that wants no answer: RELEASE and DECLINE of DHCPv4.
    case dhcpUnanswered
    /// Egress port security: the frame's addresses are not for the port.
    case egressPortSecurity
    /// More ARP requests and neighbor solicitations for known addresses than are answered
    /// (`RateLimit.neighborAnswers`).
    case neighborAnswerLimit
    /// More DHCP messages and router solicitations than are answered (`RateLimit.configurationAnswers`).
    case configurationAnswerLimit
    /// More DNS queries for known names than are answered (`RateLimit.nameAnswers`).
    case nameAnswerLimit
    /// Stopped by an ACL of the action `reject`, which the sender has been told of too often
    /// (`RateLimit.rejections`).
    case rejectionLimit
    /// Longer than the way to the destination carries, which the sender has been told of too often
    /// (`RateLimit.tooBigAnswers`).
    case tooBigAnswerLimit
    /// More broadcasts, multicasts and frames to unknown MACs than one port may have copied (`RateLimit.floodCopies`).
    case floodLimit
    /// More broadcasts, multicasts or frames to unknown MACs than the port's options allow (`StormLimits`).
    case stormLimit
    /// To a multicast group without a member, on a switch with `mcast_snoop`.
    case multicastUnregistered
    /// A report of members, of which note was taken and which no port asks for.
    case multicastReport
    /// A message of IGMP or MLD that is cut short, a fragment or has a wrong checksum, on a switch with `mcast_snoop`.
    case multicastMalformed
    /// More statements about multicast groups than a port may make (`RateLimit.membershipRecords`), or than wait for
    /// the control thread (`FactRings.membershipCountMaximum`).
    case multicastReportLimit
    /// More frames of a port than are copied to its mirrors (`RateLimit.mirrorCopies`).
    case mirrorLimit
    /// The only destination is the port that the frame came from.
    case hairpin
    /// No port has the destination MAC, and none takes unknown ones.
    case unknownDestination
    /// The destination port is disabled.
    case destinationDisabled
    /// The destination port is bound nowhere.
    case destinationNotBound
    /// The destination port is bound to this chassis, but no device is plugged in for it.
    case destinationNotPlugged
    /// The destination port's chassis is not known, or has no encap of the local one's address family.
    case destinationUnreachable
    /// The outer packet is not Geneve version 0 with an Ethernet payload, or is cut short.
    case malformedTunnel
    /// A Geneve control packet (the O bit), which is not for the tenants.
    case tunnelControlPacket
    /// A critical Geneve option that is not OVN's.
    case unknownCriticalOption
    /// No OVN option: nothing says which ports.
    case missingOption
    /// The outer source address is no encap of a chassis that shares the datapath.
    case unknownTunnelSource
    /// The datagram comes from the address of a chassis that puts tags into all it sends, and has none or a wrong one.
    case tunnelTagWrong
    /// The VNI is no datapath of this host.
    case unknownDatapath
    /// The ingress key is not bound at the chassis that sent the frame.
    case ingressKeyNotThere
    /// The egress key is no port of this host and no group.
    case unknownEgressKey
    /// The egress key is a group without a member on this host, the ingress port aside.
    case noLocalMember
    /// Congestion was signalled on the underlay, and the packet inside is of a sender that does not know ECN.
    case congestionUnheard
    /// A socket or device had no room.
    case noRoom
    /// A socket or device refused the frame.
    case outputError

    /// True if ACLs have dropped the frame.
    public var isOfACL: Bool { self == .acl || self == .rejected }

    /// The reason in snake case, as counters are named for people: `ingress_port_security`.
    public var label: String {
        var label = ""
        for character in String(describing: self) {
            if character.isUppercase { label.append("_") }
            label.append(character.lowercased())
        }
        return label
    }
}
