/// A field of a frame that matches can read. RARP has those of ARP under names of its own.
public enum MatchField: String, CaseIterable, Hashable, BitwiseCopyable, Sendable {
    case ethernetSource = "eth.src"
    case ethernetDestination = "eth.dst"
    /// The type after all tags; 0x5ff for an 802.3 length.
    case ethernetType = "eth.type"
    /// The control information of the first tag with bit 12 set; 0 without a tag.
    case vlanTag = "vlan.tci"
    /// The protocol after IP's extension headers; of an IPv6 fragment other than the first, that of the first.
    case ipProtocol = "ip.proto"
    case ipDSCP = "ip.dscp"
    case ipECN = "ip.ecn"
    /// IPv4's time to live, IPv6's hop limit.
    case ipTTL = "ip.ttl"
    /// Bit 0 for a fragment, bit 1 also for one that is not the first.
    case ipFragment = "ip.frag"
    case ipv4Source = "ip4.src"
    case ipv4Destination = "ip4.dst"
    case ipv6Source = "ip6.src"
    case ipv6Destination = "ip6.dst"
    case ipv6Label = "ip6.label"
    case icmpv4Type = "icmp4.type"
    case icmpv4Code = "icmp4.code"
    case icmpv6Type = "icmp6.type"
    case icmpv6Code = "icmp6.code"
    case arpOperation = "arp.op"
    case arpSenderIP = "arp.spa"
    case arpSenderMAC = "arp.sha"
    case arpTargetIP = "arp.tpa"
    case arpTargetMAC = "arp.tha"
    case ndTarget = "nd.target"
    case ndSourceMAC = "nd.sll"
    case ndTargetMAC = "nd.tll"
    case tcpSource = "tcp.src"
    case tcpDestination = "tcp.dst"
    /// 12 bits, the reserved ones above.
    case tcpFlags = "tcp.flags"
    case udpSource = "udp.src"
    case udpDestination = "udp.dst"
    case sctpSource = "sctp.src"
    case sctpDestination = "sctp.dst"

    /// The width in bits.
    public var bitCount: Int {
        switch self {
        case .ipECN, .ipFragment: 2
        case .ipDSCP: 6
        case .ipProtocol, .ipTTL, .icmpv4Type, .icmpv4Code, .icmpv6Type, .icmpv6Code: 8
        case .tcpFlags: 12
        case .ethernetType, .vlanTag, .arpOperation, .tcpSource, .tcpDestination, .udpSource, .udpDestination,
            .sctpSource, .sctpDestination:
            16
        case .ipv6Label: 20
        case .ipv4Source, .ipv4Destination, .arpSenderIP, .arpTargetIP: 32
        case .ethernetSource, .ethernetDestination, .arpSenderMAC, .arpTargetMAC, .ndSourceMAC, .ndTargetMAC: 48
        case .ipv6Source, .ipv6Destination, .ndTarget: 128
        }
    }

    /// OVN's nominal fields: their values are names, so they have no order, no bits and no masks.
    var isNominal: Bool {
        switch self {
        case .ethernetType, .ipProtocol, .ipDSCP, .ipECN, .ipTTL, .icmpv4Type, .icmpv4Code, .icmpv6Type, .icmpv6Code,
            .arpOperation:
            true
        case .ethernetSource, .ethernetDestination, .vlanTag, .ipFragment, .ipv4Source, .ipv4Destination, .ipv6Source,
            .ipv6Destination, .ipv6Label, .arpSenderIP, .arpSenderMAC, .arpTargetIP, .arpTargetMAC, .ndTarget,
            .ndSourceMAC, .ndTargetMAC, .tcpSource, .tcpDestination, .tcpFlags, .udpSource, .udpDestination,
            .sctpSource, .sctpDestination:
            false
        }
    }

    /// The predicate that a test of the field implies; `nil` for those of every frame.
    var prerequisite: String? {
        switch self {
        case .ethernetSource, .ethernetDestination, .ethernetType, .vlanTag: nil
        case .ipProtocol, .ipDSCP, .ipECN, .ipTTL, .ipFragment: "ip"
        case .ipv4Source, .ipv4Destination: "ip4"
        case .ipv6Source, .ipv6Destination, .ipv6Label: "ip6"
        case .icmpv4Type, .icmpv4Code: "icmp4"
        case .icmpv6Type, .icmpv6Code: "icmp6"
        case .arpOperation, .arpSenderIP, .arpSenderMAC, .arpTargetIP, .arpTargetMAC: "arp"
        case .ndTarget: "nd"
        case .ndSourceMAC: "nd_ns"
        case .ndTargetMAC: "nd_na"
        case .tcpSource, .tcpDestination, .tcpFlags: "tcp"
        case .udpSource, .udpDestination: "udp"
        case .sctpSource, .sctpDestination: "sctp"
        }
    }

    /// True if values can be members of an address set.
    var isAddress: Bool {
        switch bitCount {
        case 32, 48, 128: true
        default: false
        }
    }
}

/// The port that a frame comes from, or goes to.
public enum PortSide: String, CaseIterable, Hashable, Sendable {
    case inport
    case outport
}
