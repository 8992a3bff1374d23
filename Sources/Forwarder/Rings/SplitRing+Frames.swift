import CLinux
import Datapath
import Glibc

// Frames in the buffers of rings, a virtio-net header of the guest's before each.

/// The ring by which a guest sends.
struct SendingRing {
    var ring: SplitRing
    /// Octets of the guest's header: the offload header, and after it the number of buffers in all but old drivers.
    let headerByteCount: Int
    let kick: Int32

    /// Takes the next frame, its offload header in front: its octets, or a negative errno. EAGAIN if there is none,
    /// EINVAL if it was of no use and is gone, EPROTO if the guest breaks the rules, EIO if its memory is gone.
    mutating func take(into bytes: UnsafeMutableRawPointer, _ capacity: Int) -> Int {
        if clinux_guest_is_broken(ring.memory.broken) { return -Int(EIO) }
        guard var pending = ring.pendingCount else { return -Int(EPROTO) }
        if pending == 0 {
            // The kicks so far are answered.
            var count: UInt64 = 0
            _ = clinux_read(kick, &count, 8)
            // Memory that is gone just now reads as zeros, as an empty ring does.
            if ring.listen() { return clinux_guest_is_broken(ring.memory.broken) ? -Int(EIO) : -Int(EAGAIN) }
            guard let later = ring.pendingCount else { return -Int(EPROTO) }
            pending = later
            if pending == 0 { return -Int(EAGAIN) }
            // The poller may end its turn before it has taken all, and the guest, who is told to be silent again, kicks
            // no more.
            wake()
        }
        ring.silence()
        let head = ring.head(0)
        let result = copy(head, into: bytes, capacity)
        if result == -Int(EPROTO) { return result }
        ring.enterUsed(head, byteCount: 0, 0)
        ring.finish(1)
        return result
    }

    /// Has the ring looked at, as a kick of the guest's does.
    func wake() {
        var one: UInt64 = 1
        _ = clinux_write(kick, &one, 8)
    }

    /// Copies a buffer, each octet once. What is behind the room for the longest frame is not read.
    private mutating func copy(_ head: UInt16, into bytes: UnsafeMutableRawPointer, _ capacity: Int) -> Int {
        let extra = headerByteCount &- OffloadHeader.byteCount
        // The offset in what the guest sends, and of what goes on.
        var total = 0
        var chain = DescriptorChain(ring, head: head)
        while true {
            switch chain.next() {
            case .broken: return -Int(EPROTO)
            case .end:
                let byteCount = total &- extra
                return byteCount > OffloadHeader.byteCount && byteCount <= capacity ? byteCount : -Int(EINVAL)
            case .descriptor(_, _, isForDevice: true): return -Int(EPROTO)
            case .descriptor(var address, var byteCount, isForDevice: false):
                while byteCount > 0 {
                    guard let piece = ring.memory.piece(at: address, byteCount) else { return -Int(EPROTO) }
                    put(piece.memory, piece.byteCount, at: total, into: bytes, capacity, extra)
                    total &+= piece.byteCount
                    address &+= UInt64(piece.byteCount)
                    byteCount &-= piece.byteCount
                    if total &- extra > capacity { break }
                }
            }
        }
    }

    /// Copies octets from `offset` of what the guest sends on; those of its header's end are left out.
    @inline(__always)
    private func put(
        _ source: UnsafeMutableRawPointer,
        _ byteCount: Int,
        at offset: Int,
        into bytes: UnsafeMutableRawPointer,
        _ capacity: Int,
        _ extra: Int
    ) {
        var (source, byteCount, offset) = (source, byteCount, offset)
        if offset < OffloadHeader.byteCount {
            let here = min(byteCount, OffloadHeader.byteCount &- offset)
            (bytes + offset).copyMemory(from: source, byteCount: here)
            source += here
            byteCount &-= here
            offset &+= here
        }
        if offset < headerByteCount {
            let skipped = min(byteCount, headerByteCount &- offset)
            source += skipped
            byteCount &-= skipped
            offset &+= skipped
        }
        let place = offset &- extra
        let here = min(byteCount, capacity &- place)
        if here > 0 { (bytes + place).copyMemory(from: source, byteCount: here) }
    }
}

/// The ring by which a guest receives.
struct ReceivingRing {
    var ring: SplitRing
    let headerByteCount: Int
    /// True if a frame may be in several buffers.
    let isMergeable: Bool
    /// The kinds of superpackets, and the frames without checksum, that the guest takes.
    let takesChecksum: Bool
    let takesTCPv4: Bool
    let takesTCPv6: Bool

    /// Writes a frame that lies in parts, its offload header in front: its octets, or a negative errno. EAGAIN if the
    /// guest has no room for it now, EMSGSIZE if it is longer than its buffers.
    mutating func put(_ parts: UnsafePointer<iovec>, _ count: Int) -> Int {
        if clinux_guest_is_broken(ring.memory.broken) { return -Int(EIO) }
        var source = PartReader(parts, count)
        let frameByteCount = source.byteCount &- OffloadHeader.byteCount
        guard frameByteCount > 0, let pending = ring.pendingCount else { return -Int(EPROTO) }
        ring.silence()
        var rest = headerByteCount &+ frameByteCount
        var bufferCountPlace: UnsafeMutableRawPointer?
        var used: UInt16 = 0
        var descriptorCount = 0
        while rest > 0 {
            guard Int(used) < pending else { return -Int(EAGAIN) }
            guard isMergeable || used == 0, descriptorCount <= SplitRing.descriptorCountMaximum else {
                return -Int(EMSGSIZE)
            }
            let head = ring.head(used)
            let before = rest
            let result = fill(head, &source, &rest, used == 0, &bufferCountPlace, &descriptorCount)
            if result < 0 { return result }
            ring.enterUsed(head, byteCount: before &- rest, used)
            used &+= 1
        }
        if headerByteCount > OffloadHeader.byteCount {
            bufferCountPlace?.storeBytes(of: used, as: UInt16.self)
        }
        ring.finish(used)
        return source.byteCount
    }

    /// Fills a buffer with what is left of the frame.
    private mutating func fill(
        _ head: UInt16,
        _ source: inout PartReader,
        _ rest: inout Int,
        _ isFirst: Bool,
        _ bufferCountPlace: inout UnsafeMutableRawPointer?,
        _ descriptorCount: inout Int
    ) -> Int {
        var chain = DescriptorChain(ring, head: head)
        var mustBegin = isFirst
        defer { descriptorCount &+= chain.count }
        while rest > 0 {
            switch chain.next() {
            case .broken, .descriptor(_, _, isForDevice: false): return -Int(EPROTO)
            case .end: return mustBegin ? -Int(EMSGSIZE) : 0
            case .descriptor(var address, var byteCount, isForDevice: true):
                if mustBegin, byteCount > 0 {
                    // All drivers have their header in one piece.
                    guard byteCount >= headerByteCount, let place = ring.memory.whole(at: address, headerByteCount)
                    else { return -Int(EMSGSIZE) }
                    mustBegin = false
                    source.copy(OffloadHeader.byteCount, to: place)
                    bufferCountPlace = place + OffloadHeader.byteCount
                    ring.memory.noteWritten(address, headerByteCount)
                    rest &-= headerByteCount
                    address &+= UInt64(headerByteCount)
                    byteCount &-= headerByteCount
                }
                while byteCount > 0, rest > 0 {
                    guard let piece = ring.memory.piece(at: address, min(byteCount, rest)) else { return -Int(EPROTO) }
                    source.copy(piece.byteCount, to: piece.memory)
                    ring.memory.noteWritten(address, piece.byteCount)
                    rest &-= piece.byteCount
                    address &+= UInt64(piece.byteCount)
                    byteCount &-= piece.byteCount
                }
            }
        }
        return 0
    }
}

/// Reads octets that lie in parts, front to back.
struct PartReader {
    private let parts: UnsafePointer<iovec>
    private let count: Int
    let byteCount: Int
    private var part = 0
    private var offset = 0

    init(_ parts: UnsafePointer<iovec>, _ count: Int) {
        self.parts = parts
        self.count = count
        var byteCount = 0
        for index in 0..<count { byteCount &+= parts[index].iov_len }
        self.byteCount = byteCount
    }

    /// Copies the next octets; no more than there are.
    @inline(__always)
    mutating func copy(_ wanted: Int, to place: UnsafeMutableRawPointer) {
        var (wanted, place) = (wanted, place)
        while wanted > 0, part < count {
            let here = min(wanted, parts[part].iov_len &- offset)
            if let base = parts[part].iov_base, here > 0 { place.copyMemory(from: base + offset, byteCount: here) }
            place += here
            wanted &-= here
            offset &+= here
            if offset == parts[part].iov_len {
                part &+= 1
                offset = 0
            }
        }
    }
}
