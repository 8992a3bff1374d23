import Wire

/// The Geneve header of a datagram from the underlay: which network, from which port, to which port or group.
public struct TunnelPacket {
    /// The reason why the datagram goes nowhere; `nil` if all fields are there.
    public private(set) var failure: DropReason?
    /// The datapath's key.
    public private(set) var vni: UInt32 = 0
    /// The key of the port that the frame came from.
    public private(set) var ingressKey: UInt16 = 0
    /// The key of the port or group that the frame goes to.
    public private(set) var egressKey: UInt16 = 0
    /// The offset of the frame in the datagram, in octets.
    public private(set) var headerByteCount = 0

    /// Tells the port that the frame came from among those of all datapaths, as well as a number can.
    public var ingressHash: Int {
        let product = (UInt64(vni) &<< 16 | UInt64(ingressKey)) &* 0x9e37_79b9_7f4a_7c15
        return Int(truncatingIfNeeded: product &>> 33)
    }

    /// The first half of the header that every OVN host sends: version 0, two words of options, critical, Ethernet.
    private static let usualStart: UInt32 = 0x0240_6558
    /// The header of OVN's option.
    private static let usualOption: UInt32 = 0x0102_8001

    /// Reads the UDP payload of `byteCount` octets at `bytes`.
    public init(_ bytes: UnsafeRawPointer, byteCount: Int) {
        if byteCount >= 16, bytes.integer32(at: 0) == Self.usualStart, bytes.integer32(at: 8) == Self.usualOption,
            bytes.integer8(at: 12) < 0x80
        {
            vni = bytes.integer32(at: 4) >> 8
            ingressKey = bytes.integer16(at: 12)
            egressKey = bytes.integer16(at: 14)
            headerByteCount = 16
            return
        }
        failure = parse(bytes.octets(from: 0, to: byteCount).span)
    }

    /// Any header that RFC 8926 allows.
    private mutating func parse(_ bytes: Span<UInt8>) -> DropReason? {
        do {
            let header = try GeneveHeader(parsing: bytes)
            guard header.protocolType == EtherType.transparentEthernet else { return .malformedTunnel }
            guard !header.isControl else { return .tunnelControlPacket }
            vni = header.vni
            headerByteCount = header.byteCount
            return try walkOptions(bytes.extracting(GeneveHeader.minimumByteCount..<header.byteCount))
        } catch {
            return .malformedTunnel
        }
    }

    /// Looks for OVN's option among all.
    private mutating func walkOptions(_ options: Span<UInt8>) throws(HeaderError) -> DropReason? {
        var isFound = false
        var offset = 0
        while offset < options.count {
            let rest = options.extracting(offset..<options.count)
            let option = try GeneveOption(parsing: rest)
            if option.optionClass == TunnelKeys.optionClass && option.type == TunnelKeys.optionType {
                guard !isFound else { throw .duplicateOption }
                isFound = true
                let keys = try TunnelKeys(parsing: rest)
                ingressKey = keys.ingress
                egressKey = keys.egress
            } else if option.isCritical {
                return .unknownCriticalOption
            }
            offset += option.byteCount
        }
        return isFound ? nil : .missingOption
    }
}
