import Datapath

/// Ten octets of an offload header and any frame: it is cut, if they fit each other, and what is cut can be collected.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSuperpacket(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start = UnsafeRawPointer(start), count > OffloadHeader.byteCount else { return 0 }
    let byteCount = count - OffloadHeader.byteCount
    let copy = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 1)
    defer { copy.deallocate() }
    copy.copyMemory(from: start + OffloadHeader.byteCount, byteCount: byteCount)
    let offload = OffloadHeader(start)
    let frame = Frame(copy, byteCount: byteCount)
    if let superpacket = Superpacket(frame, offload) { collect(superpacket, copy) }
    _ = copy.decapsulateCongestion(.experienced, of: frame)
    if let accepted = offload.accepted(for: frame), accepted.needsChecksum {
        precondition(accepted.completeChecksum(of: copy, byteCount: byteCount))
    }
    return 0
}

private func collect(_ superpacket: Superpacket, _ frame: UnsafeMutableRawPointer) {
    let room = superpacket.headerByteCount + superpacket.segmentByteCount
    let segments = UnsafeMutableRawPointer.allocate(byteCount: room * superpacket.segmentCount, alignment: 1)
    defer { segments.deallocate() }
    var run: SegmentRun?
    for index in 0..<superpacket.segmentCount {
        let segment = segments + index * room
        superpacket.writeHeader(of: index, to: segment)
        let (offset, count) = superpacket.payload(of: index)
        (segment + superpacket.headerByteCount).copyMemory(
            from: frame + (superpacket.headerByteCount + offset),
            byteCount: count
        )
        let byteCount = superpacket.headerByteCount + count
        if run?.append(segment, byteCount: byteCount) == true { continue }
        _ = run?.seal()
        run = Segment(Frame(segment, byteCount: byteCount), segment).map { SegmentRun($0) }
    }
    _ = run?.seal()
}
