/// A DHCP message (RFC 2131 section 2) with those options that a server reads (RFC 2132).
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |    op (1)     |   htype (1)   |   hlen (1)    |   hops (1)    |
///     |                            xid (4)                            |
///     |           secs (2)            |           flags (2)           |
///     |                          ciaddr  (4)                          |
///     |                          yiaddr  (4)                          |
///     |                          siaddr  (4)                          |
///     |                          giaddr  (4)                          |
///     |                          chaddr  (16)                         |
///     |                          sname   (64)                         |
///     |                          file    (128)                        |
///     |                    magic cookie (4), options                  |
public struct DHCPv4Message: Hashable, Sendable {
    /// 1 from a client, 2 from a server.
    public var operation: UInt8
    public var hardwareType: UInt8
    /// Octets of the client's hardware address that count.
    public var hardwareByteCount: UInt8
    public var transaction: UInt32
    /// The highest bit asks for answers by broadcast.
    public var flags: UInt16
    /// `ciaddr`: the address that the client uses already.
    public var clientAddress: IPv4Address
    /// `yiaddr`: the address that the client is given.
    public var yourAddress: IPv4Address
    /// `siaddr`: the server of the next boot step.
    public var nextServer: IPv4Address
    /// `giaddr`: the relay agent.
    public var relayAddress: IPv4Address
    /// `chaddr`, 16 octets.
    public var hardwareAddressHigh: UInt64
    public var hardwareAddressLow: UInt64

    /// Option 53.
    public var type: Kind
    /// Option 50.
    public var requestedAddress: IPv4Address?
    /// Option 54.
    public var serverID: IPv4Address?
    /// Option 57: the octets that the client takes. RFC 2132 section 9.10 leaves open if headers count among them; an
    /// IP packet of this length is safe.
    public var maximumByteCount: UInt16?
    /// Option 55: the codes of options that the client wants, in the order of preference.
    public var parameters = OctetRange(start: 0, count: 0)
    /// Option 61, which answers repeat (RFC 6842).
    public var clientID = OctetRange(start: 0, count: 0)
    /// True if option 175 is there, by which iPXE makes itself known.
    public var isIPXE = false

    /// The type of a message (RFC 2132 section 9.6).
    public enum Kind: UInt8, Sendable {
        case discover = 1
        case offer
        case request
        case decline
        case acknowledge
        case refuse
        case release
        case inform
    }

    /// Codes of the options that messages are made of.
    public enum Code {
        public static let pad: UInt8 = 0
        public static let netmask: UInt8 = 1
        public static let bootFile: UInt8 = 67
        public static let mtu: UInt8 = 26
        public static let requestedAddress: UInt8 = 50
        public static let leaseTime: UInt8 = 51
        public static let overload: UInt8 = 52
        public static let type: UInt8 = 53
        public static let serverID: UInt8 = 54
        public static let parameters: UInt8 = 55
        public static let maximumByteCount: UInt8 = 57
        public static let renewalTime: UInt8 = 58
        public static let rebindingTime: UInt8 = 59
        public static let clientID: UInt8 = 61
        public static let etherboot: UInt8 = 175
        public static let end: UInt8 = 255
    }

    /// Octets before the options, the magic cookie among them.
    public static let headerByteCount = 240
    /// Of `flags`.
    public static let broadcastFlag: UInt16 = 0x8000
    public static let clientPort: UInt16 = 68
    public static let serverPort: UInt16 = 67
    /// Octets that every client takes, IP and UDP headers included (RFC 2132 section 9.10).
    public static let packetByteCountMinimum = 576
    private static let magicCookie: UInt32 = 0x6382_5363
    private static let serverName = OctetRange(start: 44, count: 64)
    private static let file = OctetRange(start: 108, count: 128)

    public init(type: Kind, transaction: UInt32, hardwareAddress: MACAddress) {
        operation = 1
        hardwareType = 1
        hardwareByteCount = 6
        self.transaction = transaction
        flags = 0
        clientAddress = .any
        yourAddress = .any
        nextServer = .any
        relayAddress = .any
        hardwareAddressHigh = hardwareAddress.rawValue << 16
        hardwareAddressLow = 0
        self.type = type
    }

    /// The message that `bytes` are; options of other codes are skipped.
    /// - Throws: `truncated`; `unsupportedVersion` without the magic cookie; `badLength` for an option that reaches
    ///   beyond its field or is not of its type's size; `duplicateOption` if one that is read appears twice, since two
    ///   readers could then take different ones; `unsupportedType` without a known message type, as BOOTP is.
    public init(parsing bytes: Span<UInt8>) throws(HeaderError) {
        guard bytes.count >= Self.headerByteCount else { throw .truncated }
        guard bytes.integer32(at: 236) == Self.magicCookie else { throw .unsupportedVersion }
        self.init(type: .discover, transaction: bytes.integer32(at: 4), hardwareAddress: .zero)
        operation = bytes[0]
        hardwareType = bytes[1]
        hardwareByteCount = bytes[2]
        flags = bytes.integer16(at: 10)
        clientAddress = IPv4Address(bytes.integer32(at: 12))
        yourAddress = IPv4Address(bytes.integer32(at: 16))
        nextServer = IPv4Address(bytes.integer32(at: 20))
        relayAddress = IPv4Address(bytes.integer32(at: 24))
        hardwareAddressHigh = bytes.integer64(at: 28)
        hardwareAddressLow = bytes.integer64(at: 36)
        var reader = OptionReader()
        let options = OctetRange(start: Self.headerByteCount, count: bytes.count - Self.headerByteCount)
        try reader.read(bytes, options, into: &self)
        // RFC 2131 section 4.1: after the options come those in `file`, then those in `sname`.
        let overload = reader.overload
        if overload & 1 != 0 { try reader.read(bytes, Self.file, into: &self) }
        if overload & 2 != 0 { try reader.read(bytes, Self.serverName, into: &self) }
        guard let kind = Kind(rawValue: reader.type) else { throw .unsupportedType }
        type = kind
    }

    /// Writes what comes before the options, `sname` and `file` empty, to the start of `bytes`, which must have room
    /// for `headerByteCount` octets.
    public func write(to bytes: inout MutableSpan<UInt8>) {
        for offset in 0..<Self.headerByteCount { bytes[offset] = 0 }
        bytes[0] = operation
        bytes[1] = hardwareType
        bytes[2] = hardwareByteCount
        bytes.store(transaction, at: 4)
        bytes.store(flags, at: 10)
        bytes.store(clientAddress.rawValue, at: 12)
        bytes.store(yourAddress.rawValue, at: 16)
        bytes.store(nextServer.rawValue, at: 20)
        bytes.store(relayAddress.rawValue, at: 24)
        bytes.store(hardwareAddressHigh, at: 28)
        bytes.store(hardwareAddressLow, at: 36)
        bytes.store(Self.magicCookie, at: 236)
    }

    /// The reading of the three fields that may have options.
    private struct OptionReader {
        /// The message type; 0 is none.
        var type: UInt8 = 0
        /// Option 52: which other fields have options.
        var overload: UInt8 = 0
        private var hasParameters = false
        private var hasClientID = false

        mutating func read(
            _ bytes: Span<UInt8>,
            _ field: OctetRange,
            into message: inout DHCPv4Message
        ) throws(HeaderError) {
            var offset = field.start
            while offset < field.end {
                let code = bytes[offset]
                if code == Code.end { return }
                if code == Code.pad {
                    offset += 1
                    continue
                }
                guard field.end - offset >= 2 else { throw .badLength }
                let value = OctetRange(start: offset + 2, count: Int(bytes[offset + 1]))
                guard value.end <= field.end else { throw .badLength }
                try read(code, value, bytes, into: &message)
                offset = value.end
            }
        }

        private mutating func read(
            _ code: UInt8,
            _ value: OctetRange,
            _ bytes: Span<UInt8>,
            into message: inout DHCPv4Message
        ) throws(HeaderError) {
            switch code {
            case Code.type:
                guard value.count == 1 else { throw .badLength }
                guard type == 0 else { throw .duplicateOption }
                type = bytes[value.start]
            case Code.overload:
                guard value.count == 1 else { throw .badLength }
                guard overload == 0 else { throw .duplicateOption }
                overload = bytes[value.start]
            case Code.requestedAddress:
                message.requestedAddress = try Self.address(bytes, value, previous: message.requestedAddress)
            case Code.serverID:
                message.serverID = try Self.address(bytes, value, previous: message.serverID)
            case Code.maximumByteCount:
                guard value.count == 2 else { throw .badLength }
                guard message.maximumByteCount == nil else { throw .duplicateOption }
                message.maximumByteCount = bytes.integer16(at: value.start)
            case Code.parameters:
                guard !hasParameters else { throw .duplicateOption }
                hasParameters = true
                message.parameters = value
            case Code.clientID:
                guard !hasClientID else { throw .duplicateOption }
                hasClientID = true
                message.clientID = value
            case Code.etherboot: message.isIPXE = true
            default: break
            }
        }

        private static func address(
            _ bytes: Span<UInt8>,
            _ value: OctetRange,
            previous: IPv4Address?
        ) throws(HeaderError) -> IPv4Address {
            guard value.count == 4 else { throw .badLength }
            guard previous == nil else { throw .duplicateOption }
            return IPv4Address(bytes.integer32(at: value.start))
        }
    }
}
