import CZlib

/// Takes gzip (RFC 1952) off the content of a request.
public enum GzipDecoder {
    /// How many times longer than its coded form a content may be, once it is longer than ``freeByteCount``. JSON
    /// shrinks to a twentieth; what shrinks to less than a hundredth is made to fill memory.
    public static let ratioMaximum = 100
    /// Contents up to this many bytes may have any ratio.
    public static let freeByteCount = 64 * 1024
    /// Bytes that are decoded between two looks at the limits.
    private static let pieceByteCount = 16 * 1024

    /// Why a content was not decoded.
    public enum Failure: Error, Equatable, Sendable {
        /// It is not gzip, ends early, or its checksum is wrong.
        case corrupt
        /// It is longer than this many bytes.
        case tooLong(maximum: Int)
        /// It is more than ``ratioMaximum`` times as long as what was sent.
        case bomb
    }

    /// The content of `bytes`, of one member or several.
    /// - Parameter maximum: How many bytes it may have; no more than that and one piece are ever made.
    public static func decode(_ bytes: [UInt8], maximum: Int) throws(Failure) -> [UInt8] {
        var stream = z_stream()
        guard czlib_inflate_start(&stream) == Z_OK else { throw .corrupt }
        defer { inflateEnd(&stream) }
        var content: [UInt8] = []
        var offset = 0
        // One that says itself that it is a bomb is taken at its word with the first piece that bears it out.
        let declared = declaredByteCount(bytes)
        let isSuspect = declared > freeByteCount && declared / ratioMaximum > bytes.count
        let free = isSuspect ? 0 : freeByteCount
        repeat {
            let (status, taken) = decodePiece(&stream, bytes[offset...], into: &content)
            offset += taken
            guard content.count <= maximum else { throw .tooLong(maximum: maximum) }
            guard content.count <= free || content.count / ratioMaximum <= offset else { throw .bomb }
            switch status {
            case Z_OK: break
            case Z_STREAM_END where offset == bytes.count: return content
            case Z_STREAM_END: inflateReset(&stream)
            default: throw .corrupt
            }
        } while true
    }

    /// How long the last member claims to be (RFC 1952 section 2.3.1, ISIZE); anything where it is cut off.
    private static func declaredByteCount(_ bytes: [UInt8]) -> Int {
        bytes.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    /// One call of zlib; without progress its status is an error.
    private static func decodePiece(
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
