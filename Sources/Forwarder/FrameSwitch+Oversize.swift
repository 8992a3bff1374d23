import CLinux
import Datapath
import Glibc
import Wire

// Frames that are longer than the path to another host carries: they are cut if that is allowed, else answered.

extension FrameSwitch {
    /// Sends what may be cut, tells the sender of what may not.
    @inline(never)
    mutating func sendOversize(
        _ departure: Departure,
        _ frame: Frame,
        to target: TrainBatch.Target,
        _ action: FlowAction,
        _ generation: UnsafePointer<Generation>
    ) {
        let path = generation.pointee.paths[target.place]
        fragmentIdentification &+= 1
        switch Oversize(frame, departure.superpacket, pathMTU: path.mtu, identification: fragmentIdentification) {
        case .recut(let superpacket): cut(superpacket, departure, to: target, action, generation)
        case .fragments(let fragments):
            if departure.needsChecksum { complete(departure, byteCount: frame.byteCount) }
            send(fragments, departure, to: target, action, generation)
        case .fragmentedDatagrams: fragmentDatagrams(departure, frame, to: target, action, generation)
        case .refuse:
            let frameCount = states[departure.number].frameCount
            counters.add(UInt64(frameCount), to: .unsentFrames, of: CounterBlock.underlay)
            path.countTooLong(frameCount)
            drop(departure.number, .frameTooLong)
            answer(departure, frame, pathMTU: path.mtu, generation)
        }
    }

    /// Tells the sender how long packets may be, once for each of its frames.
    private mutating func answer(
        _ departure: Departure,
        _ frame: Frame,
        pathMTU: Int,
        _ generation: UnsafePointer<Generation>
    ) {
        guard !states[departure.number].isAnswered else { return }
        states[departure.number].isAnswered = true
        var (frame, pathMTU) = (frame, pathMTU)
        if let growth = departure.growth {
            // The sender knows the frame that it has sent, and this one goes nowhere.
            frame = original.restore(departure.bytes + growth, byteCount: frame.byteCount - growth)
            pathMTU -= growth
        }
        // 64 bytes in, so that the header in front has its room.
        let room = UnsafeMutableRawBufferPointer(rebasing: reply[64...])
        let byteCount = frame.writeTooBig(pathMTU: pathMTU, into: room)
        guard byteCount > 0, let start = room.baseAddress else { return }
        let shareCount = generation.pointee.queueCounts[departure.slot]
        guard budgets[departure.slot].pointee.takeTooBigAnswer(now: now, shareCount: shareCount) else {
            return drop(departure.number, .tooBigAnswerLimit)
        }
        OffloadHeader().store(to: start - OffloadHeader.byteCount)
        // An answer that only says why there is no output does not make the frame a forwarded one.
        _ = write(start, byteCount, to: departure.slot, generation)
    }

    /// Makes trains of fragments: new headers, and the payload in its place.
    private mutating func send(
        _ fragments: Fragments,
        _ departure: Departure,
        to target: TrainBatch.Target,
        _ action: FlowAction,
        _ generation: UnsafePointer<Generation>
    ) {
        let usual = Verdict.geneveHeaderByteCount + fragments.headerByteCount(of: 1) + fragments.pieceByteCount
        let perTrain = min(TrainBatch.datagramCountMaximum, max(1, TrainBatch.trainByteCountMaximum / usual))
        var index = 0
        while index < fragments.count {
            let end = min(index + perTrain, fragments.count)
            if sending.isFull || headerCount + (end - index) > SegmentHeaders.countMaximum { flush(generation) }
            let train = sending.beginClosed(departure.number, datagramByteCount: usual, to: target)
            while index < end {
                let header = headers[headerCount]
                headerCount += 1
                action.storeGeneveHeader(to: header)
                fragments.writeHeader(of: index, to: header + Verdict.geneveHeaderByteCount)
                let headerByteCount = fragments.headerByteCount(of: index)
                let (offset, byteCount) = fragments.payload(of: index)
                let payload = UnsafeMutableRawPointer(mutating: fragments.payload + offset)
                let length = Verdict.geneveHeaderByteCount + headerByteCount
                train.pointee.append(iovec(iov_base: header, iov_len: length))
                train.pointee.append(iovec(iov_base: payload, iov_len: byteCount))
                train.pointee.datagramCount += 1
                train.pointee.byteCount += length + byteCount
                train.pointee.frameByteCount += headerByteCount + byteCount
                index += 1
            }
        }
    }

    /// Cuts a superpacket into its datagrams, and each of them into fragments.
    private mutating func fragmentDatagrams(
        _ departure: Departure,
        _ frame: Frame,
        to target: TrainBatch.Target,
        _ action: FlowAction,
        _ generation: UnsafePointer<Generation>
    ) {
        // The datagram's own headers are made if no answer is made meanwhile.
        guard let superpacket = departure.superpacket, let template = reply.baseAddress.map({ $0 + 64 }) else { return }
        let path = generation.pointee.paths[target.place]
        for index in 0..<superpacket.segmentCount {
            superpacket.writeHeader(of: index, to: template)
            let (offset, byteCount) = superpacket.payload(of: index)
            fragmentIdentification &+= 1
            let fragments = Fragments(
                header: template,
                ofDatagramIn: frame,
                payload: departure.bytes + (superpacket.headerByteCount + offset),
                byteCount: byteCount,
                pathMTU: path.mtu,
                identification: fragmentIdentification
            )
            if let fragments { send(fragments, departure, to: target, action, generation) }
        }
    }

    /// Tells the control thread what a report says of multicast groups.
    /// - Returns: `false` if there was no room for all of it; the guest says it again.
    func tell(_ news: MembershipNews) -> Bool {
        guard let facts else { return true }
        let about = UInt64(news.vni) &<< 24 | UInt64(news.portKey) &<< 8
        var isTold = true
        news.forEach { fact, group in
            if !facts.members.put(about | UInt64(fact.rawValue), group.high, group.low) { isTold = false }
        }
        tellControl()
        return isTold
    }

    /// Wakes the control thread: a path carries less than was thought, or a guest has activated its port.
    func tellControl() {
        guard notify >= 0 else { return }
        var one: UInt64 = 1
        _ = clinux_write(notify, &one, 8)
    }
}
