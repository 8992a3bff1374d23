// All integers of all headers are big-endian (RFC 1700); these are the only places that know.

extension Span<UInt8> {
    /// The two octets from `offset` on. The caller has checked that they are there.
    package func integer16(at offset: Int) -> UInt16 {
        UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
    }

    /// The four octets from `offset` on.
    package func integer32(at offset: Int) -> UInt32 {
        UInt32(integer16(at: offset)) << 16 | UInt32(integer16(at: offset + 2))
    }

    /// The eight octets from `offset` on.
    package func integer64(at offset: Int) -> UInt64 {
        UInt64(integer32(at: offset)) << 32 | UInt64(integer32(at: offset + 4))
    }

    package func macAddress(at offset: Int) -> MACAddress {
        MACAddress(truncating: UInt64(integer16(at: offset)) << 32 | UInt64(integer32(at: offset + 2)))
    }

    package func ipv6Address(at offset: Int) -> IPv6Address {
        IPv6Address(high: integer64(at: offset), low: integer64(at: offset + 8))
    }
}

extension MutableSpan<UInt8> {
    /// Writes two octets from `offset` on. The caller has checked that there is room.
    mutating func store(_ value: UInt16, at offset: Int) {
        self[offset] = UInt8(truncatingIfNeeded: value >> 8)
        self[offset + 1] = UInt8(truncatingIfNeeded: value)
    }

    /// Writes four octets from `offset` on.
    mutating func store(_ value: UInt32, at offset: Int) {
        store(UInt16(truncatingIfNeeded: value >> 16), at: offset)
        store(UInt16(truncatingIfNeeded: value), at: offset + 2)
    }

    /// Writes eight octets from `offset` on.
    mutating func store(_ value: UInt64, at offset: Int) {
        store(UInt32(truncatingIfNeeded: value >> 32), at: offset)
        store(UInt32(truncatingIfNeeded: value), at: offset + 4)
    }

    mutating func store(_ address: MACAddress, at offset: Int) {
        store(UInt16(truncatingIfNeeded: address.rawValue >> 32), at: offset)
        store(UInt32(truncatingIfNeeded: address.rawValue), at: offset + 2)
    }

    mutating func store(_ address: IPv6Address, at offset: Int) {
        store(address.high, at: offset)
        store(address.low, at: offset + 8)
    }
}
