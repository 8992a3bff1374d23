import Wire

/// The gateway of a switch, if it sends router advertisements unasked.
public struct Advertiser: Hashable, Sendable {
    /// The switch's key.
    public var vni: UInt32
    /// The bounds of the time between two advertisements, in seconds, more than 0.
    public var intervals: ClosedRange<UInt32>
    /// Another number if the advertisement has other content.
    public var content: UInt64

    public init(vni: UInt32, intervals: ClosedRange<UInt32>, content: UInt64) {
        self.vni = vni
        self.intervals = intervals
        self.content = content
    }
}

extension Tables {
    /// True if some gateway sends advertisements unasked.
    public var hasAdvertisers: Bool { root.pointee.advertiserCount > 0 }

    /// The gateway that sends advertisements to the port in a slot.
    public func advertiser(for slot: UInt16) -> Advertiser? {
        guard let (router, vni) = router(for: slot), router.maxInterval > 0 else { return nil }
        var content = spread(router.mac, router.high, router.low, seed: UInt64(innerMTU))
        for octet in rows(UInt8.self, router.message).prefix(RouterRow.messageByteCountMaximum) {
            content = spread(content, UInt64(octet), 0, seed: 1)
        }
        let least = max(1, min(router.minInterval, router.maxInterval))
        return Advertiser(vni: vni, intervals: least...router.maxInterval, content: content)
    }

    /// Writes the advertisement for all nodes at the port in a slot.
    /// - Returns: the octets of the frame; 0 if there is none.
    public func writeAdvertisement(for slot: UInt16, into room: UnsafeMutableRawBufferPointer) -> Int {
        guard let (router, _) = router(for: slot), let reply = Reply(room) else { return 0 }
        let count = RouterReply.write(router, self, reply)
        return reply.finishDiscoveryToAll(count: count, from: router.address, at: MACAddress(truncating: router.mac))
    }

    private func router(for slot: UInt16) -> (RouterRow, vni: UInt32)? {
        guard let port = port(atSlot: slot), port.pointee.flags.contains(.enabled),
            !port.pointee.flags.contains(.isLocalnet), let datapath = datapath(of: port),
            let router = row(RouterRow.self, at: datapath.pointee.router)
        else { return nil }
        return (router.pointee, datapath.pointee.vni)
    }
}
