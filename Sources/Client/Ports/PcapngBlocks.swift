/// Takes a pcapng file as it comes and gives it on in whole blocks, so that it is well formed wherever it ends.
struct PcapngBlocks {
    /// The longest block: the longest frame with its options.
    static let byteCountMaximum = 1 << 20
    private static let frameType: UInt32 = 6
    private static let statisticsType: UInt32 = 5
    private static let dropCountOption = 4

    private var rest: [UInt8] = []
    /// The blocks of frames that were given on.
    private(set) var frameCount = 0
    /// The frames that were missed before these.
    private(set) var missedCount: UInt64 = 0
    /// True if the counts at the end have come.
    private(set) var isComplete = false

    /// Takes bytes and returns the blocks that are whole; `nil` if they are none of pcapng.
    mutating func take(_ bytes: [UInt8]) -> [UInt8]? {
        rest += bytes
        var end = 0
        while rest.count - end >= 12 {
            let length = Int(integer(at: end + 4))
            guard length >= 12, length % 4 == 0, length <= Self.byteCountMaximum else { return nil }
            guard rest.count - end >= length else { break }
            if integer(at: end) == Self.frameType { noteFrame(at: end, length) }
            isComplete = isComplete || integer(at: end) == Self.statisticsType
            end += length
        }
        let whole = Array(rest[..<end])
        rest.removeSubrange(..<end)
        return whole
    }

    private mutating func noteFrame(at start: Int, _ length: Int) {
        frameCount += 1
        guard length >= 32 else { return }
        var offset = start + 28 + (Int(integer(at: start + 20)) + 3) / 4 * 4
        let end = start + length - 4
        while offset + 4 <= end {
            let head = integer(at: offset)
            let (code, count) = (Int(head & 0xffff), Int(head >> 16))
            if code == Self.dropCountOption, count == 8, offset + 12 <= end {
                missedCount &+= UInt64(integer(at: offset + 4)) | UInt64(integer(at: offset + 8)) << 32
            }
            offset += 4 + (count + 3) / 4 * 4
        }
    }

    private func integer(at offset: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(rest[offset + $1]) << UInt32(8 * $1) }
    }
}
