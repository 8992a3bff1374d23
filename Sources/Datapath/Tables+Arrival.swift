import Wire

// The origin of a frame (OVN's `OFTABLE_PHY_TO_LOG`), and the way through the pipeline that begins there.

extension Tables {
    /// Decides on a frame that the device in `slot` has sent.
    /// - Parameters:
    ///   - reply: where an answer is written; room for `Verdict.replyByteCountMaximum` octets, with less there is no
    ///     answer.
    ///   - learnt: the MACs that this host has learnt; without them, none is learnt.
    ///   - connections: those of ports; without them each packet is judged as the first of its connection.
    ///   - now: monotonic.
    public func process(
        _ frame: Frame,
        from slot: UInt16,
        reply: UnsafeMutableRawBufferPointer,
        learnt: LearntMACs? = nil,
        connections: ConnectionTable? = nil,
        now: Duration = .zero
    ) -> Verdict {
        var recorder = NoRecorder()
        return process(
            frame,
            from: slot,
            reply: reply,
            learnt,
            connections,
            now: now,
            by: SwitchIngress.self,
            &recorder
        )
    }

    /// The same by a list of stages, and tells `recorder` of them.
    @inline(__always)
    func process<List: StageList, Recorder: StepRecorder>(
        _ frame: Frame,
        from slot: UInt16,
        reply: UnsafeMutableRawBufferPointer,
        _ learnt: LearntMACs?,
        _ connections: ConnectionTable?,
        now: Duration,
        by list: List.Type,
        _ recorder: inout Recorder
    ) -> Verdict {
        guard let port = port(atSlot: slot), let datapath = datapath(of: port) else { return Verdict(.portNotBound) }
        let context = Context(
            frame,
            from: port,
            in: datapath,
            reply: reply,
            learnt: learnt,
            connections: connections,
            now: now
        )
        return verdict(on: context, by: list, &recorder)
    }

    /// Decides on a frame that came through a tunnel, if its sender is entitled to the ingress key (see `OriginRow`).
    /// - Parameters:
    ///   - packet: the Geneve header.
    ///   - frame: what follows the header.
    ///   - source: the outer source address.
    ///   - learnt: as for `process`.
    ///   - now: the time by which tables are changed (`ForwardingTables.apply`).
    public func processTunnel(
        _ packet: TunnelPacket,
        frame: Frame,
        from source: IPAddress,
        learnt: LearntMACs? = nil,
        connections: ConnectionTable? = nil,
        now: Duration
    ) -> Verdict {
        var recorder = NoRecorder()
        return processTunnel(packet, frame: frame, from: source, learnt, connections, now: now, &recorder)
    }

    /// The same, and tells `recorder` of the stages.
    @inline(__always)
    func processTunnel<Recorder: StepRecorder>(
        _ packet: TunnelPacket,
        frame: Frame,
        from source: IPAddress,
        _ learnt: LearntMACs?,
        _ connections: ConnectionTable?,
        now: Duration,
        _ recorder: inout Recorder
    ) -> Verdict {
        if let failure = packet.failure { return Verdict(failure) }
        let sender = chassis(encap: source)
        guard sender >= 0 else { return Verdict(.unknownTunnelSource) }
        guard let datapath = datapath(vni: packet.vni) else { return Verdict(.unknownDatapath) }
        let ingress = port(key: packet.ingressKey, in: datapath)
        guard let ingress, let origin = origin(sender, of: ingress) else {
            return Verdict(hasChassis(sender, datapath) ? .ingressKeyNotThere : .unknownTunnelSource)
        }
        if origin.hasDeadline, now >= origin.deadline {
            return Verdict(hasChassis(sender, datapath) ? .ingressKeyNotThere : .unknownTunnelSource, read: .clock)
        }
        let none = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        let read: Context.Fields = origin.hasDeadline ? .clock : []
        var context = Context(
            frame,
            from: ingress,
            in: datapath,
            reply: none,
            learnt: learnt,
            connections: connections,
            now: now,
            read: read
        )
        context.destinations.key = packet.egressKey
        return verdict(on: context, by: TunnelIngress.self, &recorder)
    }

    @inline(__always)
    private func verdict<List: StageList, Recorder: StepRecorder>(
        on context: Context,
        by list: List.Type,
        _ recorder: inout Recorder
    ) -> Verdict {
        var walk = FrameWalk(context, self, recorder)
        walk.run(list, thenIn: SwitchIngress.self)
        recorder = walk.recorder
        return Verdict(walk.end, walk.context)
    }

    /// Why, or until when, frames of the port are taken from the chassis: it is there, or was until a moment ago.
    func origin(_ chassis: Int, of port: UnsafePointer<PortRow>) -> OriginRow? {
        rows(OriginRow.self, port.pointee.origins).first { Int($0.chassis) == chassis }
    }

    /// True if any port of the datapath is bound at the chassis.
    private func hasChassis(_ chassis: Int, _ datapath: UnsafePointer<DatapathRow>) -> Bool {
        rows(UInt32.self, datapath.pointee.chassis).contains { Int($0) == chassis }
    }
}
