import Wire

// The requests of a guest's header that are allowed. A checksum is completed after the frame was judged: here on its
// way to other hosts, by the receiver on this one. It puts two octets, which the sender chooses by what it puts into
// the sum, at the place that the header names. So that place must be after everything that a decision reads.

extension OffloadHeader {
    /// The header of a frame that is no superpacket as it goes on with the frame; `nil` if it asks for what the
    /// frame's own headers do not.
    public func accepted(for frame: Frame) -> OffloadHeader? {
        var accepted = OffloadHeader()
        guard needsChecksum else { return accepted }
        guard frame.hasChecksum(from: Int(checksumStart), at: Int(checksumOffset)) else { return nil }
        accepted.needsChecksum = true
        accepted.checksumStart = checksumStart
        accepted.checksumOffset = checksumOffset
        return accepted
    }
}

extension Frame {
    /// The reason why a frame is dropped whose offload header does not fit it.
    public var offloadFailure: DropReason { network == .malformed ? .malformedFrame : .malformedOffload }

    /// True if a checksum of TCP or UDP that lacks its completion may be in the frame: its own transport's, or, in a
    /// tunnel of the guest's, one inside. Linux leaves no other to a device, and none in a fragment.
    /// - Parameters:
    ///   - start: where the sum begins.
    ///   - offset: where the checksum is, from there.
    func hasChecksum(from start: Int, at offset: Int) -> Bool {
        guard offset == Self.tcpChecksumOffset || offset == Self.udpChecksumOffset else { return false }
        switch network {
        case .malformed, .foreignARP, .arp: return false
        // No decision looks behind the EtherType.
        case .opaque: return start >= networkOffset && start &+ offset &+ 2 <= byteCount
        case .ipv4: if isFragment { return false }
        case .ipv6: if hasIPv6Fragment { return false }
        }
        switch transport {
        case IPProtocol.tcp:
            return start == transportOffset && offset == Self.tcpChecksumOffset && transportHeaderEnd != nil
        case IPProtocol.udp where start == transportOffset:
            return offset == Self.udpChecksumOffset && transportHeaderEnd != nil
        case IPProtocol.icmpv4, IPProtocol.icmpv6:
            return false
        default:
            // Of what a guest's own tunnel begins with, decisions read no more than the ports of UDP.
            return start >= transportOffset &+ UDPHeader.byteCount && start &+ offset &+ 2 <= packetEnd
        }
    }

    /// The offset of the checksum in the header of TCP (RFC 9293 section 3.1).
    static var tcpChecksumOffset: Int { 16 }
    /// The offset of the checksum in the header of UDP (RFC 768).
    static var udpChecksumOffset: Int { 6 }
}
