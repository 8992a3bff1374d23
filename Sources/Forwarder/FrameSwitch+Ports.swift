import Datapath
import Glibc
import Wire

// From a port: batches of frames, or one superpacket at a time.

extension FrameSwitch {
    /// Forwards what a port has sent, a turn's worth of it.
    /// - Parameters:
    ///   - queue: which of its queues to read.
    ///   - now: monotonic.
    /// - Returns: 0, or the errno with which the device has failed for good.
    mutating func drainPort(
        _ slot: Int,
        _ generation: UnsafePointer<Generation>,
        queue: Int = 0,
        now: Duration
    ) -> Int32 {
        self.now = now
        pause = nil
        let device = generation.pointee.device(slot, queue)
        guard device >= 0 else { return 0 }
        let limit = generation.pointee.limit(slot)
        for _ in 0..<Self.batchesPerTurnMaximum {
            var most = PortBuffer.frameCountMaximum
            if let limit {
                pause = budgets[slot].pointee.sending.pause(limit, now: now)
                guard pause == nil else { return 0 }
                most = Self.limitedFrameCountMaximum
            }
            let result = forwardBatch(from: slot, device, atMost: most, generation)
            if result == -Int(EINVAL) {
                counters.add(1, to: .receivedFrames, of: slot)
                counters.addDrop(.malformedFrame, of: slot, 1)
                continue
            }
            if result < 0 { return Self.deviceFailure(result) }
        }
        return 0
    }

    /// Forwards a batch.
    /// - Returns: negative when the port has no more: the errno of the last read.
    private mutating func forwardBatch(
        from slot: Int,
        _ device: Int32,
        atMost most: Int,
        _ generation: UnsafePointer<Generation>
    ) -> Int {
        var result = 0
        var count = 0
        let first = buffer.next
        let slot16 = UInt16(truncatingIfNeeded: slot)
        while count < most, !buffer.isFull {
            let frame = buffer.next
            result = ports.read(
                device,
                frame - OffloadHeader.byteCount,
                OffloadHeader.byteCount + FrameBuffers.frameByteCountMaximum
            )
            // A frame cannot be shorter than its header: this is no TAP.
            if result >= 0, result < OffloadHeader.byteCount { result = -Int(EPROTO) }
            if result < 0 { break }
            let byteCount = result - OffloadHeader.byteCount
            buffer.take(byteCount)
            states[count].byteCount = byteCount
            states[count].hash = generation.pointee.tables.prefetch(frame, byteCount: byteCount, from: slot16, flows)
            count += 1
            // Its bytes are in the cache now.
            if OffloadHeader.isSuperpacket(frame - OffloadHeader.byteCount) { break }
        }
        if generation.pointee.tables.hasNestedPorts, generation.pointee.tables.hasNestedPorts(slot16) {
            forwardShared(count, first, from: slot, generation)
        } else {
            forward(0..<count, first, apart: PortBuffer.room, from: slot, generation)
        }
        buffer.removeAll()
        return min(result, 0)
    }

    /// Forwards frames of a batch that are of one port.
    /// - Parameters:
    ///   - numbers: those of the frames.
    ///   - first: the first of them.
    ///   - gap: the octets between two of them.
    @inline(never)
    mutating func forward(
        _ numbers: Range<Int>,
        _ first: UnsafeMutableRawPointer,
        apart gap: Int,
        from slot: Int,
        _ generation: UnsafePointer<Generation>
    ) {
        let tap = generation.pointee.tap(slot)
        arrivals.tap = tap
        arrivals.mirrors = generation.pointee.mirrors(slot)
        var frame = first
        for number in numbers {
            let byteCount = states[number].byteCount
            if let tap { captureArrival(number, frame, byteCount, from: slot, tap, generation) }
            forward(number, frame, byteCount, from: slot, generation)
            frame += byteCount + gap
        }
        flush(generation)
        if let tap { settleArrivals(numbers, tap) }
        settle(numbers, of: slot, generation)
    }

    private mutating func forward(
        _ number: Int,
        _ bytes: UnsafeMutableRawPointer,
        _ byteCount: Int,
        from slot: Int,
        _ generation: UnsafePointer<Generation>
    ) {
        states[number] = FrameState(hash: states[number].hash, frameCount: 1, byteCount: byteCount)
        let header = bytes - OffloadHeader.byteCount
        var frame = Frame(bytes, byteCount: byteCount)
        // The header goes on with the frame to ports of this host: no more of it than has been judged.
        if OffloadHeader.isDone(header) {
            OffloadHeader.storeDone(to: header)
            decide(Departure(number: number, bytes: bytes, slot: slot), frame, slot, generation)
            return
        }
        let offload = OffloadHeader(header)
        guard offload.kind == .none else {
            guard let superpacket = Superpacket(frame, offload) else {
                drop(number, frame.offloadFailure)
                return
            }
            superpacket.offload.store(to: header)
            states[number].frameCount = superpacket.segmentCount
            states[number].byteCount = superpacket.wireByteCount
            frame.wirePacketByteCount = superpacket.wirePacketByteCount
            let departure = Departure(number: number, bytes: bytes, slot: slot, superpacket: superpacket)
            decide(departure, frame, slot, generation)
            return
        }
        guard let accepted = offload.accepted(for: frame) else {
            drop(number, frame.offloadFailure)
            return
        }
        accepted.store(to: header)
        let departure = Departure(number: number, bytes: bytes, slot: slot, needsChecksum: accepted.needsChecksum)
        decide(departure, frame, slot, generation)
    }

    private mutating func decide(
        _ departure: Departure,
        _ frame: Frame,
        _ slot: Int,
        _ generation: UnsafePointer<Generation>
    ) {
        if let list = arrivals.mirrors { mirrorArrival(departure, frame.byteCount, list, generation) }
        let slot16 = UInt16(truncatingIfNeeded: slot)
        let hash = states[departure.number].hash
        let action = generation.pointee.tables.action(for: frame, from: slot16, flows, hash: hash)
        // Most often first.
        if action.kind == .remote { return send(departure, frame, to: action.place, action, generation) }
        if action.isUnsettled { return process(departure, frame, slot, generation) }
        perform(action, on: departure, frame, generation)
    }

    /// Does one thing with a frame.
    mutating func perform(
        _ action: FlowAction,
        on departure: Departure,
        _ frame: Frame,
        _ generation: UnsafePointer<Generation>
    ) {
        switch action.kind {
        case .remote: send(departure, frame, to: action.place, action, generation)
        case .local: deliver(departure, frame, to: Int(action.slot), generation)
        case .drop:
            if action.reason == .rejected { return reject(departure, frame, for: nil, generation) }
            drop(departure.number, action.reason)
        case .refused: refuse(departure, frame, action, generation)
        case .pipeline, .program, .wider: break
        }
    }

    /// Decides on a frame for whose flow nothing is kept.
    @inline(never)
    private mutating func process(
        _ departure: Departure,
        _ frame: Frame,
        _ slot: Int,
        _ generation: UnsafePointer<Generation>
    ) {
        let number = departure.number
        // 64 bytes in, so that the header in front has its room.
        let answer = UnsafeMutableRawBufferPointer(rebasing: reply[64...])
        let action = generation.pointee.tables.decide(
            on: frame,
            from: UInt16(truncatingIfNeeded: slot),
            flows,
            reply: answer,
            learnt: generation.pointee.learnt,
            connections: generation.pointee.connections,
            now: now,
            into: room
        )
        if generation.pointee.tables.activations?.hasNews == true { tellControl() }
        let shareCount = generation.pointee.queueCounts[slot]
        let budget = budgets[slot]
        if let virtualPort = verdict.pointee.takeClaim(),
            budget.pointee.takeVirtualClaim(now: now, shareCount: shareCount),
            facts?.claims.put(UInt64(slot), virtualPort.high, virtualPort.low) == true
        {
            tellControl()
        }
        if let news = verdict.pointee.takeMembershipNews(of: frame) {
            guard budget.pointee.takeMembershipRecords(news.count, now: now, shareCount: shareCount), tell(news) else {
                return drop(number, .multicastReportLimit)
            }
        }
        guard action.kind == .pipeline else { return perform(action, on: departure, frame, generation) }
        if let limits = generation.pointee.storms(slot), let kind = verdict.pointee.stormKind(of: frame),
            !budget.pointee.takeStorm(states[number].frameCount, of: kind, limits, now: now, shareCount: shareCount)
        {
            return drop(number, .stormLimit)
        }
        let copyCount = verdict.pointee.extraCopyCount * states[number].frameCount
        guard budget.pointee.takeFloodCopies(copyCount, now: now, shareCount: shareCount) else {
            return drop(number, .floodLimit)
        }
        performAll(on: departure, frame, generation)
        if verdict.pointee.replyByteCount > 0, let start = answer.baseAddress {
            let kind = verdict.pointee.replyKind
            if let reason = budget.pointee.takeAnswer(kind, now: now, shareCount: shareCount) {
                return drop(number, reason)
            }
            OffloadHeader().store(to: start - OffloadHeader.byteCount)
            let failure = write(start, verdict.pointee.replyByteCount, to: slot, generation)
            if failure == nil { counters.addAnswer(kind, of: slot) }
            note(number, failure)
        }
    }

    /// Sends a frame unchanged, with its offload header. Local ports are written first, because the Geneve header for
    /// other hosts overwrites the offload header.
    private func deliver(
        _ departure: Departure,
        _ frame: Frame,
        to slot: Int,
        _ generation: UnsafePointer<Generation>
    ) {
        note(
            departure.number,
            write(
                departure.bytes,
                frame.byteCount,
                to: slot,
                generation,
                frameCount: states[departure.number].frameCount
            )
        )
    }

    private mutating func refuse(
        _ departure: Departure,
        _ frame: Frame,
        _ action: FlowAction,
        _ generation: UnsafePointer<Generation>
    ) {
        let frameCount = states[departure.number].frameCount
        counters.add(UInt64(frameCount), to: .unsentFrames, of: Int(action.slot))
        captureRefusal(
            departure.bytes,
            frame,
            action,
            frameCount: frameCount,
            from: .port(departure.slot),
            generation
        )
        if action.reason == .rejected { return reject(departure, frame, for: Int(action.slot), generation) }
        drop(departure.number, action.reason)
    }

    // Accounts

    func note(_ number: Int, _ failure: DropReason?) {
        if let failure {
            drop(number, failure)
        } else {
            states[number].isForwarded = true
        }
    }

    func drop(_ number: Int, _ reason: DropReason) {
        states[number].failure = reason
    }

    /// Counts each frame of a batch once: as forwarded or as dropped.
    private func settle(
        _ numbers: Range<Int>,
        of source: CounterBlock.Source,
        _ generation: UnsafePointer<Generation>
    ) {
        guard !numbers.isEmpty else { return }
        var received = 0
        var byteCount = 0
        var forwarded = 0
        for number in numbers {
            let frameCount = states[number].frameCount
            received += frameCount
            byteCount += states[number].byteCount
            if states[number].isForwarded {
                forwarded += frameCount
                // Of a frame for many, some copies went nowhere.
                if let reason = states[number].failure { counters.addPartly(reason, of: source, UInt64(frameCount)) }
            } else {
                // Without a reason there was no output but the source itself.
                counters.addDrop(states[number].failure ?? .hairpin, of: source, UInt64(frameCount))
            }
        }
        counters.add(UInt64(received), to: .receivedFrames, of: source)
        counters.add(UInt64(byteCount), to: .receivedBytes, of: source)
        counters.add(UInt64(forwarded), to: .forwardedFrames, of: source)
        if let limit = generation.pointee.limit(source) {
            let shareCount = generation.pointee.queueCounts[source]
            budgets[source].pointee.sending.take(byteCount, received, limit, now: now, shareCount: shareCount)
        }
    }

    /// The errno of a read after which the device gives nothing any more; 0 if it may. A packet socket tells once that
    /// its device is down, and goes on when that is up; the agent hears of one that is gone.
    private static func deviceFailure(_ result: Int) -> Int32 {
        let errno = Int32(truncatingIfNeeded: -result)
        return errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == ENETDOWN ? 0 : errno
    }
}

/// A frame that a port has sent, on its way out. What is read of its headers is kept apart, so that it is not copied.
struct Departure {
    let number: Int
    let bytes: UnsafeMutableRawPointer
    /// The slot of the port that sent it.
    let slot: Int
    /// The octets by which it is longer than what its sender gave it, if its headers were changed.
    var growth: Int?
    /// The segments of it on their way to other hosts.
    var superpacket: Superpacket?
    /// True if its checksum is left to be completed.
    var needsChecksum = false
}
