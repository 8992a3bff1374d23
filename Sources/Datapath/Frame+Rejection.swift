import Wire

// The words to the sender of a packet that an ACL rejects, as its destination would answer: addresses are those of the
// packet, swapped, as in OVN (controller/pinctrl.c, `reject`).

extension Frame {
    /// Writes to `buffer` that nobody is where the frame is for.
    ///
    /// TCP is answered by RST, SCTP by ABORT, other IP by "port unreachable", with as much of the packet as fits.
    /// - Parameter buffer: room for `Verdict.replyByteCountMaximum` octets; with less there is no answer.
    /// - Returns: the octets written; 0 if none are due: the frame is no IP, a later fragment, for many, or one of
    ///   those that may not be answered: RST, ABORT, ICMP errors (RFC 9293 section 3.10.7.1, RFC 9260 section 8.4,
    ///   RFC 1122 section 3.2.2, RFC 4443 section 2.4).
    public func writeRejection(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard !isMulticast, !isLaterFragment, let reply = Reply(buffer) else { return 0 }
        switch network {
        case .ipv4: if !mayBeAnsweredOverIPv4 { return 0 }
        case .ipv6: if !mayBeAnsweredOverIPv6 { return 0 }
        case .arp, .foreignARP, .opaque, .malformed: return 0
        }
        switch transport {
        case IPProtocol.tcp: return writeReset(into: reply)
        case IPProtocol.sctp: return writeAbort(into: reply)
        default: break
        }
        if network == .ipv4 {
            let (type, code) = (ICMPv4Header.destinationUnreachable, ICMPv4Header.portUnreachable)
            return writeError(ICMPv4Header(type: type, code: code, rest: 0), into: reply)
        }
        let (type, code) = (ICMPv6Header.destinationUnreachable, ICMPv6Header.portUnreachable)
        return writeError(ICMPv6Header(type: type, code: code, rest: 0), into: reply)
    }

    /// RST, with the number that its receiver expects next, or that acknowledges all of its segment (RFC 9293 section
    /// 3.10.7.1).
    private func writeReset(into reply: Reply) -> Int {
        guard let end = transportHeaderEnd else { return 0 }
        let flags = bytes.integer8(at: transportOffset &+ 13)
        guard flags & TCPFlags.reset == 0 else { return 0 }
        let acknowledges = flags & TCPFlags.acknowledgment != 0
        var length = UInt32(truncatingIfNeeded: packetEnd &- end)
        if flags & TCPFlags.synchronize != 0 { length &+= 1 }
        if flags & TCPFlags.finish != 0 { length &+= 1 }
        var tcp = TCPHeader(
            sourcePort: bytes.integer16(at: transportOffset &+ 2),
            destinationPort: bytes.integer16(at: transportOffset),
            sequenceNumber: acknowledges ? bytes.integer32(at: transportOffset &+ 8) : 0,
            acknowledgmentNumber: acknowledges ? 0 : bytes.integer32(at: transportOffset &+ 4) &+ length,
            flags: TCPFlags.reset | (acknowledges ? 0 : TCPFlags.acknowledgment),
            window: 0
        )
        let count = TCPHeader.minimumByteCount
        let (start, pseudoHeader) = writeAnsweredPacket(of: count, into: reply)
        var octets = reply.octets(at: start, count: count).mutableSpan
        tcp.write(to: &octets)
        var sum = pseudoHeader
        sum.add(UnsafeBufferPointer(reply.octets(at: start, count: count)).span)
        tcp.checksum = sum.value
        tcp.write(to: &octets)
        return start &+ count
    }

    /// ABORT, under the tag that its receiver has chosen, or reflected with the flag T (RFC 9260 section 8.4).
    private func writeAbort(into reply: Reply) -> Int {
        // The common header, and a chunk's.
        guard transportByteCount >= 16 else { return 0 }
        let type = bytes.integer8(at: transportOffset &+ 12)
        var tag = bytes.integer32(at: transportOffset &+ 4)
        var isReflected = true
        switch type {
        case SCTPChunk.initiation:
            guard transportByteCount >= 20 else { return 0 }
            tag = bytes.integer32(at: transportOffset &+ 16)
            isReflected = false
            guard tag != 0 else { return 0 }
        case SCTPChunk.abort, SCTPChunk.error, SCTPChunk.cookieAcknowledgment, SCTPChunk.shutdownComplete: return 0
        default: break
        }
        let count = 16
        let (start, _) = writeAnsweredPacket(of: count, into: reply)
        let octets = reply.octets(at: start, count: count)
        var ports = ReplyWriter(reply, from: start, limit: start &+ count)
        let source = bytes.integer16(at: transportOffset &+ 2)
        let chunk = UInt32(SCTPChunk.abort) &<< 24 | (isReflected ? 1 &<< 16 : 0) | 4
        guard ports.append(source), ports.append(bytes.integer16(at: transportOffset)), ports.append(tag),
            ports.append(0 as UInt32), ports.append(chunk)
        else { return 0 }
        var sum = CRC32C()
        sum.add(UnsafeBufferPointer(octets).span)
        for index in 0..<4 { octets[8 &+ index] = UInt8(truncatingIfNeeded: sum.value &>> UInt32(8 &* index)) }
        return start &+ count
    }

    /// Writes the headers before `count` octets of the frame's transport protocol, which go back.
    /// - Returns: the place behind these headers, and the sum of the pseudo-header.
    private func writeAnsweredPacket(of count: Int, into reply: Reply) -> (start: Int, sum: InternetChecksum) {
        reply.writeSwappedEthernet(of: self)
        var sum = InternetChecksum()
        let start = networkOffset
        if network == .ipv4 {
            let ip = IPv4Header(
                totalByteCount: UInt16(truncatingIfNeeded: IPv4Header.minimumByteCount &+ count),
                protocolNumber: transport,
                source: IPv4Address(ipv4Destination),
                destination: IPv4Address(ipv4Source)
            )
            var octets = reply.octets(at: start, count: IPv4Header.minimumByteCount).mutableSpan
            ip.write(to: &octets)
            sum.add(ipv4Source)
            sum.add(ipv4Destination)
            sum.add(UInt16(transport))
            sum.add(UInt16(truncatingIfNeeded: count))
            return (start &+ IPv4Header.minimumByteCount, sum)
        }
        let ip = IPv6Header(
            payloadByteCount: UInt16(truncatingIfNeeded: count),
            nextHeader: transport,
            hopLimit: 64,
            source: ipv6Destination,
            destination: ipv6Source
        )
        var octets = reply.octets(at: start, count: IPv6Header.byteCount).mutableSpan
        ip.write(to: &octets)
        let byteCount = UInt32(truncatingIfNeeded: count)
        sum.addPseudoHeader(source: ip.source, destination: ip.destination, byteCount: byteCount, nextHeader: transport)
        return (start &+ IPv6Header.byteCount, sum)
    }
}

/// The types of SCTP's chunks that decide on an answer (RFC 9260 section 3.2).
private enum SCTPChunk {
    static let initiation: UInt8 = 1
    static let abort: UInt8 = 6
    static let error: UInt8 = 9
    static let cookieAcknowledgment: UInt8 = 11
    static let shutdownComplete: UInt8 = 14
}
