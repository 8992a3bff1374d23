import Wire

/// A frame that stands for many: TCP segments or UDP datagrams of one flow with one header, as guests send them. It is
/// cut as the kernel would (tcp_gso_segment, __udp_gso_segment), but its payload stays where it is: only headers are
/// made.
public struct Superpacket {
    public private(set) var segmentCount: Int
    /// Octets of each segment's headers, from the destination MAC on.
    public let headerByteCount: Int
    /// Octets of payload in each segment, but for the last one.
    public private(set) var segmentByteCount: Int
    public let payloadByteCount: Int

    private let bytes: UnsafeRawPointer
    private let networkOffset: Int
    private let transportOffset: Int
    private let isIPv6: Bool
    /// True if it stands for datagrams, else for TCP segments.
    let isUDP: Bool
    /// The IPv4 header but for length, identification and checksum.
    private let networkSum: UInt64
    /// The pseudo-header but for the length, and the transport header but for what differs from segment to segment.
    private let transportSum: UInt64

    /// More segments are refused; it is what Linux' smallest MSS makes of the longest packet (TCP_MIN_SND_MSS).
    public static let segmentCountMaximum = 65_535 / 48 + 1
    /// Longer headers are refused: Ethernet with two tags, IPv6, and as much again for extensions and TCP with options.
    public static let headerByteCountMaximum = 176

    /// - Parameters:
    ///   - frame: the whole frame.
    ///   - offload: the header it came with, which is believed only as far as the frame's own headers confirm it.
    /// - Returns: `nil` if the two do not fit.
    public init?(_ frame: Frame, _ offload: OffloadHeader) {
        switch (offload.kind, frame.network, frame.transport) {
        case (.tcpv4, .ipv4, IPProtocol.tcp), (.tcpv6, .ipv6, IPProtocol.tcp): isUDP = false
        case (.udp, .ipv4, IPProtocol.udp), (.udp, .ipv6, IPProtocol.udp): isUDP = true
        default: return nil
        }
        isIPv6 = frame.network == .ipv6
        guard !frame.isFragment, let headerEnd = frame.transportHeaderEnd else { return nil }
        bytes = frame.bytes
        networkOffset = frame.networkOffset
        transportOffset = frame.transportOffset
        headerByteCount = headerEnd
        payloadByteCount = frame.packetEnd &- headerEnd
        segmentByteCount = Int(offload.segmentByteCount)
        let field = isUDP ? Frame.udpChecksumOffset : Frame.tcpChecksumOffset
        // Bytes after the packet would be payload to a receiver that cuts by the frame's length.
        guard offload.needsChecksum, Int(offload.checksumStart) == transportOffset,
            Int(offload.checksumOffset) == field, segmentByteCount > 0, payloadByteCount > 0,
            headerByteCount <= Self.headerByteCountMaximum, frame.packetEnd == frame.byteCount
        else { return nil }
        segmentCount = (payloadByteCount &+ segmentByteCount &- 1) / segmentByteCount
        guard segmentCount <= Self.segmentCountMaximum else { return nil }
        networkSum = isIPv6 ? 0 : Self.networkSum(of: bytes + networkOffset, to: bytes + transportOffset)
        var sum = frame.pseudoHeaderSum
        sum = WordSum.addHeader(bytes + transportOffset, count: headerByteCount &- transportOffset, to: sum)
        transportSum = Self.removeChanging(of: bytes + transportOffset, isUDP: isUDP, from: sum)
    }

    private static func networkSum(of ip: UnsafeRawPointer, to end: UnsafeRawPointer) -> UInt64 {
        var sum = WordSum.addHeader(ip, count: end - ip)
        sum = WordSum.remove(ip + 2, from: sum)
        sum = WordSum.remove(ip + 4, from: sum)
        return WordSum.remove(ip + 10, from: sum)
    }

    /// Length and checksum of UDP; sequence number, flags and checksum of TCP.
    private static func removeChanging(of transport: UnsafeRawPointer, isUDP: Bool, from sum: UInt64) -> UInt64 {
        if isUDP { return WordSum.remove(transport + 4, from: WordSum.remove(transport + 6, from: sum)) }
        let rest = WordSum.remove(transport + 4, from: WordSum.remove(transport + 6, from: sum))
        return WordSum.remove(transport + 12, from: WordSum.remove(transport + 16, from: rest))
    }

    /// The offload that its own headers ask for.
    public var offload: OffloadHeader {
        var offload = OffloadHeader()
        offload.kind = isUDP ? .udp : isIPv6 ? .tcpv6 : .tcpv4
        offload.needsChecksum = true
        offload.headerByteCount = UInt16(truncatingIfNeeded: headerByteCount)
        offload.segmentByteCount = UInt16(truncatingIfNeeded: segmentByteCount)
        offload.checksumStart = UInt16(truncatingIfNeeded: transportOffset)
        offload.checksumOffset = UInt16(
            truncatingIfNeeded: isUDP ? Frame.udpChecksumOffset : Frame.tcpChecksumOffset
        )
        offload.reducesWindow =
            !isUDP && bytes.integer8(at: transportOffset &+ 13) & TCPFlags.congestionWindowReduced != 0
        return offload
    }

    /// The same TCP segments, cut shorter; `nil` for datagrams, whose boundaries have a meaning, and if there would be
    /// too many.
    /// - Parameter pathMTU: what the path carries, in octets after the Ethernet header, tags included.
    public func recut(pathMTU: Int) -> Superpacket? {
        let byteCount = pathMTU &- (headerByteCount &- EthernetHeader.untaggedByteCount)
        guard !isUDP, byteCount > 0 else { return nil }
        var shorter = self
        shorter.segmentByteCount = min(byteCount, segmentByteCount)
        shorter.segmentCount = (payloadByteCount &+ shorter.segmentByteCount &- 1) / shorter.segmentByteCount
        return shorter.segmentCount <= Self.segmentCountMaximum ? shorter : nil
    }

    /// The octets of the longest segment after the Ethernet header; tags count.
    public var wirePacketByteCount: Int {
        headerByteCount &- EthernetHeader.untaggedByteCount &+ min(segmentByteCount, payloadByteCount)
    }

    /// The octets that all segments have together.
    public var wireByteCount: Int { headerByteCount &* segmentCount &+ payloadByteCount }

    /// The payload of a segment; it lies `headerByteCount` after the frame's begin and this offset.
    public func payload(of index: Int) -> (offset: Int, byteCount: Int) {
        let offset = index &* segmentByteCount
        return (offset, min(segmentByteCount, payloadByteCount &- offset))
    }

    /// Writes the headers of a segment, checksums over its payload and all.
    /// - Parameters:
    ///   - index: 0 ..< `segmentCount`.
    ///   - memory: room for `headerByteCount` octets.
    public func writeHeader(of index: Int, to memory: UnsafeMutableRawPointer) {
        memory.copyMemory(from: bytes, byteCount: headerByteCount)
        let (offset, byteCount) = payload(of: index)
        let transportByteCount = headerByteCount &- transportOffset &+ byteCount
        if isIPv6 {
            let length = transportOffset &- networkOffset &- IPv6Header.byteCount &+ transportByteCount
            memory.store16(length, at: networkOffset &+ 4)
        } else {
            identify(memory + networkOffset, index, byteCount: transportOffset &- networkOffset &+ transportByteCount)
        }
        let transport = memory + transportOffset
        var sum = WordSum.add(UInt16(truncatingIfNeeded: transportByteCount), to: transportSum)
        sum = WordSum.add(bytes + (headerByteCount &+ offset), count: byteCount, to: sum)
        if isUDP {
            transport.store16(transportByteCount, at: 4)
            let value = ~WordSum.fold(WordSum.add(UInt16(truncatingIfNeeded: transportByteCount), to: sum))
            transport.storeBytes(of: value == 0 ? ~0 : value, toByteOffset: 6, as: UInt16.self)
        } else {
            sum = sequence(transport, index: index, offset: offset, addedTo: sum)
            transport.storeBytes(of: ~WordSum.fold(sum), toByteOffset: 16, as: UInt16.self)
        }
    }

    /// Length, identification and checksum of the IPv4 header.
    @inline(__always)
    private func identify(_ ip: UnsafeMutableRawPointer, _ index: Int, byteCount: Int) {
        let number = Int(bytes.integer16(at: networkOffset &+ 4)) &+ index
        ip.store16(byteCount, at: 2)
        ip.store16(number, at: 4)
        let sum = WordSum.add(UInt16(truncatingIfNeeded: byteCount), to: networkSum)
        let value = ~WordSum.fold(WordSum.add(UInt16(truncatingIfNeeded: number), to: sum))
        ip.storeBytes(of: value, toByteOffset: 10, as: UInt16.self)
    }

    /// FIN and PSH are the last segment's, CWR the first one's (RFC 3168 section 6.1.2).
    /// - Returns: the sum with what differs from segment to segment.
    @inline(__always)
    private func sequence(
        _ transport: UnsafeMutableRawPointer,
        index: Int,
        offset: Int,
        addedTo sum: UInt64
    ) -> UInt64 {
        let first = bytes.integer32(at: transportOffset &+ 4)
        let number = (first &+ UInt32(truncatingIfNeeded: offset)).bigEndian
        transport.storeBytes(of: number, toByteOffset: 4, as: UInt32.self)
        var word = bytes.integer16(at: transportOffset &+ 12)
        if index > 0 { word &= ~UInt16(TCPFlags.congestionWindowReduced) }
        if index &+ 1 < segmentCount { word &= ~UInt16(TCPFlags.finish | TCPFlags.push) }
        transport.store16(Int(word), at: 12)
        return WordSum.add(word, to: sum &+ UInt64(number))
    }
}

/// The flags octet of TCP (RFC 9293 section 3.1).
enum TCPFlags {
    static let finish: UInt8 = 0x01
    static let synchronize: UInt8 = 0x02
    static let reset: UInt8 = 0x04
    static let push: UInt8 = 0x08
    static let acknowledgment: UInt8 = 0x10
    static let congestionEcho: UInt8 = 0x40
    static let congestionWindowReduced: UInt8 = 0x80
}

extension UnsafeMutableRawPointer {
    @inline(__always)
    func store16(_ value: Int, at offset: Int) {
        storeBytes(of: UInt16(truncatingIfNeeded: value).bigEndian, toByteOffset: offset, as: UInt16.self)
    }

    /// Computes the header checksum of the IPv4 header here.
    @inline(__always)
    func sealIPv4Header(byteCount: Int) {
        storeBytes(of: 0, toByteOffset: 10, as: UInt16.self)
        storeBytes(of: ~WordSum.fold(WordSum.add(self, count: byteCount)), toByteOffset: 10, as: UInt16.self)
    }
}
