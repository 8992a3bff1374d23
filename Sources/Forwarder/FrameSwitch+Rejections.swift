import Datapath
import Glibc
import Wire

// Frames that ACLs of the action `reject` stop: their senders are told, each within the limit of its port.

extension FrameSwitch {
    /// Drops a frame from a port and answers it: once, however many ports of this host reject it.
    /// - Parameter refuser: the slot of the port that it was for; `nil` if an ACL of `from-lport` rejects it.
    @inline(never)
    mutating func reject(
        _ departure: Departure,
        _ frame: Frame,
        for refuser: Int?,
        _ generation: UnsafePointer<Generation>
    ) {
        drop(departure.number, .rejected)
        // Of one that was changed the sender knows nothing.
        guard !states[departure.number].isAnswered, departure.growth == nil else { return }
        states[departure.number].isAnswered = true
        let room = UnsafeMutableRawBufferPointer(rebasing: reply[64...])
        let byteCount = frame.writeRejection(into: room)
        guard byteCount > 0, let start = room.baseAddress else { return }
        let shareCount = generation.pointee.queueCounts[departure.slot]
        let budget = budgets[departure.slot]
        if let reason = budget.pointee.takeAnswer(.rejection, now: now, shareCount: shareCount) {
            return drop(departure.number, reason)
        }
        guard let refuser else {
            OffloadHeader().store(to: start - OffloadHeader.byteCount)
            let failure = write(start, byteCount, to: departure.slot, generation)
            if failure == nil { counters.addAnswer(.rejection, of: departure.slot) }
            return
        }
        let slot = UInt16(truncatingIfNeeded: departure.slot)
        guard let key = generation.pointee.tables.key(atSlot: slot) else { return }
        answer(start, byteCount, from: refuser, to: key, isDistant: false, generation)
    }

    /// Answers a frame from a tunnel that an ACL at a port of this host rejects.
    /// - Parameter refuser: the slot of that port.
    /// - Returns: the reason under which the frame is counted.
    @inline(never)
    mutating func reject(
        _ frame: Frame,
        _ packet: TunnelPacket,
        for refuser: Int,
        _ generation: UnsafePointer<Generation>
    ) -> DropReason {
        let room = UnsafeMutableRawBufferPointer(rebasing: reply[64...])
        let byteCount = frame.writeRejection(into: room)
        guard byteCount > 0, let start = room.baseAddress else { return .rejected }
        let budget = distantBudgets[packet.ingressHash]
        let shareCount = generation.pointee.underlayCount
        if let reason = budget.pointee.takeAnswer(.rejection, now: now, shareCount: shareCount) { return reason }
        answer(start, byteCount, from: refuser, to: packet.ingressKey, isDistant: true, generation)
        return .rejected
    }

    /// Sends an answer as what the port in a slot has sent.
    /// - Parameters:
    ///   - key: that of the port which is answered.
    ///   - isDistant: whether that may be on another host.
    private mutating func answer(
        _ bytes: UnsafeMutableRawPointer,
        _ byteCount: Int,
        from refuser: Int,
        to key: UInt16,
        isDistant: Bool,
        _ generation: UnsafePointer<Generation>
    ) {
        let tables = generation.pointee.tables
        let frame = Frame(bytes, byteCount: byteCount)
        let slot = UInt16(truncatingIfNeeded: refuser)
        var answer =
            tables.processAnswer(frame, from: slot, to: key, connections: generation.pointee.connections, now: now)
        // Ports of this host come first: the Geneve header overwrites the offload header.
        while let output = answer.nextOutput(tables) {
            switch output.action.kind {
            case .local:
                OffloadHeader().store(to: bytes - OffloadHeader.byteCount)
                let failure = write(bytes, byteCount, to: Int(output.action.slot), generation)
                if failure == nil { counters.addAnswer(.rejection, of: refuser) }
            case .remote:
                guard isDistant, frame.wirePacketByteCount <= generation.pointee.paths[output.action.place].mtu else {
                    continue
                }
                // Nothing else waits with it, as the next answer is written in its place.
                flush(generation)
                let departure = Departure(number: 0, bytes: bytes, slot: refuser)
                send(departure, frame, to: output.action.place, output.action, generation)
                flush(generation)
                counters.addAnswer(.rejection, of: refuser)
            case .refused: counters.add(1, to: .unsentFrames, of: Int(output.action.slot))
            case .drop, .pipeline, .program, .wider: break
            }
        }
    }
}
