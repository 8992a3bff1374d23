/// Walks through a text and takes parts of it as they stand, without making a ``JSONValue`` of the whole.
///
/// For texts that this program wrote and whose integrity something else vouches for, as the commit log's hash chain
/// does: names and separators are checked, but of a value that is taken as text only the end is looked for.
public struct JSONWalker {
    private var parser: JSONParser
    /// True if a value is before this place in the object or array around it.
    private var isBehindValue = false

    /// A walk from the start of a text.
    public init(_ bytes: [UInt8]) {
        parser = JSONParser(bytes: bytes)
    }

    /// Steps into the object that begins here.
    public mutating func enterObject() throws(JSONError) { try enter(UInt8(ascii: "{"), "an object") }

    /// Steps into the array that begins here.
    public mutating func enterArray() throws(JSONError) { try enter(UInt8(ascii: "["), "an array") }

    /// The name of the next member, whose value is to be taken next; `nil` steps out of the object.
    public mutating func nextMember() throws(JSONError) -> String? {
        guard try next(UInt8(ascii: "}")) else { return nil }
        guard parser.peek() == UInt8(ascii: "\"") else { throw parser.error(.unexpected(expected: "a member's name")) }
        let name = try parser.string()
        parser.skipBlanks()
        try parser.expect(UInt8(ascii: ":"), "':' behind a member's name")
        parser.skipBlanks()
        return name
    }

    /// True if an element follows, which is to be taken next; `false` steps out of the array.
    public mutating func nextElement() throws(JSONError) -> Bool { try next(UInt8(ascii: "]")) }

    public mutating func string() throws(JSONError) -> String {
        guard parser.peek() == UInt8(ascii: "\"") else { throw parser.error(.unexpected(expected: "a string")) }
        isBehindValue = true
        return try parser.string()
    }

    /// Takes a number that is a 64-bit integer.
    public mutating func integer() throws(JSONError) -> Int64 {
        guard case .integer(let value) = try parser.number() else { throw parser.error(.badNumber) }
        isBehindValue = true
        return value
    }

    /// Takes any value as it stands.
    public mutating func text() throws(JSONError) -> [UInt8] {
        let start = parser.offset
        try parser.skipValue()
        isBehindValue = true
        return Array(parser.bytes[start..<min(parser.offset, parser.bytes.count)])
    }

    /// Ends the walk: nothing may follow.
    public mutating func finish() throws(JSONError) {
        parser.skipBlanks()
        guard parser.peek() == nil else { throw parser.error(.trailingBytes) }
    }

    private mutating func enter(_ bracket: UInt8, _ what: String) throws(JSONError) {
        parser.skipBlanks()
        try parser.expect(bracket, what)
        isBehindValue = false
    }

    /// True if the object or array goes on, else steps out of it.
    private mutating func next(_ end: UInt8) throws(JSONError) -> Bool {
        parser.skipBlanks()
        if parser.peek() == end {
            try parser.expect(end, "its end")
            isBehindValue = true
            return false
        }
        if isBehindValue { try parser.expect(UInt8(ascii: ","), "',' or the end") }
        parser.skipBlanks()
        return true
    }
}
