import Wire

@testable import Datapath

/// A tag that is put into any frame behind any offload header is found there and taken out again, and leaves both as
/// they were; one that is there already is taken out and put back, but for its priority.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTagEdge(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let front = OffloadHeader.byteCount
    guard let start = UnsafeRawPointer(start), count >= 2 + front + EthernetHeader.untaggedByteCount else { return 0 }
    let tag = max(1, start.integer16(at: 0) & 0xfff)
    let input = start + 2
    let byteCount = count - 2
    // No more than a tag's room in front, and none behind, so that touching more is noticed.
    let memory = UnsafeMutableRawPointer.allocate(byteCount: TagEdge.tagByteCount + byteCount, alignment: 1)
    let room = UnsafeMutableRawPointer.allocate(
        byteCount: TagEdge.frontByteCount + TagEdge.tagByteCount,
        alignment: 1
    )
    defer {
        memory.deallocate()
        room.deallocate()
    }
    let frame = memory + TagEdge.tagByteCount + front
    (frame - front).copyMemory(from: input, byteCount: byteCount)
    let frameByteCount = byteCount - front
    let pushed = TagEdge.push(tag, frame)
    precondition(pushed == frame - TagEdge.tagByteCount)
    precondition(TagEdge.tag(of: pushed, byteCount: frameByteCount + TagEdge.tagByteCount) == tag)
    TagEdge.writeFront(input, tag, to: room)
    precondition(areAlike(room, pushed - front, count: TagEdge.frontByteCount + TagEdge.tagByteCount))
    precondition(TagEdge.pop(pushed) == frame)
    precondition(areAlike(frame, input + front, count: frameByteCount))
    let header = OffloadHeader(input)
    precondition(header.kind == .unknown || OffloadHeader(frame - front) == header)
    let own = TagEdge.tag(of: frame, byteCount: frameByteCount)
    guard own != 0 else { return 0 }
    let popped = TagEdge.pop(frame)
    precondition(TagEdge.push(own, popped) == frame)
    precondition(TagEdge.tag(of: frame, byteCount: frameByteCount) == own)
    precondition(areAlike(frame + 16, input + front + 16, count: frameByteCount - 16))
    return 0
}

private func areAlike(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, count: Int) -> Bool {
    UnsafeRawBufferPointer(start: left, count: count).elementsEqual(UnsafeRawBufferPointer(start: right, count: count))
}
