import Wire

/// The growing payload of a datagram that answers one.
struct ReplyWriter {
    let reply: Reply
    /// Behind what was written.
    private(set) var end: Int
    /// No octet is written from there on.
    let limit: Int

    /// - Parameters:
    ///   - start: of the payload, see `Reply.payloadOffset`.
    ///   - limit: at most `Verdict.replyByteCountMaximum`.
    init(_ reply: Reply, from start: Int, limit: Int) {
        self.reply = reply
        end = start
        self.limit = min(limit, Verdict.replyByteCountMaximum)
    }

    /// Room for so many octets; `nil` if there is not as much left.
    mutating func reserve(_ count: Int) -> UnsafeMutableBufferPointer<UInt8>? {
        guard count >= 0, limit &- end >= count else { return nil }
        end &+= count
        return reply.octets(at: end &- count, count: count)
    }

    /// Goes back to an earlier end.
    mutating func retreat(to earlier: Int) { end = min(end, earlier) }

    /// Appends octets.
    /// - Returns: `false` if there is no room for all.
    mutating func append(_ octets: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let room = reserve(octets.count) else { return false }
        for index in 0..<octets.count { room[index] = octets[index] }
        return true
    }

    mutating func append(_ value: UInt8) -> Bool {
        guard let room = reserve(1) else { return false }
        room[0] = value
        return true
    }

    mutating func append(_ value: UInt16) -> Bool {
        append(UInt8(truncatingIfNeeded: value &>> 8)) && append(UInt8(truncatingIfNeeded: value))
    }

    mutating func append(_ value: UInt32) -> Bool {
        append(UInt16(truncatingIfNeeded: value &>> 16)) && append(UInt16(truncatingIfNeeded: value))
    }

    mutating func append(_ value: UInt64) -> Bool {
        append(UInt32(truncatingIfNeeded: value &>> 32)) && append(UInt32(truncatingIfNeeded: value))
    }

    /// Writes two octets over those that are there.
    func store(_ value: UInt16, at offset: Int) {
        let octets = reply.octets(at: offset, count: 2)
        octets[0] = UInt8(truncatingIfNeeded: value &>> 8)
        octets[1] = UInt8(truncatingIfNeeded: value)
    }
}

/// The addresses of a datagram that answers one; it has no tag.
struct DatagramHeader {
    var sourceMAC: UInt64
    var destinationMAC: UInt64
    var sourcePort: UInt16
    var destinationPort: UInt16
}

extension Reply {
    /// The offset of a datagram's payload: behind headers of Ethernet, IP and UDP.
    static func payloadOffset(isIPv6: Bool) -> Int {
        EthernetHeader.untaggedByteCount + (isIPv6 ? IPv6Header.byteCount : IPv4Header.minimumByteCount)
            + UDPHeader.byteCount
    }

    /// Writes the headers before a payload that ends at `end`.
    /// - Returns: the octets of the answer.
    func finish(_ header: DatagramHeader, from source: IPv4Address, to destination: IPv4Address, end: Int) -> Int {
        let ipStart = EthernetHeader.untaggedByteCount
        let udpStart = ipStart + IPv4Header.minimumByteCount
        let ip = IPv4Header(
            totalByteCount: UInt16(truncatingIfNeeded: end - ipStart),
            protocolNumber: IPProtocol.udp,
            source: source,
            destination: destination
        )
        writeEthernet(header, type: EtherType.ipv4)
        var octets = self.octets(at: ipStart, count: IPv4Header.minimumByteCount).mutableSpan
        ip.write(to: &octets)
        var sum = InternetChecksum()
        sum.add(source.rawValue)
        sum.add(destination.rawValue)
        sum.add(UInt16(IPProtocol.udp))
        sum.add(UInt16(truncatingIfNeeded: end - udpStart))
        finishUDP(header, at: udpStart, end: end, sum)
        return end
    }

    /// The same for IPv6.
    func finish(_ header: DatagramHeader, from source: IPv6Address, to destination: IPv6Address, end: Int) -> Int {
        let ipStart = EthernetHeader.untaggedByteCount
        let udpStart = ipStart + IPv6Header.byteCount
        let ip = IPv6Header(
            payloadByteCount: UInt16(truncatingIfNeeded: end - udpStart),
            nextHeader: IPProtocol.udp,
            hopLimit: 64,
            source: source,
            destination: destination
        )
        writeEthernet(header, type: EtherType.ipv6)
        var octets = self.octets(at: ipStart, count: IPv6Header.byteCount).mutableSpan
        ip.write(to: &octets)
        var sum = InternetChecksum()
        sum.addPseudoHeader(
            source: source,
            destination: destination,
            byteCount: UInt32(truncatingIfNeeded: end - udpStart),
            nextHeader: IPProtocol.udp
        )
        finishUDP(header, at: udpStart, end: end, sum)
        return end
    }

    private func writeEthernet(_ header: DatagramHeader, type: UInt16) {
        let ethernet = EthernetHeader(
            destination: MACAddress(truncating: header.destinationMAC),
            source: MACAddress(truncating: header.sourceMAC),
            etherType: type
        )
        var octets = self.octets(at: 0, count: EthernetHeader.untaggedByteCount).mutableSpan
        ethernet.write(to: &octets)
    }

    private func finishUDP(_ header: DatagramHeader, at start: Int, end: Int, _ pseudoHeader: InternetChecksum) {
        var udp = UDPHeader(
            sourcePort: header.sourcePort,
            destinationPort: header.destinationPort,
            totalByteCount: UInt16(truncatingIfNeeded: end - start)
        )
        var octets = self.octets(at: start, count: UDPHeader.byteCount).mutableSpan
        udp.write(to: &octets)
        var sum = pseudoHeader
        sum.add(UnsafeBufferPointer(self.octets(at: start, count: end - start)).span)
        // 0 would say that there is none (RFC 768).
        udp.checksum = sum.value == 0 ? ~0 : sum.value
        udp.write(to: &octets)
    }
}
