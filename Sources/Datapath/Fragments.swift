import Wire

/// The fragments of an IP packet that is longer than the path carries (RFC 791 section 2.3, RFC 8200 section 4.5). Only
/// headers are made; the payload stays where it is. A packet that is a fragment itself is cut into smaller ones.
public struct Fragments {
    /// The number of fragments; one if the frame is too long by its padding only.
    public let count: Int
    /// Octets of payload in each fragment, but for the last one: a multiple of 8.
    public let pieceByteCount: Int
    /// The start of the payload, which is in one piece after the headers, or after the UDP header of a superpacket.
    public let payload: UnsafeRawPointer

    /// The Ethernet and network headers, then `leadingByteCount` octets of the first fragment's payload.
    private let template: UnsafeRawPointer
    private let leadingByteCount: Int
    private let networkOffset: Int
    /// Behind the IPv4 header, or after that of IPv6 without extensions.
    private let networkEnd: Int
    /// All octets to be cut, the leading ones included.
    private let byteCount: Int
    /// The offset of the first octet in the packet that this is a fragment of.
    private let firstOffset: Int
    /// True if fragments follow that are not ours.
    private let hasMore: Bool
    /// IPv6 only: what follows, in the first fragment, the fragment header; and the identification.
    private let nextHeader: UInt8
    private let identification: UInt32
    private let isIPv6: Bool

    /// The least MTU that every IPv6 link has (RFC 8200 section 5).
    public static let ipv6MTUMinimum = 1280
    /// Octets of IPv6's fragment header.
    private static let fragmentHeaderByteCount = 8

    /// The fragments of a frame that lies in one piece; `nil` if it may not be cut.
    /// - Parameters:
    ///   - pathMTU: what the path carries, in octets after the Ethernet header, tags included.
    ///   - identification: tells the fragments of an IPv6 packet from those of others.
    public init?(of frame: Frame, pathMTU: Int, identification: UInt32) {
        guard
            frame.mayBeFragmented(
                packetByteCount: frame.packetEnd &- EthernetHeader.untaggedByteCount,
                pathMTU: pathMTU
            )
        else { return nil }
        self.init(
            template: frame.bytes,
            frame,
            leadingByteCount: 0,
            payload: frame.bytes,
            byteCount: frame.packetEnd,
            pathMTU: pathMTU,
            identification: identification
        )
    }

    /// The fragments of a datagram of a superpacket whose headers have been made; `nil` if it may not be cut.
    /// - Parameters:
    ///   - header: the datagram's headers, which `Superpacket.writeHeader` has made.
    ///   - frame: the whole superpacket.
    ///   - payload: the datagram's payload, after its UDP header.
    ///   - byteCount: its octets.
    public init?(
        header: UnsafeRawPointer,
        ofDatagramIn frame: Frame,
        payload: UnsafeRawPointer,
        byteCount: Int,
        pathMTU: Int,
        identification: UInt32
    ) {
        self.init(
            template: header,
            frame,
            leadingByteCount: UDPHeader.byteCount,
            payload: payload,
            byteCount: frame.transportOffset &+ UDPHeader.byteCount &+ byteCount,
            pathMTU: pathMTU,
            identification: identification
        )
    }

    /// - Parameters:
    ///   - payload: the frame's first octet, if it lies in one piece.
    ///   - byteCount: octets from the destination MAC to the packet's end.
    private init?(
        template: UnsafeRawPointer,
        _ frame: Frame,
        leadingByteCount: Int,
        payload: UnsafeRawPointer,
        byteCount end: Int,
        pathMTU: Int,
        identification: UInt32
    ) {
        self.template = template
        self.leadingByteCount = leadingByteCount
        networkOffset = frame.networkOffset
        let mtu = pathMTU &- frame.tagByteCount
        var payloadStart: Int
        if frame.network == .ipv4 {
            isIPv6 = false
            networkEnd = frame.transportOffset
            payloadStart = networkEnd
            let word = frame.ipv4FragmentWord
            firstOffset = Int(word & 0x1fff) &* 8
            hasMore = word & 0x2000 != 0
            nextHeader = 0
            self.identification = 0
        } else {
            isIPv6 = true
            networkEnd = networkOffset &+ IPv6Header.byteCount
            payloadStart = networkEnd
            let next = template.integer8(at: networkOffset &+ 6)
            if next == IPProtocol.fragment {
                // A fragment's header was there as a whole, or the frame would be malformed.
                nextHeader = template.integer8(at: networkEnd)
                let word = template.integer16(at: networkEnd &+ 2)
                firstOffset = Int(word & 0xfff8)
                hasMore = word & 1 != 0
                self.identification = template.integer32(at: networkEnd &+ 4)
                payloadStart &+= Self.fragmentHeaderByteCount
            } else {
                // Other extension headers belong into each fragment or only into the first; they do not occur here.
                guard frame.transportOffset == networkEnd else { return nil }
                (nextHeader, firstOffset, hasMore) = (next, 0, false)
                self.identification = identification
            }
        }
        byteCount = end &- payloadStart
        let headers = networkEnd &- networkOffset &+ (isIPv6 ? Self.fragmentHeaderByteCount : 0)
        pieceByteCount = (mtu &- headers) & ~7
        guard pieceByteCount > leadingByteCount, byteCount > 0 else { return nil }
        count = byteCount &- 1 < pieceByteCount ? 1 : (byteCount &+ pieceByteCount &- 1) / pieceByteCount
        self.payload = leadingByteCount > 0 ? payload : payload + payloadStart
    }

    /// Octets of a fragment's headers, from the destination MAC on, and, of the first, of the leading payload.
    public func headerByteCount(of index: Int) -> Int {
        networkEnd &+ (isIPv6 ? Self.fragmentHeaderByteCount : 0) &+ (index == 0 ? leadingByteCount : 0)
    }

    /// The payload of a fragment, from `payload` on, without what `writeHeader` has written of it.
    public func payload(of index: Int) -> (offset: Int, byteCount: Int) {
        let offset = index &* pieceByteCount
        let count = min(pieceByteCount, byteCount &- offset)
        return index == 0 ? (0, count &- leadingByteCount) : (offset &- leadingByteCount, count)
    }

    /// Writes the headers of a fragment.
    /// - Parameters:
    ///   - index: 0 ..< `count`.
    ///   - memory: room for `headerByteCount(of: index)` octets, which must not be the frame's.
    public func writeHeader(of index: Int, to memory: UnsafeMutableRawPointer) {
        memory.copyMemory(from: template, byteCount: networkEnd)
        let offset = index &* pieceByteCount
        let count = min(pieceByteCount, byteCount &- offset)
        let isLast = index &+ 1 == self.count && !hasMore
        if isIPv6 {
            writeIPv6(memory, offset: firstOffset &+ offset, byteCount: count, isLast: isLast)
        } else {
            let ip = memory + networkOffset
            let headerByteCount = networkEnd &- networkOffset
            ip.store16(headerByteCount &+ count, at: 2)
            ip.store16((firstOffset &+ offset) &>> 3 | (isLast ? 0 : 0x2000), at: 6)
            if index > 0 { blankOptions(of: ip, byteCount: headerByteCount) }
            ip.sealIPv4Header(byteCount: headerByteCount)
        }
        if index == 0, leadingByteCount > 0 {
            let end = headerByteCount(of: 1)
            (memory + end).copyMemory(from: template + networkEnd, byteCount: leadingByteCount)
        }
    }

    private func writeIPv6(_ memory: UnsafeMutableRawPointer, offset: Int, byteCount: Int, isLast: Bool) {
        let ip = memory + networkOffset
        ip.store16(Self.fragmentHeaderByteCount &+ byteCount, at: 4)
        ip.storeBytes(of: IPProtocol.fragment, toByteOffset: 6, as: UInt8.self)
        let header = memory + networkEnd
        header.storeBytes(of: nextHeader, as: UInt8.self)
        header.storeBytes(of: 0, toByteOffset: 1, as: UInt8.self)
        header.store16(offset | (isLast ? 0 : 1), at: 2)
        header.storeBytes(of: identification.bigEndian, toByteOffset: 4, as: UInt32.self)
    }

    /// Puts "no operation" in the place of the options that only the first fragment has (RFC 791 section 3.1, the
    /// copied flag).
    private func blankOptions(of ip: UnsafeMutableRawPointer, byteCount: Int) {
        var offset = IPv4Header.minimumByteCount
        while offset < byteCount {
            let type = ip.load(fromByteOffset: offset, as: UInt8.self)
            // End of options, no operation.
            if type == 0 { return }
            guard type != 1 else {
                offset &+= 1
                continue
            }
            guard offset &+ 1 < byteCount else { return }
            let length = Int(ip.load(fromByteOffset: offset &+ 1, as: UInt8.self))
            guard length >= 2, offset &+ length <= byteCount else { return }
            if type & 0x80 == 0 { fillWithNoOperation(ip + offset, length) }
            offset &+= length
        }
    }

    private func fillWithNoOperation(_ memory: UnsafeMutableRawPointer, _ byteCount: Int) {
        for offset in 0..<byteCount { memory.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self) }
    }
}
