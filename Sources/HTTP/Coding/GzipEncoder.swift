import CZlib

/// Makes gzip (RFC 1952) of contents, whole or slice by slice.
///
/// One compressor of zlib, some 256 KiB, serves all contents of a thread: each slice is compressed by itself and ends
/// on a byte, so that between two slices a content needs to keep its checksum only. A client that reads slowly costs no
/// more than it does without compression.
public final class GzipEncoder {
    private var stream = z_stream()
    private let isUsable: Bool

    /// An encoder at zlib's fastest level: it is five times as fast as the best one, and its results are little longer.
    public init() {
        isUsable = czlib_deflate_start(&stream) == Z_OK
    }

    deinit {
        if isUsable { deflateEnd(&stream) }
    }

    /// The whole of `bytes` in gzip; `nil` if there is no memory for a compressor.
    public func encode(_ bytes: [UInt8]) -> [UInt8]? {
        var content = Content()
        guard let text = compress(bytes, of: &content) else { return nil }
        return text + content.trailer
    }

    /// The slices of `next` in gzip, made as they are asked for; `nil` if there is no memory for a compressor.
    public func encode(_ next: @escaping () -> [UInt8]?) -> (() -> [UInt8]?)? {
        guard isUsable else { return nil }
        var content = Content()
        var hasEnded = false
        return {
            guard !hasEnded else { return nil }
            let slice = next()
            // Nothing yet stays that.
            if slice?.isEmpty == true { return [] }
            if let slice, let text = self.compress(slice, of: &content) { return text }
            hasEnded = true
            return (content.hasBegun ? [] : Content.header) + content.trailer
        }
    }

    /// The state of a content that is partly compressed.
    private struct Content {
        /// ID, deflate, no flags, no time, made by nobody in particular.
        static let header: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]

        var checksum = crc32(0, nil, 0)
        var byteCount: UInt32 = 0
        var hasBegun = false

        /// An empty last block, the checksum and the length.
        var trailer: [UInt8] {
            [0x03, 0x00] + Self.littleEndian(UInt32(truncatingIfNeeded: checksum)) + Self.littleEndian(byteCount)
        }

        private static func littleEndian(_ value: UInt32) -> [UInt8] {
            (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        }
    }

    /// The slice as deflate blocks that end on a byte, with the header before the first.
    private func compress(_ slice: [UInt8], of content: inout Content) -> [UInt8]? {
        guard isUsable, deflateReset(&stream) == Z_OK else { return nil }
        var text = content.hasBegun ? [] : Content.header
        content.hasBegun = true
        content.byteCount &+= UInt32(truncatingIfNeeded: slice.count)
        slice.withUnsafeBufferPointer { slice in
            content.checksum = crc32(content.checksum, slice.baseAddress, UInt32(slice.count))
            // zlib takes the input as one that could be changed, but does not change it.
            stream.next_in = UnsafeMutablePointer(mutating: slice.baseAddress)
            stream.avail_in = UInt32(slice.count)
            // Bytes that cannot be compressed grow a little; 12 bytes end the blocks on a byte.
            let room = Int(deflateBound(&stream, UInt(slice.count))) + 12
            text += [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
                stream.next_out = buffer.baseAddress
                stream.avail_out = UInt32(room)
                deflate(&stream, Z_SYNC_FLUSH)
                count = room - Int(stream.avail_out)
            }
        }
        return text
    }
}
