/// An IPv4 header (RFC 791 section 3.1). Options are measured, not interpreted.
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |version|  IHL  | type of service |         total length        |
///     |        identification         |flags|     fragment offset     |
///     | time to live  |   protocol    |        header checksum        |
///     |                            source                             |
///     |                          destination                          |
///     |                       options, padding                        |
public struct IPv4Header: Hashable, Sendable {
    /// DSCP (6 bits, RFC 2474) and ECN (2 bits, RFC 3168).
    public var typeOfService: UInt8
    /// Header and payload, in octets.
    public var totalByteCount: UInt16
    /// Names the datagram that a fragment belongs to.
    public var identification: UInt16
    /// DF.
    public var doesNotFragment: Bool
    /// MF.
    public var hasMoreFragments: Bool
    /// The fragment's place in the datagram, in units of 8 octets: 0 ... 8191.
    public var fragmentOffset: UInt16
    /// Hops left.
    public var timeToLive: UInt8
    /// The protocol of the payload (IANA, protocol-numbers).
    public var protocolNumber: UInt8
    /// The checksum as it is in the header.
    public var checksum: UInt16
    public var source: IPv4Address
    public var destination: IPv4Address
    /// The octets of options: 0, 4 ... 40.
    public var optionByteCount: Int

    /// The size without options, in octets.
    public static let minimumByteCount = 20

    /// A header without options; `checksum` is what `write` makes it.
    public init(
        typeOfService: UInt8 = 0,
        totalByteCount: UInt16,
        identification: UInt16 = 0,
        doesNotFragment: Bool = false,
        timeToLive: UInt8 = 64,
        protocolNumber: UInt8,
        source: IPv4Address,
        destination: IPv4Address
    ) {
        self.typeOfService = typeOfService
        self.totalByteCount = totalByteCount
        self.identification = identification
        self.doesNotFragment = doesNotFragment
        hasMoreFragments = false
        fragmentOffset = 0
        self.timeToLive = timeToLive
        self.protocolNumber = protocolNumber
        checksum = 0
        self.source = source
        self.destination = destination
        optionByteCount = 0
        checksum = computedChecksum
    }

    /// The size in octets: 20 ... 60.
    public var byteCount: Int { Self.minimumByteCount + optionByteCount }

    /// True if the datagram is one part of a larger one.
    public var isFragment: Bool { hasMoreFragments || fragmentOffset != 0 }

    /// The checksum of the header as `write` writes it.
    public var computedChecksum: UInt16 {
        var sum = InternetChecksum()
        sum.add(versionLengthAndService)
        sum.add(totalByteCount)
        sum.add(identification)
        sum.add(fragmentWord)
        sum.add(UInt16(timeToLive) << 8 | UInt16(protocolNumber))
        sum.add(source.rawValue)
        sum.add(destination.rawValue)
        return sum.value
    }

    /// Writes the header, with `checksum` as it is, to the start of `bytes`, which must have room for `byteCount`
    /// octets. Options are written as zeros: "end of option list".
    public func write(to bytes: inout MutableSpan<UInt8>) {
        bytes.store(versionLengthAndService, at: 0)
        bytes.store(totalByteCount, at: 2)
        bytes.store(identification, at: 4)
        bytes.store(fragmentWord, at: 6)
        bytes[8] = timeToLive
        bytes[9] = protocolNumber
        bytes.store(checksum, at: 10)
        bytes.store(source.rawValue, at: 12)
        bytes.store(destination.rawValue, at: 16)
        for offset in Self.minimumByteCount..<byteCount { bytes[offset] = 0 }
    }

    private var versionLengthAndService: UInt16 {
        0x4000 | UInt16(byteCount / 4) << 8 | UInt16(typeOfService)
    }

    private var fragmentWord: UInt16 {
        (doesNotFragment ? 0x4000 : 0) | (hasMoreFragments ? 0x2000 : 0) | fragmentOffset & 0x1fff
    }
}

/// The values of `IPv4Header.protocolNumber` and `IPv6Header.nextHeader` that Heddle looks at
/// (IANA, protocol-numbers).
public enum IPProtocol {
    /// IPv6 hop-by-hop options (RFC 8200 section 4.3).
    public static let hopByHop: UInt8 = 0
    /// ICMP for IPv4.
    public static let icmpv4: UInt8 = 1
    /// IGMP (RFC 3376).
    public static let igmp: UInt8 = 2
    public static let tcp: UInt8 = 6
    public static let udp: UInt8 = 17
    /// IPv6 routing header (RFC 8200 section 4.4).
    public static let routing: UInt8 = 43
    /// IPv6 fragment header (RFC 8200 section 4.5).
    public static let fragment: UInt8 = 44
    /// Authentication header (RFC 4302).
    public static let authentication: UInt8 = 51
    /// ICMP for IPv6.
    public static let icmpv6: UInt8 = 58
    /// IPv6 destination options (RFC 8200 section 4.6).
    public static let destinationOptions: UInt8 = 60
    public static let sctp: UInt8 = 132
}
