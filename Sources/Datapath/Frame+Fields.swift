import Wire

// Fields after the offsets; each getter says for which frames it may be asked.

extension Frame {
    /// `eth.type` IPv4 only.
    var ipv4Source: UInt32 { bytes.integer32(at: networkOffset + 12) }
    var ipv4Destination: UInt32 { bytes.integer32(at: networkOffset + 16) }
    /// Flags and fragment offset.
    var ipv4FragmentWord: UInt16 { bytes.integer16(at: networkOffset + 6) }

    /// `eth.type` IPv6 only.
    var ipv6Source: IPv6Address { bytes.ipv6Address(at: networkOffset + 8) }
    var ipv6Destination: IPv6Address { bytes.ipv6Address(at: networkOffset + 24) }
    var hopLimit: UInt8 { bytes.integer8(at: networkOffset + 7) }

    /// True if the only tag is one for VLAN 0, which says no more than a priority (IEEE 802.1Q clause 9.6).
    var isPriorityTagged: Bool {
        tagByteCount == 4 && byteCount >= networkOffset && bytes.integer16(at: 12) == EtherType.customerTag
            && bytes.integer16(at: 14) & 0x0fff == 0
    }

    /// Well-formed ARP only.
    var arpOperation: UInt16 { bytes.integer16(at: networkOffset + 6) }
    var arpSenderMAC: UInt64 { bytes.macAddress(at: networkOffset + 8) }
    var arpSenderIP: UInt32 { bytes.integer32(at: networkOffset + 14) }
    var arpTargetIP: UInt32 { bytes.integer32(at: networkOffset + 24) }

    /// Octets of transport header and payload that are there; 0 in later fragments.
    var transportByteCount: Int { isLaterFragment ? 0 : packetEnd - transportOffset }

    /// Any frame: whether an ICMPv6 message is there, type, code and checksum at least.
    var hasICMPv6: Bool { network == .ipv6 && transport == IPProtocol.icmpv6 && transportByteCount >= 4 }
    /// ICMP of either family with a first octet at least.
    var icmpType: UInt8 { bytes.integer8(at: transportOffset) }
    /// ICMPv6 only.
    var icmpv6Code: UInt8 { bytes.integer8(at: transportOffset + 1) }

    /// Neighbor solicitations and advertisements with a target only.
    var neighborTarget: IPv6Address { bytes.ipv6Address(at: transportOffset + 8) }

    /// IP only: the two ports of UDP or TCP, source first, in one word; 0 if no whole header is there.
    var ports: UInt32 {
        switch transport {
        case IPProtocol.udp where transportByteCount >= UDPHeader.byteCount: bytes.integer32(at: transportOffset)
        case IPProtocol.tcp where transportByteCount >= TCPHeader.minimumByteCount: bytes.integer32(at: transportOffset)
        default: 0
        }
    }

    /// IP only: a word by which flows between the same ends are told apart: `ports`, those of SCTP, and of ICMP the
    /// type and an echo's identifier.
    var flowPorts: UInt32 {
        switch transport {
        case IPProtocol.tcp, IPProtocol.udp: ports
        case IPProtocol.sctp where transportByteCount >= 16: bytes.integer32(at: transportOffset)
        case IPProtocol.icmpv4 where transportByteCount >= 8:
            UInt32(bytes.integer8(at: transportOffset)) &<< 16 | UInt32(bytes.integer16(at: transportOffset &+ 4))
        default: 0
        }
    }

    /// IP only: what a TCP segment does to its connection: 1 opens it, 2 ends it, 0 neither.
    var connectionClass: UInt8 {
        guard transport == IPProtocol.tcp, transportByteCount >= TCPHeader.minimumByteCount else { return 0 }
        let flags = bytes.integer8(at: transportOffset + 13)
        if flags & (TCPFlags.finish | TCPFlags.reset) != 0 { return 2 }
        return flags & (TCPFlags.synchronize | TCPFlags.acknowledgment) == TCPFlags.synchronize ? 1 : 0
    }

    /// The control information of the first tag, and in the bit above whether it is one for services; 0 without a tag.
    var firstTag: UInt32 {
        guard tagByteCount > 0, byteCount >= networkOffset else { return 0 }
        let isService: UInt32 = bytes.integer16(at: 12) == EtherType.serviceTag ? 1 << 16 : 0
        return UInt32(bytes.integer16(at: 14)) | isService
    }

    /// The ICMPv6 message; ICMPv6 only.
    var transportOctets: UnsafeBufferPointer<UInt8> { bytes.octets(from: transportOffset, to: packetEnd) }
}
