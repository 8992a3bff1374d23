/// Frames as a client of these tests writes them (RFC 9113 section 4).
enum Frame {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    enum Kind: UInt8 {
        case data, headers, priority, resetStream, settings, pushPromise, ping, goAway, windowUpdate, continuation
    }

    static let endStream: UInt8 = 1
    static let acknowledgement: UInt8 = 1
    static let endHeaders: UInt8 = 4
    static let padded: UInt8 = 8

    static func raw(_ kind: UInt8, flags: UInt8 = 0, stream: UInt32, _ payload: [UInt8] = []) -> [UInt8] {
        let count = UInt32(payload.count)
        return bytes(count).dropFirst() + [kind, flags] + bytes(stream) + payload
    }

    static func frame(_ kind: Kind, flags: UInt8 = 0, stream: UInt32, _ payload: [UInt8] = []) -> [UInt8] {
        raw(kind.rawValue, flags: flags, stream: stream, payload)
    }

    static func settings(_ entries: [(UInt16, UInt32)] = []) -> [UInt8] {
        frame(.settings, stream: 0, entries.flatMap { [UInt8($0.0 >> 8), UInt8($0.0 & 0xff)] + bytes($0.1) })
    }

    /// A head, cut into as many frames as it needs.
    static func headers(_ stream: UInt32, _ fields: [(String, String)], end: Bool = true) -> [UInt8] {
        let block = block(fields)
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: block.count, by: byteCountMaximum) {
            let piece = Array(block[start..<min(start + byteCountMaximum, block.count)])
            let isLast = start + byteCountMaximum >= block.count
            let flags = (isLast ? endHeaders : 0) | (start == 0 && end ? endStream : 0)
            bytes += frame(start == 0 ? .headers : .continuation, flags: flags, stream: stream, piece)
        }
        return bytes
    }

    /// The longest payload unless SETTINGS_MAX_FRAME_SIZE says otherwise.
    private static let byteCountMaximum = 16384

    /// A GET, with more fields after the usual ones.
    static func get(_ stream: UInt32, _ path: String = "/", _ more: [(String, String)] = []) -> [UInt8] {
        headers(stream, request("GET", path) + more)
    }

    static func post(_ stream: UInt32, _ body: String, _ more: [(String, String)] = []) -> [UInt8] {
        headers(stream, request("POST", "/") + more, end: false) + data(stream, Array(body.utf8))
    }

    static func data(_ stream: UInt32, _ bytes: [UInt8], end: Bool = true) -> [UInt8] {
        frame(.data, flags: end ? endStream : 0, stream: stream, bytes)
    }

    static func reset(_ stream: UInt32, _ code: UInt32 = 8) -> [UInt8] {
        frame(.resetStream, stream: stream, bytes(code))
    }

    static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> [UInt8] {
        frame(.windowUpdate, stream: stream, bytes(increment))
    }

    static func ping(_ text: String = "12345678", acknowledges: Bool = false) -> [UInt8] {
        frame(.ping, flags: acknowledges ? acknowledgement : 0, stream: 0, Array(text.utf8))
    }

    static func request(_ method: String, _ path: String) -> [(String, String)] {
        [(":method", method), (":scheme", "http"), (":authority", "a"), (":path", path)]
    }

    /// A header block of literals that are neither indexed nor Huffman-coded (RFC 7541 section 6.2.2).
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0] + text($0.0) + text($0.1) }
    }

    static func text(_ text: String) -> [UInt8] { integer(text.utf8.count) + Array(text.utf8) }

    /// An integer with a prefix of 7 bits (RFC 7541 section 5.1).
    private static func integer(_ value: Int) -> [UInt8] {
        guard value >= 127 else { return [UInt8(value)] }
        var rest = value - 127
        var bytes: [UInt8] = [127]
        while rest >= 128 {
            bytes.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    static func bytes(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 0xff), UInt8(value >> 8 & 0xff), UInt8(value & 0xff)]
    }
}
