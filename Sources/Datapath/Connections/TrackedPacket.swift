import Wire

/// The two ends of a packet.
struct ConnectionTuple: Equatable, BitwiseCopyable {
    var sourceHigh: UInt64 = 0
    var sourceLow: UInt64 = 0
    var destinationHigh: UInt64 = 0
    var destinationLow: UInt64 = 0
    /// Of a query of ICMP its identifier where its sender is, and 0 where it is answered.
    var sourcePort: UInt16 = 0
    var destinationPort: UInt16 = 0
    var transport: UInt8 = 0
    var isIPv6 = false
    /// 0, or the type of an ICMP query.
    var query: UInt8 = 0
    /// True if it is the name of a fragmented packet, the ports being its identification: not the same both ways.
    var isFragment = false

    /// True if the source is the lower one of the two ends.
    var isAscending: Bool {
        if isFragment { return true }
        if sourceHigh != destinationHigh { return sourceHigh < destinationHigh }
        if sourceLow != destinationLow { return sourceLow < destinationLow }
        return sourcePort <= destinationPort
    }

    var reversed: ConnectionTuple {
        var tuple = self
        (tuple.sourceHigh, tuple.sourceLow) = (destinationHigh, destinationLow)
        (tuple.destinationHigh, tuple.destinationLow) = (sourceHigh, sourceLow)
        (tuple.sourcePort, tuple.destinationPort) = (destinationPort, sourcePort)
        return tuple
    }
}

/// The parts of a TCP segment that move its connection.
struct TrackedSegment: BitwiseCopyable {
    var sequence: UInt32 = 0
    var acknowledgment: UInt32 = 0
    var window: UInt32 = 0
    /// Octets of data.
    var byteCount: UInt32 = 0
    /// FIN, SYN, RST and ACK.
    var flags: UInt8 = 0
    /// The window scale of a SYN (RFC 7323 section 2.2); `nil` without the option.
    var scale: UInt8?

    init() {}

    /// TCP only.
    /// - Returns: `nil` for a header that is cut short, or whose flags nobody sends.
    init?(_ frame: Frame) {
        guard let end = frame.transportHeaderEnd else { return nil }
        let (bytes, offset) = (frame.bytes, frame.transportOffset)
        let mask = TCPFlags.finish | TCPFlags.synchronize | TCPFlags.reset | TCPFlags.acknowledgment
        flags = bytes.integer8(at: offset &+ 13) & mask
        sequence = bytes.integer32(at: offset &+ 4)
        acknowledgment = bytes.integer32(at: offset &+ 8)
        window = UInt32(bytes.integer16(at: offset &+ 14))
        byteCount = UInt32(truncatingIfNeeded: frame.packetEnd &- end)
        let has = has
        // A segment that opens does not end, and one that neither opens nor refuses acknowledges (RFC 9293 section
        // 3.10.7).
        let isSensible =
            has.synchronize ? !has.finish && !has.reset : has.reset ? !has.finish : has.acknowledgment
        guard isSensible else { return nil }
        if has.synchronize { readScale(bytes, offset &+ TCPHeader.minimumByteCount, end) }
    }

    private mutating func readScale(_ bytes: UnsafeRawPointer, _ start: Int, _ end: Int) {
        var place = start
        while place < end {
            let option = bytes.integer8(at: place)
            if option == 1 {
                place &+= 1
                continue
            }
            guard option != 0, place &+ 1 < end else { return }
            let length = Int(bytes.integer8(at: place &+ 1))
            guard length >= 2, place &+ length <= end else { return }
            if option == 3, length == 3 { scale = min(14, bytes.integer8(at: place &+ 2)) }
            place &+= length
        }
    }

    var has: (synchronize: Bool, acknowledgment: Bool, finish: Bool, reset: Bool) {
        (
            flags & TCPFlags.synchronize != 0, flags & TCPFlags.acknowledgment != 0, flags & TCPFlags.finish != 0,
            flags & TCPFlags.reset != 0
        )
    }

    /// After the segment, SYN and FIN taking one number each (RFC 9293 section 3.4).
    var end: UInt32 {
        sequence &+ byteCount &+ (has.synchronize ? 1 : 0) &+ (has.finish ? 1 : 0)
    }
}

/// A packet as connections see it. What its octets claim is believed only within the packet's bounds.
struct TrackedPacket: BitwiseCopyable {
    enum Kind {
        /// No part of a connection, such as neighbor discovery.
        case untracked
        /// A header that is cut short, or that nobody sends.
        case invalid
        /// A packet with a transport header, which `tuple` is of.
        case packet
        /// A fragment without transport header; `tuple` names the packet that it is of.
        case laterFragment
        /// An ICMP error; `tuple` is of the packet that it is about.
        case error
    }

    private(set) var kind = Kind.untracked
    private(set) var tuple = ConnectionTuple()
    private(set) var segment = TrackedSegment()
    /// The first chunk of SCTP (RFC 9260 section 3.2).
    private(set) var chunk: UInt8 = 0
    /// True if it answers an ICMP query.
    private(set) var isAnswer = false
    /// True if it can be followed by a `ConnectionReference`: TCP and SCTP that neither open nor end, UDP, and echoes
    /// of ICMP. Those of ICMPv6 are decided one by one anyway, as neighbor discovery hides among them.
    var isPlain: Bool {
        guard kind == .packet, fragments == nil else { return false }
        switch tuple.transport {
        case IPProtocol.tcp: return segment.flags == TCPFlags.acknowledgment
        case IPProtocol.udp: return true
        case IPProtocol.sctp: return Self.isPlain(chunk: chunk)
        default: return tuple.query == 8
        }
    }

    /// True for DATA, SACK, HEARTBEAT and its acknowledgment (RFC 9260 section 3.2).
    static func isPlain(chunk: UInt8) -> Bool { chunk == 0 || chunk == 3 || chunk == 4 || chunk == 5 }
    /// The name of the packet that it is the first fragment of.
    private(set) var fragments: ConnectionTuple?

    /// - Parameter frame: IP only.
    init(_ frame: Frame) {
        tuple.isIPv6 = frame.network == .ipv6
        tuple.transport = frame.transport
        if tuple.isIPv6 {
            (tuple.sourceHigh, tuple.sourceLow) = (frame.ipv6Source.high, frame.ipv6Source.low)
            (tuple.destinationHigh, tuple.destinationLow) = (frame.ipv6Destination.high, frame.ipv6Destination.low)
        } else {
            (tuple.sourceLow, tuple.destinationLow) = (UInt64(frame.ipv4Source), UInt64(frame.ipv4Destination))
        }
        let identification = frame.fragmentIdentification
        if let identification {
            var name = tuple
            name.isFragment = true
            name.sourcePort = UInt16(truncatingIfNeeded: identification &>> 16)
            name.destinationPort = UInt16(truncatingIfNeeded: identification)
            fragments = name
        }
        if frame.isLaterFragment {
            guard let name = fragments else {
                kind = .invalid
                return
            }
            (kind, tuple, fragments) = (.laterFragment, name, nil)
            return
        }
        readTransport(frame)
    }

    private mutating func readTransport(_ frame: Frame) {
        let bytes = frame.bytes
        let offset = frame.transportOffset
        let count = frame.transportByteCount
        kind = .invalid
        switch tuple.transport {
        case IPProtocol.tcp:
            guard let segment = TrackedSegment(frame) else { return }
            readPorts(bytes, offset)
            self.segment = segment
            kind = .packet
        case IPProtocol.udp:
            guard count >= UDPHeader.byteCount else { return }
            readPorts(bytes, offset)
            kind = .packet
        case IPProtocol.sctp:
            guard count >= 16 else { return }
            readPorts(bytes, offset)
            chunk = bytes.integer8(at: offset &+ 12)
            kind = .packet
        case IPProtocol.icmpv4 where !tuple.isIPv6, IPProtocol.icmpv6 where tuple.isIPv6:
            guard count >= 8 else {
                // Without more there is nothing but types that no connection has.
                kind = tuple.isIPv6 && count >= 4 ? .untracked : .invalid
                return
            }
            readMessage(frame, bytes.integer8(at: offset), bytes.integer16(at: offset &+ 4))
        default: kind = .packet
        }
    }

    private mutating func readPorts(_ bytes: UnsafeRawPointer, _ offset: Int) {
        tuple.sourcePort = bytes.integer16(at: offset)
        tuple.destinationPort = bytes.integer16(at: offset &+ 2)
    }

    /// ICMP with eight octets at least.
    private mutating func readMessage(_ frame: Frame, _ type: UInt8, _ identifier: UInt16) {
        let query: UInt8
        if tuple.isIPv6 {
            switch type {
            case 1...4: return readError(frame)
            case 128: query = 128
            case 129: (query, isAnswer) = (128, true)
            default:
                kind = .untracked
                return
            }
        } else {
            switch type {
            case 3, 4, 5, 11, 12: return readError(frame)
            case 8, 13, 15, 17: query = type
            case 0: (query, isAnswer) = (8, true)
            case 14, 16, 18: (query, isAnswer) = (type - 1, true)
            default:
                kind = .untracked
                return
            }
        }
        tuple.query = query
        if isAnswer { tuple.destinationPort = identifier } else { tuple.sourcePort = identifier }
        kind = .packet
    }

    /// Reads the packet that an error is about, which its receiver has sent (RFC 792, RFC 4443 section 2.4).
    private mutating func readError(_ frame: Frame) {
        let bytes = frame.bytes
        let start = frame.transportOffset &+ 8
        let count = frame.packetEnd &- start
        var inner = ConnectionTuple()
        inner.isIPv6 = tuple.isIPv6
        var transport = start
        if tuple.isIPv6 {
            guard count >= IPv6Header.byteCount, bytes.integer8(at: start) &>> 4 == 6 else { return }
            inner.transport = bytes.integer8(at: start &+ 6)
            let (source, destination) = (bytes.ipv6Address(at: start &+ 8), bytes.ipv6Address(at: start &+ 24))
            (inner.sourceHigh, inner.sourceLow) = (source.high, source.low)
            (inner.destinationHigh, inner.destinationLow) = (destination.high, destination.low)
            transport &+= IPv6Header.byteCount
        } else {
            guard count >= IPv4Header.minimumByteCount else { return }
            let first = bytes.integer8(at: start)
            let length = Int(first & 15) &* 4
            guard first &>> 4 == 4, length >= IPv4Header.minimumByteCount, bytes.integer16(at: start &+ 6) & 0x1fff == 0
            else { return }
            inner.transport = bytes.integer8(at: start &+ 9)
            inner.sourceLow = UInt64(bytes.integer32(at: start &+ 12))
            inner.destinationLow = UInt64(bytes.integer32(at: start &+ 16))
            transport &+= length
        }
        guard inner.sourceHigh == tuple.destinationHigh, inner.sourceLow == tuple.destinationLow else { return }
        switch inner.transport {
        case IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp:
            guard frame.packetEnd &- transport >= 8 else { return }
            inner.sourcePort = bytes.integer16(at: transport)
            inner.destinationPort = bytes.integer16(at: transport &+ 2)
        case IPProtocol.icmpv4, IPProtocol.icmpv6:
            guard frame.packetEnd &- transport >= 8 else { return }
            let identifier = bytes.integer16(at: transport &+ 4)
            switch (bytes.integer8(at: transport), inner.isIPv6) {
            case (128, true), (8, false): (inner.query, inner.sourcePort) = (inner.isIPv6 ? 128 : 8, identifier)
            case (129, true), (0, false): (inner.query, inner.destinationPort) = (inner.isIPv6 ? 128 : 8, identifier)
            default: return
            }
        default: break
        }
        tuple = inner
        kind = .error
    }
}

extension Frame {
    /// The identification of the packet that it is a fragment of; `nil` for a whole one, or where it cannot be read. IP
    /// only.
    fileprivate var fragmentIdentification: UInt32? {
        if network == .ipv4 {
            return ipv4FragmentWord & 0x3fff != 0 ? UInt32(bytes.integer16(at: networkOffset &+ 4)) : nil
        }
        guard hasIPv6Fragment else { return nil }
        var next = bytes.integer8(at: networkOffset &+ 6)
        var place = networkOffset &+ IPv6Header.byteCount
        for _ in 0..<Self.extensionHeaderCountMaximum where place &+ 8 <= packetEnd {
            switch next {
            case IPProtocol.fragment:
                // Whole, though it says that it is a fragment (RFC 6946).
                guard bytes.integer16(at: place &+ 2) & 0xfff9 != 0 else { return nil }
                return bytes.integer32(at: place &+ 4)
            case IPProtocol.hopByHop, IPProtocol.routing, IPProtocol.destinationOptions:
                next = bytes.integer8(at: place)
                place &+= (Int(bytes.integer8(at: place &+ 1)) &+ 1) &* 8
            default: return nil
            }
        }
        return nil
    }
}
