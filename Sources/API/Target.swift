/// The target of a request, taken apart: the path's segments and the query's parameters, percent-decoded.
struct Target {
    /// The segments between slashes; `/` alone has none. A path that ends with a slash has an empty last one.
    var path: [String] = []
    /// The query's parameters in order.
    var query: [(name: String, value: String)] = []

    /// The most parameters of a query: no route has more than a handful.
    static let parameterCountMaximum = 32

    /// The parts of `text`, or `nil` where it is no path, its escapes are wrong, or they hide bytes that are not
    /// UTF-8.
    init?(_ text: String) {
        guard text.utf8.first == UInt8(ascii: "/") else { return nil }
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        for segment in parts.first?.dropFirst().split(separator: "/", omittingEmptySubsequences: false) ?? [] {
            guard let segment = Self.decoded(segment) else { return nil }
            path.append(segment)
        }
        if path == [""] { path = [] }
        guard parts.count == 2 else { return }
        let parameters = parts[1].split(separator: "&")
        guard parameters.count <= Self.parameterCountMaximum else { return nil }
        for parameter in parameters {
            let pair = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = pair.first.flatMap(Self.decoded) else { return nil }
            guard let value = Self.decoded(pair.count == 2 ? pair[1] : "") else { return nil }
            query.append((name, value))
        }
    }

    private static func decoded(_ text: Substring) -> String? {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(nibble), let low = rest.popFirst().flatMap(nibble) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        guard digit < 0x80, let value = Character(Unicode.Scalar(digit)).hexDigitValue else { return nil }
        return UInt8(value)
    }
}
