import Wire

extension Tables {
    /// The decision that is kept for the flow of a frame from a port; `.pipeline` if none is.
    /// - Parameter known: what `prefetch` has said of the frame.
    public func action(
        for frame: Frame,
        from slot: UInt16,
        _ cache: borrowing FlowCache,
        hash known: Int = 0
    ) -> FlowAction {
        guard let key = FlowKey(from: slot, frame) else { return .pipeline }
        return cache.find(key, known != 0 ? known : key.hash(seed: hashSeed), epoch: epoch) ?? .pipeline
    }

    /// Decides on a frame from a port, and keeps the decision for its flow if that may be.
    /// - Parameters:
    ///   - reply: where an answer is written, see `process`.
    ///   - verdict: where the decision is left if it is not one thing to do: then the action is `.pipeline`.
    public func decide(
        on frame: Frame,
        from slot: UInt16,
        _ cache: borrowing FlowCache,
        reply: UnsafeMutableRawBufferPointer,
        into verdict: UnsafeMutablePointer<Verdict>
    ) -> FlowAction {
        verdict.pointee = process(frame, from: slot, reply: reply)
        let action = verdict.pointee.onlyAction(self)
        if let key = FlowKey(from: slot, frame), verdict.pointee.read.isSubset(of: FlowKey.fieldsFromPorts) {
            cache.insert(key, key.hash(seed: hashSeed), epoch: epoch, action)
        }
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

    /// The decision that is kept for the flow of a frame from a tunnel; `.pipeline` if none is.
    public func action(
        for frame: Frame,
        in packet: TunnelPacket,
        from source: IPAddress,
        _ cache: borrowing FlowCache
    ) -> FlowAction {
        guard let key = FlowKey(in: packet, from: source, frame) else { return .pipeline }
        return cache.find(key, key.hash(seed: hashSeed), epoch: epoch) ?? .pipeline
    }

    /// Decides on a frame from a tunnel, and keeps the decision for its flow if that may be.
    /// - Parameter verdict: where the decision is left if it is not one thing to do: then the action is `.pipeline`.
    public func decide(
        on frame: Frame,
        in packet: TunnelPacket,
        from source: IPAddress,
        now: Duration,
        _ cache: borrowing FlowCache,
        into verdict: UnsafeMutablePointer<Verdict>
    ) -> FlowAction {
        verdict.pointee = processTunnel(packet, frame: frame, from: source, now: now)
        let action = verdict.pointee.onlyAction(self)
        if let key = FlowKey(in: packet, from: source, frame),
            verdict.pointee.read.isSubset(of: FlowKey.fieldsFromTunnels)
        {
            cache.insert(key, key.hash(seed: hashSeed), epoch: epoch, action)
        }
        return action
    }
}

extension FlowKey {
    /// The fields that may be read for a decision on a frame from a port that is kept.
    static var fieldsFromPorts: Context.Fields { .sender }
    /// The fields that may be read for a decision on a frame from a tunnel that is kept.
    static var fieldsFromTunnels: Context.Fields { [] }

    /// The key of a frame from a port; `nil` if nothing is kept for such frames.
    @inline(__always)
    init?(from slot: UInt16, _ frame: Frame) {
        guard Self.hasKey(frame) else { return nil }
        self.init(from: slot, frame.bytes, frame.networkOffset, isIPv6: frame.network == .ipv6)
    }

    /// The key of a frame from a tunnel; `nil` if nothing is kept for such frames.
    @inline(__always)
    init?(in packet: TunnelPacket, from source: IPAddress, _ frame: Frame) {
        guard packet.failure == nil, Self.hasKey(frame) else { return nil }
        word0 = UInt64(packet.vni) &<< 32 | UInt64(packet.ingressKey) &<< 16 | UInt64(packet.egressKey)
        word1 = UInt64(frame.network.rawValue) &<< 48 | frame.destination
        switch source {
        case .v4(let address): word2 = UInt64(address.rawValue)
        case .v6(let address):
            word2 = address.high
            word3 = address.low
            word0 |= 1 &<< 63
        }
        if frame.network == .ipv4 {
            word4 = UInt64(frame.ipv4Destination)
        } else {
            word4 = frame.ipv6Destination.high
            word5 = frame.ipv6Destination.low
        }
    }

    @inline(__always)
    private static func hasKey(_ frame: Frame) -> Bool {
        (frame.network == .ipv4 || frame.network == .ipv6 && frame.transport != IPProtocol.icmpv6)
            && frame.tagByteCount == 0 && !frame.isMulticast
    }

    /// The key of a frame from a port: its MACs and IP addresses, as they lie in memory.
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
