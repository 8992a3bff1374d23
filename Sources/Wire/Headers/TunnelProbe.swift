/// A question to the other end of a tunnel, whether a datagram of some size has arrived, and the answer to it: a Geneve
/// control packet (RFC 8926 section 3.4, the O bit) with an option of ours. The question is padded to its size by
/// octets that say nothing; the answer is as short as can be, so that nobody is made to send more than he was sent.
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |  4 words of   |O|             |  transparent Ethernet         |
///     |                        VNI 0                  |               |
///     |     option class 0xff48       |  type 1 or 2  |   3 words     |
///     |                             nonce                             |
///     |                                                               |
///     |             octets of the question's UDP payload              |
///
/// Only who has seen the question knows the nonce, so nobody beside the path can answer in another's place.
public struct TunnelProbe: Hashable, Sendable {
    public var isEcho: Bool
    /// Random, of the one who asks.
    public var nonce: UInt64
    /// Octets of the question's UDP payload.
    public var payloadByteCount: Int

    /// The octets of an answer, and of a question without padding.
    public static let byteCount = 24
    /// Of the experimental range (RFC 8926 section 7.2).
    public static let optionClass: UInt16 = 0xff48
    public static let requestType: UInt8 = 1
    public static let echoType: UInt8 = 2
    public static let typeOffset = 10
    /// The first word of both.
    public static let start: UInt32 = 0x0480_6558

    public init(isEcho: Bool, nonce: UInt64, payloadByteCount: Int) {
        self.isEcho = isEcho
        self.nonce = nonce
        self.payloadByteCount = payloadByteCount
    }

    /// The probe that a UDP payload is; `nil` for anything else.
    public init?(parsing bytes: Span<UInt8>) {
        guard bytes.count >= Self.byteCount, bytes.integer32(at: 0) == Self.start, bytes.integer32(at: 4) == 0,
            bytes.integer16(at: 8) == Self.optionClass, bytes[11] == 3,
            bytes[Self.typeOffset] == Self.requestType || bytes[Self.typeOffset] == Self.echoType
        else { return nil }
        isEcho = bytes[Self.typeOffset] == Self.echoType
        nonce = UInt64(bytes.integer32(at: 12)) << 32 | UInt64(bytes.integer32(at: 16))
        payloadByteCount = Int(bytes.integer32(at: 20))
    }

    /// Writes the probe without padding to the start of `bytes`, which must have room for 24 octets.
    public func write(to bytes: inout MutableSpan<UInt8>) {
        bytes.store(Self.start, at: 0)
        bytes.store(UInt32(0), at: 4)
        bytes.store(Self.optionClass, at: 8)
        bytes[Self.typeOffset] = isEcho ? Self.echoType : Self.requestType
        bytes[11] = 3
        bytes.store(UInt32(truncatingIfNeeded: nonce >> 32), at: 12)
        bytes.store(UInt32(truncatingIfNeeded: nonce), at: 16)
        bytes.store(UInt32(truncatingIfNeeded: payloadByteCount), at: 20)
    }
}
