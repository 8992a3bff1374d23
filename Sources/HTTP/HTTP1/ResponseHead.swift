import HTTPTypes

/// Reads the head of a response (RFC 9112 section 4) as its bytes arrive. Offsets are relative to its start.
struct ResponseHead {
    private var reader = LineReader()
    private var hasStartLine = false
    private var reason = 0..<0
    private(set) var statusCode = 0
    private(set) var minorVersion = 1
    private(set) var fields = FieldSection()

    /// Takes what has arrived.
    /// - Returns: The byte count of the whole head, once it is there.
    mutating func advance(
        in bytes: [UInt8],
        from start: Int,
        limits: HTTPLimits
    ) throws(MessageError) -> Int? {
        while true {
            let line = try reader.next(
                in: bytes,
                from: start,
                maximum: limits.lineByteCountMaximum,
                tooLong: hasStartLine ? .fieldLineTooLong : .startLineTooLong
            )
            let taken = line == nil ? bytes.count - start : reader.lineStart
            guard taken <= limits.headByteCountMaximum else { throw .headTooLong }
            guard let line else { return nil }
            if !hasStartLine {
                try takeStartLine(line, in: bytes, from: start)
                hasStartLine = true
            } else if line.isEmpty {
                try checkWhole()
                return reader.lineStart
            } else {
                guard fields.lines.count < limits.fieldCountMaximum else { throw .tooManyFields }
                try fields.add(line, in: bytes, from: start)
            }
        }
    }

    /// The response that the whole head tells.
    func response(in bytes: [UInt8], from start: Int) -> HTTPResponse {
        let reason = bytes.text((start + reason.lowerBound)..<(start + reason.upperBound))
        return HTTPResponse(
            status: HTTPResponse.Status(code: statusCode, reasonPhrase: reason),
            headerFields: fields.fields(in: bytes, from: start)
        )
    }

    /// `HTTP/1.1 200 OK`, if some servers leave out the last space with the reason.
    private mutating func takeStartLine(_ line: Range<Int>, in bytes: [UInt8], from start: Int) throws(MessageError) {
        guard line.count >= 12 else { throw .badStartLine }
        let version = line.lowerBound..<(line.lowerBound + 8)
        minorVersion = try RequestHead.minorVersion(version, in: bytes)
        guard bytes[version.upperBound] == .space else { throw .badStartLine }
        let code = (version.upperBound + 1)..<(version.upperBound + 4)
        guard code.allSatisfy({ bytes[$0].isDigit }) else { throw .badStatus }
        statusCode = code.reduce(0) { $0 * 10 + Int(bytes[$1] - 0x30) }
        guard 100...599 ~= statusCode else { throw .badStatus }
        guard code.upperBound < line.upperBound else { return }
        guard bytes[code.upperBound] == .space else { throw .badStatus }
        let reason = (code.upperBound + 1)..<line.upperBound
        guard reason.allSatisfy({ bytes[$0].isFieldValueByte }) else { throw .badStartLine }
        self.reason = (reason.lowerBound - start)..<(reason.upperBound - start)
    }

    private func checkWhole() throws(MessageError) {
        guard fields.isChunked else { return }
        guard fields.contentLength == nil else { throw .contentLengthWithTransferEncoding }
        guard minorVersion > 0 else { throw .transferEncodingInHTTP10 }
    }
}
