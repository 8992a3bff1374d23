import HTTPTypes

/// Status and fields of an answer, the fields as the lines that HTTP/1.1 sends.
///
/// A handler adds each field once, and hardly anybody looks for it again: so there is one buffer that is sent as it is,
/// and no value for each of them. HTTP/2 takes the lines apart.
public struct AnswerHead: Sendable {
    public var status: HTTPResponse.Status
    /// `Name: value`, each with its CRLF; without the fields that delimit messages.
    package private(set) var lines: [UInt8] = []
    /// True if the connection is to be closed after the answer.
    package private(set) var closes = false
    /// True if the fields have a date; where not, the connection adds one.
    package private(set) var hasDate = false

    /// The size of an ordinary answer's fields, in bytes, so that the buffer is made once.
    private static let usualByteCount = 224

    public init(_ status: HTTPResponse.Status) {
        self.status = status
    }

    /// The same answer, its fields as lines.
    public init(_ response: HTTPResponse) {
        status = response.status
        for field in response.headerFields { add(field.name, field.value) }
    }

    /// Adds a field. Those that delimit messages are the connection's and left out; of Connection only `close` counts.
    /// Bytes that would end the line become blanks.
    public mutating func add(_ name: HTTPField.Name, _ value: String) {
        switch name {
        case .contentLength, .transferEncoding: return
        case .connection:
            if value.lowercased() == "close" { closes = true }
            return
        case .date: hasDate = true
        default: break
        }
        begin(name)
        let start = lines.count
        lines += value.utf8
        for index in start..<lines.count where !lines[index].isFieldValueByte { lines[index] = .space }
        end()
    }

    /// Adds a field whose value is a number.
    public mutating func add(_ name: HTTPField.Name, decimal value: UInt64, isQuoted: Bool = false) {
        begin(name)
        if isQuoted { lines.append(UInt8(ascii: "\"")) }
        lines.append(decimal: value)
        if isQuoted { lines.append(UInt8(ascii: "\"")) }
        end()
    }

    /// Adds a field whose value is the 16 lower-case hexadecimal digits of a number.
    public mutating func add(_ name: HTTPField.Name, hexadecimal value: UInt64) {
        begin(name)
        for shift in stride(from: 60, through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: value >> UInt64(shift) & 15)
            lines.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
        }
        end()
    }

    /// The values of a field, joined by commas; setting one puts it in the place of all there are.
    public subscript(name: HTTPField.Name) -> String? {
        get {
            var values: [String] = []
            forEachField { field, value in
                if lines.matches(name.canonicalName, at: field) { values.append(lines.text(value)) }
            }
            return values.isEmpty ? nil : values.joined(separator: ", ")
        }
        set {
            var others: [UInt8] = []
            forEachField { field, value in
                if !lines.matches(name.canonicalName, at: field) {
                    others += lines[field.lowerBound..<value.upperBound + 2]
                }
            }
            lines = others
            if let newValue { add(name, newValue) }
        }
    }

    public var fields: HTTPFields {
        var fields = HTTPFields()
        forEachField { name, value in
            if let name = HTTPField.Name(lines.text(name)) {
                fields.append(HTTPField(name: name, value: lines.text(value)))
            }
        }
        return fields
    }

    /// Calls `body` with the places of each field's name and value in ``lines``.
    package func forEachField(_ body: (_ name: Range<Int>, _ value: Range<Int>) -> Void) {
        var start = 0
        while start < lines.count {
            var colon = start
            while lines[colon] != UInt8(ascii: ":") { colon += 1 }
            var end = colon + 2
            while lines[end] != .carriageReturn { end += 1 }
            body(start..<colon, (colon + 2)..<end)
            start = end + 2
        }
    }

    private mutating func begin(_ name: HTTPField.Name) {
        if lines.isEmpty { lines.reserveCapacity(Self.usualByteCount) }
        lines += name.rawName.utf8
        lines.append(UInt8(ascii: ":"))
        lines.append(.space)
    }

    private mutating func end() {
        lines.append(.carriageReturn)
        lines.append(.lineFeed)
    }
}

extension [UInt8] {
    package mutating func append(decimal value: UInt64) {
        var place: UInt64 = 1
        while value / place >= 10 { place *= 10 }
        while place > 0 {
            append(UInt8(truncatingIfNeeded: 0x30 + value / place % 10))
            place /= 10
        }
    }
}
