import Match

/// Writes captured frames as a pcapng file (draft-ietf-opsawg-pcapng), block by block, within the limits of a capture.
///
/// The fate of each frame is its comment (`opt_comment`), its direction in `epb_flags`: inbound from the guest,
/// outbound to it. The frames that were missed before it are in `epb_dropcount`, all of them at the end of the file.
public struct CaptureFile: Sendable {
    private let request: CaptureRequest
    private var logicalPort = ""
    private var byteCount = 0
    private var frameCount = 0
    private var missed: UInt64 = 0
    /// The frames missed since the last one.
    private var justMissed: UInt64 = 0

    /// True if a limit is reached.
    public private(set) var isFull = false

    public init(_ request: CaptureRequest) {
        self.request = request
    }

    /// The type of the file, as the Internet Assigned Numbers Authority has it by the draft.
    public static let mediaType = "application/x-pcapng"

    /// The beginning of the file.
    /// - Parameters:
    ///   - program: what has captured, with its version.
    ///   - logicalPort: the logical port of the captured one.
    public mutating func head(program: String, logicalPort: String) -> [UInt8] {
        self.logicalPort = logicalPort
        var section = PcapngBlock(type: 0x0a0d_0d0a)
        section.put(UInt32(0x1a2b_3c4d))
        section.put(UInt16(1))
        section.put(UInt16(0))
        section.put(UInt64.max)
        section.putOption(4, program)
        var interface = PcapngBlock(type: 1)
        // LINKTYPE_ETHERNET
        interface.put(UInt16(1))
        interface.put(UInt16(0))
        interface.put(UInt32(request.snapByteCount))
        interface.putOption(2, request.port)
        interface.putOption(3, "logical port \(logicalPort)")
        // Nanoseconds.
        interface.putOption(9, [9])
        let bytes = section.end() + interface.end()
        byteCount += bytes.count
        return bytes
    }

    /// Notes frames that found no room.
    public mutating func miss(_ count: UInt64) {
        missed &+= count
        justMissed &+= count
    }

    /// The block of a frame; empty if the filter leaves it out or a limit is reached.
    public mutating func block(of frame: CapturedFrame) -> [UInt8] {
        guard !isFull, passes(frame) else { return [] }
        let kept = frame.bytes.prefix(request.snapByteCount)
        var block = PcapngBlock(type: 6)
        block.put(UInt32(0))
        block.put(time: frame.time)
        block.put(UInt32(kept.count))
        block.put(UInt32(frame.byteCount))
        block.putPadded(Array(kept))
        block.putOption(1, frame.comment)
        var flags = PcapngBlock.Field()
        flags.put(UInt32(frame.isForGuest ? 2 : 1))
        block.putOption(2, flags.bytes)
        if justMissed > 0 {
            var count = PcapngBlock.Field()
            count.put(justMissed)
            block.putOption(4, count.bytes)
        }
        let bytes = block.end()
        if let maximum = request.byteCountMaximum, byteCount + bytes.count > maximum {
            isFull = true
            return []
        }
        justMissed = 0
        byteCount += bytes.count
        frameCount += 1
        isFull = frameCount == request.frameCountMaximum
        return bytes
    }

    private func passes(_ frame: CapturedFrame) -> Bool {
        guard let filter = request.filter else { return true }
        let ports = frame.isForGuest ? PortNames(outport: logicalPort) : PortNames(inport: logicalPort)
        return filter.matches(MatchFrame(frame.bytes.span, of: frame.byteCount), in: ports)
    }

    /// The end of the file: the counts.
    /// - Parameter time: nanoseconds since 1970.
    public func tail(time: UInt64) -> [UInt8] {
        var statistics = PcapngBlock(type: 5)
        statistics.put(UInt32(0))
        statistics.put(time: time)
        var received = PcapngBlock.Field()
        received.put(UInt64(frameCount) &+ missed)
        statistics.putOption(4, received.bytes)
        var dropped = PcapngBlock.Field()
        dropped.put(missed)
        statistics.putOption(5, dropped.bytes)
        return statistics.end()
    }
}

/// A block of a pcapng file, in little-endian order: type, length, body, options, length.
private struct PcapngBlock {
    /// Integers one after the other.
    struct Field {
        private(set) var bytes: [UInt8] = []

        mutating func put(_ value: some FixedWidthInteger) {
            for shift in stride(from: 0, to: value.bitWidth, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: value >> shift))
            }
        }

        mutating func put(_ more: [UInt8]) { bytes += more }
    }

    /// The longest value of an option, which a comment's names cannot come to.
    private static let optionByteCountMaximum = 65_535

    private let type: UInt32
    private var body = Field()
    private var hasOptions = false

    init(type: UInt32) { self.type = type }

    mutating func put(_ value: some FixedWidthInteger) { body.put(value) }

    mutating func put(time: UInt64) {
        body.put(UInt32(truncatingIfNeeded: time >> 32))
        body.put(UInt32(truncatingIfNeeded: time))
    }

    mutating func putPadded(_ bytes: [UInt8]) {
        body.put(bytes)
        body.put([UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4))
    }

    mutating func putOption(_ code: UInt16, _ text: String) { putOption(code, Array(text.utf8)) }

    mutating func putOption(_ code: UInt16, _ value: [UInt8]) {
        hasOptions = true
        let value = Array(value.prefix(Self.optionByteCountMaximum))
        body.put(code)
        body.put(UInt16(truncatingIfNeeded: value.count))
        putPadded(value)
    }

    /// The octets of the block.
    consuming func end() -> [UInt8] {
        if hasOptions { body.put(UInt32(0)) }
        let length = UInt32(truncatingIfNeeded: body.bytes.count + 12)
        var whole = Field()
        whole.put(type)
        whole.put(length)
        whole.put(body.bytes)
        whole.put(length)
        return whole.bytes
    }
}
