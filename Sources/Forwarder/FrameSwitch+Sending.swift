import CLinux
import Datapath
import Glibc
import Wire

// To other hosts: frames become datagrams, datagrams trains, trains messages.

extension FrameSwitch {
    /// Lets a frame wait for the end of the batch.
    mutating func send(
        _ departure: Departure,
        _ frame: Frame,
        to place: Int,
        _ action: FlowAction,
        _ generation: UnsafePointer<Generation>
    ) {
        let target = TrainBatch.Target(
            place: place,
            socket: generation.pointee.sender(frame.flowHash),
            congestion: frame.congestionCode.outer
        )
        if frame.wirePacketByteCount > generation.pointee.paths[place].mtu {
            return sendOversize(departure, frame, to: target, action, generation)
        }
        if let superpacket = departure.superpacket {
            return cut(superpacket, departure, to: target, action, generation)
        }
        let datagram = departure.bytes - Verdict.geneveHeaderByteCount
        if departure.needsChecksum { complete(departure, byteCount: frame.byteCount) }
        action.storeGeneveHeader(to: datagram)
        let byteCount = Verdict.geneveHeaderByteCount + frame.byteCount
        if sending.join(departure.number, datagram, byteCount: byteCount, to: target) { return }
        if sending.isFull { flush(generation) }
        sending.begin(departure.number, datagram, byteCount: byteCount, to: target)
    }

    /// Completes the checksum, unless a copy has gone to another host already: then the Geneve header is where the
    /// virtio-net header was.
    func complete(_ departure: Departure, byteCount: Int) {
        guard !states[departure.number].isComplete else { return }
        states[departure.number].isComplete = true
        _ = OffloadHeader(departure.bytes - OffloadHeader.byteCount)
            .completeChecksum(of: departure.bytes, byteCount: byteCount)
    }

    /// Makes trains of a superpacket's segments: new headers, and the payload in its place.
    mutating func cut(
        _ superpacket: Superpacket,
        _ departure: Departure,
        to target: TrainBatch.Target,
        _ action: FlowAction,
        _ generation: UnsafePointer<Generation>
    ) {
        let headerByteCount = Verdict.geneveHeaderByteCount + superpacket.headerByteCount
        let datagramByteCount = headerByteCount + superpacket.segmentByteCount
        let perTrain = min(
            TrainBatch.datagramCountMaximum,
            max(1, TrainBatch.trainByteCountMaximum / datagramByteCount)
        )
        var index = 0
        while index < superpacket.segmentCount {
            let end = min(index + perTrain, superpacket.segmentCount)
            if sending.isFull || headerCount + (end - index) > SegmentHeaders.countMaximum { flush(generation) }
            let train = sending.beginClosed(departure.number, datagramByteCount: datagramByteCount, to: target)
            while index < end {
                let header = headers[headerCount]
                headerCount += 1
                action.storeGeneveHeader(to: header)
                superpacket.writeHeader(of: index, to: header + Verdict.geneveHeaderByteCount)
                let (offset, byteCount) = superpacket.payload(of: index)
                let payload = departure.bytes + (superpacket.headerByteCount + offset)
                train.pointee.append(iovec(iov_base: header, iov_len: headerByteCount))
                train.pointee.append(iovec(iov_base: payload, iov_len: byteCount))
                train.pointee.datagramCount += 1
                train.pointee.byteCount += headerByteCount + byteCount
                train.pointee.frameByteCount += superpacket.headerByteCount + byteCount
                index += 1
            }
        }
    }

    /// Sends what waits. A train that is refused is dropped, or cut here if that is what was refused; the others go.
    mutating func flush(_ generation: UnsafePointer<Generation>) {
        sending.prepareMessages(generation.pointee.addresses, generation.pointee.addressByteCount)
        var next = 0
        var isRetry = false
        while next < sending.count {
            let train = sending.trains + next
            if let key = generation.pointee.key(ofPlace: train.pointee.place) {
                sendTagged(next, under: key, generation)
                next += 1
                continue
            }
            if train.pointee.datagramCount > 1,
                !generation.pointee.isCutting || uncutPlaces.isPausing(train.pointee.place)
            {
                sendSingly(next, generation)
                next += 1
                continue
            }
            var end = next + 1
            while end < sending.count, sending.trains[end].socket == train.pointee.socket,
                generation.pointee.key(ofPlace: sending.trains[end].place) == nil
            {
                end += 1
            }
            let socket = train.pointee.socket
            let result = socket < 0 ? -1 : underlay.send(socket, sending.messages + next, end - next)
            if result > 0 {
                for index in next..<next + min(result, end - next) {
                    let sent = sending.trains + index
                    noteSent(sent, datagramCount: sent.pointee.datagramCount, byteCount: sent.pointee.frameByteCount)
                }
                next += result
                isRetry = false
            } else if !isRetry, Self.isPending(result) {
                isRetry = true
            } else {
                if train.pointee.datagramCount > 1, Self.isRefusalToCut(result) {
                    if result == -Int(EIO) { uncutPlaces.note(train.pointee.place) }
                    sendSingly(next, generation)
                } else {
                    noteUnsent(train, datagramCount: train.pointee.datagramCount, Self.reason(result), generation)
                }
                next += 1
                isRetry = false
            }
        }
        sending.removeAll()
        headerCount = 0
    }

    /// Sends the datagrams of a train one by one.
    private func sendSingly(_ index: Int, _ generation: UnsafePointer<Generation>) {
        let train = sending.trains + index
        let message = sending.messages + index
        let slices = sending.slices
        message.pointee.msg_hdr.msg_control = nil
        message.pointee.msg_hdr.msg_controllen = 0
        counters.add(UInt64(train.pointee.datagramCount), to: .singlySentFrames, of: CounterBlock.underlay)
        var part = 0
        var offset = 0
        var rest = train.pointee.byteCount
        while rest > 0 {
            let byteCount = min(train.pointee.datagramByteCount, rest)
            rest -= byteCount
            let count = train.pointee.slice(byteCount, &part, &offset, into: slices)
            message.pointee.msg_hdr.msg_iov = slices
            message.pointee.msg_hdr.msg_iovlen = count
            var result = underlay.send(train.pointee.socket, message, 1)
            if Self.isPending(result) { result = underlay.send(train.pointee.socket, message, 1) }
            if result > 0 {
                noteSent(train, datagramCount: 1, byteCount: byteCount - Verdict.geneveHeaderByteCount)
            } else {
                noteUnsent(train, datagramCount: 1, Self.reason(result), generation)
            }
        }
    }

    func noteSent(_ train: UnsafeMutablePointer<TrainBatch.Train>, datagramCount: Int, byteCount: Int) {
        var frames = train.pointee.frames
        while frames != 0 {
            note(frames.trailingZeroBitCount, nil)
            frames &= frames &- 1
        }
        counters.add(UInt64(datagramCount), to: .sentFrames, of: CounterBlock.underlay)
        counters.add(UInt64(byteCount), to: .sentBytes, of: CounterBlock.underlay)
    }

    func noteUnsent(
        _ train: UnsafeMutablePointer<TrainBatch.Train>,
        datagramCount: Int,
        _ reason: DropReason,
        _ generation: UnsafePointer<Generation>
    ) {
        var frames = train.pointee.frames
        while frames != 0 {
            drop(frames.trailingZeroBitCount, reason)
            frames &= frames &- 1
        }
        counters.add(UInt64(datagramCount), to: .unsentFrames, of: CounterBlock.underlay)
        let path = generation.pointee.paths[train.pointee.place]
        if reason == .frameTooLong {
            path.countTooLong(datagramCount)
            if path.refuse() { tellControl() }
        } else {
            path.countUnsent(datagramCount)
        }
    }

    /// True if a send has failed because of an ICMP message about an earlier datagram, which is told only once.
    static func isPending(_ result: Int) -> Bool {
        switch Int32(truncatingIfNeeded: -result) {
        case ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EPROTO: true
        default: false
        }
    }

    /// EIO is for a route whose device makes no checksums, before Linux 6.11; EINVAL for a train that does not suit.
    static func isRefusalToCut(_ result: Int) -> Bool {
        result == -Int(EIO) || result == -Int(EINVAL)
    }
}
