/// A DNS query with one question (RFC 1035 section 4.1).
///
///      0                   1
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
///     |              ID               |
///     |QR| Opcode |AA|TC|RD|RA|  Z |RCODE|
///     | QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT |
///     | QNAME, QTYPE, QCLASS          |
public struct DNSQuery: Hashable, Sendable {
    public var identifier: UInt16
    public var flags: UInt16
    /// The name in the message: labels after their lengths, the 0 at the end included.
    public var name: OctetRange
    public var type: UInt16
    /// Octets of an answer that the client takes.
    public var answerByteCountMaximum: Int
    /// True if it has an OPT record (RFC 6891), as its answer then has.
    public var hasExtension: Bool

    /// Types of records (RFC 1035 section 3.2.2, RFC 3596).
    public enum RecordType {
        public static let ipv4Address: UInt16 = 1
        public static let pointer: UInt16 = 12
        public static let ipv6Address: UInt16 = 28
        public static let option: UInt16 = 41
        public static let any: UInt16 = 255
    }

    /// The bits of `flags`.
    public enum Flag {
        public static let response: UInt16 = 0x8000
        public static let operation: UInt16 = 0x7800
        public static let isAuthoritative: UInt16 = 0x0400
        public static let isTruncated: UInt16 = 0x0200
        public static let recursionDesired: UInt16 = 0x0100
        public static let recursionAvailable: UInt16 = 0x0080
        public static let checkingDisabled: UInt16 = 0x0010
    }

    /// Octets before the question.
    public static let headerByteCount = 12
    public static let port: UInt16 = 53
    /// The class `IN`.
    public static let internetClass: UInt16 = 1
    /// Octets of an answer over UDP that every client takes (RFC 1035 section 2.3.4).
    public static let usualByteCountMaximum = 512
    /// Octets of an OPT record without options.
    public static let extensionByteCount = 11

    /// The query that `bytes` are. Its name is the first in the message, so it has no pointers. Octets after an OPT
    /// record, or after the question if there is none, are not looked at.
    /// - Throws: `truncated`; `unsupportedType` for an answer, another operation than a query, another number of
    ///   questions than one, another class than `IN` or `ANY`, or other records than an OPT; `badLength` for a name
    ///   that is too long or has a pointer; `unsupportedVersion` for a later EDNS than 0.
    public init(parsing bytes: Span<UInt8>) throws(HeaderError) {
        guard bytes.count >= Self.headerByteCount else { throw .truncated }
        identifier = bytes.integer16(at: 0)
        flags = bytes.integer16(at: 2)
        let counts = (bytes.integer32(at: 4), bytes.integer16(at: 8), bytes.integer16(at: 10))
        guard flags & (Flag.response | Flag.operation | Flag.isTruncated) == 0, counts.0 == 0x1_0000, counts.1 == 0,
            counts.2 <= 1
        else { throw .unsupportedType }
        name = try Self.name(at: Self.headerByteCount, in: bytes)
        guard bytes.count - name.end >= 4 else { throw .truncated }
        type = bytes.integer16(at: name.end)
        let kind = bytes.integer16(at: name.end + 2)
        guard kind == Self.internetClass || kind == RecordType.any else { throw .unsupportedType }
        hasExtension = counts.2 == 1
        answerByteCountMaximum = Self.usualByteCountMaximum
        guard hasExtension else { return }
        let start = name.end + 4
        guard bytes.count - start >= Self.extensionByteCount else { throw .truncated }
        guard bytes[start] == 0, bytes.integer16(at: start + 1) == RecordType.option else { throw .unsupportedType }
        guard bytes[start + 6] == 0 else { throw .unsupportedVersion }
        let optionByteCount = Int(bytes.integer16(at: start + 9))
        guard bytes.count - start - Self.extensionByteCount >= optionByteCount else { throw .badLength }
        answerByteCountMaximum = max(answerByteCountMaximum, Int(bytes.integer16(at: start + 3)))
    }

    /// Behind the question.
    public var questionEnd: Int { name.end + 4 }

    private static func name(at start: Int, in bytes: Span<UInt8>) throws(HeaderError) -> OctetRange {
        var offset = start
        while true {
            guard offset < bytes.count else { throw .truncated }
            let count = Int(bytes[offset])
            guard count <= DomainName.labelByteCountMaximum else { throw .badLength }
            offset += 1 + count
            guard offset - start <= DomainName.byteCountMaximum else { throw .badLength }
            if count == 0 { return OctetRange(start: start, count: offset - start) }
        }
    }

    /// Writes the head of an answer with this query's identifier and question to the start of `bytes`, which must have
    /// room for `headerByteCount` octets.
    /// - Parameter answerCount: the records of the answer.
    public func writeAnswerHeader(answerCount: UInt16, to bytes: inout MutableSpan<UInt8>) {
        let kept = flags & (Flag.recursionDesired | Flag.checkingDisabled)
        bytes.store(identifier, at: 0)
        bytes.store(kept | Flag.response | Flag.isAuthoritative | Flag.recursionAvailable, at: 2)
        bytes.store(UInt16(1), at: 4)
        bytes.store(answerCount, at: 6)
        bytes.store(UInt16(0), at: 8)
        bytes.store(UInt16(hasExtension ? 1 : 0), at: 10)
    }

    /// Writes a record's head, whose name is that of the question, to the start of `bytes`.
    /// - Parameters:
    ///   - time: the seconds that the record may be kept.
    ///   - byteCount: of the record's data.
    public static func writeRecordHeader(
        type: UInt16,
        time: UInt32,
        byteCount: Int,
        to bytes: inout MutableSpan<UInt8>
    ) {
        // A pointer to the question.
        bytes.store(0xc000 | UInt16(headerByteCount), at: 0)
        bytes.store(type, at: 2)
        bytes.store(internetClass, at: 4)
        bytes.store(time, at: 6)
        bytes.store(UInt16(truncatingIfNeeded: byteCount), at: 10)
    }

    /// Octets of a record's head.
    public static let recordHeaderByteCount = 12

    /// Writes an OPT record without options to the start of `bytes`.
    /// - Parameter byteCountMaximum: octets of a message that the sender takes.
    public static func writeExtension(byteCountMaximum: UInt16, to bytes: inout MutableSpan<UInt8>) {
        bytes[0] = 0
        bytes.store(RecordType.option, at: 1)
        bytes.store(byteCountMaximum, at: 3)
        bytes.store(UInt32(0), at: 5)
        bytes.store(UInt16(0), at: 9)
    }
}
