/// The reason why a text is not JSON.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The fault.
    public enum Reason: Equatable, Sendable {
        /// The text ended in the middle of a value.
        case unexpectedEnd
        /// Something else stood where a value or a separator was due.
        case unexpected(expected: String)
        /// Nested deeper than ``JSONParser/depthMaximum``.
        case tooDeep
        /// An object with two members of this name.
        case duplicateName(String)
        /// A string that is not UTF-8, or that holds an unescaped control character or half a surrogate pair.
        case badString
        /// A string with more combining marks in a row than ``StringProtocol/markCountMaximum``.
        case tooManyMarks
        /// A number that the grammar does not have or that is out of range.
        case badNumber
        /// Something after the value.
        case trailingBytes
    }

    public let reason: Reason
    /// The place of the fault, in bytes from the start of the text.
    public let offset: Int

    /// One clause for a user, with the offset.
    public var description: String {
        let text =
            switch reason {
            case .unexpectedEnd: "the text ends in the middle of a value"
            case .unexpected(let expected): "expected \(expected)"
            case .tooDeep: "nested deeper than \(JSONParser.depthMaximum) levels"
            case .duplicateName(let name): "the name \"\(Self.cut(name))\" appears twice in one object"
            case .badString: "a string with bytes that JSON does not allow"
            case .tooManyMarks: "a string with more than \(String.markCountMaximum) combining marks in a row"
            case .badNumber: "a number that JSON does not have or that is out of range"
            case .trailingBytes: "something follows the value"
            }
        return "\(text) (at byte \(offset))"
    }

    /// So much of a name that no message is as long as the text.
    private static func cut(_ name: String) -> String {
        let limit = 64
        guard name.utf8.count > limit else { return name }
        var start = String.UnicodeScalarView()
        start.append(contentsOf: name.unicodeScalars.prefix(limit))
        return String(start) + "…"
    }
}

/// A strict parser of RFC 8259 texts: UTF-8, no duplicate names, bounded depth.
public struct JSONParser {
    /// The deepest nesting of arrays and objects, so that no text can exhaust the stack.
    public static let depthMaximum = 32

    /// Members up to which an object's names are compared one by one, which is faster than hashing them.
    private static let comparedNameMaximum = 16

    let bytes: [UInt8]
    private(set) var offset = 0
    private var depth = 0
    /// True if nobody knows who has written the text.
    private var isRequest = false
    /// True if the last string was ASCII without escapes.
    private var isPlain = false

    /// The value that a whole text stands for.
    /// - Throws: ``JSONError`` at the first byte that cannot be.
    public static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
        var parser = JSONParser(bytes: bytes)
        return try parser.whole()
    }

    /// The value that the text of a request stands for, which anybody may have written: whatever it is, comparing and
    /// hashing its strings takes time that grows with its length and not faster.
    /// - Throws: ``JSONError`` at the first byte that cannot be, or if a string is not stream-safe.
    public static func parse(request bytes: [UInt8]) throws(JSONError) -> JSONValue {
        var parser = JSONParser(bytes: bytes)
        parser.isRequest = true
        return try parser.whole()
    }

    private mutating func whole() throws(JSONError) -> JSONValue {
        skipBlanks()
        let value = try value()
        skipBlanks()
        guard offset == bytes.count else { throw error(.trailingBytes) }
        return value
    }

    /// The value that a whole text stands for.
    /// - Throws: ``JSONError`` at the first byte that cannot be.
    public static func parse(_ text: String) throws(JSONError) -> JSONValue {
        try parse(Array(text.utf8))
    }

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    func error(_ reason: JSONError.Reason) -> JSONError { JSONError(reason: reason, offset: offset) }

    func peek() -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

    mutating func skipBlanks() {
        while let byte = peek(), byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { offset += 1 }
    }

    private mutating func value() throws(JSONError) -> JSONValue {
        guard let byte = peek() else { throw error(.unexpectedEnd) }
        switch byte {
        case UInt8(ascii: "{"): return try nested { parser throws(JSONError) in .object(try parser.object()) }
        case UInt8(ascii: "["): return try nested { parser throws(JSONError) in .array(try parser.array()) }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw error(.unexpected(expected: "a JSON value"))
        }
    }

    private mutating func nested(
        _ body: (inout JSONParser) throws(JSONError) -> JSONValue
    ) throws(JSONError) -> JSONValue {
        guard depth < Self.depthMaximum else { throw error(.tooDeep) }
        depth += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for expected in word.description.utf8 {
            guard let byte = peek() else { throw error(.unexpectedEnd) }
            guard byte == expected else { throw error(.unexpected(expected: "\(word)")) }
            offset += 1
        }
        return value
    }

    private mutating func object() throws(JSONError) -> JSONObject {
        offset += 1
        var members: [(name: String, value: JSONValue)] = []
        var names: Set<String> = []
        // The marks of all names: one whose mark is not among them is new.
        var marks: UInt64 = 0
        skipBlanks()
        if peek() == UInt8(ascii: "}") {
            offset += 1
            return JSONObject()
        }
        while true {
            skipBlanks()
            let nameOffset = offset
            guard let byte = peek() else { throw error(.unexpectedEnd) }
            guard byte == UInt8(ascii: "\"") else { throw error(.unexpected(expected: "a member's name in quotes")) }
            let name = try string()
            let mark = mark(ofNameAt: nameOffset)
            let isNew =
                members.count < Self.comparedNameMaximum
                ? marks & mark == 0 || !members.contains { $0.name == name } : isNew(name, among: members, &names)
            marks |= mark
            guard isNew else { throw JSONError(reason: .duplicateName(name), offset: nameOffset) }
            skipBlanks()
            try expect(UInt8(ascii: ":"), "':' behind a member's name")
            skipBlanks()
            members.append((name, try value()))
            skipBlanks()
            if try endsOrContinues(UInt8(ascii: "}"), "',' or '}'") { return JSONObject(distinct: members) }
        }
    }

    /// One bit of a few that the plain name between an offset and here can have, and all bits for another, which can
    /// equal names of other bytes.
    private func mark(ofNameAt start: Int) -> UInt64 {
        guard isPlain else { return .max }
        // With the quotes: an empty name has two bytes, too.
        let count = offset - start
        let (first, middle, last) = (bytes[start + 1], bytes[start + count / 2], bytes[offset - 2])
        let sum = UInt8(truncatingIfNeeded: count) &* 31 &+ first &* 7 &+ middle &* 3 &+ last
        return 1 << UInt64(sum & 63)
    }

    private func isNew(
        _ name: String,
        among members: [(name: String, value: JSONValue)],
        _ names: inout Set<String>
    ) -> Bool {
        if names.isEmpty { names = Set(members.map(\.name)) }
        return names.insert(name).inserted
    }

    private mutating func array() throws(JSONError) -> [JSONValue] {
        offset += 1
        var elements: [JSONValue] = []
        skipBlanks()
        if peek() == UInt8(ascii: "]") {
            offset += 1
            return elements
        }
        while true {
            skipBlanks()
            elements.append(try value())
            skipBlanks()
            if try endsOrContinues(UInt8(ascii: "]"), "',' or ']'") { return elements }
        }
    }

    mutating func expect(_ wanted: UInt8, _ text: String) throws(JSONError) {
        guard let byte = peek() else { throw error(.unexpectedEnd) }
        guard byte == wanted else { throw error(.unexpected(expected: text)) }
        offset += 1
    }

    /// True if the closing bracket follows (true) or a comma (false).
    private mutating func endsOrContinues(_ end: UInt8, _ text: String) throws(JSONError) -> Bool {
        guard let byte = peek() else { throw error(.unexpectedEnd) }
        guard byte == end || byte == UInt8(ascii: ",") else { throw error(.unexpected(expected: text)) }
        offset += 1
        return byte == end
    }

    mutating func number() throws(JSONError) -> JSONValue {
        let start = offset
        var isInteger = true
        if peek() == UInt8(ascii: "-") { offset += 1 }
        let integerStart = offset
        let integerDigits = skipDigits()
        guard integerDigits > 0, integerDigits == 1 || bytes[integerStart] != UInt8(ascii: "0") else {
            throw error(peek() == nil && integerDigits == 0 ? .unexpectedEnd : .badNumber)
        }
        if peek() == UInt8(ascii: ".") {
            isInteger = false
            offset += 1
            guard skipDigits() > 0 else { throw error(peek() == nil ? .unexpectedEnd : .badNumber) }
        }
        if let byte = peek(), byte | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            offset += 1
            if let sign = peek(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { offset += 1 }
            guard skipDigits() > 0 else { throw error(peek() == nil ? .unexpectedEnd : .badNumber) }
        }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        if isInteger, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw error(.badNumber) }
        return .number(value)
    }

    /// Goes to the end of the value that begins here, without making anything of it or checking more than that its
    /// strings and brackets end.
    mutating func skipValue() throws(JSONError) {
        if let byte = peek(), ",:]}".utf8.contains(byte) { throw error(.unexpected(expected: "a JSON value")) }
        var depth = 0
        repeat {
            guard let byte = peek() else { throw error(.unexpectedEnd) }
            offset += 1
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: "\""): try skipStringContent()
            default: if depth == 0 { skipWord() }
            }
        } while depth > 0
    }

    private mutating func skipStringContent() throws(JSONError) {
        while let byte = peek() {
            offset += 1
            if byte == UInt8(ascii: "\"") { return }
            if byte == UInt8(ascii: "\\") { offset += 1 }
        }
        throw error(.unexpectedEnd)
    }

    /// To the end of a number, `true`, `false` or `null`.
    private mutating func skipWord() {
        while let byte = peek(), !",]} \t\r\n".utf8.contains(byte) { offset += 1 }
    }

    private mutating func skipDigits() -> Int {
        let start = offset
        while let byte = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { offset += 1 }
        return offset - start
    }

    mutating func string() throws(JSONError) -> String {
        offset += 1
        let start = offset
        var bits: UInt8 = 0
        while let byte = peek(), byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
            bits |= byte
            offset += 1
        }
        guard let byte = peek() else { throw error(.unexpectedEnd) }
        if byte == UInt8(ascii: "\"") {
            guard let text = Self.text(bytes.span.extracting(start..<offset)) else { throw error(.badString) }
            // ASCII, as nearly everything is, needs no further look.
            isPlain = bits < 0x80
            let valid = isPlain ? text : try checked(text)
            offset += 1
            return valid
        }
        isPlain = false
        return try stringWithEscapes(from: start)
    }

    private static func text(_ bytes: Span<UInt8>) -> String? {
        do {
            return String(copying: try UTF8Span(validating: bytes))
        } catch {
            return nil
        }
    }

    private func checked(_ text: String?) throws(JSONError) -> String {
        guard let text else { throw error(.badString) }
        guard !isRequest || text.isStreamSafe else { throw error(.tooManyMarks) }
        return text
    }

    private mutating func stringWithEscapes(from start: Int) throws(JSONError) -> String {
        var unescaped = Array(bytes[start..<offset])
        while true {
            guard let byte = peek() else { throw error(.unexpectedEnd) }
            switch byte {
            case UInt8(ascii: "\""):
                let text = try checked(String(validating: unescaped, as: UTF8.self))
                offset += 1
                return text
            case UInt8(ascii: "\\"):
                offset += 1
                try escape(into: &unescaped)
            case 0..<0x20: throw error(.badString)
            default:
                unescaped.append(byte)
                offset += 1
            }
        }
    }

    private mutating func escape(into unescaped: inout [UInt8]) throws(JSONError) {
        guard let byte = peek() else { throw error(.unexpectedEnd) }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): unescaped.append(byte)
        case UInt8(ascii: "b"): unescaped.append(0x08)
        case UInt8(ascii: "f"): unescaped.append(0x0c)
        case UInt8(ascii: "n"): unescaped.append(0x0a)
        case UInt8(ascii: "r"): unescaped.append(0x0d)
        case UInt8(ascii: "t"): unescaped.append(0x09)
        case UInt8(ascii: "u"): unescaped += Array(String(Character(try unicodeScalar())).utf8)
        default: throw error(.badString)
        }
    }

    private mutating func unicodeScalar() throws(JSONError) -> Unicode.Scalar {
        let first = try fourDigits()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xdc00, peek() == UInt8(ascii: "\\") else { throw error(.badString) }
        offset += 1
        guard peek() == UInt8(ascii: "u") else { throw error(.badString) }
        offset += 1
        let second = try fourDigits()
        guard (0xdc00..<0xe000).contains(second) else { throw error(.badString) }
        let value = 0x1_0000 + (first - 0xd800) << 10 + (second - 0xdc00)
        guard let scalar = Unicode.Scalar(value) else { throw error(.badString) }
        return scalar
    }

    private mutating func fourDigits() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek() else { throw error(.unexpectedEnd) }
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw error(.badString)
            }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        return value
    }
}
