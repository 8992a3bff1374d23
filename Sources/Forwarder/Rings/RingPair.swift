import CLinux
import Datapath
import ForwarderProtocol
import Glibc

/// A queue of a guest's network device: the two rings, and what a poller needs to write to it.
struct RingPair {
    var receiving: ReceivingRing
    var sending: SendingRing
    /// Room for one frame that the guest's driver cannot take as it is, and for the headers of its segments.
    let scratch: UnsafeMutableRawPointer
    /// 1 while a poller writes to the guest: all pollers do.
    let word: UnsafeMutablePointer<UInt32>

    static var scratchByteCount: Int { frameOffset + FrameBuffers.frameByteCountMaximum }
    private static var frameOffset: Int { 64 + OffloadHeader.byteCount + Superpacket.headerByteCountMaximum + 64 }

    /// - Returns: `nil` if the guest's memory has no such rings.
    init?(
        _ pair: RingLayout.Pair,
        features: UInt64,
        memory: GuestMemory,
        receivingCall: Int32,
        kick: Int32,
        sendingCall: Int32
    ) {
        func has(_ feature: Int) -> Bool { features >> UInt64(feature) & 1 != 0 }
        let isMergeable = has(VirtioFeature.mergeableBuffers)
        let headerByteCount =
            OffloadHeader.byteCount + (isMergeable || has(VirtioFeature.version1) ? 2 : 0)
        guard let receive = SplitRing(pair.receiving, features: features, memory: memory, call: receivingCall),
            let send = SplitRing(pair.sending, features: features, memory: memory, call: sendingCall)
        else { return nil }
        let takesChecksum = has(VirtioFeature.guestChecksum)
        receiving = ReceivingRing(
            ring: receive,
            headerByteCount: headerByteCount,
            isMergeable: isMergeable,
            takesChecksum: takesChecksum,
            takesTCPv4: takesChecksum && has(VirtioFeature.guestTCPv4),
            takesTCPv6: takesChecksum && has(VirtioFeature.guestTCPv6)
        )
        sending = SendingRing(ring: send, headerByteCount: headerByteCount, kick: kick)
        scratch = .allocate(byteCount: Self.scratchByteCount, alignment: 64)
        word = .allocate(capacity: 1)
        word.initialize(to: 0)
    }

    func deallocate() {
        scratch.deallocate()
        word.deallocate()
    }

    /// Writes a frame that lies in parts, its offload header in front, as the guest's driver takes it.
    /// - Returns: its octets, or a negative errno as of `ReceivingRing.put`; EINVAL for merged datagrams.
    mutating func write(_ parts: UnsafePointer<iovec>, _ count: Int) -> Int {
        guard let first = parts.pointee.iov_base, parts.pointee.iov_len >= OffloadHeader.byteCount else {
            return -Int(EINVAL)
        }
        if OffloadHeader.isDone(first) { return receiving.put(parts, count) }
        let offload = OffloadHeader(first)
        switch offload.kind {
        case .none where receiving.takesChecksum: return receiving.put(parts, count)
        case .tcpv4 where receiving.takesTCPv4: return receiving.put(parts, count)
        case .tcpv6 where receiving.takesTCPv6: return receiving.put(parts, count)
        // Those that merge them do so no more for this port.
        case .udp where count > 1: return -Int(EINVAL)
        case .none, .tcpv4, .tcpv6, .udp, .unknown: return writeFinished(offload, parts, count)
        }
    }

    /// Completes what the guest's driver would have to: a checksum, or segments.
    @inline(never)
    private mutating func writeFinished(_ offload: OffloadHeader, _ parts: UnsafePointer<iovec>, _ count: Int) -> Int {
        var source = PartReader(parts, count)
        let byteCount = source.byteCount &- OffloadHeader.byteCount
        guard byteCount > 0, byteCount <= FrameBuffers.frameByteCountMaximum else { return -Int(EMSGSIZE) }
        let bytes = scratch + Self.frameOffset
        source.copy(source.byteCount, to: bytes - OffloadHeader.byteCount)
        OffloadHeader.storeDone(to: bytes - OffloadHeader.byteCount)
        if offload.kind == .none {
            guard offload.completeChecksum(of: bytes, byteCount: byteCount) else { return -Int(EINVAL) }
            var part = iovec(iov_base: bytes - OffloadHeader.byteCount, iov_len: source.byteCount)
            return receiving.put(&part, 1)
        }
        guard let superpacket = Superpacket(Frame(bytes, byteCount: byteCount), offload) else { return -Int(EINVAL) }
        OffloadHeader.storeDone(to: scratch)
        let header = scratch + OffloadHeader.byteCount
        var segment = (
            iovec(iov_base: scratch, iov_len: OffloadHeader.byteCount + superpacket.headerByteCount), iovec()
        )
        for index in 0..<superpacket.segmentCount {
            superpacket.writeHeader(of: index, to: header)
            let payload = superpacket.payload(of: index)
            segment.1 = iovec(
                iov_base: bytes + (superpacket.headerByteCount &+ payload.offset),
                iov_len: payload.byteCount
            )
            let result = withUnsafeBytes(of: &segment) { bytes in
                bytes.baseAddress.map { receiving.put($0.assumingMemoryBound(to: iovec.self), 2) } ?? -Int(EINVAL)
            }
            if result < 0 { return result }
        }
        return source.byteCount
    }
}

/// The pairs of rings that ports have, by the numbers of their handles; filled and emptied by the control thread.
struct RingTable: @unchecked Sendable {
    /// As many as all ports may have.
    static let countMaximum = ForwarderProtocol.portCountMaximum * RingLayout.pairCountMaximum

    let pairs: UnsafeMutablePointer<UnsafeMutablePointer<RingPair>?>

    init() {
        pairs = .allocate(capacity: Self.countMaximum)
        pairs.initialize(repeating: nil, count: Self.countMaximum)
    }

    func deallocate() { pairs.deallocate() }

    /// Reads a frame from a guest.
    @inline(never)
    func read(_ number: Int, _ bytes: UnsafeMutableRawPointer, _ capacity: Int) -> Int {
        guard let pair = pairs[number] else { return -Int(EBADF) }
        return pair.pointee.sending.take(into: bytes, capacity)
    }

    /// The eventfd by which a guest tells that it has sent; -1 if there are no such rings.
    func kick(_ number: Int) -> Int32 { pairs[number]?.pointee.sending.kick ?? -1 }

    /// Writes a frame to a guest; one poller after the other.
    @inline(never)
    func write(_ number: Int, _ parts: UnsafePointer<iovec>, _ count: Int) -> Int {
        guard let pair = pairs[number] else { return -Int(EBADF) }
        let word = pair.pointee.word
        clinux_spin_take(word)
        defer { clinux_spin_give(word) }
        let result = pair.pointee.write(parts, count)
        // The poller that reads from the guest finds that its memory is gone, and tells.
        if result == -Int(EIO) { pair.pointee.sending.wake() }
        return result
    }
}
