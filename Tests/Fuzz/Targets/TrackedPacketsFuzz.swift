import Wire

@testable import Datapath

/// A small table; what former inputs have left in it is one more thing that may be there.
private let connections: ConnectionTable = {
    let byteCount = ConnectionTable.byteCount(bucketCount: 16)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    guard let table = ConnectionTable(memory, bucketCount: 16, key: SipHashKey(low: 1, high: 2)) else { fatalError() }
    return table
}()

/// Any frames one after the other, each behind two octets of its length, are read within their bounds, and what is
/// kept of them is found again.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTrackedPackets(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start = UnsafeRawPointer(start) else { return 0 }
    var (offset, now) = (0, UInt64(1000))
    while offset + 2 <= count {
        let byteCount = min(Int(start.integer16(at: offset)), count - offset - 2)
        // Of its own, so that reading beyond it is noticed.
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 1), alignment: 1)
        defer { memory.deallocate() }
        memory.copyMemory(from: start + offset + 2, byteCount: byteCount)
        offset += 2 + byteCount
        now += 20
        let frame = Frame(memory, byteCount: byteCount)
        guard frame.isIP else { continue }
        let packet = TrackedPacket(frame)
        let lookup = connections.look(packet, zone: 1, now: now)
        switch lookup.finding {
        case .invalid, .related, .fragment: continue
        case .new, .original, .reply: break
        }
        guard connections.keep(lookup, packet, now: now) else { continue }
        if let fragments = packet.fragments {
            _ = connections.keepFragments(of: fragments, like: lookup.connection, now: now)
        }
        // TCP and SCTP may open a connection anew.
        let again = connections.look(packet, zone: 1, now: now)
        let opens = [IPProtocol.tcp, IPProtocol.sctp].contains(packet.tuple.transport)
        precondition(again.finding != .new || opens || lookup.finding != .new)
        if !lookup.reference.isNone, packet.isPlain { _ = connections.follow(lookup.reference, frame, now: now) }
    }
    return 0
}
