import CZlib

/// Takes gzip (RFC 1952) off the content of a request.
public enum GzipDecoder {
    /// The largest ratio of a content to its coded form, once it is longer than ``freeByteCount``. JSON
    /// shrinks to a twentieth; what shrinks to less than a hundredth is made to fill memory.
    public static let ratioMaximum = 100
    /// Contents up to this many bytes may have any ratio.
    public static let freeByteCount = 64 * 1024
    /// Bytes that are decoded between two looks at the limits.
    fileprivate static let pieceByteCount = 16 * 1024

    /// The reason why a content was not decoded.
    public enum Failure: Error, Equatable, Sendable {
        /// It is not gzip, ends early, or its checksum is wrong.
        case corrupt
        /// It is longer than this many bytes.
        case tooLong(maximum: Int)
        /// It is more than ``ratioMaximum`` times as long as what was sent.
        case bomb
    }

    /// The content of `bytes`, of one member or several, at once.
    /// - Parameter maximum: The most bytes it may have; at most that and one piece are made.
    public static func decode(_ bytes: [UInt8], maximum: Int) throws(Failure) -> [UInt8] {
        let inflation = try GzipInflation(bytes, maximum: maximum)
        while true {
            if let content = try inflation.advance() { return content }
        }
    }

    /// The length that the last member claims (RFC 1952 section 2.3.1, ISIZE); anything if it is cut off.
    fileprivate static func declaredByteCount(_ bytes: [UInt8]) -> Int {
        bytes.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    /// One call of zlib; without progress its status is an error.
    fileprivate static func decodePiece(
        _ stream: inout z_stream,
        _ bytes: ArraySlice<UInt8>,
        into content: inout [UInt8]
    ) -> (status: Int32, taken: Int) {
        var status = Z_OK
        var taken = 0
        bytes.withUnsafeBufferPointer { bytes in
            content += [UInt8](unsafeUninitializedCapacity: pieceByteCount) { buffer, count in
                // zlib takes the input as one that could be changed, but does not change it.
                stream.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress)
                stream.avail_in = UInt32(clamping: bytes.count)
                stream.next_out = buffer.baseAddress
                stream.avail_out = UInt32(pieceByteCount)
                status = inflate(&stream, Z_NO_FLUSH)
                taken = min(bytes.count, Int(UInt32.max)) - Int(stream.avail_in)
                count = pieceByteCount - Int(stream.avail_out)
            }
        }
        return (status, taken)
    }
}

/// Takes gzip off one content, piece by piece: a short text can make a long one, and others wait meanwhile.
public final class GzipInflation {
    /// Bytes that are made in one go: about half a millisecond.
    public static let stepByteCount = 128 * 1024

    private var stream = z_stream()
    private let bytes: [UInt8]
    private let maximum: Int
    private let free: Int
    private var content: [UInt8] = []
    private var offset = 0

    /// Begins with a content.
    /// - Parameter maximum: The most bytes it may have; at most that and one piece are made.
    public init(_ bytes: [UInt8], maximum: Int) throws(GzipDecoder.Failure) {
        self.bytes = bytes
        self.maximum = maximum
        // One that says itself that it is a bomb is taken at its word with the first piece that bears it out.
        let declared = GzipDecoder.declaredByteCount(bytes)
        let isSuspect =
            declared > GzipDecoder.freeByteCount && declared / GzipDecoder.ratioMaximum > bytes.count
        free = isSuspect ? 0 : GzipDecoder.freeByteCount
        guard czlib_inflate_start(&stream) == Z_OK else { throw .corrupt }
    }

    deinit {
        inflateEnd(&stream)
    }

    /// Bytes that are kept for it.
    public var heldByteCount: Int { bytes.count + content.count }

    /// Makes some more of the content.
    /// - Returns: all of it, once it is there.
    public func advance() throws(GzipDecoder.Failure) -> [UInt8]? {
        // Members without content make nothing out of many bytes.
        let (contentEnd, offsetEnd) = (content.count + Self.stepByteCount, offset + Self.stepByteCount / 4)
        repeat {
            let (status, taken) = GzipDecoder.decodePiece(&stream, bytes[offset...], into: &content)
            offset += taken
            guard content.count <= maximum else { throw .tooLong(maximum: maximum) }
            guard content.count <= free || content.count / GzipDecoder.ratioMaximum <= offset else { throw .bomb }
            switch status {
            case Z_OK: break
            case Z_STREAM_END where offset == bytes.count: return content
            case Z_STREAM_END: inflateReset(&stream)
            default: throw .corrupt
            }
        } while content.count < contentEnd && offset < offsetEnd
        return nil
    }
}
