/// Takes the chunked transfer coding off a body (RFC 9112 section 7.1) as its bytes arrive.
///
/// Stricter than the RFC allows a recipient to be: no blanks around a chunk's size, CRLF only. Extensions and trailers
/// are checked, counted and dropped.
struct ChunkedDecoder {
    private enum State {
        case size(digits: Int, value: Int)
        case `extension`
        case sizeLineFeed(size: Int)
        case data(remaining: Int)
        case dataCarriageReturn
        case dataLineFeed
        case trailers
        case done
    }

    /// The size of the chunk whose extension is being read.
    private var pendingSize = 0
    private var state = State.size(digits: 0, value: 0)
    private var extensionByteCount = 0
    private var trailers: [UInt8] = []
    private var trailerReader = LineReader()
    private let extensionByteCountMaximum: Int
    private let trailerByteCountMaximum: Int

    /// A decoder at the start of a body.
    init(limits: HTTPLimits) {
        extensionByteCountMaximum = limits.chunkExtensionByteCountMaximum
        trailerByteCountMaximum = limits.trailerByteCountMaximum
    }

    /// True if the body, its trailers included, has ended.
    var isDone: Bool {
        if case .done = state { true } else { false }
    }

    /// Takes `bytes` from `start` on and appends what they hold to `body`.
    /// - Parameter maximum: The largest length of the whole body.
    /// - Returns: The number of bytes that belong to the coded body; fewer than there are only when it has ended.
    mutating func decode(
        _ bytes: [UInt8],
        from start: Int,
        into body: inout [UInt8],
        maximum: Int
    ) throws(MessageError) -> Int {
        var index = start
        while index < bytes.count {
            switch state {
            case .data(let remaining):
                let count = min(remaining, bytes.count - index)
                body += bytes[index..<(index + count)]
                index += count
                state = count == remaining ? .dataCarriageReturn : .data(remaining: remaining - count)
            case .done:
                return index - start
            case .size, .extension, .sizeLineFeed, .dataCarriageReturn, .dataLineFeed, .trailers:
                try take(bytes[index], roomInBody: maximum - body.count, maximum: maximum)
                index += 1
            }
        }
        return index - start
    }

    /// Takes one byte that is not content.
    private mutating func take(_ byte: UInt8, roomInBody: Int, maximum: Int) throws(MessageError) {
        switch state {
        case .size(let digits, let value):
            try takeSizeByte(byte, digits: digits, value: value)
        case .extension:
            extensionByteCount += 1
            guard extensionByteCount <= extensionByteCountMaximum else { throw .chunkExtensionsTooLong }
            if byte == .carriageReturn {
                state = .sizeLineFeed(size: pendingSize)
            } else if !byte.isFieldValueByte {
                throw byte == .lineFeed ? .bareLineFeed : .badChunkExtension
            }
        case .sizeLineFeed(let size):
            guard byte == .lineFeed else { throw .badChunkSize }
            guard size <= roomInBody else { throw .bodyTooLong(maximum: maximum) }
            state = size == 0 ? .trailers : .data(remaining: size)
        case .dataCarriageReturn:
            guard byte == .carriageReturn else { throw .badChunkEnd }
            state = .dataLineFeed
        case .dataLineFeed:
            guard byte == .lineFeed else { throw .badChunkEnd }
            state = .size(digits: 0, value: 0)
        case .trailers:
            try takeTrailerByte(byte)
        case .data, .done:
            break
        }
    }

    private mutating func takeSizeByte(_ byte: UInt8, digits: Int, value: Int) throws(MessageError) {
        if let digit = byte.hexDigitValue {
            guard digits < Self.sizeDigitCountMaximum else { throw .badChunkSize }
            state = .size(digits: digits + 1, value: value << 4 | digit)
            return
        }
        guard digits > 0 else { throw .badChunkSize }
        switch byte {
        case .carriageReturn: state = .sizeLineFeed(size: value)
        case UInt8(ascii: ";"):
            extensionByteCount += 1
            pendingSize = value
            state = .extension
        case .lineFeed: throw .bareLineFeed
        default: throw .badChunkSize
        }
    }

    private mutating func takeTrailerByte(_ byte: UInt8) throws(MessageError) {
        trailers.append(byte)
        guard trailers.count <= trailerByteCountMaximum else { throw .trailersTooLong }
        guard byte == .lineFeed else { return }
        let line = try trailerReader.next(
            in: trailers,
            from: 0,
            maximum: trailerByteCountMaximum,
            tooLong: .trailersTooLong
        )
        guard let line else { return }
        if line.isEmpty {
            state = .done
            trailers = []
        } else {
            _ = try FieldSection.parse(line, in: trailers)
        }
    }

    /// Hexadecimal digits of a chunk's size, so that it always fits in an `Int`.
    static let sizeDigitCountMaximum = 15
}
