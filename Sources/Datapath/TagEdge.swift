import Wire

/// The tag of a frame where it comes from a device or goes to one (IEEE 802.1Q section 9): it is there or not for all
/// that lies between, and a virtio-net header in front of the frame goes with it.
public enum TagEdge {
    /// The octets of a tag.
    public static let tagByteCount = 4
    /// The octets of a virtio-net header and the MACs behind it, in front of a tag.
    public static let frontByteCount = OffloadHeader.byteCount + macByteCount
    private static let macByteCount = 12
    private static let identifierMask = 0xfff

    /// The identifier of a frame's first tag; 0 if it has none that is a customer's, or is too short for one.
    public static func tag(of bytes: UnsafeRawPointer, byteCount: Int) -> UInt16 {
        guard byteCount >= EthernetHeader.untaggedByteCount &+ tagByteCount,
            bytes.integer16(at: macByteCount) == EtherType.customerTag
        else { return 0 }
        return bytes.integer16(at: macByteCount &+ 2) & UInt16(identifierMask)
    }

    /// Takes the first tag out of a frame that has one, with a virtio-net header in front of it.
    /// - Returns: where the frame begins now; its header is in front of it.
    public static func pop(_ bytes: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        let header = OffloadHeader(bytes - OffloadHeader.byteCount).moved(by: -tagByteCount)
        let start = bytes + tagByteCount
        start.copyMemory(from: bytes, byteCount: macByteCount)
        header.store(to: start - OffloadHeader.byteCount)
        return start
    }

    /// Puts a tag into a frame, with a virtio-net header in front of it and room for a tag in front of that.
    /// - Returns: where the frame begins now; its header is in front of it.
    public static func push(_ tag: UInt16, _ bytes: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        let header = OffloadHeader(bytes - OffloadHeader.byteCount).moved(by: tagByteCount)
        let start = bytes - tagByteCount
        start.copyMemory(from: bytes, byteCount: macByteCount)
        writeTag(tag, behind: start)
        header.store(to: start - OffloadHeader.byteCount)
        return start
    }

    /// Writes a virtio-net header, the MACs of a frame and a tag, behind which the frame goes on after its MACs.
    /// - Parameters:
    ///   - front: the frame's virtio-net header and MACs.
    ///   - room: room for `frontByteCount` and `tagByteCount` octets.
    public static func writeFront(_ front: UnsafeRawPointer, _ tag: UInt16, to room: UnsafeMutableRawPointer) {
        OffloadHeader(front).moved(by: tagByteCount).store(to: room)
        let start = room + OffloadHeader.byteCount
        start.copyMemory(from: front + OffloadHeader.byteCount, byteCount: macByteCount)
        writeTag(tag, behind: start)
    }

    private static func writeTag(_ tag: UInt16, behind start: UnsafeMutableRawPointer) {
        start.store16(Int(EtherType.customerTag), at: macByteCount)
        start.store16(Int(tag), at: macByteCount &+ 2)
    }
}
