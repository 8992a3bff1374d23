import Wire

extension Tables {
    /// What to do with a frame from a port, from the cache where it can be.
    public func action(for frame: Frame, from slot: UInt16, _ cache: borrowing FlowCache) -> FlowAction {
        guard isCacheable(frame), frame.wirePacketByteCount <= header.pointee.innerMTU else { return .pipeline }
        var key = FlowKey()
        key.word0 = UInt64(slot) &<< 48 | frame.destination
        key.word1 = UInt64(frame.network.rawValue) &<< 48 | frame.source
        if frame.network == .ipv4 {
            guard frame.ipv4Source != 0 else { return .pipeline }
            key.word2 = frame.bytes.integer64(at: frame.networkOffset &+ 12)
        } else {
            let (source, destination) = (frame.ipv6Source, frame.ipv6Destination)
            guard source != .any else { return .pipeline }
            key.word2 = source.high
            key.word3 = source.low
            key.word4 = destination.high
            key.word5 = destination.low
        }
        let hash = key.hash(seed: header.pointee.hashSeed)
        if let action = cache.find(key, hash, epoch: epoch) { return action }
        let none = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        let action = action(of: process(frame, from: slot, reply: none), for: frame)
        cache.insert(key, hash, epoch: epoch, action)
        return action
    }

    /// What to do with a frame from a tunnel, from the cache where it can be.
    public func action(
        for frame: Frame,
        in packet: TunnelPacket,
        from source: IPAddress,
        now: Duration,
        _ cache: borrowing FlowCache
    ) -> FlowAction {
        guard packet.failure == nil, isCacheable(frame) else { return .pipeline }
        var key = FlowKey()
        key.word0 = UInt64(packet.vni) &<< 32 | UInt64(packet.ingressKey) &<< 16 | UInt64(packet.egressKey)
        key.word1 = UInt64(frame.network.rawValue) &<< 48 | frame.destination
        switch source {
        case .v4(let address): key.word2 = UInt64(address.rawValue)
        case .v6(let address):
            key.word2 = address.high
            key.word3 = address.low
            key.word0 |= 1 &<< 63
        }
        if frame.network == .ipv4 {
            key.word4 = UInt64(frame.ipv4Destination)
        } else {
            key.word4 = frame.ipv6Destination.high
            key.word5 = frame.ipv6Destination.low
        }
        let hash = key.hash(seed: header.pointee.hashSeed)
        if let action = cache.find(key, hash, epoch: epoch) { return action }
        guard !isTemporary(packet, from: source) else { return .pipeline }
        let action = action(of: processTunnel(packet, frame: frame, from: source, now: now), for: frame)
        cache.insert(key, hash, epoch: epoch, action)
        return action
    }

    /// Whether no more than the frame's addresses can matter.
    private func isCacheable(_ frame: Frame) -> Bool {
        (frame.network == .ipv4 || frame.network == .ipv6 && frame.transport != IPProtocol.icmpv6)
            && frame.tagByteCount == 0 && !frame.isMulticast && !frame.hasMulticastSource
    }

    /// Whether the sender is taken for the port's place only for a while.
    private func isTemporary(_ packet: TunnelPacket, from source: IPAddress) -> Bool {
        let sender = chassis(encap: source)
        guard let datapath = datapath(vni: packet.vni), let ingress = port(key: packet.ingressKey, in: datapath) else {
            return false
        }
        let origins = rows(OriginRow.self, ingress.pointee.origins)
        for index in 0..<ingress.pointee.origins.count where Int(origins[index].chassis) == sender {
            return origins[index].hasDeadline
        }
        return false
    }

    /// The verdict as an action, where it has one output or none.
    private func action(of verdict: Verdict, for frame: Frame) -> FlowAction {
        if let reason = verdict.dropReason { return FlowAction(.drop, reason: reason) }
        guard verdict.replyByteCount == 0 else { return .pipeline }
        var cursor = verdict.outputs
        let only = nextOutput(&cursor, of: frame)
        guard case .end = nextOutput(&cursor, of: frame) else { return .pipeline }
        switch only {
        case .local(let slot): return FlowAction(.local, slot: slot)
        case .remote(let place):
            return FlowAction(.remote, place: UInt32(place), header: verdict.geneveHeader)
        case .dropped(let reason, let slot): return FlowAction(.refused, reason: reason, slot: slot)
        case .end: return FlowAction(.drop, reason: .hairpin)
        }
    }
}
