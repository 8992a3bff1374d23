import CLinux
import Datapath
import Glibc
import Reactor
import Wire

// Captures of ports: a copy of each frame that a guest sends, as it came, with what becomes of it; and of each frame
// for the guest, as it is given to it, or would have been.

extension FrameSwitch {
    /// The reason why a captured frame did not come to its port's guest.
    enum Obstacle {
        /// The pipeline dropped it on the way out.
        case refused(DropReason)
        /// The device did not take it.
        case untaken(DropReason)
    }

    // Frames that a guest sends

    /// Copies a frame before anything changes it, and notes what the pipeline decides.
    @inline(never)
    mutating func captureArrival(
        _ number: Int,
        _ bytes: UnsafeRawPointer,
        _ byteCount: Int,
        from slot: Int,
        _ tap: UnsafePointer<CaptureTap>,
        _ generation: UnsafePointer<Generation>
    ) {
        let time = UInt64(bitPattern: clinux_nanoseconds(CLOCK_REALTIME))
        let record = tap.pointee.begin(lane, frameByteCount: byteCount, time: time)
        arrivals[number] = record
        guard let record else { return }
        UnsafeMutableRawPointer(record + 1).copyMemory(from: bytes, byteCount: Int(record.pointee.capturedByteCount))
        foresee(Frame(bytes, byteCount: byteCount), from: slot, generation, into: record)
    }

    /// Notes what the pipeline decides about a frame: what is decided once more, when it is forwarded, is the same.
    private func foresee(
        _ frame: Frame,
        from slot: Int,
        _ generation: UnsafePointer<Generation>,
        into record: UnsafeMutablePointer<CaptureRecord>
    ) {
        let tables = generation.pointee.tables
        let slot16 = UInt16(truncatingIfNeeded: slot)
        var action = tables.action(for: frame, from: slot16, flows)
        if action.isUnsettled {
            let answer = UnsafeMutableRawBufferPointer(rebasing: reply[64...])
            action = tables.decide(on: frame, from: slot16, flows, reply: answer, into: room)
        }
        if action.reason.isOfACL, action.kind == .drop || action.kind == .refused {
            let answer = UnsafeMutableRawBufferPointer(rebasing: reply[64...])
            record.pointee.acl = tables.decidingACL(on: frame, from: slot16, reply: answer)
        }
        guard action.kind == .pipeline else { return note(action, tables, in: record) }
        if verdict.pointee.replyByteCount > 0 {
            record.pointee.fate = .answered
            record.pointee.answerKind = verdict.pointee.replyKind
        } else if verdict.pointee.extraCopyCount > 0 {
            record.pointee.fate = .copied
            record.pointee.copyCount = UInt32(truncatingIfNeeded: verdict.pointee.extraCopyCount + 1)
        } else {
            var outputs = verdict.pointee
            if let only = outputs.nextOutput(tables) { note(only.action, tables, in: record) }
        }
    }

    private func note(
        _ action: FlowAction,
        _ tables: Tables,
        in record: UnsafeMutablePointer<CaptureRecord>
    ) {
        switch action.kind {
        case .local:
            record.pointee.fate = .local
            record.pointee.slot = action.slot
        case .remote:
            record.pointee.fate = .remote
            record.pointee.address = tables.place(action.place)
        case .drop, .refused: record.pointee.dropReason = action.reason
        case .pipeline, .program, .wider: break
        }
    }

    /// Completes the records of a batch by what has become of its frames, and lets the agent see them.
    @inline(never)
    mutating func settleArrivals(_ numbers: Range<Int>, _ tap: UnsafePointer<CaptureTap>) {
        for number in numbers {
            guard let record = arrivals[number] else { continue }
            let state = states[number]
            record.pointee.segmentCount = UInt32(truncatingIfNeeded: state.frameCount)
            if state.isForwarded {
                record.pointee.partlyDropped = state.failure
            } else {
                record.pointee.fate = .dropped
                record.pointee.dropReason = state.failure ?? .hairpin
            }
        }
        arrivals.tap = nil
        tap.pointee.publish(lane)
    }

    // Frames for a guest

    /// Copies a frame that was given to the guest of a captured port, or would have been.
    /// - Parameters:
    ///   - parts: the frame, a virtio-net header in front of it.
    ///   - byteCount: that of the frame.
    @inline(never)
    func capture(
        _ parts: UnsafePointer<iovec>,
        byteCount: Int,
        frameCount: Int,
        _ obstacle: Obstacle?,
        _ tap: UnsafePointer<CaptureTap>,
        acl: UInt64 = 0
    ) {
        let time = UInt64(bitPattern: clinux_nanoseconds(CLOCK_REALTIME))
        guard let record = tap.pointee.begin(lane, frameByteCount: byteCount, time: time) else { return }
        let bytes = UnsafeMutableRawPointer(record + 1)
        let captured = Int(record.pointee.capturedByteCount)
        var (offset, index, skipped) = (0, 0, OffloadHeader.byteCount)
        while offset < captured, let part = parts[index].iov_base {
            let count = min(parts[index].iov_len - skipped, captured - offset)
            (bytes + offset).copyMemory(from: part + skipped, byteCount: count)
            offset += count
            index += 1
            skipped = 0
        }
        record.pointee.segmentCount = UInt32(truncatingIfNeeded: frameCount)
        record.pointee.acl = acl
        switch obstacle {
        case nil: record.pointee.fate = .delivered
        case .refused(let reason)?:
            record.pointee.fate = .refused
            record.pointee.dropReason = reason
        case .untaken(let reason)?:
            record.pointee.fate = .untaken
            record.pointee.dropReason = reason
        }
        // The arrivals of a batch from this very port are not complete.
        if tap != arrivals.tap { tap.pointee.publish(lane) }
    }

    /// The sender of a frame that was dropped on its way out.
    enum RefusedSender {
        /// The port in this slot.
        case port(Int)
        /// A port of the host at this address.
        case distant(TunnelPacket, IPAddress)
        /// A frame for many is dropped by more ACLs than one.
        case unknown
    }

    /// Copies a frame that the pipeline has dropped on its way out to a port, if that is captured.
    func captureRefusal(
        _ bytes: UnsafeMutableRawPointer,
        _ frame: Frame,
        _ action: FlowAction,
        frameCount: Int,
        from sender: RefusedSender,
        _ generation: UnsafePointer<Generation>
    ) {
        guard let tap = generation.pointee.tap(Int(action.slot)) else { return }
        var acl: UInt64 = 0
        if action.reason.isOfACL {
            let tables = generation.pointee.tables
            switch sender {
            case .port(let slot):
                let answer = UnsafeMutableRawBufferPointer(rebasing: reply[64...])
                acl = tables.decidingACL(on: frame, from: UInt16(truncatingIfNeeded: slot), reply: answer)
            case .distant(let packet, let address): acl = tables.decidingACL(on: frame, in: packet, from: address)
            case .unknown: break
            }
        }
        var part = iovec(
            iov_base: bytes - OffloadHeader.byteCount,
            iov_len: OffloadHeader.byteCount + frame.byteCount
        )
        capture(&part, byteCount: frame.byteCount, frameCount: frameCount, .refused(action.reason), tap, acl: acl)
    }
}

/// The records of the frames of one batch.
struct CapturedArrivals: ~Copyable {
    /// The capture that they belong to, until they are complete.
    var tap: UnsafePointer<CaptureTap>?
    /// The mirrors of the port that the batch is from.
    var mirrors: UnsafePointer<MirrorList>?
    private let records: UnsafeMutablePointer<UnsafeMutablePointer<CaptureRecord>?>

    init() {
        records = .allocate(capacity: PortBuffer.frameCountMaximum)
        records.initialize(repeating: nil, count: PortBuffer.frameCountMaximum)
    }

    deinit {
        records.deallocate()
    }

    /// The record of the frame with a number; `nil` if it was missed.
    subscript(number: Int) -> UnsafeMutablePointer<CaptureRecord>? {
        get { records[number] }
        nonmutating set { records[number] = newValue }
    }
}
