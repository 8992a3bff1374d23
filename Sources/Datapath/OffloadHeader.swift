import Wire

/// The header before each frame of a TAP (`struct virtio_net_hdr`, virtio 1.2 section 5.1.6, the 10 octets without
/// `num_buffers`): the work that remains before the frame can go over a wire. Fields are in the machine's byte order.
public struct OffloadHeader: Equatable, Sendable {
    public static let byteCount = 10

    /// True if the checksum has to be completed; its field holds the folded sum of the pseudo-header.
    public var needsChecksum = false
    /// Into what the frame is to be cut.
    public var kind = Kind.none
    /// Octets of the frame up to the payload.
    public var headerByteCount: UInt16 = 0
    /// Octets of payload in each segment, but for the last one.
    public var segmentByteCount: UInt16 = 0
    /// The start of the checksum's sum.
    public var checksumStart: UInt16 = 0
    /// The offset of the checksum's field, from there.
    public var checksumOffset: UInt16 = 0
    /// True if the first of TCP's segments tells of a smaller window (CWR), and no other may
    /// (`VIRTIO_NET_HDR_GSO_ECN`).
    public var reducesWindow = false

    /// The kind of a superpacket.
    public enum Kind: Equatable, Sendable {
        /// No superpacket.
        case none
        case tcpv4
        case tcpv6
        /// UDP datagrams, of either family (`VIRTIO_NET_HDR_GSO_UDP_L4`).
        case udp
        /// Anything else; not asked for, so not to be expected.
        case unknown
    }

    /// The header of a frame that needs no more work.
    public init() {}

    /// True if the header at `bytes` asks for nothing, as that of most small frames does.
    public static func isDone(_ bytes: UnsafeRawPointer) -> Bool {
        bytes.load(as: UInt8.self) & needsChecksumFlag == 0
            && bytes.load(fromByteOffset: 1, as: UInt8.self) & ~reducedWindowFlag == 0
    }

    /// True if the header at `bytes` says that the frame stands for many.
    public static func isSuperpacket(_ bytes: UnsafeRawPointer) -> Bool {
        bytes.load(fromByteOffset: 1, as: UInt8.self) & ~reducedWindowFlag != 0
    }

    public init(_ bytes: UnsafeRawPointer) {
        needsChecksum = bytes.load(as: UInt8.self) & Self.needsChecksumFlag != 0
        let code = bytes.load(fromByteOffset: 1, as: UInt8.self)
        reducesWindow = code & Self.reducedWindowFlag != 0
        switch code & ~Self.reducedWindowFlag {
        case 0: kind = .none
        case 1: kind = .tcpv4
        case 4: kind = .tcpv6
        case 5: kind = .udp
        default: kind = .unknown
        }
        headerByteCount = bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)
        segmentByteCount = bytes.loadUnaligned(fromByteOffset: 4, as: UInt16.self)
        checksumStart = bytes.loadUnaligned(fromByteOffset: 6, as: UInt16.self)
        checksumOffset = bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self)
    }

    /// Writes the header; `unknown` is written as `none`.
    public func store(to bytes: UnsafeMutableRawPointer) {
        let code: UInt8
        switch kind {
        case .none, .unknown: code = 0
        case .tcpv4: code = 1
        case .tcpv6: code = 4
        case .udp: code = 5
        }
        bytes.storeBytes(of: needsChecksum ? Self.needsChecksumFlag : 0, as: UInt8.self)
        bytes.storeBytes(of: reducesWindow ? code | Self.reducedWindowFlag : code, toByteOffset: 1, as: UInt8.self)
        bytes.storeBytes(of: headerByteCount, toByteOffset: 2, as: UInt16.self)
        bytes.storeBytes(of: segmentByteCount, toByteOffset: 4, as: UInt16.self)
        bytes.storeBytes(of: checksumStart, toByteOffset: 6, as: UInt16.self)
        bytes.storeBytes(of: checksumOffset, toByteOffset: 8, as: UInt16.self)
    }

    /// Writes a header that asks for nothing.
    @inline(__always)
    public static func storeDone(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: 0, as: UInt64.self)
        bytes.storeBytes(of: 0, toByteOffset: 8, as: UInt16.self)
    }

    /// Completes the checksum of a frame that is no superpacket.
    /// - Returns: `false` if the header points outside the frame; then nothing was done.
    public func completeChecksum(of frame: UnsafeMutableRawPointer, byteCount: Int) -> Bool {
        let start = Int(checksumStart)
        let field = start &+ Int(checksumOffset)
        guard field &+ 2 <= byteCount else { return false }
        let sum = ~WordSum.fold(WordSum.add(frame + start, count: byteCount &- start))
        // UDP says by 0 that there is none (RFC 768); to others 0 and ~0 are the same.
        frame.storeBytes(of: sum == 0 ? ~0 : sum, toByteOffset: field, as: UInt16.self)
        return true
    }

    /// The same for a frame whose headers have got longer by so many octets.
    public func moved(by growth: Int) -> OffloadHeader {
        var moved = self
        if needsChecksum { moved.checksumStart = UInt16(truncatingIfNeeded: Int(checksumStart) &+ growth) }
        if kind != .none { moved.headerByteCount = UInt16(truncatingIfNeeded: Int(headerByteCount) &+ growth) }
        return moved
    }

    private static var needsChecksumFlag: UInt8 { 1 }
    private static var reducedWindowFlag: UInt8 { 0x80 }
}
