import Wire

/// The fields of one frame, read once. A field of a header that is not there, is cut short or contradicts itself is 0,
/// as in Open vSwitch; so are the ports of all fragments but the first.
public struct MatchFrame: Hashable, Sendable {
    private var destination: UInt64 = 0
    private var source: UInt64 = 0
    private var etherType: UInt16 = 0
    private var tag: UInt16 = 0
    private var ipProtocol: UInt8 = 0
    private var trafficClass: UInt8 = 0
    private var hopLimit: UInt8 = 0
    private var fragment: UInt8 = 0
    private var flowLabel: UInt32 = 0
    private var sourceAddress: UInt128 = 0
    private var destinationAddress: UInt128 = 0
    /// Two ports, or type and code in the first.
    private var sourcePort: UInt16 = 0
    private var destinationPort: UInt16 = 0
    private var flags: UInt16 = 0
    private var arp: ARPPacket?
    private var neighbor: NeighborMessage?

    /// Of these types and below are 802.3 lengths (IEEE 802.3 clause 3.2.6).
    private static let typeMinimum: UInt16 = 0x0600
    /// IPv6 extension headers that are read; a packet with more has no IP fields.
    private static let extensionHeaderCountMaximum = 8
    /// SCTP's number and its common header (RFC 9260 section 3.1).
    private static let sctp: UInt8 = 132
    private static let sctpByteCount = 12
    private static let icmpv4ByteCount = 8
    private static let icmpv6ByteCount = 4

    /// Reads the frame that `bytes` are, from the destination MAC on. Any bytes are one.
    /// - Parameter frameByteCount: the octets of the frame, if `bytes` are only its first ones. Headers behind these
    ///   count as cut short.
    public init(_ bytes: Span<UInt8>, of frameByteCount: Int? = nil) {
        let frameByteCount = max(bytes.count, frameByteCount ?? 0)
        guard bytes.count >= EthernetHeader.untaggedByteCount else { return }
        destination = bytes.macAddress(at: 0).rawValue
        source = bytes.macAddress(at: 6).rawValue
        var type = bytes.integer16(at: 12)
        var offset = EthernetHeader.untaggedByteCount
        while type == EtherType.customerTag || type == EtherType.serviceTag,
            offset < EthernetHeader.untaggedByteCount + 2 * VLANTag.byteCount
        {
            guard bytes.count >= offset + VLANTag.byteCount else { break }
            if tag == 0 { tag = bytes.integer16(at: offset) | 0x1000 }
            type = bytes.integer16(at: offset + 2)
            offset += VLANTag.byteCount
        }
        etherType = type < Self.typeMinimum ? Self.typeMinimum - 1 : type
        switch etherType {
        case EtherType.ipv4: readIPv4(bytes, at: offset, packetByteCountMaximum: frameByteCount - offset)
        case EtherType.ipv6: readIPv6(bytes, at: offset, packetByteCountMaximum: frameByteCount - offset)
        case EtherType.arp, EtherType.rarp: readARP(bytes, at: offset)
        default: break
        }
    }

    private mutating func readARP(_ bytes: Span<UInt8>, at offset: Int) {
        guard bytes.count - offset >= ARPPacket.byteCount, bytes.integer32(at: offset) == 0x0001_0800,
            bytes.integer16(at: offset + 4) == 0x0604
        else { return }
        arp = ARPPacket(
            operation: bytes.integer16(at: offset + 6),
            senderMAC: bytes.macAddress(at: offset + 8),
            senderIP: IPv4Address(bytes.integer32(at: offset + 14)),
            targetMAC: bytes.macAddress(at: offset + 18),
            targetIP: IPv4Address(bytes.integer32(at: offset + 24))
        )
    }

    private mutating func readIPv4(_ bytes: Span<UInt8>, at offset: Int, packetByteCountMaximum: Int) {
        guard bytes.count - offset >= IPv4Header.minimumByteCount, bytes[offset] >> 4 == 4 else { return }
        let headerByteCount = Int(bytes[offset] & 15) * 4
        let totalByteCount = Int(bytes.integer16(at: offset + 2))
        guard headerByteCount >= IPv4Header.minimumByteCount, totalByteCount >= headerByteCount,
            totalByteCount <= packetByteCountMaximum
        else { return }
        trafficClass = bytes[offset + 1]
        hopLimit = bytes[offset + 8]
        ipProtocol = bytes[offset + 9]
        sourceAddress = UInt128(bytes.integer32(at: offset + 12))
        destinationAddress = UInt128(bytes.integer32(at: offset + 16))
        let word = bytes.integer16(at: offset + 6)
        fragment = word & 0x1fff != 0 ? 3 : word & 0x2000 != 0 ? 1 : 0
        let start = offset + headerByteCount
        readTransport(bytes.extracting(min(start, bytes.count)..<min(offset + totalByteCount, bytes.count)))
    }

    private mutating func readIPv6(_ bytes: Span<UInt8>, at offset: Int, packetByteCountMaximum: Int) {
        guard bytes.count - offset >= IPv6Header.byteCount, bytes[offset] >> 4 == 6 else { return }
        let byteCount = IPv6Header.byteCount + Int(bytes.integer16(at: offset + 4))
        guard byteCount <= packetByteCountMaximum else { return }
        var packet = self
        guard packet.readExtensionHeaders(bytes.extracting(offset..<min(offset + byteCount, bytes.count))) else {
            return
        }
        self = packet
        let word = bytes.integer32(at: offset)
        trafficClass = UInt8(truncatingIfNeeded: word >> 20)
        flowLabel = word & 0xf_ffff
        hopLimit = bytes[offset + 7]
        sourceAddress = UInt128(bytes.ipv6Address(at: offset + 8))
        destinationAddress = UInt128(bytes.ipv6Address(at: offset + 24))
    }

    /// Reads what follows the header (RFC 8200 section 4).
    /// - Returns: `false` if an extension header is cut short or too many are there.
    private mutating func readExtensionHeaders(_ packet: Span<UInt8>) -> Bool {
        ipProtocol = packet[6]
        var offset = IPv6Header.byteCount
        for _ in 0...Self.extensionHeaderCountMaximum {
            let length: Int
            let rest = packet.count - offset
            switch ipProtocol {
            case IPProtocol.fragment: length = 8
            case IPProtocol.hopByHop, IPProtocol.routing, IPProtocol.destinationOptions:
                length = rest >= 8 ? (Int(packet[offset + 1]) + 1) * 8 : 8
            // Words, less two (RFC 4302 section 2.2).
            case IPProtocol.authentication: length = rest >= 8 ? max(8, (Int(packet[offset + 1]) + 2) * 4) : 8
            default:
                readTransport(packet.extracting(offset..<packet.count))
                return true
            }
            guard rest >= length else { return false }
            if ipProtocol == IPProtocol.fragment {
                fragment = packet.integer16(at: offset + 2) & 0xfff8 != 0 ? 3 : 1
            }
            ipProtocol = packet[offset]
            offset += length
            if fragment == 3 { return true }
        }
        return false
    }

    private mutating func readTransport(_ bytes: Span<UInt8>) {
        guard fragment != 3 else { return }
        let byteCount =
            switch ipProtocol {
            case IPProtocol.tcp: TCPHeader.minimumByteCount
            case IPProtocol.udp: UDPHeader.byteCount
            case Self.sctp: Self.sctpByteCount
            case IPProtocol.icmpv4: Self.icmpv4ByteCount
            case IPProtocol.icmpv6: Self.icmpv6ByteCount
            default: Int.max
            }
        guard bytes.count >= byteCount else { return }
        sourcePort = bytes.integer16(at: 0)
        destinationPort = bytes.integer16(at: 2)
        if ipProtocol == IPProtocol.tcp { flags = bytes.integer16(at: 12) & 0x0fff }
        // Code 0 alone is of neighbor discovery.
        if ipProtocol == IPProtocol.icmpv6, sourcePort & 0xff == 0 { neighbor = try? NeighborMessage(parsing: bytes) }
    }
}

extension MatchFrame {
    /// The value of a field. That of a protocol which is not the frame's may be any: tests ask for the protocol, too.
    subscript(_ field: MatchField) -> UInt128 {
        switch field {
        case .ethernetSource: UInt128(source)
        case .ethernetDestination: UInt128(destination)
        case .ethernetType: UInt128(etherType)
        case .vlanTag: UInt128(tag)
        case .ipProtocol: UInt128(ipProtocol)
        case .ipDSCP: UInt128(trafficClass >> 2)
        case .ipECN: UInt128(trafficClass & 3)
        case .ipTTL: UInt128(hopLimit)
        case .ipFragment: UInt128(fragment)
        case .ipv4Source, .ipv6Source: sourceAddress
        case .ipv4Destination, .ipv6Destination: destinationAddress
        case .ipv6Label: UInt128(flowLabel)
        case .icmpv4Type, .icmpv6Type: UInt128(sourcePort >> 8)
        case .icmpv4Code, .icmpv6Code: UInt128(sourcePort & 0xff)
        case .arpOperation: UInt128(arp?.operation ?? 0)
        case .arpSenderIP: UInt128(arp?.senderIP.rawValue ?? 0)
        case .arpSenderMAC: UInt128(arp?.senderMAC.rawValue ?? 0)
        case .arpTargetIP: UInt128(arp?.targetIP.rawValue ?? 0)
        case .arpTargetMAC: UInt128(arp?.targetMAC.rawValue ?? 0)
        case .ndTarget: UInt128(neighbor?.target ?? .any)
        case .ndSourceMAC: UInt128(neighbor?.sourceMAC?.rawValue ?? 0)
        case .ndTargetMAC: UInt128(neighbor?.targetMAC?.rawValue ?? 0)
        case .tcpSource, .udpSource, .sctpSource: UInt128(sourcePort)
        case .tcpDestination, .udpDestination, .sctpDestination: UInt128(destinationPort)
        case .tcpFlags: UInt128(flags)
        }
    }
}
