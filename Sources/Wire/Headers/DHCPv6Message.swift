/// A DHCPv6 message between client and server (RFC 8415 section 8) with those options that a server reads first.
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |    msg-type   |               transaction-id                  |
///     |          option-code          |          option-len           |
///     |                      option-data ...                          |
public struct DHCPv6Message: Hashable, Sendable {
    public var type: Kind
    /// 24 bits.
    public var transaction: UInt32
    /// Option 1.
    public var clientID: OctetRange?
    /// Option 2.
    public var serverID: OctetRange?
    /// Option 14: the client takes a reply at once.
    public var hasRapidCommit = false
    /// True if it has an identity association of any kind.
    public var hasAssociation = false
    /// True if option 15 tells that iPXE asks.
    public var isIPXE = false

    /// The type of a message (RFC 8415 section 7.3), those of relays left out.
    public enum Kind: UInt8, Sendable {
        case solicit = 1
        case advertise
        case request
        case confirm
        case renew
        case rebind
        case reply
        case release
        case decline
        case reconfigure
        case informationRequest
    }

    /// Codes of the options that messages are made of (RFC 8415 section 21).
    public enum Code {
        public static let clientID: UInt16 = 1
        public static let serverID: UInt16 = 2
        /// IA_NA.
        public static let addresses: UInt16 = 3
        /// IA_TA.
        public static let temporaryAddresses: UInt16 = 4
        public static let address: UInt16 = 5
        public static let status: UInt16 = 13
        public static let rapidCommit: UInt16 = 14
        public static let userClass: UInt16 = 15
        /// IA_PD.
        public static let prefixes: UInt16 = 25
        public static let bootFile: UInt16 = 59
    }

    /// Status codes (RFC 8415 section 21.13).
    public enum Status {
        public static let success: UInt16 = 0
        public static let noAddresses: UInt16 = 2
        public static let notOnLink: UInt16 = 4
        public static let noPrefixes: UInt16 = 6
    }

    /// Octets before the options.
    public static let headerByteCount = 4
    public static let clientPort: UInt16 = 546
    public static let serverPort: UInt16 = 547
    /// ff02::1:2, all servers and relay agents (RFC 8415 section 7.1).
    public static let serversAddress = IPv6Address(high: 0xff02 << 48, low: 0x1_0002)
    /// Octets of an identifier, at most, after its type (RFC 8415 section 11.1).
    public static let identifierByteCountMaximum = 130
    /// Octets of an address option without options of its own.
    public static let addressByteCount = 24

    public init(type: Kind, transaction: UInt32) {
        self.type = type
        self.transaction = transaction & 0xff_ffff
    }

    /// The message that `bytes` are; options of other codes are left to `option(at:before:in:)`.
    /// - Throws: `truncated`; `unsupportedType` for messages of relays; `badLength` for an option beyond the end or an
    ///   identifier of a size that it cannot have; `duplicateOption` for two identifiers of one side.
    public init(parsing bytes: Span<UInt8>) throws(HeaderError) {
        guard bytes.count >= Self.headerByteCount else { throw .truncated }
        guard let kind = Kind(rawValue: bytes[0]) else { throw .unsupportedType }
        self.init(type: kind, transaction: bytes.integer32(at: 0))
        var offset = Self.headerByteCount
        while offset < bytes.count {
            guard let option = Self.option(at: offset, before: bytes.count, in: bytes) else { throw .badLength }
            switch option.code {
            case Code.clientID: clientID = try Self.identifier(option.value, previous: clientID)
            case Code.serverID: serverID = try Self.identifier(option.value, previous: serverID)
            case Code.rapidCommit: hasRapidCommit = true
            case Code.addresses, Code.temporaryAddresses, Code.prefixes:
                let least = option.code == Code.temporaryAddresses ? 4 : 12
                guard option.value.count >= least else { throw .badLength }
                hasAssociation = true
            case Code.userClass: isIPXE = isIPXE || Self.isIPXE(option.value, in: bytes)
            default: break
            }
            offset = option.value.end
        }
    }

    /// An option in a message or in another option.
    public struct Option: Hashable, Sendable {
        public var code: UInt16
        public var value: OctetRange
    }

    /// The option that begins at an offset; `nil` if it does not end before `end`.
    public static func option(at offset: Int, before end: Int, in bytes: Span<UInt8>) -> Option? {
        guard end <= bytes.count, offset >= 0, end - offset >= 4 else { return nil }
        let value = OctetRange(start: offset + 4, count: Int(bytes.integer16(at: offset + 2)))
        return value.end <= end ? Option(code: bytes.integer16(at: offset), value: value) : nil
    }

    /// Writes the type and the transaction to the start of `bytes`, which must have room for 4 octets.
    public func write(to bytes: inout MutableSpan<UInt8>) {
        bytes.store(UInt32(type.rawValue) << 24 | transaction & 0xff_ffff, at: 0)
    }

    private static func identifier(_ value: OctetRange, previous: OctetRange?) throws(HeaderError) -> OctetRange {
        guard previous == nil else { throw .duplicateOption }
        guard (3...identifierByteCountMaximum).contains(value.count) else { throw .badLength }
        return value
    }

    /// True if one of the classes is `iPXE` (RFC 8415 section 21.15).
    private static func isIPXE(_ value: OctetRange, in bytes: Span<UInt8>) -> Bool {
        var offset = value.start
        while value.end - offset >= 2 {
            let count = Int(bytes.integer16(at: offset))
            guard count <= value.end - offset - 2 else { return false }
            if count == 4, bytes.integer32(at: offset + 2) == 0x6950_5845 { return true }
            offset += 2 + count
        }
        return false
    }
}
