import CLinux
import Datapath
import Glibc
import Wire

// From the underlay: trains of datagrams, whose segments become superpackets again.

extension FrameSwitch {
    private static var source: CounterBlock.Source { CounterBlock.underlay }

    /// The sender of a datagram and its outer header's facts.
    private struct Origin {
        let address: IPAddress
        let congestion: CongestionCode
        let now: Duration
        /// The message's number in its batch.
        let message: Int
        /// The socket that it came by.
        let socket: Int32
    }

    /// Forwards what has come from other hosts, a turn's worth of it.
    /// - Parameters:
    ///   - queue: which of the sockets to read.
    ///   - now: monotonic, as the tables' deadlines.
    mutating func drainUnderlay(_ generation: UnsafePointer<Generation>, queue: Int = 0, now: Duration) {
        let socket = generation.pointee.underlay(queue)
        guard socket >= 0 else { return }
        self.now = now
        for _ in 0..<Self.batchesPerTurnMaximum {
            let room = wasLong ? ReceiveBatch.shortCount : FrameBuffers.slotCount
            receiving.reset(room)
            // An error is an ICMP message about an earlier datagram, now told and gone.
            let count = max(0, underlay.receive(socket, receiving.messages, room))
            var byteCount = 0
            lastPlace = nil
            for number in 0..<count { byteCount += deliver(number, generation, over: socket, now: now) }
            // The buffers do not outlive the batch.
            writeAllRuns(generation)
            wasLong = byteCount > ReceiveBatch.longByteCount
            if count < room { return }
        }
    }

    /// Forwards the datagrams of a message; how many bytes it has.
    private mutating func deliver(
        _ number: Int,
        _ generation: UnsafePointer<Generation>,
        over socket: Int32,
        now: Duration
    ) -> Int {
        guard let train = receiving.train(number) else {
            lastPlace = nil
            return 0
        }
        let origin = Origin(
            address: receiving.source(number),
            congestion: train.congestion,
            now: now,
            message: number,
            socket: socket
        )
        // The congestion of the outer header has to be copied to each frame.
        let isPlain = train.congestion != .experienced && train.congestion != .capable1
        // If the underlay cuts a train, its datagrams are messages of their own, one after the other.
        var place = number > 0 && receiving.isFromSame(number, number - 1) ? lastPlace : nil
        var offset = 0
        var frameCount = 0
        var frameByteCount = 0
        let peer = generation.pointee.peers?.find(origin.address)
        repeat {
            var byteCount = min(train.datagramByteCount, train.byteCount - offset)
            var datagram = train.bytes + offset
            offset += byteCount
            frameCount += 1
            if let peer {
                guard let skipped = untag(datagram, byteCount, from: peer, now: now) else {
                    place = nil
                    drop(.tunnelTagWrong)
                    continue
                }
                datagram += skipped
                byteCount -= skipped
            }
            frameByteCount += byteCount
            // From the same sender, what follows in the run needs no decision of its own.
            if isPlain, let place, runs.append(datagram, byteCount: byteCount, to: place) {
                frameByteCount -= Verdict.geneveHeaderByteCount
                continue
            }
            let packet = TunnelPacket(datagram, byteCount: byteCount)
            frameByteCount -= packet.headerByteCount
            place = deliver(datagram, byteCount, packet, origin, generation)
        } while offset < train.byteCount
        lastPlace = place
        counters.add(UInt64(frameCount), to: .receivedFrames, of: Self.source)
        counters.add(UInt64(frameByteCount), to: .receivedBytes, of: Self.source)
        return train.byteCount
    }

    /// Forwards one datagram; the place of the run that it is in, if it is in one.
    private mutating func deliver(
        _ datagram: UnsafeMutableRawPointer,
        _ byteCount: Int,
        _ packet: TunnelPacket,
        _ origin: Origin,
        _ generation: UnsafePointer<Generation>
    ) -> UnsafeMutablePointer<RunTable.Place>? {
        let bytes = datagram + packet.headerByteCount
        let frame = Frame(bytes, byteCount: byteCount - packet.headerByteCount)
        var action = generation.pointee.tables.action(for: frame, in: packet, from: origin.address, flows)
        var connection = ConnectionReference.none
        if action.isUnsettled {
            action = decide(on: frame, bytes, packet, origin, generation)
            connection = room.connection.pointee
        }
        switch action.kind {
        case .drop, .remote:
            drop(action.reason)
            return nil
        case .refused:
            counters.add(1, to: .unsentFrames, of: Int(action.slot))
            captureRefusal(bytes, frame, action, frameCount: 1, from: .distant(packet, origin.address), generation)
            let isRejected = action.reason == .rejected
            drop(isRejected ? reject(frame, packet, for: Int(action.slot), generation) : action.reason)
            return nil
        case .pipeline, .program, .wider:
            return nil
        case .local:
            guard bytes.decapsulateCongestion(origin.congestion, of: frame) else {
                drop(.congestionUnheard)
                return nil
            }
            if packet.headerByteCount == Verdict.geneveHeaderByteCount, let segment = Segment(frame, bytes),
                fits(frame, generation), !(segment.isUDP && unmergedPorts.isPausing(Int(action.slot)))
            {
                let place = runs.place(frame.flowHash)
                return collect(segment, datagram, byteCount, place, Int(action.slot), connection, generation)
            }
            makeWay(for: frame, generation)
            writeAlone(frame, bytes, to: Int(action.slot), generation)
            return nil
        }
    }

    /// Puts a segment into its flow's run, or begins one with it.
    private mutating func collect(
        _ segment: Segment,
        _ datagram: UnsafeMutableRawPointer,
        _ byteCount: Int,
        _ place: UnsafeMutablePointer<RunTable.Place>,
        _ slot: Int,
        _ connection: ConnectionReference,
        _ generation: UnsafePointer<Generation>
    ) -> UnsafeMutablePointer<RunTable.Place>? {
        if runs.append(datagram, byteCount: byteCount, to: place) { return place }
        writeRun(place, generation)
        runs.begin(segment, in: place, header: RunTable.header(datagram), slot: slot, connection: connection)
        return place
    }

    /// A frame that is in no run must not overtake the run of its flow; of a fragment the flow is not known.
    mutating func makeWay(for frame: Frame, _ generation: UnsafePointer<Generation>) {
        if frame.hasPorts { writeRun(runs.place(frame.flowHash), generation) } else { writeAllRuns(generation) }
    }

    func fits(_ frame: Frame, _ generation: UnsafePointer<Generation>) -> Bool {
        frame.wirePacketByteCount <= generation.pointee.tables.innerMTU
    }

    /// Decides on a frame for whose flow nothing is kept.
    /// - Returns: what is to be done yet; `.pipeline` if nothing is.
    @inline(never)
    private mutating func decide(
        on frame: Frame,
        _ bytes: UnsafeMutableRawPointer,
        _ packet: TunnelPacket,
        _ origin: Origin,
        _ generation: UnsafePointer<Generation>
    ) -> FlowAction {
        if packet.failure == .tunnelControlPacket, answerProbe(bytes, of: frame, origin, generation) {
            noteForwarded(1)
            return .pipeline
        }
        let action = generation.pointee.tables.decide(
            on: frame,
            in: packet,
            from: origin.address,
            learnt: generation.pointee.learnt,
            connections: generation.pointee.connections,
            now: origin.now,
            flows,
            into: room
        )
        if let news = verdict.pointee.takeMembershipNews(of: frame) {
            let budget = distantBudgets[packet.ingressHash]
            let shareCount = generation.pointee.underlayCount
            guard budget.pointee.takeMembershipRecords(news.count, now: origin.now, shareCount: shareCount), tell(news)
            else {
                drop(.multicastReportLimit)
                return .pipeline
            }
        }
        if action.kind == .pipeline { replicate(frame, bytes, packet, origin, generation) }
        return action
    }

    /// Writes a frame for many to the ports of this host, as `verdict` says.
    private mutating func replicate(
        _ frame: Frame,
        _ bytes: UnsafeMutableRawPointer,
        _ packet: TunnelPacket,
        _ origin: Origin,
        _ generation: UnsafePointer<Generation>
    ) {
        let copyCount = verdict.pointee.extraCopyCount
        let budget = distantBudgets[packet.ingressHash]
        guard budget.pointee.takeFloodCopies(copyCount, now: origin.now, shareCount: generation.pointee.underlayCount)
        else { return drop(.floodLimit) }
        guard bytes.decapsulateCongestion(origin.congestion, of: frame) else { return drop(.congestionUnheard) }
        let first = verdict.pointee.nextOutput(generation.pointee.tables)
        if copyCount == 0, let first, first.action.kind == .local, !first.edit.isEmpty {
            return deliver(first, bytes, frame, behind: packet.headerByteCount, generation)
        }
        writeAllRuns(generation)
        let result = writeAll(first, bytes, frame, generation)
        if result.isForwarded { noteForwarded(1) } else { drop(result.failure ?? .hairpin) }
    }

    private mutating func answerProbe(
        _ bytes: UnsafeMutableRawPointer,
        of frame: Frame,
        _ origin: Origin,
        _ generation: UnsafePointer<Generation>
    ) -> Bool {
        answerProbe(
            bytes,
            byteCount: frame.byteCount,
            from: origin.address,
            message: origin.message,
            over: origin.socket,
            now: origin.now,
            generation
        )
    }

    /// Writes a frame that stands for itself.
    func writeAlone(
        _ frame: Frame,
        _ bytes: UnsafeMutableRawPointer,
        to slot: Int,
        _ generation: UnsafePointer<Generation>
    ) {
        OffloadHeader.storeDone(to: bytes - OffloadHeader.byteCount)
        if let reason = write(bytes, frame.byteCount, to: slot, generation) { drop(reason) } else { noteForwarded(1) }
    }

    mutating func writeAllRuns(_ generation: UnsafePointer<Generation>) {
        while let place = runs.takeOccupied() { writeRun(place, generation) }
    }

    /// Writes a run as one frame and empties its place.
    mutating func writeRun(
        _ place: UnsafeMutablePointer<RunTable.Place>,
        _ generation: UnsafePointer<Generation>
    ) {
        guard let run = place.pointee.run else { return }
        place.pointee.run = nil
        let first = run.first
        let slot = place.pointee.slot
        run.seal().store(to: first.bytes - OffloadHeader.byteCount)
        if !place.pointee.connection.isNone { follow(place.pointee.connection, run, generation) }
        place.pointee.parts[0] = iovec(
            iov_base: first.bytes - OffloadHeader.byteCount,
            iov_len: OffloadHeader.byteCount + first.headerByteCount + first.payloadByteCount
        )
        let result = put(place.pointee.parts, run.count, to: slot, generation)
        if result == -Int(EINVAL), run.count > 1 {
            if first.isUDP { unmergedPorts.note(slot) }
            run.unseal()
            return writeSingly(run, place, generation)
        }
        let byteCount = first.headerByteCount * run.count + run.payloadByteCount
        let failure = account(result, slot, frameCount: run.count, byteCount: byteCount)
        if let tap = generation.pointee.tap(slot) {
            let obstacle = failure.map { Obstacle.untaken($0) }
            capture(place.pointee.parts, byteCount: run.byteCount, frameCount: run.count, obstacle, tap)
        }
        if failure == nil, let list = generation.pointee.mirrors(slot) {
            let (parts, count) = (place.pointee.parts, run.count)
            mirror(parts, count, byteCount: run.byteCount, frameCount: count, of: slot, isSent: false, list, generation)
        }
        if let reason = failure {
            counters.addDrop(reason, of: Self.source, UInt64(run.count))
        } else {
            noteForwarded(run.count)
        }
    }

    /// Moves a connection on by all of a run, before anybody answers: only the first of its segments was decided on.
    @inline(never)
    private func follow(
        _ connection: ConnectionReference,
        _ run: SegmentRun,
        _ generation: UnsafePointer<Generation>
    ) {
        guard run.count > 1, !run.first.isUDP, let connections = generation.pointee.connections else { return }
        let merged = Frame(run.first.bytes, byteCount: run.byteCount)
        // If another poller has ended it meanwhile, it stays so.
        _ = connections.follow(connection, merged, now: ConnectionTable.milliseconds(now))
    }

    /// Writes the segments of a run that the port does not take as one; their headers are in front of their payloads.
    private func writeSingly(
        _ run: SegmentRun,
        _ place: UnsafeMutablePointer<RunTable.Place>,
        _ generation: UnsafePointer<Generation>
    ) {
        counters.add(UInt64(run.count), to: .singlySentFrames, of: place.pointee.slot)
        let headerByteCount = run.first.headerByteCount
        for index in 0..<run.count {
            let part = place.pointee.parts[index]
            guard let base = part.iov_base else { continue }
            let bytes = index == 0 ? run.first.bytes : base - headerByteCount
            let payload = index == 0 ? run.first.payloadByteCount : part.iov_len
            OffloadHeader().store(to: bytes - OffloadHeader.byteCount)
            if let reason = write(bytes, headerByteCount + payload, to: place.pointee.slot, generation) {
                drop(reason)
            } else {
                noteForwarded(1)
            }
        }
    }

    private func drop(_ reason: DropReason) {
        counters.addDrop(reason, of: Self.source, 1)
    }

    private func noteForwarded(_ count: Int) {
        counters.add(UInt64(count), to: .forwardedFrames, of: Self.source)
    }
}
