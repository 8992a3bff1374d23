import CLinux
import Datapath
import Glibc
import Wire

/// The path of packets on one poller, in stages of a batch: read what a source has, decide on each frame, send what
/// goes to the underlay by one call, count. It is the same whether ports and underlay are devices or in memory.
///
/// Nothing here allocates, retains, locks or waits. A batch is forwarded by one generation from its first frame to its
/// last, and nothing is kept for the next.
struct FrameSwitch<Ports: PortIO, Underlay: UnderlayIO>: ~Copyable {
    private let ports: Ports
    private let underlay: Underlay
    private let counters: CounterBlock
    private let buffers: FrameBuffers
    private let receiving: ReceiveBatch
    private var sending: SendBatch
    private let states: UnsafeMutablePointer<FrameState>
    private let reply: UnsafeMutableRawBufferPointer

    /// What has become of a frame of the batch.
    private struct FrameState {
        var byteCount = 0
        /// Whether a copy of it, or an answer, went out.
        var isForwarded = false
        /// Why a copy, or all of it, went nowhere.
        var failure: DropReason?
    }

    init(ports: Ports, underlay: Underlay, counters: CounterBlock) {
        self.ports = ports
        self.underlay = underlay
        self.counters = counters
        buffers = FrameBuffers()
        receiving = ReceiveBatch(into: buffers)
        sending = SendBatch()
        states = .allocate(capacity: FrameBuffers.slotCount)
        states.initialize(repeating: FrameState(), count: FrameBuffers.slotCount)
        let byteCount = FrameBuffers.vnetHeaderByteCount + Verdict.replyByteCountMaximum
        reply = .allocate(byteCount: byteCount, alignment: 64)
    }

    deinit {
        states.deallocate()
        reply.deallocate()
    }

    // From a port

    /// Forwards what a port has sent: one batch of it.
    /// - Returns: 0, or the errno with which the device has failed for good.
    mutating func drainPort(_ slot: Int, _ generation: UnsafePointer<Generation>) -> Int32 {
        let device = generation.pointee.devices[slot]
        guard device >= 0 else { return 0 }
        var failure: Int32 = 0
        var count = 0
        var byteCount = 0
        while count < FrameBuffers.slotCount, byteCount < FrameBuffers.batchByteCountMaximum {
            let result = ports.read(
                device,
                buffers.frame(count) - FrameBuffers.vnetHeaderByteCount,
                FrameBuffers.vnetHeaderByteCount + FrameBuffers.frameByteCountMaximum
            )
            guard result >= FrameBuffers.vnetHeaderByteCount else {
                failure = Self.deviceFailure(result)
                break
            }
            states[count] = FrameState(byteCount: result - FrameBuffers.vnetHeaderByteCount)
            byteCount += result
            count += 1
        }
        for number in 0..<count { forward(number, from: slot, generation) }
        flush(generation)
        settle(count, of: slot)
        return failure
    }

    private mutating func forward(_ number: Int, from slot: Int, _ generation: UnsafePointer<Generation>) {
        let bytes = buffers.frame(number)
        guard clearVNETHeader(before: bytes) else { return drop(number, .malformedFrame) }
        let frame = Frame(bytes, byteCount: states[number].byteCount)
        let room = UnsafeMutableRawBufferPointer(rebasing: reply[FrameBuffers.vnetHeaderByteCount...])
        let verdict = generation.pointee.tables.process(frame, from: UInt16(truncatingIfNeeded: slot), reply: room)
        if let reason = verdict.dropReason { return drop(number, reason) }
        output(number, frame, bytes, verdict, generation)
        if verdict.replyByteCount > 0, let start = room.baseAddress {
            _ = clearVNETHeader(before: start)
            let failure = write(start, verdict.replyByteCount, to: slot, generation)
            // An answer that only says why there is no output does not make the frame a forwarded one.
            if states[number].failure == nil { note(number, failure) }
        }
    }

    // From the underlay

    /// Forwards what has come from other hosts: one batch of it.
    /// - Parameter now: monotonic, as the tables' deadlines.
    mutating func drainUnderlay(_ generation: UnsafePointer<Generation>, now: Duration) {
        let socket = generation.pointee.underlay
        guard socket >= 0 else { return }
        receiving.reset()
        // An error is an ICMP message about an earlier datagram, now told and gone.
        let count = max(0, underlay.receive(socket, receiving.messages, FrameBuffers.slotCount))
        for number in 0..<count { deliver(number, generation, now: now) }
        settle(count, of: CounterBlock.underlay)
    }

    private mutating func deliver(_ number: Int, _ generation: UnsafePointer<Generation>, now: Duration) {
        states[number] = FrameState()
        guard let (datagram, byteCount) = receiving.datagram(number) else { return }
        let packet = TunnelPacket(datagram, byteCount: byteCount)
        let bytes = datagram + packet.headerByteCount
        states[number].byteCount = byteCount - packet.headerByteCount
        let frame = Frame(bytes, byteCount: states[number].byteCount)
        let verdict = generation.pointee.tables.processTunnel(
            packet,
            frame: frame,
            from: receiving.source(number),
            now: now
        )
        if let reason = verdict.dropReason { return drop(number, reason) }
        // The Geneve header has been read; its last bytes make room for the virtio-net header.
        _ = clearVNETHeader(before: bytes)
        output(number, frame, bytes, verdict, generation)
    }

    // Out

    private mutating func output(
        _ number: Int,
        _ frame: Frame,
        _ bytes: UnsafeMutableRawPointer,
        _ verdict: Verdict,
        _ generation: UnsafePointer<Generation>
    ) {
        var cursor = verdict.outputs
        var isPrepared = false
        while true {
            switch generation.pointee.tables.nextOutput(&cursor, of: frame) {
            case .local(let slot):
                note(number, write(bytes, frame.byteCount, to: Int(slot), generation))
            case .remote(let place):
                if sending.isFull { flush(generation) }
                if !isPrepared { sending.prepare(number, bytes, byteCount: frame.byteCount, verdict) }
                isPrepared = true
                sending.append(
                    number,
                    to: generation.pointee.addresses + place,
                    generation.pointee.addressByteCount
                )
            case .dropped(let reason, let slot):
                counters.add(1, to: .unsentFrames, of: Int(slot))
                drop(number, reason)
            case .end: return
            }
        }
    }

    /// Writes a frame, its cleared virtio-net header in front, to a port.
    private func write(
        _ bytes: UnsafeMutableRawPointer,
        _ byteCount: Int,
        to slot: Int,
        _ generation: UnsafePointer<Generation>
    ) -> DropReason? {
        let device = generation.pointee.devices[slot]
        let start = bytes - FrameBuffers.vnetHeaderByteCount
        let result = device < 0 ? -1 : ports.write(device, start, FrameBuffers.vnetHeaderByteCount + byteCount)
        guard result >= 0 else {
            counters.add(1, to: .unsentFrames, of: slot)
            return Self.reason(result)
        }
        counters.add(1, to: .sentFrames, of: slot)
        counters.add(UInt64(byteCount), to: .sentBytes, of: slot)
        return nil
    }

    /// Sends what waits for the underlay. A message that is refused is dropped; the others go.
    private mutating func flush(_ generation: UnsafePointer<Generation>) {
        var next = 0
        var isRetry = false
        while next < sending.count {
            let socket = generation.pointee.underlay
            let rest = sending.count - next
            let result = socket < 0 ? -1 : underlay.send(socket, sending.messages + next, rest)
            if result > 0 {
                for index in next..<next + min(result, rest) { noteSent(index) }
                next += result
                isRetry = false
            } else if !isRetry, Self.isPending(result) {
                isRetry = true
            } else {
                counters.add(1, to: .unsentFrames, of: CounterBlock.underlay)
                drop(sending.frames[next], Self.reason(result))
                next += 1
                isRetry = false
            }
        }
        sending.removeAll()
    }

    private func noteSent(_ index: Int) {
        let number = sending.frames[index]
        note(number, nil)
        counters.add(1, to: .sentFrames, of: CounterBlock.underlay)
        counters.add(UInt64(states[number].byteCount), to: .sentBytes, of: CounterBlock.underlay)
    }

    // Accounts

    private func note(_ number: Int, _ failure: DropReason?) {
        if let failure {
            drop(number, failure)
        } else {
            states[number].isForwarded = true
        }
    }

    private func drop(_ number: Int, _ reason: DropReason) {
        states[number].failure = reason
    }

    /// Counts each frame of a batch once: as forwarded or as dropped.
    private func settle(_ count: Int, of source: CounterBlock.Source) {
        var byteCount = 0
        var forwarded = 0
        for number in 0..<count {
            byteCount += states[number].byteCount
            if states[number].isForwarded {
                forwarded += 1
            } else {
                // Without a reason there was no output but the source itself.
                counters.addDrop(states[number].failure ?? .hairpin, of: source)
            }
        }
        guard count > 0 else { return }
        counters.add(UInt64(count), to: .receivedFrames, of: source)
        counters.add(UInt64(byteCount), to: .receivedBytes, of: source)
        counters.add(UInt64(forwarded), to: .forwardedFrames, of: source)
    }

    // Particulars of devices and sockets

    /// Clears the virtio-net header; `false` if it says that the frame is a superpacket or lacks its checksum. Devices
    /// are opened without offloads, so that none is; it would go out wrong.
    private func clearVNETHeader(before frame: UnsafeMutableRawPointer) -> Bool {
        let header = frame - FrameBuffers.vnetHeaderByteCount
        let needsChecksum = header.load(as: UInt8.self) & 1 != 0
        let isSuperpacket = header.load(fromByteOffset: 1, as: UInt8.self) != 0
        header.storeBytes(of: 0, as: UInt64.self)
        header.storeBytes(of: 0, toByteOffset: 8, as: UInt16.self)
        return !needsChecksum && !isSuperpacket
    }

    /// The errno of a read after which the device gives nothing any more; 0 where it may.
    private static func deviceFailure(_ result: Int) -> Int32 {
        switch Int32(truncatingIfNeeded: -result) {
        case EAGAIN, ENOBUFS, ENOMEM: 0
        // A frame cannot be shorter than its header: this is no TAP.
        case ...0: EINVAL
        case let errno: errno
        }
    }

    /// Whether a send has failed because of an ICMP message about an earlier datagram, which is told only once.
    private static func isPending(_ result: Int) -> Bool {
        switch Int32(truncatingIfNeeded: -result) {
        case ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EPROTO: true
        default: false
        }
    }

    private static func reason(_ result: Int) -> DropReason {
        switch Int32(truncatingIfNeeded: -result) {
        case EAGAIN, ENOBUFS, ENOMEM: .noRoom
        case EMSGSIZE: .frameTooLong
        default: .outputError
        }
    }
}
