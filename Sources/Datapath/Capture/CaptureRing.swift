import CLinux

/// The reader's side of a ring for captured frames. The writers are another process, which is not believed: whatever
/// lies in the ring, a read ends and stays in its bounds.
public final class CaptureRing {
    /// The ring's file, for the process that writes to it.
    public let descriptor: Int32
    private let base: UnsafeMutableRawPointer
    private var missed = [UInt64](repeating: 0, count: CaptureLayout.laneCount)

    /// A record and the octets of its frame.
    public typealias Captured = (record: CaptureRecord, bytes: [UInt8])

    /// Makes a ring.
    /// - Returns: `nil` if there is no memory or no descriptor for it.
    public init?() {
        var memory: UnsafeMutableRawPointer?
        let result = clinux_shared_file("heddle-capture", CaptureLayout.byteCount, &memory)
        guard result >= 0, let memory else { return nil }
        descriptor = Int32(truncatingIfNeeded: result)
        base = memory
    }

    deinit {
        _ = clinux_unmap(base, CaptureLayout.byteCount)
        _ = clinux_close(descriptor)
    }

    /// The number of frames that found no room since the last call.
    public func takeMissed() -> UInt64 {
        var sum: UInt64 = 0
        for lane in 0..<CaptureLayout.laneCount {
            let now = clinux_load_relaxed(word(CaptureLayout.missedOffset(lane)))
            sum &+= now &- missed[lane]
            missed[lane] = now
        }
        return sum
    }

    /// Takes what was captured, in the order of its times.
    /// - Parameter byteCountMaximum: the most octets of records, shared by the lanes.
    public func take(byteCountMaximum: Int) -> [Captured] {
        var all: [Captured] = []
        let share = max(byteCountMaximum / CaptureLayout.laneCount, CaptureLayout.laneByteCount / 16)
        for lane in 0..<CaptureLayout.laneCount { take(from: lane, byteCountMaximum: share, into: &all) }
        // Lanes are in order, but not with each other. The numbers keep the order of equal times.
        return all.enumerated()
            .sorted { ($0.element.record.time, $0.offset) < ($1.element.record.time, $1.offset) }
            .map(\.element)
    }

    private func take(from lane: Int, byteCountMaximum: Int, into all: inout [Captured]) {
        let end = clinux_load_acquire(word(CaptureLayout.writerOffset(lane)))
        let reader = word(CaptureLayout.readerOffset(lane))
        let start = reader.pointee
        let available = Int(truncatingIfNeeded: end &- start)
        guard available != 0 else { return }
        // A writer that has lost its way is read no further.
        guard available > 0, available <= CaptureLayout.laneByteCount else { return clinux_store_release(reader, end) }
        var position = 0
        while position < min(available, byteCountMaximum) {
            let from = start &+ UInt64(position)
            guard let byteCount = takeOne(lane, from, available - position, into: &all) else {
                return clinux_store_release(reader, end)
            }
            position += byteCount
        }
        clinux_store_release(reader, start &+ UInt64(position))
    }

    /// Takes a record.
    /// - Returns: its length; `nil` if it cannot be.
    private func takeOne(_ lane: Int, _ position: UInt64, _ available: Int, into all: inout [Captured]) -> Int? {
        let offset = Int(truncatingIfNeeded: position) & (CaptureLayout.laneByteCount - 1)
        let place = base + CaptureLayout.recordsOffset(lane) + offset
        let rest = CaptureLayout.laneByteCount - offset
        guard rest >= 8, position % 8 == 0 else { return nil }
        let length = place.load(as: UInt32.self)
        if length & CaptureTap.fillerMark != 0 { return rest <= available ? rest : nil }
        let headerByteCount = CaptureRecord.headerByteCount
        guard rest >= headerByteCount, available >= headerByteCount else { return nil }
        // A copy: what is judged cannot change any more.
        let record = place.load(as: CaptureRecord.self)
        let (byteCount, captured) = (Int(record.byteCount), Int(record.capturedByteCount))
        guard byteCount % 8 == 0, byteCount <= min(rest, available), headerByteCount + captured <= byteCount,
            captured <= Int(record.frameByteCount), record.fate != nil
        else { return nil }
        let bytes = [UInt8](UnsafeRawBufferPointer(start: place + headerByteCount, count: captured))
        all.append((record, bytes))
        return byteCount
    }

    private func word(_ offset: Int) -> UnsafeMutablePointer<UInt64> {
        (base + offset).assumingMemoryBound(to: UInt64.self)
    }
}
