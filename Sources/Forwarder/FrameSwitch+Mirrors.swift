import CLinux
import Datapath
import Glibc
import Match
import Wire

// Mirrors: copies of the frames that a port's guest sends, before anything is decided about them, and of those that it
// is given. They are made beside the way of the frames themselves: a copy is written or sent here and goes through
// nothing else, so that it is never copied again.

extension FrameSwitch {
    /// Copies a frame that a guest has sent.
    @inline(never)
    func mirrorArrival(
        _ departure: Departure,
        _ byteCount: Int,
        _ list: UnsafePointer<MirrorList>,
        _ generation: UnsafePointer<Generation>
    ) {
        var part = iovec(
            iov_base: departure.bytes - OffloadHeader.byteCount,
            iov_len: OffloadHeader.byteCount + byteCount
        )
        let frameCount = states[departure.number].frameCount
        mirror(
            &part,
            1,
            byteCount: byteCount,
            frameCount: frameCount,
            of: departure.slot,
            isSent: true,
            list,
            generation
        )
    }

    /// Copies a frame to the mirrors of a port.
    /// - Parameters:
    ///   - parts: the frame, a virtio-net header in front of it.
    ///   - isSent: true if the port's guest has sent it, false if it is given it.
    @inline(never)
    func mirror(
        _ parts: UnsafePointer<iovec>,
        _ partCount: Int,
        byteCount: Int,
        frameCount: Int,
        of slot: Int,
        isSent: Bool,
        _ list: UnsafePointer<MirrorList>,
        _ generation: UnsafePointer<Generation>
    ) {
        var isGathered = false
        for index in 0..<list.pointee.count {
            let sink = list.pointee.sinks + index
            guard isSent ? sink.pointee.copiesSent : sink.pointee.copiesReceived else { continue }
            if sink.pointee.slot < 0 || sink.pointee.firstStep >= 0, !isGathered {
                copies.gather(parts, partCount, byteCount: byteCount)
                isGathered = true
            }
            guard copies.areWanted(by: sink, byteCount: byteCount) else { continue }
            let shareCount = generation.pointee.queueCounts[slot]
            guard budgets[slot].pointee.takeMirrorCopies(frameCount, now: now, shareCount: shareCount) else {
                counters.addPartly(.mirrorLimit, of: slot, UInt64(frameCount))
                continue
            }
            if sink.pointee.slot >= 0 {
                writeCopy(
                    parts,
                    partCount,
                    byteCount: byteCount,
                    frameCount: frameCount,
                    of: slot,
                    to: sink,
                    generation
                )
                continue
            }
            let result = copies.send(byteCount: byteCount, to: sink, lane: lane, over: underlay)
            if result < 0 { counters.addPartly(Self.reason(result), of: slot, UInt64(frameCount)) }
        }
    }

    private func writeCopy(
        _ parts: UnsafePointer<iovec>,
        _ partCount: Int,
        byteCount: Int,
        frameCount: Int,
        of slot: Int,
        to sink: UnsafePointer<MirrorSink>,
        _ generation: UnsafePointer<Generation>
    ) {
        let target = sink.pointee.slot
        let result = put(parts, partCount, to: target, generation)
        let failure = account(result, target, frameCount: frameCount, byteCount: byteCount)
        if let failure { counters.addPartly(failure, of: slot, UInt64(frameCount)) }
        if let tap = generation.pointee.tap(target) {
            capture(parts, byteCount: byteCount, frameCount: frameCount, failure.map { .untaken($0) }, tap)
        }
    }
}

/// Room for a copy of a frame on its way to collectors.
struct MirrorCopies: ~Copyable {
    /// The octets in front of a frame: a virtio-net header, and what aligns the frame's IP header.
    private static let frontByteCount = 64 + OffloadHeader.byteCount

    /// The octets of a frame that rules look at: IPv6 with some extension headers and what follows.
    private static let matchedByteCountMaximum = 512

    private let memory: UnsafeMutableRawPointer
    private let headers: UnsafeMutableRawPointer
    private let parts: UnsafeMutablePointer<iovec>
    private let message: UnsafeMutablePointer<clinux_mmsghdr>

    init() {
        memory = .allocate(byteCount: Self.frontByteCount + FrameBuffers.frameByteCountMaximum, alignment: 64)
        headers = .allocate(
            byteCount: MirrorHeader.byteCountMaximum + Superpacket.headerByteCountMaximum,
            alignment: 64
        )
        parts = .allocate(capacity: 2)
        parts.initialize(repeating: iovec(), count: 2)
        message = .allocate(capacity: 1)
        message.initialize(to: clinux_mmsghdr())
    }

    deinit {
        memory.deallocate()
        headers.deallocate()
        parts.deallocate()
        message.deallocate()
    }

    private var frame: UnsafeMutableRawPointer { memory + Self.frontByteCount }

    /// Takes a copy of a frame and of the virtio-net header in front of it, and completes its checksum if that is left.
    func gather(_ parts: UnsafePointer<iovec>, _ count: Int, byteCount: Int) {
        let start = frame - OffloadHeader.byteCount
        let end = OffloadHeader.byteCount + min(byteCount, FrameBuffers.frameByteCountMaximum)
        var offset = 0
        for index in 0..<count where offset < end {
            guard let base = parts[index].iov_base else { return }
            let length = min(parts[index].iov_len, end - offset)
            (start + offset).copyMemory(from: base, byteCount: length)
            offset += length
        }
        let offload = OffloadHeader(start)
        if offload.kind == .none, offload.needsChecksum {
            _ = offload.completeChecksum(of: frame, byteCount: byteCount)
        }
    }

    /// True if the rules of a mirror say that the gathered frame is copied.
    func areWanted(by sink: UnsafePointer<MirrorSink>, byteCount: Int) -> Bool {
        let first = sink.pointee.firstStep
        guard first >= 0 else { return MatchProgram.isTrue(first) }
        let count = min(byteCount, Self.matchedByteCountMaximum)
        let bytes = UnsafeBufferPointer(start: frame.assumingMemoryBound(to: UInt8.self), count: count)
        return MatchProgram.outcome(of: MatchFrame(bytes.span, of: byteCount), sink.pointee.steps.span, first: first)
    }

    /// Sends the copy to a collector, a superpacket as its segments.
    /// - Returns: 0, or the negative errno of what was not sent.
    func send<Underlay: UnderlayIO>(
        byteCount: Int,
        to sink: UnsafePointer<MirrorSink>,
        lane: Int,
        over underlay: Underlay
    ) -> Int {
        let offload = OffloadHeader(frame - OffloadHeader.byteCount)
        guard offload.kind != .none else {
            return sendOne(header: 0, payload: frame, byteCount, to: sink, lane, underlay)
        }
        guard let superpacket = Superpacket(Frame(frame, byteCount: byteCount), offload) else { return -Int(EINVAL) }
        var failure = 0
        for index in 0..<superpacket.segmentCount {
            superpacket.writeHeader(of: index, to: headers + sink.pointee.header.byteCount)
            let (offset, count) = superpacket.payload(of: index)
            let payload = frame + (superpacket.headerByteCount + offset)
            let result = sendOne(header: superpacket.headerByteCount, payload: payload, count, to: sink, lane, underlay)
            failure = result < 0 ? result : failure
        }
        return failure
    }

    private func sendOne<Underlay: UnderlayIO>(
        header: Int,
        payload: UnsafeMutableRawPointer,
        _ byteCount: Int,
        to sink: UnsafePointer<MirrorSink>,
        _ lane: Int,
        _ underlay: Underlay
    ) -> Int {
        let count = sink.pointee.counts + lane
        count.pointee &+= 1
        // Pollers count for themselves: each has numbers of its own.
        let sequence = count.pointee &* UInt32(CaptureTap.laneCount) &+ UInt32(truncatingIfNeeded: lane)
        sink.pointee.header.write(to: headers, sequence: sequence)
        parts[0] = iovec(iov_base: headers, iov_len: sink.pointee.header.byteCount + header)
        parts[1] = iovec(iov_base: payload, iov_len: byteCount)
        message.pointee.msg_hdr.msg_name = UnsafeMutableRawPointer(sink.pointee.address)
        message.pointee.msg_hdr.msg_namelen = sink.pointee.addressByteCount
        message.pointee.msg_hdr.msg_iov = parts
        message.pointee.msg_hdr.msg_iovlen = 2
        let result = underlay.send(sink.pointee.socket, message, 1)
        return result > 0 ? 0 : result == 0 ? -Int(EAGAIN) : result
    }
}
