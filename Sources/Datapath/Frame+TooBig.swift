import Wire

// A frame that does not fit the path to another host is answered as a router would, though none is there: the sender
// must learn the smaller MTU (RFC 1191, RFC 8201). Addresses are those of the offending packet, swapped, as Linux does
// for a bridged tunnel (iptunnel_pmtud_build_icmp).

extension Frame {
    /// Writes an ICMP "too big" about the frame to `buffer`.
    /// - Parameters:
    ///   - pathMTU: what the path carries, in octets after the Ethernet header, tags included.
    ///   - buffer: room for `Verdict.replyByteCountMaximum` octets; with less there is no answer.
    /// - Returns: the octets written; 0 if none is due: the frame may be fragmented, is no IP, goes to many, or is
    ///   one of those that no ICMP error may be about (RFC 1122 section 3.2.2, RFC 4443 section 2.4).
    public func writeTooBig(pathMTU: Int, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard !isMulticast, let reply = Reply(buffer) else { return 0 }
        let mtu = pathMTU - tagByteCount
        switch network {
        case .ipv4: return writeFragmentationNeeded(mtu: mtu, into: reply)
        // Less than the least MTU of IPv6 is nothing that a host heeds (RFC 8201 section 4); packets of that size are
        // cut into fragments.
        case .ipv6: return writePacketTooBig(mtu: max(mtu, Fragments.ipv6MTUMinimum), into: reply)
        case .arp, .foreignARP, .opaque, .malformed: return 0
        }
    }

    /// ICMP 3/4, at most 576 octets (RFC 792, RFC 1812 section 4.3.2.3).
    private func writeFragmentationNeeded(mtu: Int, into reply: Reply) -> Int {
        guard ipv4FragmentWord == 0x4000, mtu >= Self.ipv4MTUMinimum, mayBeAnsweredOverIPv4 else { return 0 }
        let icmp = ICMPv4Header(
            type: ICMPv4Header.destinationUnreachable,
            code: ICMPv4Header.fragmentationNeeded,
            rest: UInt32(UInt16(clamping: mtu))
        )
        return writeError(icmp, into: reply)
    }

    /// Writes an ICMP error about the frame, its start quoted; IPv4 only.
    func writeError(_ icmp: ICMPv4Header, into reply: Reply) -> Int {
        let start = networkOffset
        let quoteStart = start + IPv4Header.minimumByteCount + ICMPv4Header.byteCount
        let quoteCount = min(packetEnd - start, Self.ipv4ErrorByteCountMaximum - (quoteStart - start))
        let ip = IPv4Header(
            totalByteCount: UInt16(truncatingIfNeeded: quoteStart - start + quoteCount),
            protocolNumber: IPProtocol.icmpv4,
            source: IPv4Address(ipv4Destination),
            destination: IPv4Address(ipv4Source)
        )
        reply.writeSwappedEthernet(of: self)
        var octets = reply.octets(at: start, count: IPv4Header.minimumByteCount).mutableSpan
        ip.write(to: &octets)
        octets = reply.octets(at: start + IPv4Header.minimumByteCount, count: ICMPv4Header.byteCount).mutableSpan
        icmp.write(to: &octets)
        reply.copy(quoteCount, of: self, from: start, to: quoteStart)
        reply.finishICMPv4(
            at: start + IPv4Header.minimumByteCount,
            count: ICMPv4Header.byteCount + quoteCount
        )
        return quoteStart + quoteCount
    }

    /// ICMPv6 2/0, at most 1280 octets (RFC 4443 section 3.2).
    private func writePacketTooBig(mtu: Int, into reply: Reply) -> Int {
        guard mayBeAnsweredOverIPv6 else { return 0 }
        let icmp = ICMPv6Header(type: ICMPv6Header.packetTooBig, code: 0, rest: UInt32(clamping: mtu))
        return writeError(icmp, into: reply)
    }

    /// Writes an ICMPv6 error about the frame, its start quoted; IPv6 only.
    func writeError(_ icmp: ICMPv6Header, into reply: Reply) -> Int {
        let start = networkOffset
        let icmpStart = start + IPv6Header.byteCount
        let quoteStart = icmpStart + ICMPv6Header.byteCount
        let quoteCount = min(packetEnd - start, Self.ipv6ErrorByteCountMaximum - (quoteStart - start))
        let icmpCount = ICMPv6Header.byteCount + quoteCount
        let ip = IPv6Header(
            payloadByteCount: UInt16(truncatingIfNeeded: icmpCount),
            nextHeader: IPProtocol.icmpv6,
            hopLimit: 64,
            source: ipv6Destination,
            destination: ipv6Source
        )
        reply.writeSwappedEthernet(of: self)
        var octets = reply.octets(at: start, count: IPv6Header.byteCount).mutableSpan
        ip.write(to: &octets)
        octets = reply.octets(at: icmpStart, count: ICMPv6Header.byteCount).mutableSpan
        icmp.write(to: &octets)
        reply.copy(quoteCount, of: self, from: start, to: quoteStart)
        reply.finishICMPv6(at: icmpStart, count: icmpCount, source: ip.source, destination: ip.destination)
        return quoteStart + quoteCount
    }

    /// Octets. Below this no host need heed the MTU of an ICMP 3/4 (RFC 1122 section 3.3.3), nor does Linux send one.
    private static var ipv4MTUMinimum: Int { 576 }
    /// Octets of IP header and message: what every host must be able to take (RFC 1812 section 4.3.2.3).
    private static var ipv4ErrorByteCountMaximum: Int { 576 }
    /// Octets of IP header and message: IPv6's minimum MTU (RFC 4443 section 2.4).
    private static var ipv6ErrorByteCountMaximum: Int { 1280 }

    /// Neither end is a group or nobody, and the packet is no ICMP error itself.
    var mayBeAnsweredOverIPv4: Bool {
        guard ipv4Source != 0, ipv4Source >> 28 < 0xe, ipv4Destination >> 28 < 0xe else { return false }
        guard transport == IPProtocol.icmpv4 else { return true }
        return transportByteCount > 0 && !ICMPv4Header.isError(type: icmpType)
    }

    var mayBeAnsweredOverIPv6: Bool {
        let source = ipv6Source
        // The flow of a later fragment cannot be seen.
        guard !isLaterFragment, source != .any, !source.isMulticast, !ipv6Destination.isMulticast else { return false }
        guard transport == IPProtocol.icmpv6 else { return true }
        return transportByteCount > 0 && icmpType >= 128
    }
}
