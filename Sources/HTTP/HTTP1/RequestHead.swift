import HTTPTypes

/// Reads the head of a request (RFC 9112 section 3) as its bytes arrive.
///
/// Every line is judged when it is complete, so that a bad request is refused at once. Offsets are relative to the
/// start of the request.
struct RequestHead {
    private var reader = LineReader()
    private var hasStartLine = false
    private var mayHaveEmptyLine = true
    private var method = 0..<0
    private var path = 0..<0
    private var authority: Range<Int>?
    private(set) var minorVersion = 1
    private(set) var fields = FieldSection()
    private(set) var isHEAD = false

    private var isGET = false
    /// True if the method is known to change nothing (RFC 9110 section 9.2.1).
    var isSafe: Bool { isGET || isHEAD }

    /// Takes what has arrived.
    /// - Returns: The byte count of the whole head, once it is there.
    mutating func advance(
        in bytes: [UInt8],
        from start: Int,
        limits: HTTPLimits
    ) throws(MessageError) -> Int? {
        let lineMaximum = limits.lineByteCountMaximum
        while true {
            let tooLong = hasStartLine ? MessageError.fieldLineTooLong : .startLineTooLong
            let line = try reader.next(in: bytes, from: start, maximum: lineMaximum, tooLong: tooLong)
            let taken = line == nil ? bytes.count - start : reader.lineStart
            guard taken <= limits.headByteCountMaximum else { throw .headTooLong }
            guard let line else { return nil }
            if !hasStartLine {
                // One empty line may come before a request (RFC 9112 section 2.2).
                if line.isEmpty, mayHaveEmptyLine {
                    mayHaveEmptyLine = false
                    continue
                }
                try takeStartLine(line, in: bytes, from: start)
                hasStartLine = true
            } else if line.isEmpty {
                try checkWhole(in: bytes, from: start)
                return reader.lineStart
            } else {
                guard fields.lines.count < limits.fieldCountMaximum else { throw .tooManyFields }
                try fields.add(line, in: bytes, from: start)
            }
        }
    }

    /// The request that the whole head tells.
    func request(in bytes: [UInt8], from start: Int) -> HTTPRequest {
        func text(_ range: Range<Int>) -> String {
            bytes.text((start + range.lowerBound)..<(start + range.upperBound))
        }
        let path = self.path.isEmpty ? (!isGET && text(method) == "OPTIONS" ? "*" : "/") : text(self.path)
        return HTTPRequest(
            method: isGET ? .get : knownMethod(text(method)),
            scheme: "http",
            authority: (authority ?? fields.host).map(text),
            path: path.utf8.first == UInt8(ascii: "?") ? "/" + path : path,
            headerFields: fields.fields(in: bytes, from: start)
        )
    }

    /// The method is known to be a token; GET is in only for what cannot happen.
    private func knownMethod(_ text: String) -> HTTPRequest.Method { HTTPRequest.Method(text) ?? .get }

    private mutating func takeStartLine(_ line: Range<Int>, in bytes: [UInt8], from start: Int) throws(MessageError) {
        var index = line.lowerBound
        while index < line.upperBound, bytes[index].isTokenByte { index += 1 }
        guard index < line.upperBound, index > line.lowerBound, bytes[index] == .space else { throw .badMethod }
        let method = line.lowerBound..<index
        index += 1
        let targetStart = index
        while index < line.upperBound, bytes[index] != .space { index += 1 }
        let target = targetStart..<index
        guard index < line.upperBound, !target.isEmpty else { throw .badStartLine }
        minorVersion = try Self.minorVersion((index + 1)..<line.upperBound, in: bytes)
        let parts = try RequestTarget(target, of: method, in: bytes)
        self.method = (method.lowerBound - start)..<(method.upperBound - start)
        path = (parts.path.lowerBound - start)..<(parts.path.upperBound - start)
        authority = parts.authority.map { ($0.lowerBound - start)..<($0.upperBound - start) }
        isHEAD = bytes[method].elementsEqual("HEAD".utf8)
        isGET = bytes[method].elementsEqual("GET".utf8)
    }

    /// The digit after `HTTP/1.`; 2 and more mean 1 (RFC 9110 section 2.5).
    static func minorVersion(_ range: Range<Int>, in bytes: [UInt8]) throws(MessageError) -> Int {
        guard range.count == 8, bytes[range.prefix(5)].elementsEqual("HTTP/".utf8) else { throw .badVersion }
        let (major, point, minor) = (range.lowerBound + 5, range.lowerBound + 6, range.lowerBound + 7)
        guard bytes[major].isDigit, bytes[point] == UInt8(ascii: "."), bytes[minor].isDigit else { throw .badVersion }
        guard bytes[major] == UInt8(ascii: "1") else { throw .unsupportedVersion }
        return min(Int(bytes[minor] - 0x30), 1)
    }

    private func checkWhole(in bytes: [UInt8], from start: Int) throws(MessageError) {
        if let host = fields.host {
            try RequestTarget.checkAuthority((start + host.lowerBound)..<(start + host.upperBound), in: bytes)
        } else if minorVersion > 0 {
            throw .missingHost
        }
        guard fields.isChunked else { return }
        guard fields.contentLength == nil else { throw .contentLengthWithTransferEncoding }
        guard minorVersion > 0 else { throw .transferEncodingInHTTP10 }
    }
}
