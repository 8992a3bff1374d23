import JSON

/// A single value of a database of OVSDB (RFC 7047 section 3.1). OVN's tables have no reals.
public enum Atom: Hashable, Sendable {
    case integer(Int64)
    case boolean(Bool)
    case string(String)
    /// A UUID in its usual spelling. On a command line it may be the name of what is referred to.
    case uuid(String)

    /// As OVN's programs write it: a string in quotes if it could be taken for something else.
    public var text: String {
        switch self {
        case .string(let value): Self.needsQuotes(value) ? JSONValue.string(value).text : value
        case .integer, .boolean, .uuid: bareText
        }
    }

    /// The same without quotes.
    public var bareText: String {
        switch self {
        case .integer(let value): value.description
        case .boolean(let value): value.description
        case .string(let value), .uuid(let value): value
        }
    }

    /// As RFC 7047 section 5.1 has it.
    public var json: JSONValue {
        switch self {
        case .integer(let value): .integer(value)
        case .boolean(let value): .bool(value)
        case .string(let value): .string(value)
        case .uuid(let value): ["uuid", .string(value)]
        }
    }

    /// The value of a type; `nil` if the JSON is none.
    public init?(json: JSONValue, _ type: AtomType) {
        switch type {
        case .integer:
            guard let value = json.integerValue else { return nil }
            self = .integer(value)
        case .boolean:
            guard let value = json.boolValue else { return nil }
            self = .boolean(value)
        case .string:
            guard let value = json.stringValue else { return nil }
            self = .string(value)
        case .uuid:
            guard let pair = json.arrayValue, pair.count == 2, pair[0] == "uuid", let text = pair[1].stringValue,
                Self.isUUID(text)
            else { return nil }
            self = .uuid(text.lowercased())
        }
    }

    /// True if a text has the form of a UUID (RFC 9562 section 4).
    public static func isUUID(_ text: String) -> Bool {
        text.utf8.count == 36
            && text.utf8.enumerated().allSatisfy { place, byte in
                [8, 13, 18, 23].contains(place) ? byte == UInt8(ascii: "-") : isHexDigit(byte)
            }
    }

    static func isHexDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
    }

    private static func needsQuotes(_ text: String) -> Bool {
        guard let first = text.utf8.first, isLetter(first) || first == UInt8(ascii: "_") else { return true }
        let isPlain = text.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || "_-.".utf8.contains($0) }
        return !isPlain || text == "true" || text == "false" || isUUID(text)
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte | 0x20) }
}

extension Atom: Comparable {
    /// The order of OVSDB: numbers by value, texts by octets. Values of different types have no order of meaning.
    public static func < (left: Atom, right: Atom) -> Bool {
        if case .integer(let first) = left, case .integer(let second) = right { return first < second }
        if left.rank != right.rank { return left.rank < right.rank }
        return left.bareText.utf8.lexicographicallyPrecedes(right.bareText.utf8)
    }

    private var rank: Int {
        switch self {
        case .integer: 0
        case .boolean: 1
        case .string: 2
        case .uuid: 3
        }
    }
}

/// The types of a single value that OVN's tables have.
public enum AtomType: String, Hashable, Sendable {
    case integer, boolean, string, uuid
}
