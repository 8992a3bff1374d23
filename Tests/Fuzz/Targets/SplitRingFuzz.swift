import CLinux
import ForwarderProtocol
import Glibc
import Reactor

@testable import Forwarder

/// A guest's memory of 64 KiB with rings of eight buffers, and what a frame is read into.
private struct FuzzGuest {
    static let base: UInt64 = 0x1000
    static let byteCount = 64 << 10
    static let capacity = 70_000
    let file: Descriptor
    let memory: UnsafeMutableRawPointer
    let event: Descriptor
    let table = RingTable()
    let frame = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64)

    init() {
        let path = "/dev/shm/hd-fuzz-\(getpid())"
        guard let file = try? Descriptor.open(path, flags: O_RDWR | O_CREAT | O_TRUNC),
            clinux_truncate(file.raw, Self.byteCount) == 0,
            let memory = mmap(nil, Self.byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, file.raw, 0)
        else { preconditionFailure("no memory for a guest") }
        try? removeFile(path)
        self.file = file
        self.memory = memory
        event = Descriptor(owning: Int32(clinux_eventfd()))
    }

    func device(features: UInt64) -> RingDevice? {
        func ring(_ place: UInt64) -> RingLayout.Ring {
            RingLayout.Ring(
                size: 8,
                descriptors: Self.base + place,
                available: Self.base + place + 0x100,
                used: Self.base + place + 0x200
            )
        }
        let layout = RingLayout(
            features: features,
            regions: [.init(guestAddress: Self.base, byteCount: UInt64(Self.byteCount), fileOffset: 0)],
            pairs: [.init(receiving: ring(0), sending: ring(0x400))]
        )
        return try? RingDevice(layout, [file, event, event, event], in: table)
    }
}

nonisolated(unsafe) private let guest = FuzzGuest()

/// Any memory, which changes between any two frames, ends no process and no loop, and no frame is longer than its room.
///
/// The first octet chooses the features; 0x700 octets are the rings; then come changes: a place, a word, a frame's
/// length.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSplitRing(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    guard let choice = bytes.first else { return 0 }
    let bits = [
        VirtioFeature.version1, VirtioFeature.mergeableBuffers, VirtioFeature.indirectDescriptors,
        VirtioFeature.eventIndex, VirtioFeature.guestChecksum, VirtioFeature.guestTCPv4,
    ]
    var features: UInt64 = 0
    for (index, bit) in bits.enumerated() { features |= UInt64(choice >> UInt8(index) & 1) << UInt64(bit) }
    let image = bytes.dropFirst().prefix(0x700)
    memset(guest.memory, 0, FuzzGuest.byteCount)
    image.withUnsafeBytes { if let base = $0.baseAddress { guest.memory.copyMemory(from: base, byteCount: $0.count) } }
    guard let device = guest.device(features: features) else { return 0 }
    var changes = bytes.dropFirst(1 + 0x700)
    repeat {
        let change = Array(changes.prefix(6)) + [0, 0, 0, 0, 0, 0]
        changes = changes.dropFirst(6)
        let place = (Int(change[0]) | Int(change[1]) << 8) % 0x700 & ~1
        guest.memory.storeBytes(of: UInt16(change[2]) | UInt16(change[3]) << 8, toByteOffset: place, as: UInt16.self)
        let taken = guest.table.read(device.numbers[0], guest.frame, FuzzGuest.capacity)
        precondition(taken <= FuzzGuest.capacity)
        memset(guest.frame, Int32(change[4] & 1), 10)
        var part = iovec(iov_base: guest.frame, iov_len: 10 + (Int(change[4]) | Int(change[5]) << 8))
        _ = guest.table.write(device.numbers[0], &part, 1)
    } while !changes.isEmpty
    return 0
}
