import Wire

/// The tag by which a host tells that a datagram is of the chassis whose address it comes from: a Geneve option behind
/// OVN's, of 8 octets of SipHash-2-4 under the key of the two chassis.
///
/// It covers the network and both ports' keys, the length of the frame and its first octets (``coveredByteCount``),
/// which is all that decisions read. It does not hide anything, does not cover the rest of the frame, and does not tell
/// a datagram from its repetition.
public enum TunnelTag {
    /// The octets that the option takes: header and hash.
    public static let optionByteCount = 12
    /// The octets of the Geneve header with OVN's option and the tag.
    public static let headerByteCount = Verdict.geneveHeaderByteCount + optionByteCount
    /// The octets of the frame that are covered, from the destination MAC on: the headers down to the ports of TCP and
    /// UDP, also after IPv6.
    public static let coveredByteCount = 64
    /// The octets of what is hashed, at most: the header as OVN sends it, the length, the frame's beginning.
    public static let messageByteCountMaximum = Verdict.geneveHeaderByteCount + 8 + coveredByteCount

    /// The start of the header with the tag: as OVN's, with five words of options.
    private static let start: UInt32 = 0x0540_6558
    private static let plainStart: UInt32 = 0x0240_6558
    private static let ovnOption: UInt32 = 0x0102_8001
    /// An experimental class (RFC 8926 section 7), type 1, not critical, two words.
    private static let option: UInt32 = 0xff68_0102

    /// Begins what is hashed with a datagram's header and the length of its frame; the frame's first octets go behind
    /// that.
    /// - Parameters:
    ///   - header: the 16 octets of the header without a tag.
    ///   - message: room for `messageByteCountMaximum` octets.
    /// - Returns: where the frame's octets go.
    public static func begin(
        _ message: UnsafeMutableRawPointer,
        header: UnsafeRawPointer,
        frameByteCount: Int
    ) -> UnsafeMutableRawPointer {
        message.copyMemory(from: header, byteCount: Verdict.geneveHeaderByteCount)
        message.storeBytes(
            of: UInt64(truncatingIfNeeded: frameByteCount).littleEndian,
            toByteOffset: Verdict.geneveHeaderByteCount,
            as: UInt64.self
        )
        return message + (Verdict.geneveHeaderByteCount + 8)
    }

    /// Writes the header with the tag.
    /// - Parameters:
    ///   - header: the 16 octets without it.
    ///   - message: what `begin` has begun.
    ///   - byteCount: the octets of the message.
    ///   - memory: room for `headerByteCount` octets.
    public static func write(
        header: UnsafeRawPointer,
        message: UnsafeRawPointer,
        byteCount: Int,
        key: SipHashKey,
        to memory: UnsafeMutableRawPointer
    ) {
        memory.copyMemory(from: header, byteCount: Verdict.geneveHeaderByteCount)
        memory.storeBytes(of: start.bigEndian, as: UInt32.self)
        memory.storeBytes(of: option.bigEndian, toByteOffset: 16, as: UInt32.self)
        let hash = SipHash.hash(message, count: byteCount, key: key)
        memory.storeBytes(of: hash.littleEndian, toByteOffset: 20, as: UInt64.self)
    }

    /// True if a datagram has the header that `write` makes.
    public static func isThere(_ datagram: UnsafeRawPointer, byteCount: Int) -> Bool {
        byteCount >= headerByteCount && datagram.integer32(at: 0) == start && datagram.integer32(at: 8) == ovnOption
            && datagram.integer32(at: 16) == option
    }

    /// Takes the tag out of a datagram that has one (``isThere``), if it is the one under a key: the datagram begins
    /// `optionByteCount` octets later then, and is as one without a tag.
    /// - Parameter message: room for `messageByteCountMaximum` octets.
    public static func strip(
        _ datagram: UnsafeMutableRawPointer,
        byteCount: Int,
        keys: UnsafePointer<SipHashKey>,
        keyCount: Int,
        message: UnsafeMutableRawPointer
    ) -> Bool {
        let network = datagram.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
        let ports = datagram.loadUnaligned(fromByteOffset: 12, as: UInt32.self)
        let tag = UInt64(littleEndian: datagram.loadUnaligned(fromByteOffset: 20, as: UInt64.self))
        message.storeBytes(of: plainStart.bigEndian, as: UInt32.self)
        message.storeBytes(of: network, toByteOffset: 4, as: UInt32.self)
        message.storeBytes(of: ovnOption.bigEndian, toByteOffset: 8, as: UInt32.self)
        message.storeBytes(of: ports, toByteOffset: 12, as: UInt32.self)
        let frameByteCount = byteCount &- headerByteCount
        let room = begin(message, header: message, frameByteCount: frameByteCount)
        let covered = min(frameByteCount, coveredByteCount)
        room.copyMemory(from: datagram + headerByteCount, byteCount: covered)
        let messageByteCount = Verdict.geneveHeaderByteCount &+ 8 &+ covered
        var index = 0
        while index < keyCount {
            if SipHash.hash(message, count: messageByteCount, key: keys[index]) == tag {
                (datagram + optionByteCount).copyMemory(from: message, byteCount: Verdict.geneveHeaderByteCount)
                return true
            }
            index &+= 1
        }
        return false
    }
}
