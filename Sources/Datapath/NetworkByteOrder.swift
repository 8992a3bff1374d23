import Wire

// The packet path's loads: unaligned, big-endian, unchecked. Every caller has compared the offset with the length.

extension UnsafeRawPointer {
    @inline(__always)
    func integer8(at offset: Int) -> UInt8 { load(fromByteOffset: offset, as: UInt8.self) }

    @inline(__always)
    func integer16(at offset: Int) -> UInt16 {
        UInt16(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    @inline(__always)
    func integer32(at offset: Int) -> UInt32 {
        UInt32(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    @inline(__always)
    func integer64(at offset: Int) -> UInt64 {
        UInt64(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The MAC address at `offset`, as `MACAddress.rawValue` has it.
    @inline(__always)
    func macAddress(at offset: Int) -> UInt64 {
        UInt64(integer16(at: offset)) << 32 | UInt64(integer32(at: offset + 2))
    }

    @inline(__always)
    func ipv6Address(at offset: Int) -> IPv6Address {
        IPv6Address(high: integer64(at: offset), low: integer64(at: offset + 8))
    }

    /// Octets for a codec of `Wire`.
    @inline(__always)
    func octets(from offset: Int, to end: Int) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: (self + offset).assumingMemoryBound(to: UInt8.self), count: end - offset)
    }
}
