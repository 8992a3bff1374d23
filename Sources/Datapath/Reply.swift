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

    private func store(_ value: UInt16, at offset: Int) {
        base[offset] = UInt8(truncatingIfNeeded: value >> 8)
        base[offset + 1] = UInt8(truncatingIfNeeded: value)
    }
}
