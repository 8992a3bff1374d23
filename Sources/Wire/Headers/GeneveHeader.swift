/// The fixed part of a Geneve header (RFC 8926 section 3.1 and 3.4); options follow it.
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |Ver|  opt len  |O|C|  reserved |         protocol type         |
///     |      virtual network identifier (VNI)         |   reserved    |
///     |                     options, 0 ... 252 octets                 |
public struct GeneveHeader: Hashable, Sendable {
    /// The octets of options: 0, 4 ... 252.
    public var optionByteCount: Int
    /// O: for the tunnel's end itself; its payload must not be forwarded.
    public var isControl: Bool
    /// C: at least one option is critical.
    public var hasCriticalOptions: Bool
    /// The type of the payload; Ethernet is `EtherType.transparentEthernet`.
    public var protocolType: UInt16
    /// The virtual network: 24 bits.
    public var vni: UInt32

    /// The size without options, in octets.
    public static let minimumByteCount = 8
    /// The UDP port that Geneve is sent to (RFC 8926 section 3.3).
    public static let udpPort: UInt16 = 6081
    /// The largest virtual network identifier.
    public static let vniMaximum: UInt32 = 0xff_ffff

    public init(optionByteCount: Int, hasCriticalOptions: Bool, vni: UInt32) {
        self.optionByteCount = optionByteCount
        isControl = false
        self.hasCriticalOptions = hasCriticalOptions
        protocolType = EtherType.transparentEthernet
        self.vni = vni
    }

    /// The header that `bytes` start with, the options being there as a whole.
    /// - Throws: `truncated`; `unsupportedVersion`.
    public init(parsing bytes: Span<UInt8>) throws(HeaderError) {
        guard bytes.count >= Self.minimumByteCount else { throw .truncated }
        guard bytes[0] >> 6 == 0 else { throw .unsupportedVersion }
        optionByteCount = Int(bytes[0] & 0x3f) * 4
        guard bytes.count >= Self.minimumByteCount + optionByteCount else { throw .truncated }
        isControl = bytes[1] & 0x80 != 0
        hasCriticalOptions = bytes[1] & 0x40 != 0
        protocolType = bytes.integer16(at: 2)
        vni = bytes.integer32(at: 4) >> 8
    }

    /// The size with options, in octets: where the payload starts.
    public var byteCount: Int { Self.minimumByteCount + optionByteCount }

    /// Writes the fixed part to the start of `bytes`, which must have room for 8 octets.
    public func write(to bytes: inout MutableSpan<UInt8>) {
        bytes[0] = UInt8(truncatingIfNeeded: optionByteCount / 4) & 0x3f
        bytes[1] = (isControl ? 0x80 : 0) | (hasCriticalOptions ? 0x40 : 0)
        bytes.store(protocolType, at: 2)
        bytes.store(vni << 8, at: 4)
    }
}

/// The header of one Geneve option (RFC 8926 section 3.5).
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |         option class          |C|   type      |R|R|R| length  |
///     |                   data, 0 ... 124 octets                      |
public struct GeneveOption: Hashable, Sendable {
    /// The organization that defined the type (IANA, "Geneve Option Class").
    public var optionClass: UInt16
    /// The type, its critical bit included.
    public var type: UInt8
    /// The octets of data: 0, 4 ... 124.
    public var dataByteCount: Int

    /// The size without data, in octets.
    public static let headerByteCount = 4

    public init(optionClass: UInt16, type: UInt8, dataByteCount: Int) {
        self.optionClass = optionClass
        self.type = type
        self.dataByteCount = dataByteCount
    }

    /// The option that `bytes` start with, the data being there as a whole.
    /// - Throws: `truncated`.
    public init(parsing bytes: Span<UInt8>) throws(HeaderError) {
        guard bytes.count >= Self.headerByteCount else { throw .truncated }
        optionClass = bytes.integer16(at: 0)
        type = bytes[2]
        dataByteCount = Int(bytes[3] & 0x1f) * 4
        guard bytes.count >= byteCount else { throw .truncated }
    }

    /// True if a receiver that does not know the option must drop the packet.
    public var isCritical: Bool { type & 0x80 != 0 }

    /// The size with data, in octets: where the next option starts.
    public var byteCount: Int { Self.headerByteCount + dataByteCount }

    /// Writes the option's header to the start of `bytes`, which must have room for 4 octets.
    public func write(to bytes: inout MutableSpan<UInt8>) {
        bytes.store(optionClass, at: 0)
        bytes[2] = type
        bytes[3] = UInt8(truncatingIfNeeded: dataByteCount / 4) & 0x1f
    }
}
