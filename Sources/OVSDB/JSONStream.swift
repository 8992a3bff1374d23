import JSON

/// Finds the texts of JSON in a stream of octets that has nothing between them (RFC 7047 section 4).
public struct JSONStream: Sendable {
    private var bytes: [UInt8] = []
    /// The octets that were looked at.
    private var place = 0
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    private let byteCountMaximum: Int

    /// - Parameter byteCountMaximum: The longest text.
    public init(byteCountMaximum: Int) { self.byteCountMaximum = byteCountMaximum }

    public mutating func append(_ more: [UInt8]) { bytes += more }

    /// The next object or array; `nil` if more octets have to come first.
    public mutating func next() throws(DatabaseError) -> JSONValue? {
        while place < bytes.count {
            let byte = bytes[place]
            place += 1
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                guard depth <= JSONParser.depthMaximum else { throw DatabaseError("its answer is nested too deeply") }
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth <= 0 { return try take() }
            default: break
            }
        }
        guard bytes.count <= byteCountMaximum else {
            throw DatabaseError("its answer is longer than \(byteCountMaximum) bytes")
        }
        return nil
    }

    private mutating func take() throws(DatabaseError) -> JSONValue {
        let text = Array(bytes[..<place])
        bytes.removeFirst(place)
        place = 0
        depth = 0
        do throws(JSONError) {
            return try JSONParser.parse(text)
        } catch {
            throw DatabaseError("its answer is no JSON: \(error)")
        }
    }
}
