import Wire

/// The header in front of each frame of a TAP (`struct virtio_net_hdr`, virtio 1.2 section 5.1.6, the 10 octets
/// without `num_buffers`): what is still to be done to a frame before it is what a wire carries. Fields are in the
/// machine's byte order.
public struct OffloadHeader: Equatable, Sendable {
    /// Its octets.
    public static let byteCount = 10

    /// Whether the checksum is left to be completed; its field holds the folded sum of the pseudo-header.
    public var needsChecksum = false
    /// Into what the frame is to be cut.
    public var kind = Kind.none
    /// Octets of the frame up to the payload.
    public var headerByteCount: UInt16 = 0
    /// Octets of payload in each segment, but for the last one.
    public var segmentByteCount: UInt16 = 0
    /// Where the checksum's sum begins.
    public var checksumStart: UInt16 = 0
    /// Where the checksum's field is, from there.
    public var checksumOffset: UInt16 = 0
    /// Whether the first of TCP's segments tells of a smaller window (CWR), and no other may (`VIRTIO_NET_HDR_GSO_ECN`).
    public var reducesWindow = false

    /// What a superpacket is made of.
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

    /// Nothing is left to be done.
    public init() {}

    /// Whether the header at `bytes` says that nothing is left to be done, as it does for most small frames.
    public static func isDone(_ bytes: UnsafeRawPointer) -> Bool {
        bytes.load(as: UInt8.self) & needsChecksumFlag == 0
            && bytes.load(fromByteOffset: 1, as: UInt8.self) & ~reducedWindowFlag == 0
    }

    /// Whether the header at `bytes` says that the frame stands for many.
    public static func isSuperpacket(_ bytes: UnsafeRawPointer) -> Bool {
        bytes.load(fromByteOffset: 1, as: UInt8.self) & ~reducedWindowFlag != 0
    }

    /// Reads the header at `bytes`.
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

    /// Writes the header which says that nothing is left to be done.
    @inline(__always)
    public static func storeDone(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: 0, as: UInt64.self)
        bytes.storeBytes(of: 0, toByteOffset: 8, as: UInt16.self)
    }

    /// Completes the checksum of a frame that is no superpacket.
    /// - Returns: `false` where the header points outside the frame; then nothing was done.
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
