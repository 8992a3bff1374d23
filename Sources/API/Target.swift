import HTTP
import JSON

/// The target of a request, taken apart: the path's segments and the query's parameters, percent-decoded.
struct Target {
    /// The segments between slashes; `/` alone has none. A path that ends with a slash has an empty last one.
    var path: [String] = []
    /// The query's parameters in order.
    var query: [(name: String, value: String)] = []

    /// The most parameters of a query: no route has more than a handful.
    static let parameterCountMaximum = 32

    /// Segments of an ordinary path.
    private static let usualSegmentCount = 4

    /// The parts of `text`, or `nil` if it is no path, its escapes are wrong, or they hide bytes that are not
    /// UTF-8.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.first == UInt8(ascii: "/") else { return nil }
        let end = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.count
        // By bytes: a request's target is taken apart faster than `String.split` finds its first slash.
        var start = 1
        path.reserveCapacity(Self.usualSegmentCount)
        for index in 1...end where index == end || bytes[index] == UInt8(ascii: "/") {
            guard let segment = Self.decoded(bytes[start..<index]) else { return nil }
            path.append(segment)
            start = index + 1
        }
        if path == [""] { path = [] }
        guard end < bytes.count else { return }
        let parameters = bytes[(end + 1)...].split(separator: UInt8(ascii: "&"))
        guard parameters.count <= Self.parameterCountMaximum else { return nil }
        for parameter in parameters {
            let nameEnd = parameter.firstIndex(of: UInt8(ascii: "=")) ?? parameter.endIndex
            guard let name = Self.decoded(Self.plain(parameter[..<nameEnd])) else { return nil }
            guard let value = Self.decoded(Self.plain(parameter[nameEnd...].dropFirst())) else { return nil }
            query.append((name, value))
        }
    }

    /// The text of a parameter with blanks for plus signs, as browsers and most clients write them in queries.
    private static func plain(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard text.contains(UInt8(ascii: "+")) else { return text }
        return text.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 }[...]
    }

    /// Decodes a segment or a parameter; `nil` also if it has more combining marks in a row than any word has, as
    /// the look-up of it would take long.
    private static func decoded(_ text: ArraySlice<UInt8>) -> String? {
        let text = percentDecoded(text)
        return text?.isStreamSafe == false ? nil : text
    }
}
