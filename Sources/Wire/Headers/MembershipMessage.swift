/// A message about members of multicast groups: IGMP (RFC 1112, RFC 2236, RFC 3376) or MLD (RFC 2710, RFC 3810).
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |     type      | max. response |           checksum            |  IGMPv1 and v2: query, report, leave
///     |                            group                              |
///
///     |     type      |   reserved    |           checksum            |  IGMPv3 and MLDv2: report
///     |           reserved            |       number of records       |
///     | records: type, octets of data / 4, number of sources,         |
///     | group, sources, data                                          |
///
/// MLDv1 has 4 octets (maximum response delay, reserved) between its first word and the group. The octets are read as
/// they are asked for: nothing is allocated.
public struct MembershipMessage {
    /// The sort of a message.
    public enum Kind: Sendable {
        /// A router asks who is a member.
        case query
        /// A host says what it is a member of, or no longer.
        case report
    }

    /// The protocol of a message.
    public enum Family: Sendable {
        case igmp
        case mld
    }

    /// The statement of a report about one group.
    public struct Record: Hashable, Sendable {
        /// The group; of IGMP in the lowest 32 bits.
        public var group: IPv6Address
        /// True if the sender is no member any more.
        public var isLeave: Bool
    }

    public let kind: Kind
    public let family: Family
    /// The records of a report; a query has none.
    public let recordCount: Int
    /// True if records have a length of their own.
    private let isList: Bool

    /// Octets of an IGMP message before its records, and of one of the first two versions.
    public static let igmpByteCount = 8
    /// Octets of an MLDv1 message.
    public static let mldByteCount = 24
    private static let listHeaderByteCount = 8

    /// Types of messages (IANA, igmp-type-numbers and icmpv6-parameters).
    private enum MessageType {
        static let igmpQuery: UInt8 = 0x11
        static let igmpReport: UInt8 = 0x12
        static let igmpReportV2: UInt8 = 0x16
        static let igmpLeave: UInt8 = 0x17
        static let igmpReportV3: UInt8 = 0x22
        static let mldQuery: UInt8 = 130
        static let mldReport: UInt8 = 131
        static let mldDone: UInt8 = 132
        static let mldReportV2: UInt8 = 143
    }

    /// True if an ICMPv6 message of this type is one of MLD.
    public static func isMLD(_ type: UInt8) -> Bool {
        (MessageType.mldQuery...MessageType.mldDone).contains(type) || type == MessageType.mldReportV2
    }

    /// The message that `bytes` are. The checksum is not looked at.
    /// - Throws: `truncated`; `unsupportedType` for types that say nothing of members; `badLength` if the records do
    ///   not end where they say.
    public init(parsing bytes: Span<UInt8>, _ family: Family) throws(HeaderError) {
        self.family = family
        guard let type = bytes.isEmpty ? nil : bytes[0] else { throw .truncated }
        let byteCount = family == .igmp ? Self.igmpByteCount : Self.mldByteCount
        switch (family, type) {
        case (.igmp, MessageType.igmpQuery), (.mld, MessageType.mldQuery): (kind, isList) = (.query, false)
        case (.igmp, MessageType.igmpReport), (.igmp, MessageType.igmpReportV2), (.igmp, MessageType.igmpLeave),
            (.mld, MessageType.mldReport), (.mld, MessageType.mldDone):
            (kind, isList) = (.report, false)
        case (.igmp, MessageType.igmpReportV3), (.mld, MessageType.mldReportV2): (kind, isList) = (.report, true)
        default: throw .unsupportedType
        }
        guard bytes.count >= (isList ? Self.listHeaderByteCount : byteCount) else { throw .truncated }
        guard isList else {
            recordCount = kind == .query ? 0 : 1
            return
        }
        recordCount = Int(bytes.integer16(at: 6))
        var offset = Self.listHeaderByteCount
        for _ in 0..<recordCount {
            guard let end = Self.end(ofRecordAt: offset, bytes, family) else { throw .badLength }
            offset = end
        }
    }

    /// Goes through the records, of the bytes that the message was read of.
    @inline(__always)
    public func forEachRecord(of bytes: Span<UInt8>, _ body: (Record) -> Void) {
        guard isList else {
            guard kind == .report else { return }
            let type = bytes[0]
            let isLeave = type == MessageType.igmpLeave || type == MessageType.mldDone
            return body(Record(group: Self.group(at: family == .igmp ? 4 : 8, bytes, family), isLeave: isLeave))
        }
        var offset = Self.listHeaderByteCount
        for _ in 0..<recordCount {
            guard let end = Self.end(ofRecordAt: offset, bytes, family) else { return }
            // Including nobody is leaving (RFC 3376 section 4.2.12): MODE_IS_INCLUDE and CHANGE_TO_INCLUDE_MODE.
            let isLeave = (bytes[offset] == 1 || bytes[offset] == 3) && bytes.integer16(at: offset + 2) == 0
            body(Record(group: Self.group(at: offset + 4, bytes, family), isLeave: isLeave))
            offset = end
        }
    }

    private static func group(at offset: Int, _ bytes: Span<UInt8>, _ family: Family) -> IPv6Address {
        switch family {
        case .igmp: IPv6Address(high: 0, low: UInt64(bytes.integer32(at: offset)))
        case .mld: bytes.ipv6Address(at: offset)
        }
    }

    /// The offset behind a record; `nil` if it is cut short.
    private static func end(ofRecordAt offset: Int, _ bytes: Span<UInt8>, _ family: Family) -> Int? {
        let addressByteCount = family == .igmp ? 4 : 16
        guard bytes.count - offset >= 4 + addressByteCount else { return nil }
        let sourceCount = Int(bytes.integer16(at: offset + 2))
        let end = offset + 4 + addressByteCount * (1 + sourceCount) + 4 * Int(bytes[offset + 1])
        return end <= bytes.count ? end : nil
    }
}

extension MembershipMessage {
    /// The content of a query to all members of all groups (RFC 3376 section 4.1, RFC 3810 section 5.1).
    public struct Query: Hashable, Sendable {
        /// Seconds within which members answer: 1 ... 25.
        public var maxResponse: UInt32
        /// Seconds until the next query.
        public var interval: UInt32

        public init(maxResponse: UInt32, interval: UInt32) {
            self.maxResponse = maxResponse
            self.interval = interval
        }

        /// The octets of one of IGMPv3 and of one of MLDv2.
        public static let igmpByteCount = 12
        public static let mldByteCount = 28

        /// Writes the message, its checksum 0, to the start of `bytes`, which must have room for it.
        public func write(_ family: Family, to bytes: inout MutableSpan<UInt8>) {
            let byteCount = family == .igmp ? Self.igmpByteCount : Self.mldByteCount
            for offset in 0..<byteCount { bytes[offset] = 0 }
            switch family {
            case .igmp:
                bytes[0] = MessageType.igmpQuery
                bytes[1] = Self.code(maxResponse &* 10)
            case .mld:
                bytes[0] = MessageType.mldQuery
                bytes.store(UInt16(truncatingIfNeeded: min(maxResponse, 32) &* 1000), at: 4)
            }
            // The robustness of members: two (RFC 3376 section 8.1).
            bytes[byteCount - 4] = 2
            bytes[byteCount - 3] = Self.code(interval)
        }

        /// A number in eight bits, from 128 on with a mantissa of four and an exponent of three (RFC 3376 section
        /// 4.1.1): the largest that is not above it.
        static func code(_ value: UInt32) -> UInt8 {
            if value < 128 { return UInt8(value) }
            let value = min(value, 31 << 10)
            let exponent = max(3, 31 - UInt32(value.leadingZeroBitCount) - 4)
            return 0x80 | UInt8(exponent - 3) << 4 | UInt8(value >> exponent & 15)
        }
    }
}
