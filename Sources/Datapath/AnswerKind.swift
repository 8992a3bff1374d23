/// The kind of an answer that the pipeline gives in the place of a frame's destination. Every case is a counter; the
/// raw value is its index.
public enum AnswerKind: UInt8, CaseIterable, Sendable {
    /// The MAC address of a known IP address, by ARP or ND.
    case neighbor
    /// An OFFER of DHCPv4.
    case dhcpOffer
    /// An ACK of DHCPv4.
    case dhcpAcknowledgement
    /// A NAK of DHCPv4.
    case dhcpRefusal
    /// An ADVERTISE of DHCPv6.
    case dhcpv6Advertisement
    /// A REPLY of DHCPv6.
    case dhcpv6Reply
    /// A router advertisement.
    case router
    /// An answer to a DNS query.
    case name
    /// A word to the sender that an ACL rejects its packet: TCP RST, SCTP ABORT, or ICMP "port unreachable".
    case rejection

    /// The kind as counters and traces are named for people.
    public var label: String {
        switch self {
        case .neighbor: "neighbor"
        case .dhcpOffer: "dhcp_offer"
        case .dhcpAcknowledgement: "dhcp_ack"
        case .dhcpRefusal: "dhcp_nak"
        case .dhcpv6Advertisement: "dhcpv6_advertise"
        case .dhcpv6Reply: "dhcpv6_reply"
        case .router: "router_advertisement"
        case .name: "dns"
        case .rejection: "rejection"
        }
    }
}
