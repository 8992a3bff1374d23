import CLinux
import Datapath
import Glibc
import Wire

@testable import Forwarder

/// The remains of a forwarder, as bytes: the words of the journal, lengths, ports' frames and messages. The next
/// one hands on what it can make of it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJournal(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start = UnsafeRawPointer(start), count > 48 else { return 0 }
    let memory = UnsafeMutableRawPointer.allocate(byteCount: PollerJournal.byteCount, alignment: 4096)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: PollerJournal.byteCount)
    let journal = PollerJournal(memory)
    // The words first, then lengths and saved headers, then frames; what is left lies in the messages' slots, too.
    memory.copyMemory(from: start, byteCount: 48)
    let rest = UnsafeRawBufferPointer(start: start + 48, count: count - 48)
    rest.copyBytes(to: UnsafeMutableRawBufferPointer(start: journal.lengths, count: 896), limit: 896)
    rest.copyBytes(to: UnsafeMutableRawBufferPointer(start: journal.portMemory, count: 4096), limit: 4096)
    rest.copyBytes(to: UnsafeMutableRawBufferPointer(start: journal.frameMemory + 58, count: 4096), limit: 4096)
    rest.copyBytes(to: UnsafeMutableRawBufferPointer(start: journal.controls, count: 4096), limit: 4096)
    for index in 0..<min(rest.count, FrameBuffers.slotCount) {
        journal.messages[index].msg_len = UInt32(rest[index]) &* 257
        journal.messages[index].msg_hdr.msg_controllen = Int(rest[rest.count - 1 - index])
    }
    journal.restore()
    _ = journal.suspectBytes()
    let counters = CounterBlock()
    defer { counters.deallocate() }
    let quarantineMemory = UnsafeMutableRawPointer.allocate(byteCount: 512, alignment: 64)
    defer { quarantineMemory.deallocate() }
    quarantineMemory.initializeMemory(as: UInt8.self, repeating: 0, count: 512)
    let encap = IPAddress.v4(IPv4Address(0x0a7f_0001))
    let tables = ForwardingTables(localChassis: "hv1", localEncap: encap, innerMTU: 1442, hashSeed: 0)
    let generation = OwnedGeneration(
        number: 1,
        tables: tables.view,
        of: tables,
        underlays: [],
        devices: [:],
        portKeys: [0: journal.load(.port)],
        keeping: []
    )
    var frames = FrameSwitch(
        ports: NoPorts(),
        underlay: NoUnderlay(),
        counters: counters,
        journal: journal,
        quarantine: Quarantine(quarantineMemory)
    )
    frames.recover(generation.pointer, now: .zero)
    return 0
}

private struct NoPorts: PortIO {
    func read(_ port: Int32, _ bytes: UnsafeMutableRawPointer, _ capacity: Int) -> Int { -Int(EAGAIN) }
    func write(_ port: Int32, _ parts: UnsafePointer<iovec>, _ count: Int) -> Int { 0 }
}

private struct NoUnderlay: UnderlayIO {
    func receive(_ socket: Int32, _ messages: UnsafeMutablePointer<clinux_mmsghdr>, _ count: Int) -> Int { 0 }
    func send(_ socket: Int32, _ messages: UnsafeMutablePointer<clinux_mmsghdr>, _ count: Int) -> Int { count }
}

extension UnsafeRawBufferPointer {
    fileprivate func copyBytes(to target: UnsafeMutableRawBufferPointer, limit: Int) {
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: self[..<Swift.min(count, limit)]))
    }
}
