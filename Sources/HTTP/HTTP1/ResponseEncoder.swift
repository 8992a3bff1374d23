import HTTPTypes

/// Writes the content of one answer in pieces, as its framing wants (RFC 9112 section 6).
struct ResponseEncoder {
    private enum Content {
        case none
        case bytes([UInt8], offset: Int)
        case shared(ArraySlice<[UInt8]>, offset: Int)
        case slices(() -> [UInt8]?, isChunked: Bool)
        case stream(BodyStream, isChunked: Bool)
    }

    /// The size of most answers' heads, in bytes, so that the output grows once.
    private static let usualHeadByteCount = 512

    private var content: Content
    /// True if only the end of the connection ends the answer.
    let isDelimitedByClose: Bool

    var isDone: Bool {
        if case .none = content { true } else { false }
    }

    /// True if the answer stays open.
    var isStream: Bool {
        if case .stream = content { true } else { false }
    }

    /// True if the content is made as it is asked for.
    var isSliced: Bool {
        if case .slices = content { true } else { false }
    }

    /// True if there is nothing to write before its owner writes more.
    var isWaiting: Bool {
        if case .stream(let stream, _) = content { stream.isWaiting } else { false }
    }

    /// Bytes that are kept until they are written; of slices, a guess.
    var heldByteCount: Int {
        switch content {
        case .none: 0
        case .bytes(let bytes, let offset): bytes.count - offset
        case .shared(let pieces, _): HTTPBody.shared(Array(pieces)).heldByteCount
        case .slices(let next, _): HTTPBody.slices(next).heldByteCount
        case .stream(let stream, _): stream.heldByteCount
        }
    }

    /// Appends the head and readies the content.
    init(
        _ answer: AnswerHead,
        body: HTTPBody,
        to request: HTTP1ServerConnection.Exchange,
        closes: Bool,
        wallClock: Int64,
        into output: inout [UInt8]
    ) {
        let code = answer.status.code
        let mayHaveContent = code >= 200 && code != 204 && code != 304
        output.reserveCapacity(output.count + Self.usualHeadByteCount)
        Self.appendStart(answer, wallClock: wallClock, to: &output)
        var isDelimitedByClose = false
        switch body {
        case _ where !mayHaveContent:
            content = .none
        case .none:
            output += "Content-Length: 0\r\n".utf8
            content = .none
        case .bytes(let bytes):
            output += "Content-Length: ".utf8
            output.append(decimal: UInt64(bytes.count))
            output += "\r\n".utf8
            content = bytes.isEmpty ? .none : .bytes(bytes, offset: 0)
        case .shared(let pieces):
            output += "Content-Length: ".utf8
            output.append(decimal: UInt64(pieces.reduce(0) { $0 + $1.count }))
            output += "\r\n".utf8
            content = Self.shared(pieces[...])
        case .slices, .stream:
            let isChunked = request.minorVersion > 0
            if isChunked { output += "Transfer-Encoding: chunked\r\n".utf8 }
            isDelimitedByClose = !isChunked
            content =
                switch body {
                case .slices(let next): .slices(next, isChunked: isChunked)
                case .stream(let stream): .stream(stream, isChunked: isChunked)
                case .none, .bytes, .shared: .none
                }
        }
        if request.isHEAD { content = .none }
        self.isDelimitedByClose = isDelimitedByClose
        output += (closes || isDelimitedByClose ? "Connection: close\r\n\r\n" : "\r\n").utf8
    }

    /// The rest of the pieces, from the first that is not empty.
    private static func shared(_ pieces: ArraySlice<[UInt8]>) -> Content {
        let rest = pieces.drop { $0.isEmpty }
        return rest.isEmpty ? .none : .shared(rest, offset: 0)
    }

    private static func appendStart(_ answer: AnswerHead, wallClock: Int64, to output: inout [UInt8]) {
        output += "HTTP/1.1 ".utf8
        let code = answer.status.code
        output.append(UInt8(0x30 + code / 100 % 10))
        output.append(UInt8(0x30 + code / 10 % 10))
        output.append(UInt8(0x30 + code % 10))
        output.append(.space)
        output += answer.status.reasonPhrase.utf8
        output += "\r\n".utf8
        output += answer.lines
        guard !answer.hasDate else { return }
        output += "Date: ".utf8
        HTTPDate.append(wallClock, to: &output)
        output += "\r\n".utf8
    }

    /// Appends the next piece, leaving `output` at no more than `maximum` bytes if the content is ``HTTPBody/bytes``
    /// and at no more than one slice beyond if it is ``HTTPBody/slices`` or ``HTTPBody/stream``.
    /// - Returns: True if there was a piece, even one without bytes, or the end; `false`: nothing before its owner
    ///   writes.
    mutating func appendNext(to output: inout [UInt8], maximum: Int) -> Bool {
        switch content {
        case .none:
            break
        case .bytes(let bytes, let offset):
            let count = min(bytes.count - offset, max(maximum - output.count, 0))
            output += bytes[offset..<(offset + count)]
            content = offset + count == bytes.count ? .none : .bytes(bytes, offset: offset + count)
        case .shared(let pieces, let offset):
            guard let piece = pieces.first else { break }
            let count = min(piece.count - offset, max(maximum - output.count, 0))
            output += piece[offset..<(offset + count)]
            content =
                offset + count == piece.count
                ? Self.shared(pieces.dropFirst()) : .shared(pieces, offset: offset + count)
        case .slices(let next, let isChunked):
            append(next(), isChunked: isChunked, to: &output)
        case .stream(let stream, let isChunked):
            switch stream.take() {
            case .nothing: return false
            case .bytes(let bytes): append(bytes, isChunked: isChunked, to: &output)
            case .end: append(nil, isChunked: isChunked, to: &output)
            }
        }
        return true
    }

    private mutating func append(_ slice: [UInt8]?, isChunked: Bool, to output: inout [UInt8]) {
        guard let slice else {
            if isChunked { output += "0\r\n\r\n".utf8 }
            content = .none
            return
        }
        // A chunk without bytes would end the body.
        guard !slice.isEmpty else { return }
        if isChunked {
            output += String(slice.count, radix: 16).utf8
            output += "\r\n".utf8
        }
        output += slice
        if isChunked { output += "\r\n".utf8 }
    }
}
