/// A neighbor solicitation or advertisement (RFC 4861 sections 4.3 and 4.4), the checksum left to the caller.
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |  135 or 136   |   code = 0    |           checksum            |
///     |R|S|O|                       reserved                          |
///     |                       target, 16 octets                       |
///     | options: type, length in units of 8 octets, ...               |
public struct NeighborMessage: Hashable, Sendable {
    /// Which of the two messages.
    public enum Kind: UInt8, Sendable {
        /// A question for the MAC address of the target.
        case solicitation = 135
        /// I have the target.
        case advertisement = 136
    }

    /// Which of the two messages.
    public var kind: Kind
    /// 0 in messages by the book.
    public var code: UInt8
    /// The checksum as it is in the message.
    public var checksum: UInt16
    /// R: the sender routes. Advertisements only.
    public var isRouter: Bool
    /// S: an answer. Advertisements only.
    public var isSolicited: Bool
    /// O: replaces what is cached. Advertisements only.
    public var overrides: Bool
    /// The address asked for or advertised.
    public var target: IPv6Address
    /// The source link-layer address option (`nd.sll`).
    public var sourceMAC: MACAddress?
    /// The target link-layer address option (`nd.tll`).
    public var targetMAC: MACAddress?

    /// The size without options, in octets.
    public static let minimumByteCount = 24

    public init(
        kind: Kind,
        isRouter: Bool = false,
        isSolicited: Bool = false,
        overrides: Bool = false,
        target: IPv6Address,
        sourceMAC: MACAddress? = nil,
        targetMAC: MACAddress? = nil
    ) {
        self.kind = kind
        code = 0
        checksum = 0
        self.isRouter = isRouter
        self.isSolicited = isSolicited
        self.overrides = overrides
        self.target = target
        self.sourceMAC = sourceMAC
        self.targetMAC = targetMAC
    }

    /// The message that `bytes` are; options of other types are skipped.
    /// - Throws: `truncated`; `unsupportedType` for other ICMPv6 types; `badLength` for an option of length 0, one
    ///   beyond the end (RFC 4861 section 4.6) or a link-layer address not of Ethernet's size; `duplicateOption`
    ///   where an address appears twice, since two readers could then take different ones.
    public init(parsing bytes: Span<UInt8>) throws(HeaderError) {
        guard bytes.count >= Self.minimumByteCount else { throw .truncated }
        guard let kind = Kind(rawValue: bytes[0]) else { throw .unsupportedType }
        self.kind = kind
        code = bytes[1]
        checksum = bytes.integer16(at: 2)
        isRouter = bytes[4] & 0x80 != 0
        isSolicited = bytes[4] & 0x40 != 0
        overrides = bytes[4] & 0x20 != 0
        target = bytes.ipv6Address(at: 8)
        var offset = Self.minimumByteCount
        while offset < bytes.count {
            guard bytes.count - offset >= 8 else { throw .badLength }
            let byteCount = Int(bytes[offset + 1]) * 8
            guard byteCount > 0, byteCount <= bytes.count - offset else { throw .badLength }
            switch bytes[offset] {
            case Self.sourceOption:
                sourceMAC = try Self.address(in: bytes, at: offset, byteCount: byteCount, previous: sourceMAC)
            case Self.targetOption:
                targetMAC = try Self.address(in: bytes, at: offset, byteCount: byteCount, previous: targetMAC)
            default: break
            }
            offset += byteCount
        }
    }

    /// The size in octets: 24 and 8 for each address.
    public var byteCount: Int {
        Self.minimumByteCount + (sourceMAC == nil ? 0 : 8) + (targetMAC == nil ? 0 : 8)
    }

    /// Writes the message, with `checksum` as it is, to the start of `bytes`, which must have room for `byteCount`
    /// octets.
    public func write(to bytes: inout MutableSpan<UInt8>) {
        bytes[0] = kind.rawValue
        bytes[1] = code
        bytes.store(checksum, at: 2)
        let flags: UInt32 = (isRouter ? 0x8000_0000 : 0) | (isSolicited ? 0x4000_0000 : 0)
        bytes.store(flags | (overrides ? 0x2000_0000 : 0), at: 4)
        bytes.store(target, at: 8)
        var offset = Self.minimumByteCount
        if let sourceMAC {
            Self.write(sourceMAC, option: Self.sourceOption, to: &bytes, at: offset)
            offset += 8
        }
        if let targetMAC { Self.write(targetMAC, option: Self.targetOption, to: &bytes, at: offset) }
    }

    private static let sourceOption: UInt8 = 1
    private static let targetOption: UInt8 = 2

    private static func address(
        in bytes: Span<UInt8>,
        at offset: Int,
        byteCount: Int,
        previous: MACAddress?
    ) throws(HeaderError) -> MACAddress {
        guard byteCount == 8 else { throw .badLength }
        guard previous == nil else { throw .duplicateOption }
        return bytes.macAddress(at: offset + 2)
    }

    private static func write(
        _ address: MACAddress,
        option: UInt8,
        to bytes: inout MutableSpan<UInt8>,
        at offset: Int
    ) {
        bytes[offset] = option
        bytes[offset + 1] = 1
        bytes.store(address, at: offset + 2)
    }
}
