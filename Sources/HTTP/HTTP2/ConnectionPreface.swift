/// Tells by the first bytes of a plain connection whether its client speaks HTTP/2 with prior knowledge
/// (RFC 9113 section 3.3).
public struct ConnectionPreface {
    /// The verdict on the bytes so far.
    public enum Verdict: Equatable, Sendable {
        /// They may become the preface.
        case undecided
        /// They are the preface.
        case http2
        /// They are something else, and so HTTP/1.1.
        case http1
    }

    private static let text = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    static var byteCount: Int { text.count }

    /// The bytes that have come, kept until they are decided upon.
    public private(set) var bytes: [UInt8] = []

    public init() {}

    /// Takes bytes; the verdict is about all of them so far.
    public mutating func take(_ more: ArraySlice<UInt8>) -> Verdict {
        bytes += more
        let common = zip(bytes, Self.text).prefix { $0 == $1 }.count
        if common == Self.text.count { return .http2 }
        return common == bytes.count ? .undecided : .http1
    }
}
