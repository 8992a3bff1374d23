import HTTPTypes

/// The field lines of one head as places in the buffer, and what the fields that delimit messages say
/// (RFC 9112 sections 5 and 6).
struct FieldSection {
    /// One field line; both ranges are relative to the start of the message.
    struct Line {
        var name: Range<Int>
        var value: Range<Int>
        /// True if it is for the connection alone and so no part of what handlers see.
        var isFraming: Bool
    }

    private(set) var lines: [Line] = []
    private(set) var host: Range<Int>?
    private(set) var contentLength: Int?
    private(set) var isChunked = false
    private(set) var closes = false
    /// True if Expect is `100-continue`.
    private(set) var expectsContinue = false
    /// True if Expect is anything else.
    private(set) var expectsOther = false

    /// Takes one line, which is at `range` of `bytes`, of the message that starts at `start`.
    mutating func add(_ range: Range<Int>, in bytes: [UInt8], from start: Int) throws(MessageError) {
        let (name, value) = try Self.parse(range, in: bytes)
        let isFraming = try note(name: name, value: value, in: bytes, from: start)
        lines.append(
            Line(
                name: (name.lowerBound - start)..<(name.upperBound - start),
                value: (value.lowerBound - start)..<(value.upperBound - start),
                isFraming: isFraming
            )
        )
    }

    /// The ranges of a field line's name and value.
    static func parse(
        _ range: Range<Int>,
        in bytes: [UInt8]
    ) throws(MessageError) -> (name: Range<Int>, value: Range<Int>) {
        var index = range.lowerBound
        if index < range.upperBound, bytes[index] == .space || bytes[index] == .tab { throw .foldedField }
        while index < range.upperBound, bytes[index].isTokenByte { index += 1 }
        guard index > range.lowerBound, index < range.upperBound, bytes[index] == UInt8(ascii: ":") else {
            throw .badFieldName
        }
        let name = range.lowerBound..<index
        let value = bytes.trimmed((index + 1)..<range.upperBound)
        for index in value {
            guard bytes[index].isFieldValueByte else { throw .badFieldValue }
        }
        return (name, value)
    }

    /// The fields as values of swift-http-types, without those that concern the connection alone.
    func fields(in bytes: [UInt8], from start: Int) -> HTTPFields {
        var fields = HTTPFields()
        guard lines.contains(where: { !$0.isFraming }) else { return fields }
        fields.reserveCapacity(lines.count)
        for line in lines where !line.isFraming {
            let name = (start + line.name.lowerBound)..<(start + line.name.upperBound)
            guard let name = HTTPField.Name(bytes.text(name)) else { continue }
            let value = (start + line.value.lowerBound)..<(start + line.value.upperBound)
            fields.append(HTTPField(name: name, value: bytes.text(value)))
        }
        return fields
    }

    /// - Returns: True if the field is one of those that handlers do not see.
    private mutating func note(
        name: Range<Int>,
        value: Range<Int>,
        in bytes: [UInt8],
        from start: Int
    ) throws(MessageError) -> Bool {
        switch name.count {
        case 4 where bytes.matches("host", at: name):
            guard host == nil else { throw .duplicateHost }
            host = (value.lowerBound - start)..<(value.upperBound - start)
            return true
        case 6 where bytes.matches("expect", at: name):
            if bytes.matches("100-continue", at: value) { expectsContinue = true } else { expectsOther = true }
            return true
        case 10 where bytes.matches("connection", at: name):
            var closes = closes
            bytes.forEachListElement(in: value) { if bytes.matches("close", at: $0) { closes = true } }
            self.closes = closes
            return true
        case 14 where bytes.matches("content-length", at: name):
            guard contentLength == nil else { throw .duplicateContentLength }
            contentLength = try Self.contentLength(value, in: bytes)
            return true
        case 17 where bytes.matches("transfer-encoding", at: name):
            guard !isChunked else { throw .badTransferEncoding }
            try Self.checkTransferEncoding(value, in: bytes)
            isChunked = true
            return true
        case 14 where bytes.matches("content_length", at: name),
            17 where bytes.matches("transfer_encoding", at: name):
            throw .confusableFieldName
        default:
            return false
        }
    }

    /// 1*DIGIT (RFC 9110 section 8.6). More digits than an `Int` holds count as the greatest length there is.
    private static func contentLength(_ value: Range<Int>, in bytes: [UInt8]) throws(MessageError) -> Int {
        guard !value.isEmpty else { throw .badContentLength }
        var length = 0
        for index in value {
            guard bytes[index].isDigit else { throw .badContentLength }
            let (product, overflows) = length.multipliedReportingOverflow(by: 10)
            let (sum, overflowsToo) = product.addingReportingOverflow(Int(bytes[index] - 0x30))
            length = overflows || overflowsToo ? .max : sum
        }
        return length
    }

    private static func checkTransferEncoding(_ value: Range<Int>, in bytes: [UInt8]) throws(MessageError) {
        if bytes.matches("chunked", at: value) { return }
        guard !value.isEmpty else { throw .badTransferEncoding }
        var namesChunked = false
        bytes.forEachListElement(in: value) { if bytes.matches("chunked", at: $0) { namesChunked = true } }
        // A list that has chunked beside others is how requests are smuggled; an unknown coding alone is honest.
        guard !namesChunked, value.allSatisfy({ bytes[$0].isTokenByte }) else { throw .badTransferEncoding }
        guard !bytes.matches("identity", at: value) else { throw .badTransferEncoding }
        throw .unsupportedTransferEncoding
    }
}
