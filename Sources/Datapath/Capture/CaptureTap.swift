import CLinux

/// The layout of a ring for captured frames: a lane for each poller, so that each has one writer and one reader.
///
/// A lane begins with three words on lines of their own: how far its writer has come, how far its reader, and how many
/// frames found no room. Records follow; one that does not fit before the end begins at the start.
enum CaptureLayout {
    /// The pollers of a host: one for each queue of ports, and one for each of the underlay.
    static let laneCount = 16
    /// Octets of a lane's records, a power of two: sixteen superpackets, or some thousand usual frames, between two
    /// looks of the agent.
    static let laneByteCount = 1 << 20
    private static let line = 128
    private static let laneHeaderByteCount = 4096
    static let byteCount = laneCount * (laneHeaderByteCount + laneByteCount)

    static func writerOffset(_ lane: Int) -> Int { lane &* (laneHeaderByteCount &+ laneByteCount) }
    static func readerOffset(_ lane: Int) -> Int { writerOffset(lane) &+ line }
    static func missedOffset(_ lane: Int) -> Int { writerOffset(lane) &+ 2 &* line }
    static func recordsOffset(_ lane: Int) -> Int { writerOffset(lane) &+ laneHeaderByteCount }
}

/// The writers' side of a ring: what pollers put frames of one port into. Nothing here waits, allocates or counts
/// references; a frame without room is counted as missed.
public struct CaptureTap: @unchecked Sendable {
    /// The lanes that there are.
    public static var laneCount: Int { CaptureLayout.laneCount }
    private static var positionStride: Int { 16 }

    private let base: UnsafeMutableRawPointer
    /// The most octets kept of a frame.
    private let snapByteCount: Int
    /// The ends of the lanes' records, those not published included; each is its writer's alone, on a line of its own.
    private let positions: UnsafeMutablePointer<UInt64>

    /// Maps a ring of an agent.
    /// - Parameters:
    ///   - descriptor: stays the caller's, and may be closed afterwards.
    ///   - snapByteCount: the most octets kept of a frame; more than the longest frame has mean all.
    /// - Returns: `nil` if it is no ring or cannot be mapped. The memory is the caller's to free.
    public init?(_ descriptor: Int32, snapByteCount: Int) {
        var memory: UnsafeMutableRawPointer?
        guard clinux_map_shared_file(descriptor, CaptureLayout.byteCount, &memory) >= 0, let memory else { return nil }
        base = memory
        self.snapByteCount = min(max(0, snapByteCount), CaptureLayout.laneByteCount / 4)
        positions = .allocate(capacity: CaptureLayout.laneCount * Self.positionStride)
        positions.initialize(repeating: 0, count: CaptureLayout.laneCount * Self.positionStride)
    }

    public func deallocate() {
        positions.deallocate()
        _ = clinux_unmap(base, CaptureLayout.byteCount)
    }

    /// Takes room for a record, which a reader sees after ``publish(_:)``.
    /// - Parameter lane: the caller's own.
    /// - Returns: the place of the record, with room for `capturedByteCount` octets behind it; `nil` if there is none.
    public func begin(_ lane: Int, frameByteCount: Int, time: UInt64) -> UnsafeMutablePointer<CaptureRecord>? {
        guard lane >= 0, lane < CaptureLayout.laneCount else { return nil }
        let captured = min(frameByteCount, snapByteCount)
        let byteCount = (CaptureRecord.headerByteCount &+ captured &+ 7) & ~7
        let position = positions[lane &* Self.positionStride]
        let read = clinux_load_acquire(word(CaptureLayout.readerOffset(lane)))
        let used = Int(truncatingIfNeeded: position &- read)
        let offset = Int(truncatingIfNeeded: position) & (CaptureLayout.laneByteCount &- 1)
        let rest = CaptureLayout.laneByteCount &- offset
        let skipped = byteCount <= rest ? 0 : rest
        guard used &+ skipped &+ byteCount <= CaptureLayout.laneByteCount else {
            let missed = word(CaptureLayout.missedOffset(lane))
            clinux_store_relaxed(missed, missed.pointee &+ 1)
            return nil
        }
        let records = base + CaptureLayout.recordsOffset(lane)
        if skipped > 0 {
            // Lengths are multiples of 8, so that there is room for its length, and nobody reads more of it.
            (records + offset).storeBytes(of: UInt32(truncatingIfNeeded: skipped) | Self.fillerMark, as: UInt32.self)
        }
        positions[lane &* Self.positionStride] = position &+ UInt64(truncatingIfNeeded: skipped &+ byteCount)
        let place = (records + (skipped > 0 ? 0 : offset)).assumingMemoryBound(to: CaptureRecord.self)
        place.pointee = CaptureRecord(
            .dropped,
            byteCount: byteCount,
            captured: captured,
            of: frameByteCount,
            at: time
        )
        return place
    }

    /// Marks a length as that of nothing.
    static var fillerMark: UInt32 { 1 << 31 }

    /// Lets the reader see all records of a lane.
    public func publish(_ lane: Int) {
        clinux_store_release(word(CaptureLayout.writerOffset(lane)), positions[lane &* Self.positionStride])
    }

    private func word(_ offset: Int) -> UnsafeMutablePointer<UInt64> {
        (base + offset).assumingMemoryBound(to: UInt64.self)
    }
}
