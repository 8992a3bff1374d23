import Wire

/// The progress of a connection.
enum ConnectionState: UInt8 {
    /// One end has sent something, and the other one nothing.
    case opening = 1
    /// The other end has agreed, and the first has not said that it knows.
    case answered = 2
    case established = 3
    /// One end of TCP has sent FIN.
    case closing = 4
    /// Both have.
    case lastAcknowledgment = 5
    /// Nothing but repetitions is to come. Its place is free for another connection.
    case closed = 6

    var isHalfOpen: Bool { self == .opening || self == .answered }
}

/// Milliseconds without a packet after which connections are forgotten.
enum ConnectionLifetime {
    /// TCP that is not established: a guest repeats a SYN within that time. Linux has 60 s and 120 s.
    static let tcpOpening: UInt64 = 60_000
    /// Established TCP, and such as one end goes on with: RFC 5382 REQ-5, so that keep-alives of two hours suffice.
    static let tcpEstablished: UInt64 = 7_440_000
    /// TCP that one end has finished: RFC 5382 REQ-5, 4 minutes.
    static let tcpClosing: UInt64 = 240_000
    /// TCP that both ends have finished: repetitions of the last segments, as Linux.
    static let tcpLast: UInt64 = 30_000
    /// Closed TCP and SCTP: repetitions that were under way.
    static let closed: UInt64 = 10_000
    /// A datagram that was not answered; a query of ICMP; as Linux.
    static let unanswered: UInt64 = 30_000
    /// Datagrams both ways: RFC 4787 REQ-5, as Linux.
    static let answered: UInt64 = 120_000
    /// SCTP: several heartbeats (RFC 9260 section 15), as Linux.
    static let sctpEstablished: UInt64 = 210_000
    /// Protocols without ports, such as ESP, both ways: as Linux.
    static let otherAnswered: UInt64 = 600_000
    /// Fragments of one packet: as Linux' `ipfrag_time`.
    static let fragments: UInt64 = 30_000
}

/// A connection as a port of this host sees it, copied out of the table.
struct Connection: BitwiseCopyable {
    var key: ConnectionKey
    /// The datapath's key and the port's, for lists.
    var vni: UInt32 = 0
    var portKey: UInt16 = 0
    /// The key of the port that has opened it.
    var ingressKey: UInt16 = 0
    /// For which ACLs, and by which link addresses, it was judged last: see `Context.judgement`.
    var judgement: UInt64 = 0
    /// True if the lower end has opened it.
    var isAscending = true
    /// True if the port has opened it, so that ACLs of `from-lport` judge it; else those of `to-lport`.
    var isFromPort = true
    /// True if ACLs do not allow it any more: it is kept, so that none of its packets begins another one.
    var isBlocked = false
    var isPickedUp = false
    var offer: TCPOffer?
    /// Tells it from all others that have been in its row, for 40 bits; 0 until it is kept.
    var number: UInt64 = 0
    var state = ConnectionState.opening
    /// Milliseconds at which it was last seen.
    var time: UInt64 = 0
    var original = TCPEnd()
    var reply = TCPEnd()

    /// A connection that a packet begins; `nil` if none can begin so.
    init?(_ packet: TrackedPacket, zone: UInt64) {
        key = ConnectionKey(packet.tuple, zone: zone)
        isAscending = packet.tuple.isAscending
        switch packet.tuple.transport {
        case IPProtocol.tcp:
            guard let tcp = TCPConnection(opening: packet.segment) else { return nil }
            set(tcp)
        case IPProtocol.sctp:
            // ABORT, SHUTDOWN ACK and SHUTDOWN COMPLETE (RFC 9260 section 3.2).
            if packet.chunk == 6 || packet.chunk == 8 || packet.chunk == 14 { return nil }
        default: if packet.isAnswer { return nil }
        }
    }

    /// The memory of a fragmented packet whose first fragment has passed.
    init(fragmentsOf name: ConnectionTuple, zone: UInt64) {
        key = ConnectionKey(name, zone: zone)
        // Nobody answers it: so it gives way as what is half open does.
        state = .opening
    }

    /// A row that is being read.
    init(key: ConnectionKey, state: ConnectionState) {
        self.key = key
        self.state = state
    }

    /// Milliseconds for which it is kept without a packet.
    var lifetime: UInt64 {
        key.isFragment ? ConnectionLifetime.fragments : Self.lifetime(of: key.transport, state)
    }

    /// The same by what it depends on.
    static func lifetime(of transport: UInt8, _ state: ConnectionState) -> UInt64 {
        if state == .closed { return ConnectionLifetime.closed }
        switch transport {
        case IPProtocol.tcp:
            switch state {
            case .opening, .answered: return ConnectionLifetime.tcpOpening
            case .established: return ConnectionLifetime.tcpEstablished
            case .closing: return ConnectionLifetime.tcpClosing
            case .lastAcknowledgment, .closed: return ConnectionLifetime.tcpLast
            }
        case IPProtocol.sctp:
            return state.isHalfOpen ? ConnectionLifetime.unanswered : ConnectionLifetime.sctpEstablished
        case IPProtocol.udp:
            return state.isHalfOpen ? ConnectionLifetime.unanswered : ConnectionLifetime.answered
        case IPProtocol.icmpv4, IPProtocol.icmpv6: return ConnectionLifetime.unanswered
        default: return state.isHalfOpen ? ConnectionLifetime.unanswered : ConnectionLifetime.otherAnswered
        }
    }

    func isAlive(now: UInt64) -> Bool { now &- min(time, now) < lifetime }

    /// Moves on by a packet of it.
    mutating func step(_ packet: TrackedPacket, isOriginal: Bool) -> ConnectionStep {
        switch packet.tuple.transport {
        case IPProtocol.tcp:
            var tcp = TCPConnection(
                state: state,
                original: original,
                reply: reply,
                isPickedUp: isPickedUp,
                offer: offer
            )
            let step = tcp.step(packet.segment, isOriginal: isOriginal)
            switch step {
            case .valid, .ignored: set(tcp)
            case .invalid, .restart: break
            }
            return step
        case IPProtocol.sctp: return stepChunk(packet.chunk, isOriginal: isOriginal)
        case IPProtocol.icmpv4, IPProtocol.icmpv6:
            // Both ends may ask with the same number.
            if packet.tuple.query != 0, packet.isAnswer == isOriginal { return .invalid }
        default: break
        }
        if !isOriginal { state = .established }
        return .valid
    }

    /// SCTP by its first chunk (RFC 9260 section 3.2): INIT opens, COOKIE ACK agrees, ABORT and SHUTDOWN COMPLETE end.
    private mutating func stepChunk(_ chunk: UInt8, isOriginal: Bool) -> ConnectionStep {
        switch chunk {
        case 1 where state == .closed || state == .opening && isOriginal: return .restart
        case 2 where state == .opening && !isOriginal: state = .answered
        case 6, 14: state = .closed
        case 11 where state == .answered && !isOriginal: state = .established
        default: if state == .opening, !isOriginal { state = .established }
        }
        return .valid
    }

    private mutating func set(_ tcp: TCPConnection) {
        (state, original, reply, isPickedUp) = (tcp.state, tcp.original, tcp.reply, tcp.isPickedUp)
        offer = tcp.offer
    }

    /// The tuple of the end that has opened it.
    var tuple: ConnectionTuple { isAscending ? key.tuple : key.tuple.reversed }
}

/// The words that a connection is found by, the same for packets of both directions.
struct ConnectionKey: Equatable, BitwiseCopyable {
    /// Tells ports apart.
    var zone: UInt64
    var lowerHigh: UInt64
    var lowerLow: UInt64
    var upperHigh: UInt64
    var upperLow: UInt64
    /// From the lowest bit: the ports of the lower and of the upper end (16 each), the protocol and the ICMP query (8
    /// each), IPv6 and fragments (1 each).
    var rest: UInt64

    init(_ tuple: ConnectionTuple, zone: UInt64) {
        self.zone = zone
        let tuple = tuple.isAscending ? tuple : tuple.reversed
        (lowerHigh, lowerLow) = (tuple.sourceHigh, tuple.sourceLow)
        (upperHigh, upperLow) = (tuple.destinationHigh, tuple.destinationLow)
        rest =
            UInt64(tuple.sourcePort) | UInt64(tuple.destinationPort) &<< 16 | UInt64(tuple.transport) &<< 32
            | UInt64(tuple.query) &<< 40
        if tuple.isIPv6 { rest |= 1 &<< 48 }
        if tuple.isFragment { rest |= 1 &<< 49 }
    }

    init(zone: UInt64, lowerHigh: UInt64, lowerLow: UInt64, upperHigh: UInt64, upperLow: UInt64, rest: UInt64) {
        self.zone = zone
        (self.lowerHigh, self.lowerLow, self.upperHigh, self.upperLow) = (lowerHigh, lowerLow, upperHigh, upperLow)
        self.rest = rest
    }

    var transport: UInt8 { UInt8(truncatingIfNeeded: rest &>> 32) }
    var isFragment: Bool { rest &>> 49 & 1 != 0 }

    var tuple: ConnectionTuple {
        ConnectionTuple(
            sourceHigh: lowerHigh,
            sourceLow: lowerLow,
            destinationHigh: upperHigh,
            destinationLow: upperLow,
            sourcePort: UInt16(truncatingIfNeeded: rest),
            destinationPort: UInt16(truncatingIfNeeded: rest &>> 16),
            transport: transport,
            isIPv6: rest &>> 48 & 1 != 0,
            query: UInt8(truncatingIfNeeded: rest &>> 40),
            isFragment: isFragment
        )
    }

    func hash(_ key: SipHashKey) -> UInt64 {
        withUnsafePointer(to: self) { SipHash.hash($0, count: MemoryLayout<ConnectionKey>.size, key: key) }
    }
}
