import CLinux

/// Sums of the Internet checksum (RFC 1071) over raw memory: `Wire.InternetChecksum` for the packet path.
///
/// Words are added in the machine's byte order and unfolded; a ones' complement sum is the same in either order, but
/// for its own octets' order. So what is folded goes into a header by a plain store.
public enum WordSum {
    /// Adds octets; only the last piece of what is summed may have an odd count.
    @inline(__always)
    public static func add(_ bytes: UnsafeRawPointer, count: Int, to sum: UInt64 = 0) -> UInt64 {
        clinux_word_sum(bytes, count, sum)
    }

    /// Adds the octets of a header, a multiple of four: so few that a call would cost more.
    @inline(__always)
    static func addHeader(_ bytes: UnsafeRawPointer, count: Int, to sum: UInt64 = 0) -> UInt64 {
        var sum = sum
        var offset = 0
        while offset < count {
            sum &+= UInt64(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            offset &+= 4
        }
        return sum
    }

    /// Takes out a field of 16 bits that has been added, by adding its complement.
    @inline(__always)
    static func remove(_ field: UnsafeRawPointer, from sum: UInt64) -> UInt64 {
        sum &+ UInt64(~field.loadUnaligned(as: UInt16.self))
    }

    /// Adds a field in host order.
    @inline(__always)
    static func add(_ field: UInt16, to sum: UInt64) -> UInt64 { sum &+ UInt64(field.bigEndian) }

    /// The sum in 16 bits, not inverted.
    @inline(__always)
    public static func fold(_ sum: UInt64) -> UInt16 {
        var folded = (sum & 0xffff_ffff) &+ sum &>> 32
        folded = (folded & 0xffff_ffff) &+ folded &>> 32
        folded = (folded & 0xffff) &+ folded &>> 16
        folded = (folded & 0xffff) &+ folded &>> 16
        folded = (folded & 0xffff) &+ folded &>> 16
        return UInt16(truncatingIfNeeded: folded)
    }
}
