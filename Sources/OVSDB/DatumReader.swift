import JSON

/// A text that is no value of OVSDB, as one clause.
public struct DatumError: Error, Equatable, Sendable {
    public let reason: String
}

/// Reads values as OVN's programs take them on their command lines: `a,b`, `[a, b]`, `{k=v}`, `"a text"`.
public struct DatumReader {
    /// By scalars: a quote before a combining mark is a character of its own to a `String`, and yet a quote.
    private var rest: Substring.UnicodeScalarView

    public init(_ text: String) { rest = text.unicodeScalars[...] }

    /// True if nothing is left.
    public var isAtEnd: Bool { rest.isEmpty }

    /// The whole rest as a value of a type.
    /// - Throws: ``DatumError`` with what is wrong.
    public mutating func datum(_ type: ColumnType) throws(DatumError) -> Datum {
        var elements: [Datum.Element] = []
        var keys: Set<Atom> = []
        skipBlanks()
        let bracket = rest.first
        let end: Unicode.Scalar? = type.isMap ? (bracket == "{" ? "}" : nil) : (bracket == "[" ? "]" : nil)
        if end != nil { rest.removeFirst() }
        skipSeparators()
        while !rest.isEmpty, rest.first != end || end == nil {
            let element = try element(type)
            guard keys.insert(element.key).inserted else {
                throw DatumError(reason: "\(element.key.text) appears twice")
            }
            elements.append(element)
            // A blank or a comma is between two elements.
            guard rest.isEmpty || rest.first == end || rest.first == "," || rest.first == " " else {
                throw unexpected(type)
            }
            skipSeparators()
        }
        if let end {
            guard rest.first == end else { throw DatumError(reason: "there is no '\(end)' at the end") }
            rest.removeFirst()
            skipBlanks()
            guard rest.isEmpty else { throw unexpected(type) }
        }
        guard (type.minimum...max(type.minimum, type.maximum)).contains(elements.count) else {
            let most = type.maximum == 1 ? "one value" : "at most \(type.maximum) values"
            throw DatumError(
                reason: elements.count < type.minimum
                    ? "a \(type.noun) may not be empty" : "it takes \(most), not \(elements.count)"
            )
        }
        return Datum(elements: elements)
    }

    private mutating func element(_ type: ColumnType) throws(DatumError) -> Datum.Element {
        let key = try atom(type.key)
        guard let value = type.value else { return Datum.Element(key) }
        guard take("=") else { throw DatumError(reason: "a map is written as KEY=VALUE, and \(key.text) has no value") }
        return Datum.Element(key, try atom(value))
    }

    /// The next value.
    public mutating func atom(_ type: AtomType) throws(DatumError) -> Atom {
        let (text, isQuoted) = try token()
        guard isQuoted || !text.isEmpty else { throw DatumError(reason: "a \(type.rawValue) is missing") }
        switch type {
        case .string: return .string(text)
        case .integer:
            guard let value = Int64(text) else { throw DatumError(reason: "\"\(text)\" is not a valid integer") }
            return .integer(value)
        case .boolean:
            guard text == "true" || text == "false" else {
                throw DatumError(reason: "\"\(text)\" is not a valid boolean (use \"true\" or \"false\")")
            }
            return .boolean(text == "true")
        case .uuid: return .uuid(Atom.isUUID(text) ? text.lowercased() : text)
        }
    }

    /// The word up to the next character with a meaning, or what is between double quotes.
    public mutating func token() throws(DatumError) -> (text: String, isQuoted: Bool) {
        guard rest.first == "\"" else {
            let end = rest.firstIndex { Self.delimiters.contains($0) } ?? rest.endIndex
            defer { rest = rest[end...] }
            return (String(rest[..<end]), false)
        }
        var end = rest.index(after: rest.startIndex)
        while end < rest.endIndex, rest[end] != "\"" {
            if rest[end] == "\\" { end = rest.index(after: end) }
            if end < rest.endIndex { end = rest.index(after: end) }
        }
        guard end < rest.endIndex else { throw DatumError(reason: "a text in double quotes has no end") }
        let quoted = String(rest[...end])
        guard let text = (try? JSONParser.parse(quoted))?.stringValue else {
            throw DatumError(reason: "\(quoted) is not a text as JSON writes it")
        }
        rest = rest[rest.index(after: end)...]
        return (text, true)
    }

    /// Takes a word if it comes next.
    public mutating func take(_ word: String) -> Bool {
        guard rest.starts(with: word.unicodeScalars) else { return false }
        rest = rest.dropFirst(word.unicodeScalars.count)
        return true
    }

    /// The text that is left.
    public var remainder: String { String(rest) }

    private static let delimiters = Set(":=, []{}!<>".unicodeScalars)

    private mutating func skipBlanks() { rest = rest.drop { $0 == " " } }

    private mutating func skipSeparators() { rest = rest.drop { $0 == " " || $0 == "," } }

    private func unexpected(_ type: ColumnType) -> DatumError {
        DatumError(
            reason: "unexpected \"\(String(rest.prefix(1)))\" in a \(type.noun); a text with other characters than "
                + "letters, digits, '_', '-' and '.' is written in double quotes, within the shell's: '\"10.0.0.1\"'"
        )
    }
}
