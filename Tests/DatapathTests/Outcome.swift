import TestSupport
import Wire

@testable import Datapath

/// The outcome for a frame, in the tests' words; copies in no particular order.
enum Outcome: Hashable, CustomStringConvertible {
    case local(slot: UInt16)
    case tunnel(to: IPAddress, vni: UInt32, ingress: UInt16, egress: UInt16)
    case reply([UInt8])
    case drop(DropReason)
    /// A copy dropped on its way out, counted for the port in the slot.
    case copyDropped(DropReason, slot: UInt16)
    /// A copy that is too long for the path.
    case tooLong(to: IPAddress)
    /// Fragments of the frame.
    indirect case fragments(Outcome)

    var description: String {
        switch self {
        case .local(let slot): "to slot \(slot)"
        case .tunnel(let place, let vni, let ingress, let egress):
            "to \(place) vni \(vni) ingress \(ingress) egress \(egress)"
        case .reply(let octets): "reply " + hexadecimal(octets)
        case .drop(let reason): "drop \(reason.label)"
        case .tooLong(let place): "too long for \(place)"
        case .fragments(let tunnel): "fragments \(tunnel)"
        case .copyDropped(let reason, let slot): "copy for slot \(slot) dropped \(reason.label)"
        }
    }
}

extension ForwardingTables {
    func outcomes(
        of bytes: [UInt8],
        from slot: UInt16,
        learnt: LearntMACs? = nil,
        now: Duration = .zero
    ) -> [Outcome] {
        view.outcomes(of: bytes, from: slot, learnt: learnt, now: now)
    }

    func outcomes(
        ofDatagram bytes: [UInt8],
        from source: IPAddress,
        learnt: LearntMACs? = nil,
        now: Duration
    ) -> [Outcome] {
        view.outcomes(ofDatagram: bytes, from: source, learnt: learnt, now: now)
    }

    func keptOutcomes(
        of bytes: [UInt8],
        from slot: UInt16,
        learnt: LearntMACs? = nil,
        now: Duration = .zero,
        _ cache: borrowing FlowCache
    ) -> [Outcome] {
        view.keptOutcomes(of: bytes, from: slot, learnt: learnt, now: now, cache)
    }

    func keptOutcomes(
        ofDatagram bytes: [UInt8],
        from source: IPAddress,
        learnt: LearntMACs? = nil,
        now: Duration,
        _ cache: borrowing FlowCache
    ) -> [Outcome] {
        view.keptOutcomes(ofDatagram: bytes, from: source, learnt: learnt, now: now, cache)
    }
}

extension Tables {
    /// Runs a frame that came from a device through the pipeline, as the forwarder does.
    func outcomes(
        of bytes: [UInt8],
        from slot: UInt16,
        learnt: LearntMACs? = nil,
        connections: ConnectionTable? = nil,
        now: Duration = .zero
    ) -> [Outcome] {
        bytes.withUnsafeBytes { memory in
            withUnsafeTemporaryAllocation(byteCount: Verdict.replyByteCountMaximum, alignment: 1) { reply in
                let frame = Frame(memory.start, byteCount: memory.count)
                let verdict = process(
                    frame,
                    from: slot,
                    reply: reply,
                    learnt: learnt,
                    connections: connections,
                    now: now
                )
                return outcomes(of: verdict, frame: frame, reply: UnsafeRawBufferPointer(reply))
            }
        }
    }

    /// Runs a datagram that came from the underlay through the pipeline, as the forwarder does.
    func outcomes(
        ofDatagram bytes: [UInt8],
        from source: IPAddress,
        learnt: LearntMACs? = nil,
        connections: ConnectionTable? = nil,
        now: Duration
    ) -> [Outcome] {
        bytes.withUnsafeBytes { memory in
            let packet = TunnelPacket(memory.start, byteCount: memory.count)
            let start = packet.headerByteCount
            let frame = Frame(memory.start + start, byteCount: memory.count - start)
            let verdict = processTunnel(
                packet,
                frame: frame,
                from: source,
                learnt: learnt,
                connections: connections,
                now: now
            )
            return outcomes(of: verdict, frame: frame, reply: UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    /// Returns the decision on a frame from a device, from the cache if it is kept there.
    func keptOutcomes(
        of bytes: [UInt8],
        from slot: UInt16,
        learnt: LearntMACs? = nil,
        connections: ConnectionTable? = nil,
        now: Duration = .zero,
        _ cache: borrowing FlowCache
    ) -> [Outcome] {
        bytes.withUnsafeBytes { memory in
            withUnsafeTemporaryAllocation(byteCount: Verdict.replyByteCountMaximum, alignment: 1) { reply in
                let hash = prefetch(memory.start, byteCount: memory.count, from: slot, cache)
                let frame = Frame(memory.start, byteCount: memory.count)
                let room = VerdictRoom()
                defer { room.deallocate() }
                var action = action(for: frame, from: slot, cache, hash: hash)
                if action.isUnsettled {
                    action = decide(
                        on: frame,
                        from: slot,
                        cache,
                        reply: reply,
                        learnt: learnt,
                        connections: connections,
                        now: now,
                        into: room
                    )
                }
                guard action.kind == .pipeline else { return outcomes(of: action, frame: frame) }
                return outcomes(of: room.verdict.pointee, frame: frame, reply: UnsafeRawBufferPointer(reply))
            }
        }
    }

    /// Returns the decision on a datagram from the underlay, from the cache if it is kept there.
    func keptOutcomes(
        ofDatagram bytes: [UInt8],
        from source: IPAddress,
        learnt: LearntMACs? = nil,
        connections: ConnectionTable? = nil,
        now: Duration,
        _ cache: borrowing FlowCache
    ) -> [Outcome] {
        bytes.withUnsafeBytes { memory in
            let packet = TunnelPacket(memory.start, byteCount: memory.count)
            let start = packet.headerByteCount
            let frame = Frame(memory.start + start, byteCount: memory.count - start)
            let room = VerdictRoom()
            defer { room.deallocate() }
            var action = action(for: frame, in: packet, from: source, cache)
            if action.isUnsettled {
                action = decide(
                    on: frame,
                    in: packet,
                    from: source,
                    learnt: learnt,
                    connections: connections,
                    now: now,
                    cache,
                    into: room
                )
            }
            guard action.kind == .pipeline else { return outcomes(of: action, frame: frame) }
            return outcomes(of: room.verdict.pointee, frame: frame, reply: UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    private func outcomes(of action: FlowAction, frame: Frame) -> [Outcome] {
        switch action.kind {
        case .pipeline, .program, .wider: return []
        case .local: return [.local(slot: action.slot)]
        case .drop: return [.drop(action.reason)]
        case .refused: return [.copyDropped(action.reason, slot: action.slot)]
        case .remote:
            // No address stands for a place that has none.
            let place = place(action.place) ?? .v4(IPv4Address(0))
            let tunnel = tunnel(action, to: place)
            return frame.wirePacketByteCount > innerMTU
                ? oversizeOutcomes(of: frame, tunnel, to: place) : [tunnel]
        }
    }

    private func outcomes(of verdict: Verdict, frame: Frame, reply: UnsafeRawBufferPointer) -> [Outcome] {
        var verdict = verdict
        var outcomes: [Outcome] = []
        if let reason = verdict.dropReason { outcomes.append(.drop(reason)) }
        if verdict.replyByteCount > 0 { outcomes.append(.reply(Array(reply[..<verdict.replyByteCount]))) }
        while let output = verdict.nextOutput(self) { outcomes += self.outcomes(of: output.action, frame: frame) }
        return outcomes
    }

    /// Returns the outcomes if the path is too narrow.
    private func oversizeOutcomes(of frame: Frame, _ tunnel: Outcome, to place: IPAddress) -> [Outcome] {
        switch Oversize(frame, nil, pathMTU: innerMTU, identification: 1) {
        case .recut, .fragments, .fragmentedDatagrams: return [.fragments(tunnel)]
        case .refuse:
            return withUnsafeTemporaryAllocation(byteCount: Verdict.replyByteCountMaximum, alignment: 1) { reply in
                let count = frame.writeTooBig(pathMTU: innerMTU, into: reply)
                let answer: [Outcome] = count > 0 ? [.reply(Array(UnsafeRawBufferPointer(reply)[..<count]))] : []
                return answer + [.tooLong(to: place)]
            }
        }
    }

    /// The keys are read back from the header that would be sent.
    private func tunnel(_ action: FlowAction, to place: IPAddress) -> Outcome {
        var header = [UInt8](repeating: 0, count: Verdict.geneveHeaderByteCount)
        header.withUnsafeMutableBytes { memory in
            if let start = memory.baseAddress { action.storeGeneveHeader(to: start) }
        }
        let keys = try? TunnelKeys(parsing: header.span.extracting(8..<16))
        let vni = (try? GeneveHeader(parsing: header.span))?.vni
        return .tunnel(to: place, vni: vni ?? 0, ingress: keys?.ingress ?? 0, egress: keys?.egress ?? 0)
    }
}

extension UnsafeRawBufferPointer {
    /// A pointer also for no octets at all.
    var start: UnsafeRawPointer { baseAddress ?? UnsafeRawPointer(bitPattern: 16).unsafelyUnwrapped }
}

extension Tables {
    /// True if frames from this slot go anywhere: its logical port is known and bound to this chassis.
    func isBound(slot: UInt16) -> Bool { port(atSlot: slot) != nil }
}
