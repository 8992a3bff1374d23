import Datapath

/// Frames one after the other, each after two octets of length: they are collected as they come. What is not a frame
/// begins no run.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSegmentRun(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start = UnsafeRawPointer(start) else { return 0 }
    let copy = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 1)
    defer { copy.deallocate() }
    copy.copyMemory(from: start, byteCount: count)
    var run: SegmentRun?
    var payloadByteCount = 0
    var offset = 0
    while offset + 2 <= count {
        let announced = Int(copy.loadUnaligned(fromByteOffset: offset, as: UInt16.self).bigEndian)
        let byteCount = min(announced, count - offset - 2)
        let bytes = copy + (offset + 2)
        offset += 2 + byteCount
        if run?.append(bytes, byteCount: byteCount) == true {
            payloadByteCount += byteCount - (run?.first.headerByteCount ?? 0)
            continue
        }
        seal(run, payloadByteCount)
        run = Segment(Frame(bytes, byteCount: byteCount), bytes).map { SegmentRun($0) }
        payloadByteCount = run?.first.payloadByteCount ?? 0
    }
    seal(run, payloadByteCount)
    return 0
}

private func seal(_ run: SegmentRun?, _ payloadByteCount: Int) {
    guard let run else { return }
    let offload = run.seal()
    precondition(run.payloadByteCount == payloadByteCount && run.count <= SegmentRun.countMaximum)
    precondition((offload.kind == .none) == (run.count == 1))
}
