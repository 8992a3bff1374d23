import Wire

/// The connection that the packets of a flow are of, for decisions that are kept: its row, the number by which it is
/// known there when it is gone and another one has its place, and the packets' direction.
public struct ConnectionReference: BitwiseCopyable, Sendable {
    /// Bits of a status word below the number.
    static var numberShift: UInt64 { 24 }
    /// Rows that can be told.
    static let rowCountMaximum = 1 << 23

    /// From the lowest bit: the row (23), the direction (1), the number (40). Numbers come again after 2^40
    /// connections: more than a host has while a decision is kept.
    private let word: UInt64

    /// No connection: no number is 0.
    public static var none: ConnectionReference { ConnectionReference(row: 0, number: 0, isOriginal: false) }

    init(row: Int, number: UInt64, isOriginal: Bool) {
        word = UInt64(truncatingIfNeeded: row) & 0x7f_ffff | (isOriginal ? 1 &<< 23 : 0) | number &<< Self.numberShift
    }

    @inline(__always)
    public var isNone: Bool { word == 0 }
    var row: Int { Int(truncatingIfNeeded: word & 0x7f_ffff) }
    var isOriginal: Bool { word &>> 23 & 1 != 0 }

    /// True if a row's status is that of the connection.
    func isOf(_ status: UInt64) -> Bool { (status ^ word) &>> Self.numberShift == 0 }
}

extension ConnectionTable {
    /// Moves a connection on by a packet of a flow whose decision is kept: TCP, UDP, SCTP or an echo of ICMP.
    /// - Parameter now: milliseconds of a clock that all processes have.
    /// - Returns: `false` if there is more to it, so that the packet has to be decided on by itself: the connection is
    ///   gone, has aged or is not allowed any more, or the packet is a fragment, is not of it, or changes its state.
    public func follow(_ reference: ConnectionReference, _ frame: Frame, now: UInt64) -> Bool {
        guard !frame.isFragment else { return false }
        let row = row(reference.row)
        if frame.transport != IPProtocol.tcp {
            guard frame.isPlain(isOriginal: reference.isOriginal), let found = row.progress(of: reference),
                reference.isOriginal || !found.connection.state.isHalfOpen,
                now &- min(found.time, now) < Connection.lifetime(of: frame.transport, found.connection.state)
            else { return false }
            if found.time != now { row.note(time: now) }
            return true
        }
        guard let segment = TrackedSegment(frame), segment.flags == TCPFlags.acknowledgment else { return false }
        for _ in 0..<Self.attemptMaximum {
            guard let found = row.progress(of: reference) else { return false }
            var connection = found.connection
            let state = connection.state
            guard now &- min(found.time, now) < Connection.lifetime(of: IPProtocol.tcp, state),
                case .valid = connection.step(segment, isOriginal: reference.isOriginal), connection.state == state
            else { return false }
            guard row.claim(found.sequence) else { continue }
            row.write(connection.original, connection.reply, connection.offer, time: now, found.sequence)
            return true
        }
        return false
    }
}

extension Frame {
    /// True for a packet that changes nothing of a connection which was answered but when it was last seen: UDP, SCTP
    /// that neither opens nor ends, an echo of ICMP or the answer to one, by the direction. IP without TCP only.
    fileprivate func isPlain(isOriginal: Bool) -> Bool {
        switch transport {
        case IPProtocol.udp: transportByteCount >= UDPHeader.byteCount
        case IPProtocol.sctp:
            transportByteCount >= 16 && TrackedPacket.isPlain(chunk: bytes.integer8(at: transportOffset &+ 12))
        case IPProtocol.icmpv4 where network == .ipv4:
            transportByteCount >= 8 && bytes.integer8(at: transportOffset) == (isOriginal ? 8 : 0)
        default: false
        }
    }
}
