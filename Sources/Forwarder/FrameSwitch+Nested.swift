import CLinux
import Datapath
import Glibc

// Nested ports: a frame's tag is taken off before anything looks at it, and put on after all have, so that a nested
// port is for everything in between a port like others. Superpackets stay whole.

extension FrameSwitch {
    /// Forwards a batch of a device that nested ports share: frames of one port that follow each other together.
    /// - Parameters:
    ///   - count: the frames of the batch, whose lengths are in `states`.
    ///   - first: the first of them.
    ///   - slot: the port whose device it is.
    @inline(never)
    mutating func forwardShared(
        _ count: Int,
        _ first: UnsafeMutableRawPointer,
        from slot: Int,
        _ generation: UnsafePointer<Generation>
    ) {
        let tables = generation.pointee.tables
        var frame = first
        var number = 0
        while number < count {
            let owner = owner(of: frame, states[number].byteCount, slot, tables)
            let isNested = owner != slot
            let (begin, start) = (number, isNested ? frame + TagEdge.tagByteCount : frame)
            repeat {
                let next = frame + (states[number].byteCount + PortBuffer.room)
                if isNested { popTag(number, frame, from: owner, tables) }
                (frame, number) = (next, number + 1)
            } while number < count && self.owner(of: frame, states[number].byteCount, slot, tables) == owner
            // The next one's tag is gone, too.
            let gap = PortBuffer.room + (isNested ? TagEdge.tagByteCount : 0)
            forward(begin..<number, start, apart: gap, from: owner, generation)
            guard isNested, let limit = generation.pointee.limit(slot) else { continue }
            // The limit is of all that the device sends.
            var (byteCount, frameCount) = (0, 0)
            for index in begin..<number {
                byteCount += states[index].byteCount
                frameCount += states[index].frameCount
            }
            let shareCount = generation.pointee.queueCounts[slot]
            budgets[slot].pointee.sending.take(byteCount, frameCount, limit, now: now, shareCount: shareCount)
        }
    }

    /// The slot of the port that a frame from the device of `slot` is of.
    private func owner(
        of frame: UnsafeMutableRawPointer,
        _ byteCount: Int,
        _ slot: Int,
        _ tables: Tables
    ) -> Int {
        let tag = TagEdge.tag(of: frame, byteCount: byteCount)
        return tables.nestedSlot(tag, of: UInt16(truncatingIfNeeded: slot)).map { Int($0) } ?? slot
    }

    /// Takes the tag off a frame of a nested port.
    private func popTag(_ number: Int, _ bytes: UnsafeMutableRawPointer, from slot: Int, _ tables: Tables) {
        let start = TagEdge.pop(bytes)
        states[number].byteCount -= TagEdge.tagByteCount
        let slot16 = UInt16(truncatingIfNeeded: slot)
        states[number].hash = tables.prefetch(start, byteCount: states[number].byteCount, from: slot16, flows)
    }

    /// Gives a frame to the device that a nested port shares, with the port's tag.
    /// - Returns: as `PortIO.write`.
    @inline(never)
    func putNested(
        _ parts: UnsafePointer<iovec>,
        _ count: Int,
        to slot: Int,
        _ generation: UnsafePointer<Generation>
    ) -> Int {
        guard let place = generation.pointee.tables.place(ofNested: UInt16(truncatingIfNeeded: slot)) else { return -1 }
        let device = generation.pointee.device(Int(place.parentSlot), queue)
        guard device >= 0, let base = parts.pointee.iov_base, parts.pointee.iov_len >= TagEdge.frontByteCount,
            count <= NestedHeader.partCountMaximum
        else { return -1 }
        TagEdge.writeFront(base, place.tag, to: nestedHeader.front)
        let all = nestedHeader.parts
        all[0] = iovec(iov_base: nestedHeader.front, iov_len: TagEdge.frontByteCount + TagEdge.tagByteCount)
        all[1] = iovec(
            iov_base: base + TagEdge.frontByteCount,
            iov_len: parts.pointee.iov_len - TagEdge.frontByteCount
        )
        for index in 1..<max(1, count) { all[index + 1] = parts[index] }
        return ports.write(device, all, count + 1)
    }
}

/// Room for the beginning of a frame with a tag, and for the parts of the frame.
struct NestedHeader: ~Copyable {
    /// The parts of a frame without its tag: the segments of a run.
    static let partCountMaximum = RunTable.partCountMaximum

    let front: UnsafeMutableRawPointer
    let parts: UnsafeMutablePointer<iovec>

    init() {
        front = .allocate(byteCount: TagEdge.frontByteCount + TagEdge.tagByteCount, alignment: 8)
        parts = .allocate(capacity: Self.partCountMaximum + 1)
        parts.initialize(repeating: iovec(), count: Self.partCountMaximum + 1)
    }

    deinit {
        front.deallocate()
        parts.deallocate()
    }
}
