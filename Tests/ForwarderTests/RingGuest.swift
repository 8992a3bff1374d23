import CLinux
import ForwarderProtocol
import Foundation
import Reactor
import Testing

@testable import Forwarder

/// A guest's driver: the other side of a pair of rings, in memory that it shares, written after the standard's text
/// about drivers (virtio 1.2, sections 2.7.13 and 2.7.14).
final class RingGuest {
    static let usualFeatures = mask([
        VirtioFeature.guestChecksum, VirtioFeature.guestTCPv4, VirtioFeature.guestTCPv6,
        VirtioFeature.mergeableBuffers, VirtioFeature.indirectDescriptors, VirtioFeature.eventIndex,
        VirtioFeature.version1,
    ])
    static let base: UInt64 = 0x4000_0000
    static let byteCount = 4 << 20
    static let ringSize = 64
    static let bufferByteCount = 2048
    /// The longest frame in one of the places that frames are sent from.
    static let placeByteCount = 72 << 10

    let file: Descriptor
    let memory: UnsafeMutableRawPointer
    let kick: Descriptor
    let receivingCall: Descriptor
    let sendingCall: Descriptor
    let features: UInt64
    var log: Descriptor?
    private var sent: UInt16 = 0
    private var posted: UInt16 = 0
    private var taken: UInt16 = 0

    static func mask(_ features: [Int]) -> UInt64 { features.reduce(0) { $0 | 1 << UInt64($1) } }

    init(features: UInt64 = usualFeatures) throws {
        self.features = features
        file = try Self.makeFile(byteCount: Self.byteCount)
        memory = try #require(mmap(nil, Self.byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, file.raw, 0))
        kick = try Self.makeEvent()
        receivingCall = try Self.makeEvent()
        sendingCall = try Self.makeEvent()
    }

    deinit { munmap(memory, Self.byteCount) }

    static func makeFile(byteCount: Int) throws -> Descriptor {
        let path = "/dev/shm/hd-guest-\(UUID().uuidString)"
        let file = try Descriptor.open(path, flags: O_RDWR | O_CREAT | O_EXCL)
        try removeFile(path)
        try systemCall("ftruncate") { clinux_truncate(file.raw, byteCount) }
        return file
    }

    static func makeEvent() throws -> Descriptor {
        Descriptor(owning: Int32(try systemCall("eventfd") { clinux_eventfd() }))
    }

    // The offsets of the rings' parts; the first three are of the receiving ring, the others of the sending one.
    static let receiving = (descriptors: 0x0000, available: 0x1000, used: 0x2000)
    static let sending = (descriptors: 0x4000, available: 0x5000, used: 0x6000)
    static let table = 0x8000
    static let buffers = 0x10000
    static let places = 0x100000

    static func ring(_ place: (descriptors: Int, available: Int, used: Int), isLogged: Bool) -> RingLayout.Ring {
        RingLayout.Ring(
            size: UInt16(ringSize),
            descriptors: base + UInt64(place.descriptors),
            available: base + UInt64(place.available),
            used: base + UInt64(place.used),
            usedLog: isLogged ? base + UInt64(place.used) : nil
        )
    }

    /// The memory is two regions that follow each other, so that buffers may lie in both.
    var layout: RingLayout {
        let first: UInt64 = 0x101800
        return RingLayout(
            features: features,
            regions: [
                RingLayout.Region(guestAddress: Self.base, byteCount: first, fileOffset: 0),
                RingLayout.Region(
                    guestAddress: Self.base + first,
                    byteCount: UInt64(Self.byteCount) - first,
                    fileOffset: first
                ),
            ],
            pairs: [
                RingLayout.Pair(
                    receiving: Self.ring(Self.receiving, isLogged: log != nil),
                    sending: Self.ring(Self.sending, isLogged: log != nil)
                )
            ],
            log: log.map { _ in RingLayout.Log(byteCount: 64 << 10, fileOffset: 0) }
        )
    }

    var descriptors: [Descriptor] { [file, file] + [log].compactMap(\.self) + [receivingCall, kick, sendingCall] }

    func device(in table: RingTable) throws -> RingDevice { try RingDevice(layout, descriptors, in: table) }

    // Words

    func store<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
        memory.storeBytes(of: value, toByteOffset: offset, as: Value.self)
    }

    func load<Value: FixedWidthInteger>(_ type: Value.Type, at offset: Int) -> Value {
        memory.loadUnaligned(fromByteOffset: offset, as: Value.self)
    }

    func describe(_ number: Int, of table: Int, _ address: UInt64, _ count: Int, flags: UInt16 = 0, next: Int = 0) {
        let place = table + 16 * number
        store(address, at: place)
        store(UInt32(truncatingIfNeeded: count), at: place + 8)
        store(flags, at: place + 12)
        store(UInt16(truncatingIfNeeded: next), at: place + 14)
    }

    /// Makes a buffer available.
    func offer(_ head: Int, _ index: inout UInt16, in ring: (descriptors: Int, available: Int, used: Int)) {
        store(UInt16(truncatingIfNeeded: head), at: ring.available + 4 + 2 * (Int(index) % Self.ringSize))
        index &+= 1
        clinux_ring_store(memory + ring.available + 2, index)
    }

    // Frames

    /// Sends a frame with an offload header, cut into pieces, each a descriptor.
    /// - Parameter isHeedful: True if it kicks only if the device wants that.
    func send(
        _ frame: [UInt8],
        header: [UInt8]? = nil,
        pieces: [Int] = [],
        isIndirect: Bool = false,
        isHeedful: Bool = false
    ) {
        let place = Self.places + Int(sent) % 16 * Self.placeByteCount
        let hasCount = features & Self.mask([VirtioFeature.mergeableBuffers, VirtioFeature.version1]) != 0
        let bytes = (header ?? [UInt8](repeating: 0, count: 10)) + (hasCount ? [0, 0] : []) + frame
        bytes.withUnsafeBytes {
            (memory + place).copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(memory), byteCount: $0.count)
        }
        var rest = bytes.count
        var counts: [Int] = []
        for piece in pieces where piece < rest {
            counts.append(piece)
            rest -= piece
        }
        counts.append(rest)
        let table = isIndirect ? Self.table : Self.sending.descriptors
        // As many as there are places: the one of this frame is free.
        let first = isIndirect ? 0 : Int(sent) % 16 * 4
        var address = Self.base + UInt64(place)
        for (index, count) in counts.enumerated() {
            let isLast = index == counts.count - 1
            describe(first + index, of: table, address, count, flags: isLast ? 0 : 1, next: first + index + 1)
            address += UInt64(count)
        }
        if isIndirect {
            describe(63, of: Self.sending.descriptors, Self.base + UInt64(table), 16 * counts.count, flags: 4)
        }
        offer(isIndirect ? 63 : first, &sent, in: Self.sending)
        clinux_ring_fence()
        if !isHeedful || wantsKick { signal() }
    }

    /// True if the device wants a kick for the last buffer that was made available.
    private var wantsKick: Bool {
        guard features >> UInt64(VirtioFeature.eventIndex) & 1 != 0 else {
            return clinux_ring_load(memory + Self.sending.used) & 1 == 0
        }
        return clinux_ring_load(memory + Self.sending.used + 4 + 8 * Self.ringSize) == sent &- 1
    }

    /// The frames that were sent and are not used yet.
    var unusedCount: UInt16 { sent &- usedOfSent }

    func signal() {
        var one: UInt64 = 1
        _ = clinux_write(kick.raw, &one, 8)
    }

    /// Gives buffers for frames.
    func post(_ count: Int, byteCount: Int = bufferByteCount) {
        for _ in 0..<count {
            let number = Int(posted) % Self.ringSize
            let address = Self.base + UInt64(Self.buffers + number * Self.bufferByteCount)
            describe(number, of: Self.receiving.descriptors, address, byteCount, flags: 2)
            offer(number, &posted, in: Self.receiving)
        }
    }

    var usedOfSent: UInt16 { clinux_ring_load(memory + Self.sending.used + 2) }
    var usedOfPosted: UInt16 { clinux_ring_load(memory + Self.receiving.used + 2) }

    /// The next frame with its header of 12 octets; `nil` if none has come.
    func take() -> (header: [UInt8], frame: [UInt8])? {
        var bytes: [UInt8] = []
        var count: UInt16 = 1
        var index: UInt16 = 0
        while index < count {
            guard usedOfPosted != taken else { return nil }
            let entry = Self.receiving.used + 4 + 8 * (Int(taken) % Self.ringSize)
            let number = Int(load(UInt32.self, at: entry))
            let length = Int(load(UInt32.self, at: entry + 4))
            let place = Self.buffers + number * Self.bufferByteCount
            bytes += UnsafeRawBufferPointer(start: memory + place, count: length)
            if index == 0 { count = UInt16(bytes[10]) | UInt16(bytes[11]) << 8 }
            taken &+= 1
            index += 1
        }
        return (Array(bytes[..<12]), Array(bytes[12...]))
    }

    /// The next frame; waits for it.
    func receive() throws -> (header: [UInt8], frame: [UInt8]) {
        while true {
            if let taken = take() { return taken }
            // It wants to be called with the next one, which may have come meanwhile.
            store(taken, at: Self.receiving.available + 4 + 2 * Self.ringSize)
            clinux_ring_fence()
            if let taken = take() { return taken }
            try awaitReadiness(receivingCall, POLLIN)
            var count: UInt64 = 0
            _ = clinux_read(receivingCall.raw, &count, 8)
        }
    }
}
