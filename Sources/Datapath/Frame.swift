import Wire

/// The fields of an Ethernet frame that decisions need, and where its headers lie; the bytes stay where they are.
///
/// `Wire` has the codecs with all fields. This one reads a frame once, keeps offsets, and never fails: what is cut
/// short is marked and dropped in its place in the pipeline, so that the drop is counted for the right port.
public struct Frame {
    /// The frame, from the destination MAC on.
    public let bytes: UnsafeRawPointer
    /// Its length in octets, without a frame check sequence.
    public let byteCount: Int
    /// The longest packet that the frame puts on the wire, in octets after the MAC addresses and EtherType; VLAN tags
    /// count. Less than the frame has only if the frame will be cut into segments.
    public var wirePacketByteCount: Int

    private(set) var destination: UInt64 = 0
    private(set) var source: UInt64 = 0
    private(set) var network: Network = .malformed
    /// Octets of VLAN tags: 0, 4 or 8.
    private(set) var tagByteCount = 0
    /// The protocol after IP and its extension headers; for an IPv6 fragment other than the first, that of the first.
    private(set) var transport: UInt8 = 0
    /// True if the packet is a fragment other than the first, so that no transport header is there.
    private(set) var isLaterFragment = false
    /// IPv6 only: whether the packet is a fragment, the first one included, or at least says so.
    private(set) var hasIPv6Fragment = false
    /// Behind IP and its extension headers.
    private(set) var transportOffset = 0
    /// Behind the packet: what follows is padding.
    private(set) var packetEnd = 0

    enum Network: UInt8 {
        /// A tag, ARP or IP header is cut short or contradicts itself, or not even an Ethernet header is there.
        case malformed
        /// Anything that Heddle looks no further into.
        case opaque
        /// ARP of another kind than for IPv4 over Ethernet.
        case foreignARP
        case arp
        case ipv4
        case ipv6
    }

    /// More extension headers than this make an IPv6 packet malformed: what hides behind them would escape port
    /// security. RFC 8200 section 4.1 recommends seven at most.
    static let extensionHeaderCountMaximum = 8

    /// Reads the frame of `byteCount` octets at `bytes`, which must stay there while this value is used.
    public init(_ bytes: UnsafeRawPointer, byteCount: Int) {
        self.bytes = bytes
        self.byteCount = byteCount
        wirePacketByteCount = byteCount - EthernetHeader.untaggedByteCount
        guard byteCount >= EthernetHeader.untaggedByteCount else { return }
        destination = bytes.macAddress(at: 0)
        source = bytes.macAddress(at: 6)
        var type = bytes.integer16(at: 12)
        while tagByteCount < 8, type == EtherType.customerTag || type == EtherType.serviceTag {
            tagByteCount += 4
            guard byteCount >= networkOffset else { return }
            type = bytes.integer16(at: networkOffset - 2)
        }
        switch type {
        case EtherType.ipv4: readIPv4()
        case EtherType.ipv6: readIPv6()
        case EtherType.arp: readARP()
        default: network = .opaque
        }
    }

    /// Behind the Ethernet header and its tags.
    var networkOffset: Int { EthernetHeader.untaggedByteCount + tagByteCount }

    var isShort: Bool { byteCount < EthernetHeader.untaggedByteCount }

    var isIP: Bool { network == .ipv4 || network == .ipv6 }

    var isICMPv6: Bool { network == .ipv6 && transport == IPProtocol.icmpv6 }

    var isMulticast: Bool { destination & 0x0100_0000_0000 != 0 }

    private var networkByteCount: Int { byteCount - networkOffset }

    private mutating func readARP() {
        let offset = networkOffset
        guard networkByteCount >= 8 else { return }
        guard bytes.integer32(at: offset) == 0x0001_0800, bytes.integer16(at: offset + 4) == 0x0604 else {
            network = .foreignARP
            return
        }
        guard networkByteCount >= ARPPacket.byteCount else { return }
        network = .arp
    }

    @inline(__always)
    private mutating func readIPv4() {
        let offset = networkOffset
        guard networkByteCount >= IPv4Header.minimumByteCount else { return }
        let first = bytes.integer8(at: offset)
        let headerByteCount = Int(first & 15) * 4
        let totalByteCount = Int(bytes.integer16(at: offset + 2))
        guard first >> 4 == 4, headerByteCount >= IPv4Header.minimumByteCount, totalByteCount >= headerByteCount,
            totalByteCount <= networkByteCount
        else { return }
        network = .ipv4
        transport = bytes.integer8(at: offset + 9)
        isLaterFragment = bytes.integer16(at: offset + 6) & 0x1fff != 0
        transportOffset = offset + headerByteCount
        packetEnd = offset + totalByteCount
    }

    private mutating func readIPv6() {
        let offset = networkOffset
        guard networkByteCount >= IPv6Header.byteCount else { return }
        let end = offset + IPv6Header.byteCount + Int(bytes.integer16(at: offset + 4))
        guard bytes.integer8(at: offset) >> 4 == 6, end <= byteCount else { return }
        transport = bytes.integer8(at: offset + 6)
        transportOffset = offset + IPv6Header.byteCount
        packetEnd = end
        if skipExtensionHeaders() { network = .ipv6 }
    }

    /// Moves `transport` and `transportOffset` after the extension headers (RFC 8200 section 4); `false` if one is
    /// cut short or too many are there.
    private mutating func skipExtensionHeaders() -> Bool {
        var count = 0
        while true {
            let unit: Int
            switch transport {
            case IPProtocol.hopByHop, IPProtocol.routing, IPProtocol.destinationOptions, IPProtocol.fragment: unit = 8
            // The authentication header counts words, less two (RFC 4302 section 2.2).
            case IPProtocol.authentication: unit = 4
            default: return true
            }
            count += 1
            guard count <= Self.extensionHeaderCountMaximum, packetEnd - transportOffset >= 8 else { return false }
            let isFragment = transport == IPProtocol.fragment
            isLaterFragment = isFragment && bytes.integer16(at: transportOffset + 2) & 0xfff8 != 0
            hasIPv6Fragment = hasIPv6Fragment || isFragment
            let length = isFragment ? 8 : (Int(bytes.integer8(at: transportOffset + 1)) + (unit == 4 ? 2 : 1)) * unit
            guard packetEnd - transportOffset >= length, length >= 8 else { return false }
            transport = bytes.integer8(at: transportOffset)
            transportOffset += length
            if isLaterFragment { return true }
        }
    }
}
