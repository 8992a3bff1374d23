/// The parts of a request target (RFC 9112 section 3.2): origin-form `/path?query`, absolute-form
/// `http://authority/path?query`, or `*` for OPTIONS.
struct RequestTarget {
    /// Path and query; empty or starting with `?` if an absolute-form has no path.
    let path: Range<Int>
    /// The authority of an absolute-form.
    let authority: Range<Int>?

    /// The parts of the target at `range`.
    /// - Throws: ``MessageError/badTarget``, ``MessageError/badHost`` or ``MessageError/unsupportedMethod``.
    init(_ range: Range<Int>, of method: Range<Int>, in bytes: [UInt8]) throws(MessageError) {
        if bytes[method].elementsEqual("CONNECT".utf8) { throw .unsupportedMethod }
        if bytes[range.lowerBound] == UInt8(ascii: "/") {
            path = range
            authority = nil
        } else if range.count == 1, bytes[range.lowerBound] == UInt8(ascii: "*") {
            guard bytes[method].elementsEqual("OPTIONS".utf8) else { throw .badTarget }
            path = range
            authority = nil
            return
        } else {
            guard let scheme = ["http://", "https://"].first(where: { Self.starts(range, with: $0, in: bytes) })
            else { throw .badTarget }
            let lower = range.lowerBound + scheme.utf8.count
            var upper = lower
            while upper < range.upperBound, bytes[upper] != UInt8(ascii: "/"), bytes[upper] != UInt8(ascii: "?") {
                upper += 1
            }
            try Self.checkAuthority(lower..<upper, in: bytes)
            path = upper..<range.upperBound
            authority = lower..<upper
        }
        try Self.checkPath(path, in: bytes)
    }

    private static func starts(_ range: Range<Int>, with scheme: String, in bytes: [UInt8]) -> Bool {
        let length = scheme.utf8.count
        return range.count >= length
            && bytes.matches(scheme, at: range.lowerBound..<(range.lowerBound + length))
    }

    /// `*( pchar / "/" / "?" )` of RFC 3986, without `%00`, which would end a name early somewhere.
    static func checkPath(_ range: Range<Int>, in bytes: [UInt8]) throws(MessageError) {
        var index = range.lowerBound
        while index < range.upperBound {
            switch bytes[index] {
            case let byte where byte.isURIByte: index += 1
            case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: ":"), UInt8(ascii: "@"): index += 1
            case UInt8(ascii: "%"):
                try checkPercentEncoding(at: index, until: range.upperBound, in: bytes)
                index += 3
            default: throw .badTarget
            }
        }
    }

    private static func checkPercentEncoding(
        at index: Int,
        until end: Int,
        in bytes: [UInt8]
    ) throws(MessageError) {
        guard index + 2 < end, let high = bytes[index + 1].hexDigitValue, let low = bytes[index + 2].hexDigitValue,
            high | low != 0
        else { throw .badTarget }
    }

    /// `host [ ":" port ]` of RFC 3986 section 3.2, never empty, without userinfo and without comma (which would be
    /// two Hosts folded into one).
    static func checkAuthority(_ range: Range<Int>, in bytes: [UInt8]) throws(MessageError) {
        var index = range.lowerBound
        guard index < range.upperBound else { throw .badHost }
        if bytes[index] == UInt8(ascii: "[") {
            index += 1
            let start = index
            while index < range.upperBound,
                bytes[index].hexDigitValue != nil || bytes[index] == UInt8(ascii: ":")
                    || bytes[index] == UInt8(ascii: ".")
            {
                index += 1
            }
            guard index > start, index < range.upperBound, bytes[index] == UInt8(ascii: "]") else { throw .badHost }
            index += 1
        } else {
            let start = index
            while index < range.upperBound, bytes[index] != UInt8(ascii: ":") {
                guard bytes[index].isURIByte, bytes[index] != UInt8(ascii: ",") else { throw .badHost }
                index += 1
            }
            guard index > start else { throw .badHost }
        }
        guard index < range.upperBound else { return }
        guard bytes[index] == UInt8(ascii: ":") else { throw .badHost }
        let port = (index + 1)..<range.upperBound
        guard port.count <= 5, port.allSatisfy({ bytes[$0].isDigit }) else { throw .badHost }
        guard port.reduce(0, { $0 * 10 + Int(bytes[$1] - 0x30) }) <= 0xffff else { throw .badHost }
    }
}
