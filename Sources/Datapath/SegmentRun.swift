import Wire

/// A TCP segment or UDP datagram with payload that others may be merged with, as generic receive offload does it (the
/// rules are those of the kernel's selftests net/gro.c).
public struct Segment {
    /// The frame.
    public let bytes: UnsafeMutableRawPointer
    let networkOffset: Int
    let transportOffset: Int
    let isIPv6: Bool
    public let isUDP: Bool
    let sequence: UInt32
    public let headerByteCount: Int
    /// Octets after them.
    public let payloadByteCount: Int

    /// `nil` for everything that passes alone: fragments, options and extension headers of IP, TCP segments with other
    /// flags than ACK, PSH and ECE or without payload, datagrams without checksum, tunnels' datagrams, padding.
    public init?(_ frame: Frame, _ bytes: UnsafeMutableRawPointer) {
        isUDP = frame.transport == IPProtocol.udp
        guard isUDP || frame.transport == IPProtocol.tcp else { return nil }
        guard frame.network == .ipv4 || frame.network == .ipv6, !frame.isFragment,
            frame.packetEnd == frame.byteCount, let headerEnd = frame.transportHeaderEnd
        else { return nil }
        self.bytes = bytes
        isIPv6 = frame.network == .ipv6
        networkOffset = frame.networkOffset
        transportOffset = frame.transportOffset
        headerByteCount = headerEnd
        payloadByteCount = frame.packetEnd &- headerEnd
        sequence = isUDP ? 0 : frame.bytes.integer32(at: transportOffset &+ 4)
        guard payloadByteCount > 0, isIPv6 || transportOffset == networkOffset &+ IPv4Header.minimumByteCount else {
            return nil
        }
        if isUDP {
            guard Int(frame.bytes.integer16(at: transportOffset &+ 4)) == frame.packetEnd &- transportOffset,
                frame.bytes.integer16(at: transportOffset &+ 6) != 0, !Self.isTunnel(frame.ports)
            else { return nil }
        } else {
            let flags = frame.bytes.integer8(at: transportOffset &+ 13)
            guard flags & ~(TCPFlags.push | TCPFlags.congestionEcho) == TCPFlags.acknowledgment else { return nil }
        }
    }

    /// Returns the next segment of the same run, from its bytes alone: it is taken for one and has then to be compared
    /// with all of the run's headers.
    @inline(__always)
    init(following first: Segment, _ bytes: UnsafeMutableRawPointer, byteCount: Int) {
        self.bytes = bytes
        isIPv6 = first.isIPv6
        isUDP = first.isUDP
        networkOffset = first.networkOffset
        transportOffset = first.transportOffset
        headerByteCount = first.headerByteCount
        payloadByteCount = byteCount &- first.headerByteCount
        sequence = isUDP ? 0 : UnsafeRawPointer(bytes).integer32(at: transportOffset &+ 4)
    }

    var isPushed: Bool { !isUDP && UnsafeRawPointer(bytes).integer8(at: transportOffset &+ 13) & TCPFlags.push != 0 }

    /// True if the checksums are right: the IPv4 header's and the one over addresses, header and payload.
    @inline(__always)
    var isIntact: Bool {
        let ip = UnsafeRawPointer(bytes) + networkOffset
        if !isIPv6, WordSum.fold(WordSum.addHeader(ip, count: IPv4Header.minimumByteCount)) != ~0 { return false }
        let byteCount = headerByteCount &- transportOffset &+ payloadByteCount
        let sum = WordSum.add(UInt16(truncatingIfNeeded: byteCount), to: pseudoSum)
        return WordSum.fold(WordSum.add(bytes + transportOffset, count: byteCount, to: sum)) == ~0
    }

    @inline(__always)
    var pseudoSum: UInt64 {
        let number = UInt64(UInt16(isUDP ? IPProtocol.udp : IPProtocol.tcp).bigEndian)
        let ip = UnsafeRawPointer(bytes) + networkOffset
        return isIPv6
            ? WordSum.addHeader(ip + 8, count: 32, to: number) : WordSum.addHeader(ip + 12, count: 8, to: number)
    }

    /// Geneve, VXLAN and its Linux port: kernels before 6.8.5 corrupt merged tunnels when they forward them.
    private static func isTunnel(_ ports: UInt32) -> Bool {
        func isOne(_ port: UInt32) -> Bool { port == 6081 || port == 4789 || port == 8472 }
        return isOne(ports >> 16) || isOne(ports & 0xffff)
    }
}

/// Segments of one flow in a row that are to be delivered as one superpacket. Nothing is copied: the first segment's
/// headers serve for all, and the payloads stay where they are.
public struct SegmentRun {
    /// The segment whose headers serve for all.
    public let first: Segment
    public private(set) var count = 1
    public private(set) var payloadByteCount: Int
    private let segmentByteCount: Int
    private var nextSequence: UInt32
    /// The IPv4 identification of the last segment.
    private var identification: UInt16
    private var hasFixedIdentification = false
    /// True if the first segment's checksums have been looked at; nobody needs to while it is alone.
    private var isVerified = false
    /// True if the last segment has PSH.
    private var isPushed = false
    /// A short or pushed segment is the last one.
    private var isClosed = false

    /// UDP_MAX_SEGMENTS of older kernels, which a TAP's reader may have; and as many parts as a write has cheaply.
    public static let countMaximum = 64

    public init(_ first: Segment) {
        self.first = first
        payloadByteCount = first.payloadByteCount
        segmentByteCount = first.payloadByteCount
        nextSequence = first.sequence &+ UInt32(truncatingIfNeeded: first.payloadByteCount)
        identification = first.isIPv6 ? 0 : UnsafeRawPointer(first.bytes).integer16(at: first.networkOffset &+ 4)
        isClosed = first.isPushed
    }

    /// The frame's octets when it stands for all.
    public var byteCount: Int { first.headerByteCount &+ payloadByteCount }

    /// True if a run takes more after this.
    public var isOpen: Bool { !isClosed && count < Self.countMaximum }

    /// Appends the frame that starts at `bytes` if it is what follows; then its payload is behind its first
    /// `first.headerByteCount` octets. The frame's length is taken as that of its packet: what is behind the packet, or
    /// an intact packet that is cut short, does not follow.
    ///
    /// This runs for each segment that is received: what it calls is inlined, so that nothing of the run, which the
    /// last segment has just changed, is copied.
    public mutating func append(_ bytes: UnsafeMutableRawPointer, byteCount: Int) -> Bool {
        guard isOpen, byteCount > first.headerByteCount else { return false }
        let next = Segment(following: first, bytes, byteCount: byteCount)
        guard next.payloadByteCount <= segmentByteCount, fits(next), hasSameNetworkHeader(next),
            hasSameTransportHeader(next)
        else { return false }
        if !isVerified {
            guard first.isIntact else {
                isClosed = true
                return false
            }
            isVerified = true
        }
        guard next.isIntact else { return false }
        noteIdentification(of: next)
        count &+= 1
        payloadByteCount &+= next.payloadByteCount
        nextSequence &+= UInt32(truncatingIfNeeded: next.payloadByteCount)
        isClosed = next.payloadByteCount < segmentByteCount || next.isPushed
        return true
    }

    /// Makes the first segment's headers those of the superpacket, if it is one, and returns its offload header.
    public func seal() -> OffloadHeader {
        var offload = OffloadHeader()
        guard count > 1 else { return offload }
        let transport = first.bytes + first.transportOffset
        let transportByteCount = byteCount &- first.transportOffset
        storeLength(transportByteCount)
        offload.needsChecksum = true
        offload.headerByteCount = UInt16(truncatingIfNeeded: first.headerByteCount)
        offload.segmentByteCount = UInt16(truncatingIfNeeded: segmentByteCount)
        offload.checksumStart = UInt16(truncatingIfNeeded: first.transportOffset)
        if first.isUDP {
            offload.kind = .udp
            offload.checksumOffset = 6
        } else {
            offload.kind = first.isIPv6 ? .tcpv6 : .tcpv4
            offload.checksumOffset = 16
            if isPushed {
                let flags = transport.load(fromByteOffset: 13, as: UInt8.self)
                transport.storeBytes(of: flags | TCPFlags.push, toByteOffset: 13, as: UInt8.self)
            }
        }
        let sum = WordSum.add(UInt16(truncatingIfNeeded: transportByteCount), to: first.pseudoSum)
        transport.storeBytes(
            of: WordSum.fold(sum),
            toByteOffset: Int(offload.checksumOffset),
            as: UInt16.self
        )
        return offload
    }

    /// Gives the first segment the headers back that it had before `seal`.
    public func unseal() {
        guard count > 1 else { return }
        let transport = first.bytes + first.transportOffset
        let transportByteCount = first.headerByteCount &- first.transportOffset &+ first.payloadByteCount
        storeLength(transportByteCount)
        if !first.isUDP {
            // A pushed segment ends a run: the first of several was none.
            let flags = transport.load(fromByteOffset: 13, as: UInt8.self)
            transport.storeBytes(of: flags & ~TCPFlags.push, toByteOffset: 13, as: UInt8.self)
        }
        let checksumOffset = first.isUDP ? 6 : 16
        transport.storeBytes(of: 0, toByteOffset: checksumOffset, as: UInt16.self)
        let pseudoSum = WordSum.add(UInt16(truncatingIfNeeded: transportByteCount), to: first.pseudoSum)
        let checksum = ~WordSum.fold(WordSum.add(transport, count: transportByteCount, to: pseudoSum))
        // Of a datagram 0 would mean that there is none.
        transport.storeBytes(
            of: checksum == 0 && first.isUDP ? ~0 : checksum,
            toByteOffset: checksumOffset,
            as: UInt16.self
        )
    }

    /// Stores the length of the transport header and what follows it, in the headers that tell it.
    private func storeLength(_ transportByteCount: Int) {
        if first.isIPv6 {
            first.bytes.store16(transportByteCount, at: first.networkOffset &+ 4)
        } else {
            let ip = first.bytes + first.networkOffset
            ip.store16(transportByteCount &+ IPv4Header.minimumByteCount, at: 2)
            ip.sealIPv4Header(byteCount: IPv4Header.minimumByteCount)
        }
        if first.isUDP { (first.bytes + first.transportOffset).store16(transportByteCount, at: 4) }
    }

    /// The longest IP packet; IPv6 does not count its header.
    @inline(__always)
    private func fits(_ next: Segment) -> Bool {
        let byteCount = byteCount &+ next.payloadByteCount &- first.networkOffset
        return byteCount <= (first.isIPv6 ? 65_535 &+ IPv6Header.byteCount : 65_535)
    }

    /// Ethernet and IP: all but length, checksum and identification, which has its own rule.
    @inline(__always)
    private func hasSameNetworkHeader(_ next: Segment) -> Bool {
        let (old, new) = (UnsafeRawPointer(first.bytes), UnsafeRawPointer(next.bytes))
        guard isEqual(old, new, first.networkOffset) else { return false }
        let (oldIP, newIP) = (old + first.networkOffset, new + first.networkOffset)
        let transportByteCount = next.headerByteCount &- next.transportOffset &+ next.payloadByteCount
        if first.isIPv6 {
            return oldIP.integer32(at: 0) == newIP.integer32(at: 0) && Int(newIP.integer16(at: 4)) == transportByteCount
                && oldIP.integer16(at: 6) == newIP.integer16(at: 6) && isEqual(oldIP + 8, newIP + 8, 32)
        }
        return oldIP.integer16(at: 0) == newIP.integer16(at: 0)
            && Int(newIP.integer16(at: 2)) == transportByteCount &+ IPv4Header.minimumByteCount
            && oldIP.integer32(at: 6) == newIP.integer32(at: 6)
            && oldIP.integer64(at: 12) == newIP.integer64(at: 12)
            && followsIdentification(newIP)
    }

    /// One more than the last, or, if fragments are forbidden, always the same.
    @inline(__always)
    private func followsIdentification(_ ip: UnsafeRawPointer) -> Bool {
        let number = ip.integer16(at: 4)
        if number == identification {
            return ip.integer16(at: 6) & 0x4000 != 0 && (count == 1 || hasFixedIdentification)
        }
        return number == identification &+ 1 && !hasFixedIdentification
    }

    @inline(__always)
    private mutating func noteIdentification(of next: Segment) {
        isPushed = next.isPushed
        guard !first.isIPv6 else { return }
        let number = UnsafeRawPointer(next.bytes).integer16(at: next.networkOffset &+ 4)
        hasFixedIdentification = number == identification
        identification = number
    }

    @inline(__always)
    private func hasSameTransportHeader(_ next: Segment) -> Bool {
        let old = UnsafeRawPointer(first.bytes) + first.transportOffset
        let new = UnsafeRawPointer(next.bytes) + first.transportOffset
        guard old.integer32(at: 0) == new.integer32(at: 0) else { return false }
        if first.isUDP {
            return Int(new.integer16(at: 4)) == UDPHeader.byteCount &+ next.payloadByteCount
                && new.integer16(at: 6) != 0
        }
        let options = first.headerByteCount &- first.transportOffset &- TCPHeader.minimumByteCount
        return next.sequence == nextSequence && old.integer32(at: 8) == new.integer32(at: 8)
            && (old.integer32(at: 12) ^ new.integer32(at: 12)) & ~0x0008_0000 == 0
            && new.integer16(at: 18) == old.integer16(at: 18)
            && isEqual(old + TCPHeader.minimumByteCount, new + TCPHeader.minimumByteCount, options)
    }

    /// True if octets are the same; at most a header's.
    @inline(__always)
    private func isEqual(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ count: Int) -> Bool {
        var offset = 0
        while offset &+ 8 <= count {
            if left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                != right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            {
                return false
            }
            offset &+= 8
        }
        while offset < count {
            if left.load(fromByteOffset: offset, as: UInt8.self) != right.load(fromByteOffset: offset, as: UInt8.self) {
                return false
            }
            offset &+= 1
        }
        return true
    }
}
