import Wire

extension Tables {
    /// What to do with a frame from a port, from the cache where it can be.
    /// - Parameter known: what `prefetch` has said of the frame.
    public func action(
        for frame: Frame,
        from slot: UInt16,
        _ cache: borrowing FlowCache,
        hash known: Int = 0
    ) -> FlowAction {
        guard isCacheable(frame) else { return .pipeline }
        let key = FlowKey(from: slot, frame.bytes, frame.networkOffset, isIPv6: frame.network == .ipv6)
        // From nobody: other rules may hold.
        guard frame.network == .ipv4 ? UInt32(truncatingIfNeeded: key.word2) != 0 : key.word2 | key.word3 != 0 else {
            return .pipeline
        }
        let hash = known != 0 ? known : key.hash(seed: hashSeed)
        if let action = cache.find(key, hash, epoch: epoch) { return action }
        let none = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        let action = action(of: process(frame, from: slot, reply: none), for: frame)
        cache.insert(key, hash, epoch: epoch, action)
        return action
    }

    /// Fetches what the cache has of a frame's flow, for who will decide on it a little later.
    /// - Parameter byteCount: the frame's, from the destination MAC on.
    /// - Returns: the flow's hash for `action`; 0 where there is none.
    @inline(__always)
    public func prefetch(
        _ frame: UnsafeRawPointer,
        byteCount: Int,
        from slot: UInt16,
        _ cache: borrowing FlowCache
    ) -> Int {
        guard byteCount >= EthernetHeader.untaggedByteCount &+ IPv6Header.byteCount else { return 0 }
        let type = frame.integer16(at: 12)
        guard type == EtherType.ipv4 || type == EtherType.ipv6 else { return 0 }
        let key = FlowKey(from: slot, frame, EthernetHeader.untaggedByteCount, isIPv6: type == EtherType.ipv6)
        let hash = key.hash(seed: hashSeed)
        cache.prefetch(hash)
        return hash
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
        let hash = key.hash(seed: hashSeed)
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
        for origin in rows(OriginRow.self, ingress.pointee.origins) where Int(origin.chassis) == sender {
            return origin.hasDeadline
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
        case .local(let slot): return FlowAction(.local, to: Int(slot))
        case .remote(let place): return FlowAction(.remote, to: place, keys: verdict.geneveKeys)
        case .dropped(let reason, let slot): return FlowAction(.refused, to: Int(slot), reason: reason)
        case .end: return FlowAction(.drop, reason: .hairpin)
        }
    }
}

extension FlowKey {
    /// Of a frame from a port: its MACs and IP addresses, as they lie in memory.
    @inline(__always)
    init(from slot: UInt16, _ frame: UnsafeRawPointer, _ networkOffset: Int, isIPv6: Bool) {
        func word(_ offset: Int) -> UInt64 { frame.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
        word0 = word(0)
        word1 =
            UInt64(frame.loadUnaligned(fromByteOffset: 8, as: UInt32.self)) | UInt64(slot) &<< 32
            | (isIPv6 ? 1 &<< 48 : 0)
        guard isIPv6 else {
            word2 = word(networkOffset &+ 12)
            return
        }
        word2 = word(networkOffset &+ 8)
        word3 = word(networkOffset &+ 16)
        word4 = word(networkOffset &+ 24)
        word5 = word(networkOffset &+ 32)
    }
}
