import Wire

// What a frame says of itself, where the process that has read it can no longer say.

extension Frame {
    /// The octets of a frame by its own headers; `nil` where they do not tell. Padding is left out.
    /// - Parameter maximum: how many octets lie at `bytes`.
    public static func announcedByteCount(_ bytes: UnsafeRawPointer, maximum: Int) -> Int? {
        guard maximum >= EthernetHeader.untaggedByteCount + 8 + IPv6Header.byteCount else { return nil }
        var offset = EthernetHeader.untaggedByteCount
        var type = bytes.integer16(at: 12)
        while offset < EthernetHeader.untaggedByteCount + 8,
            type == EtherType.customerTag || type == EtherType.serviceTag
        {
            offset += 4
            type = bytes.integer16(at: offset - 2)
        }
        let byteCount: Int
        switch type {
        case EtherType.ipv4: byteCount = offset + Int(bytes.integer16(at: offset + 2))
        case EtherType.ipv6: byteCount = offset + IPv6Header.byteCount + Int(bytes.integer16(at: offset + 4))
        case EtherType.arp: byteCount = offset + ARPPacket.byteCount
        // A length in the place of a type (IEEE 802.3 section 3.2.6).
        case ..<1536: byteCount = offset + Int(type)
        default: return nil
        }
        return byteCount <= maximum ? byteCount : nil
    }

    /// TCP and UDP over IP: whether the checksum over the packet is right, and so need not be completed.
    public var hasCompleteChecksum: Bool {
        guard transport == IPProtocol.tcp || transport == IPProtocol.udp, network == .ipv4 || network == .ipv6,
            !isFragment
        else { return false }
        let byteCount = packetEnd - transportOffset
        let sum = WordSum.add(UInt16(truncatingIfNeeded: byteCount), to: pseudoHeaderSum)
        return WordSum.fold(WordSum.add(bytes + transportOffset, count: byteCount, to: sum)) == ~0
    }
}
