import Wire

// TCP and UDP over IP, for superpackets and for the spreading of flows.

extension Frame {
    /// IP only: whether the packet is a fragment, the first one included. In IPv6 any extension header counts as one
    /// here: packets that have them are neither cut nor merged.
    var isFragment: Bool {
        switch network {
        case .ipv4: ipv4FragmentWord & 0x3fff != 0
        case .ipv6: transportOffset != networkOffset + IPv6Header.byteCount
        case .malformed, .opaque, .foreignARP, .arp: false
        }
    }

    /// Behind IP and its extension headers, or after all of the frame if it is not IP.
    public var transportStart: Int { network == .ipv4 || network == .ipv6 ? transportOffset : byteCount }

    /// TCP and UDP only: after the transport header; `nil` if that is cut short.
    var transportHeaderEnd: Int? {
        if transport == IPProtocol.udp {
            return transportByteCount >= UDPHeader.byteCount ? transportOffset &+ UDPHeader.byteCount : nil
        }
        guard transportByteCount >= TCPHeader.minimumByteCount else { return nil }
        let byteCount = Int(bytes.integer8(at: transportOffset &+ 12) &>> 4) &* 4
        guard byteCount >= TCPHeader.minimumByteCount, byteCount <= transportByteCount else { return nil }
        return transportOffset &+ byteCount
    }

    /// IP only: the sum of the pseudo-header but for the transport's length.
    var pseudoHeaderSum: UInt64 {
        let addresses = network == .ipv6 ? networkOffset &+ 8 : networkOffset &+ 12
        return WordSum.add(bytes + addresses, count: network == .ipv6 ? 32 : 8, to: UInt64(UInt16(transport).bigEndian))
    }

    /// The ECN field (RFC 3168 section 5); Not-ECT for what is no IP.
    public var congestionCode: CongestionCode {
        switch network {
        case .ipv4: CongestionCode(rawValue: bytes.integer8(at: networkOffset &+ 1) & 3)
        case .ipv6: CongestionCode(rawValue: bytes.integer8(at: networkOffset &+ 1) &>> 4 & 3)
        case .malformed, .opaque, .foreignARP, .arp: .notCapable
        }
    }

    /// True if `flowHash` tells the packet from those of other ports: TCP or UDP, and no fragment.
    public var hasPorts: Bool {
        (transport == IPProtocol.tcp || transport == IPProtocol.udp) && !isFragment && transportByteCount >= 4
    }

    /// Spreads flows: the same number for all frames of one, another one for most others.
    public var flowHash: UInt32 {
        var mixed = destination ^ source &<< 16
        switch network {
        case .ipv4: mixed ^= bytes.integer64(at: networkOffset &+ 12)
        case .ipv6:
            let (source, destination) = (ipv6Source, ipv6Destination)
            mixed ^= source.high ^ source.low &* 3 ^ destination.high &* 5 ^ destination.low &* 7
        case .malformed, .opaque, .foreignARP, .arp: break
        }
        // Fragments have no ports, and all of a packet must go one way.
        if hasPorts {
            mixed ^= UInt64(bytes.integer32(at: transportOffset)) &* 0x9e37_79b9
        }
        let product = (mixed ^ 0xa076_1d64_78bd_642f).multipliedFullWidth(by: 0xe703_7ed1_a0b4_28db)
        return UInt32(truncatingIfNeeded: (product.high ^ product.low) &>> 16)
    }
}

/// The ECN field of an IP header.
public struct CongestionCode: Equatable, Sendable {
    /// Two bits.
    public let rawValue: UInt8

    /// The low two bits of a traffic class or type of service.
    public init(rawValue: UInt8) { self.rawValue = rawValue & 3 }

    /// The sender does not know ECN.
    public static let notCapable = CongestionCode(rawValue: 0)
    /// ECT(1).
    public static let capable1 = CongestionCode(rawValue: 1)
    /// ECT(0).
    public static let capable0 = CongestionCode(rawValue: 2)
    /// CE.
    public static let experienced = CongestionCode(rawValue: 3)

    /// The congestion code of the tunnel's header for a frame on its way in (RFC 6040 section 4.1, as Linux'
    /// INET_ECN_encapsulate).
    public var outer: CongestionCode { self == .experienced ? .capable0 : self }
}

extension UnsafeMutableRawPointer {
    /// Copies the congestion of the tunnel's header into the frame that starts here (RFC 6040 section 4.2, as Linux'
    /// INET_ECN_decapsulate).
    /// - Returns: `false` if the frame has to be dropped: congestion was signalled for a sender that does not know ECN.
    public func decapsulateCongestion(_ outer: CongestionCode, of frame: Frame) -> Bool {
        let inner = frame.congestionCode
        if outer == .experienced {
            guard inner != .notCapable else { return frame.network != .ipv4 && frame.network != .ipv6 }
            setCongestion(.experienced, of: frame)
        } else if outer == .capable1, inner == .capable0 {
            setCongestion(.capable1, of: frame)
        }
        return true
    }

    private func setCongestion(_ code: CongestionCode, of frame: Frame) {
        let offset = frame.networkOffset
        let old = frame.bytes.integer16(at: offset)
        let isIPv6 = frame.network == .ipv6
        let new = isIPv6 ? old & ~0x30 | UInt16(code.rawValue) &<< 4 : old & ~3 | UInt16(code.rawValue)
        store16(Int(new), at: offset)
        guard !isIPv6 else { return }
        // RFC 1624: HC' = ~(~HC + ~m + m')
        let checksum = frame.bytes.integer16(at: offset &+ 10)
        let sum = UInt64(~checksum) &+ UInt64(~old) &+ UInt64(new)
        store16(Int(~WordSum.fold(sum)), at: offset &+ 10)
    }
}
