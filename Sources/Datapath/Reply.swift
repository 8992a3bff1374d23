import Wire

/// The caller's buffer for an answer: places for `Wire`'s codecs to write to.
struct Reply {
    private let base: UnsafeMutablePointer<UInt8>

    /// `nil` if the buffer has less room than the largest answer needs.
    init?(_ buffer: UnsafeMutableRawBufferPointer) {
        guard let base = buffer.baseAddress, buffer.count >= Verdict.replyByteCountMaximum else { return nil }
        self.base = base.assumingMemoryBound(to: UInt8.self)
    }

    func octets(at offset: Int, count: Int) -> UnsafeMutableBufferPointer<UInt8> {
        UnsafeMutableBufferPointer(start: base + offset, count: count)
    }

    /// Copies octets of the frame that is answered.
    func copy(_ count: Int, of frame: Frame, from source: Int, to offset: Int) {
        UnsafeMutableRawPointer(base + offset).copyMemory(from: frame.bytes + source, byteCount: count)
    }

    /// Writes the frame's Ethernet header, tags included, with the addresses swapped.
    func writeSwappedEthernet(of frame: Frame) {
        copy(6, of: frame, from: 6, to: 0)
        copy(6, of: frame, from: 0, to: 6)
        copy(frame.networkOffset - 12, of: frame, from: 12, to: 12)
    }

    /// Computes the checksum of the ICMP message at `offset`, whose checksum field is 0, and puts it in.
    func finishICMPv4(at offset: Int, count: Int) {
        var sum = InternetChecksum()
        sum.add(UnsafeBufferPointer(octets(at: offset, count: count)).span)
        store(sum.value, at: offset + 2)
    }

    /// The same for IPv6, whose checksum covers the addresses.
    func finishICMPv6(at offset: Int, count: Int, source: IPv6Address, destination: IPv6Address) {
        var sum = InternetChecksum()
        sum.addPseudoHeader(
            source: source,
            destination: destination,
            byteCount: UInt32(truncatingIfNeeded: count),
            nextHeader: IPProtocol.icmpv6
        )
        sum.add(UnsafeBufferPointer(octets(at: offset, count: count)).span)
        store(sum.value, at: offset + 2)
    }

    /// The offset of a message of neighbour discovery: behind headers of Ethernet and IPv6.
    static let discoveryOffset = EthernetHeader.untaggedByteCount + IPv6Header.byteCount

    /// Puts a checksum into the message of neighbour discovery at `discoveryOffset`, and the headers before it.
    ///
    /// A host that has no address yet is told through all nodes (RFC 4861 sections 6.2.6 and 7.2.4).
    /// - Returns: the octets of the answer.
    func finishDiscovery(
        count: Int,
        from source: IPv6Address,
        at mac: MACAddress,
        to frame: Frame
    ) -> Int {
        guard frame.ipv6Source != .any else { return finishDiscoveryToAll(count: count, from: source, at: mac) }
        return finishDiscovery(
            count: count,
            from: source,
            at: mac,
            to: frame.ipv6Source,
            at: MACAddress(truncating: frame.source)
        )
    }

    /// The same for all nodes.
    func finishDiscoveryToAll(count: Int, from source: IPv6Address, at mac: MACAddress) -> Int {
        let (all, allMAC) = (IPv6Address(high: 0xff02 << 48, low: 1), MACAddress(truncating: 0x3333_0000_0001))
        return finishDiscovery(count: count, from: source, at: mac, to: all, at: allMAC)
    }

    private func finishDiscovery(
        count: Int,
        from source: IPv6Address,
        at mac: MACAddress,
        to destination: IPv6Address,
        at destinationMAC: MACAddress
    ) -> Int {
        let ethernet = EthernetHeader(destination: destinationMAC, source: mac, etherType: EtherType.ipv6)
        let ip = IPv6Header(
            payloadByteCount: UInt16(truncatingIfNeeded: count),
            nextHeader: IPProtocol.icmpv6,
            hopLimit: 255,
            source: source,
            destination: destination
        )
        let ipStart = EthernetHeader.untaggedByteCount
        var octets = self.octets(at: 0, count: ipStart).mutableSpan
        ethernet.write(to: &octets)
        octets = self.octets(at: ipStart, count: IPv6Header.byteCount).mutableSpan
        ip.write(to: &octets)
        finishICMPv6(at: Self.discoveryOffset, count: count, source: ip.source, destination: ip.destination)
        return Self.discoveryOffset + count
    }

    private func store(_ value: UInt16, at offset: Int) {
        base[offset] = UInt8(truncatingIfNeeded: value >> 8)
        base[offset + 1] = UInt8(truncatingIfNeeded: value)
    }
}
