/// Finds the lines of a head as its bytes arrive, each byte looked at once.
///
/// Offsets are relative to the start of the message, so that the buffer before it may be dropped at any time.
struct LineReader {
    /// The first byte after the last line found.
    private(set) var lineStart = 0
    private var scanned = 0

    /// The next line without its CRLF, once all of it is there.
    /// - Parameters:
    ///   - start: The start of the message in `bytes`.
    ///   - tooLong: The error for a line of more than `maximum` bytes, even if its end has not come.
    mutating func next(
        in bytes: [UInt8],
        from start: Int,
        maximum: Int,
        tooLong: MessageError
    ) throws(MessageError) -> Range<Int>? {
        let lower = start + lineStart
        var index = start + scanned
        while index < bytes.count {
            if bytes[index] == .lineFeed {
                guard index > lower, bytes[index - 1] == .carriageReturn else { throw .bareLineFeed }
                guard index - 1 - lower <= maximum else { throw tooLong }
                lineStart = index + 1 - start
                scanned = lineStart
                return lower..<(index - 1)
            }
            index += 1
        }
        scanned = index - start
        // One more than the maximum may be the CR of a line that is just long enough.
        guard index - lower <= maximum + 1 else { throw tooLong }
        return nil
    }
}
