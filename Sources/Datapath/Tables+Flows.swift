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
        let hash = known != 0 ? known : key.hash(seed: hashSeed)
        return cache.find(key.with(frame), hash, epoch: epoch) ?? .pipeline
    }

    /// Decides on a frame from a port, and keeps the decision for its flow if that may be.
    /// - Parameters:
    ///   - reply, learnt, connections, now: see `process`.
    ///   - room: the place of the decision if it has more than one output: then the action is `.pipeline`.
    public func decide(
        on frame: Frame,
        from slot: UInt16,
        _ cache: borrowing FlowCache,
        reply: UnsafeMutableRawBufferPointer,
        learnt: LearntMACs? = nil,
        connections: ConnectionTable? = nil,
        now: Duration = .zero,
        into room: VerdictRoom
    ) -> FlowAction {
        decide(
            on: frame,
            from: slot,
            cache,
            reply: reply,
            learnt,
            connections,
            now: now,
            into: room,
            by: SwitchIngress.self
        )
    }

    /// The same by another list of stages.
    @inline(__always)
    func decide<List: StageList>(
        on frame: Frame,
        from slot: UInt16,
        _ cache: borrowing FlowCache,
        reply: UnsafeMutableRawBufferPointer,
        _ learnt: LearntMACs?,
        _ connections: ConnectionTable?,
        now: Duration,
        into room: VerdictRoom,
        by list: List.Type
    ) -> FlowAction {
        var flow: Flow?
        if let key = FlowKey(from: slot, frame) {
            let ingress = port(atSlot: slot)
            flow = Flow(key, frame, ingress, seed: hashSeed, has: FlowKey.fieldsFromPorts)
            flow?.wide.state = state(of: ingress, learnt, now: now)
            flow?.destination = frame.destination
        }
        if let flow, let kept = kept(flow, frame, cache, connections, now: now, into: room) { return kept }
        var recorder = NoRecorder()
        room.verdict.pointee =
            process(frame, from: slot, reply: reply, learnt, connections, now: now, by: list, &recorder)
        return keep(flow, cache, room)
    }

    /// Prefetches the cache's entry of a frame's flow, for the decision a little later.
    /// - Parameter byteCount: the frame's, from the destination MAC on.
    /// - Returns: the flow's hash for `action`; 0 if there is none.
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
        return cache.find(key.with(frame), key.hash(seed: hashSeed), epoch: epoch) ?? .pipeline
    }

    /// Decides on a frame from a tunnel, and keeps the decision for its flow if that may be.
    /// - Parameter room: the place of the decision if it has more than one output: then the action is `.pipeline`.
    public func decide(
        on frame: Frame,
        in packet: TunnelPacket,
        from source: IPAddress,
        learnt: LearntMACs? = nil,
        connections: ConnectionTable? = nil,
        now: Duration,
        _ cache: borrowing FlowCache,
        into room: VerdictRoom
    ) -> FlowAction {
        var flow: Flow?
        if let key = FlowKey(in: packet, from: source, frame) {
            let ingress = datapath(vni: packet.vni).flatMap { port(key: packet.ingressKey, in: $0) }
            flow = Flow(key, frame, ingress, seed: hashSeed, has: FlowKey.fieldsFromTunnels)
            flow?.egressKey = packet.egressKey
            flow?.source = source
            flow?.wide.state = state(of: ingress, learnt, now: now)
        }
        if let flow, let kept = kept(flow, frame, cache, connections, now: now, into: room) { return kept }
        room.verdict.pointee =
            processTunnel(packet, frame: frame, from: source, learnt: learnt, connections: connections, now: now)
        return keep(flow, cache, room)
    }

    /// A frame's keys, and what its decision depends on.
    private struct Flow {
        let narrow: FlowKey
        let hash: Int
        var wide: WideFlowKey
        let wideHash: Int
        /// The fields of the narrow key.
        let fields: Context.Fields
        /// The port that has sent the frame.
        let ingress: UnsafePointer<PortRow>?
        /// The MAC, or from a tunnel the key, of the port that the frame goes to.
        var destination: UInt64 = 0
        var egressKey: UInt16 = 0
        /// The address that a frame from a tunnel comes from.
        var source: IPAddress?

        init(
            _ key: FlowKey,
            _ frame: Frame,
            _ ingress: UnsafePointer<PortRow>?,
            seed: UInt64,
            has fields: Context.Fields
        ) {
            narrow = key.with(frame)
            hash = key.hash(seed: seed)
            wide = WideFlowKey(narrow, frame)
            wideHash = wide.hash(seed: seed)
            self.fields = fields
            self.ingress = ingress
        }
    }

    /// The decision that is kept for a flow and still holds; `nil` if there is none.
    private func kept(
        _ flow: Flow,
        _ frame: Frame,
        _ cache: borrowing FlowCache,
        _ connections: ConnectionTable?,
        now: Duration,
        into room: VerdictRoom
    ) -> FlowAction? {
        room.connection.pointee = .none
        guard let entry = cache.narrow.entry(flow.narrow, flow.hash),
            let action = kept(entry.pointee.action, flow, frame, cache)
        else { return nil }
        entry.pointee.action = action
        guard action.kind == .wider else { return perform(action, cache, into: room) }
        guard let entry = cache.entry(flow.wide, flow.wideHash) else { return nil }
        let state = entry.pointee.key.state
        let isOlder = !entry.pointee.action.isOf(epoch)
        if state != 0 {
            // The row of a port where a MAC was learnt is not among those that are looked at for changes.
            guard state == flow.wide.state, entry.pointee.action.isOf(epoch) else { return nil }
        } else {
            guard let action = kept(entry.pointee.action, flow, frame, cache) else { return nil }
            entry.pointee.action = action
        }
        let (ingress, egress) = (entry.pointee.key.ingressConnection, entry.pointee.key.egressConnection)
        if !ingress.isNone || !egress.isNone {
            guard let connections else { return nil }
            // Packets of kept flows are judged by nobody, so that it is said here: what is related to them goes by it.
            if isOlder, let datapath = flow.ingress.flatMap({ datapath(of: $0) }) {
                let generation = datapath.pointee.filterGeneration
                guard ingress.isNone || connections.row(ingress.row).confirm(ingress, generation),
                    egress.isNone || connections.row(egress.row).confirm(egress, generation)
                else { return nil }
            }
            let now = ConnectionTable.milliseconds(now)
            guard ingress.isNone || connections.follow(ingress, frame, now: now),
                egress.isNone || connections.follow(egress, frame, now: now)
            else { return nil }
            room.connection.pointee = egress
        }
        return perform(entry.pointee.action, cache, into: room)
    }

    /// A word that tells if what was learnt on the datapath of a port is the same; 0 if nothing is learnt there.
    private func state(of port: UnsafePointer<PortRow>?, _ learnt: LearntMACs?, now: Duration) -> UInt64 {
        guard let learnt, let datapath = port.flatMap({ datapath(of: $0) }), datapath.pointee.hasUnknown else {
            return 0
        }
        return learnt.state(vni: datapath.pointee.vni, now: now)
    }

    /// A kept decision as one of these tables; `nil` if it does not hold any more.
    private func kept(
        _ action: FlowAction,
        _ flow: Flow,
        _ frame: Frame,
        _ cache: borrowing FlowCache
    ) -> FlowAction? {
        guard action.isOf(epoch) || holds(action, flow, frame, cache) else { return nil }
        return action.of(epoch)
    }

    /// Leaves a program of outputs where decisions of several outputs are left.
    private func perform(
        _ action: FlowAction,
        _ cache: borrowing FlowCache,
        into room: VerdictRoom
    ) -> FlowAction? {
        guard action.kind == .program else { return action }
        guard let program = cache.program(of: action) else { return nil }
        let outputs = program.pointee.outputs
        for index in 0..<outputs.count { room.outputs[index] = outputs[index] }
        room.verdict.pointee = Verdict(
            room.outputs,
            count: outputs.count,
            extraCopyCount: program.pointee.extraCopyCount,
            isUnknown: program.pointee.isUnknown
        )
        return .pipeline
    }

    /// True if nothing has changed that a decision of former tables has read: the datapath, the port that has sent the
    /// frame, the one that it is for, and those that get it on this host. Which tables changed last, each row says by
    /// its generation.
    private func holds(
        _ action: FlowAction,
        _ flow: Flow,
        _ frame: Frame,
        _ cache: borrowing FlowCache
    ) -> Bool {
        let age = action.age(at: epoch)
        guard let ingress = flow.ingress, let datapath = datapath(of: ingress),
            isUnchanged(ingress.pointee.generation, for: age), isUnchanged(datapath.pointee.generation, for: age)
        else { return false }
        if !isUnchanged(datapath.pointee.filterGeneration, for: age),
            areChanged(frame.ends, since: UInt32(truncatingIfNeeded: epoch &- age), in: datapath)
        {
            return false
        }
        let isForMembers = flow.egressKey == GroupKey.members || flow.destination & 0x0100_0000_0000 != 0
        if isForMembers, !isUnchanged(datapath.pointee.membersGeneration, for: age) { return false }
        // Of who has an address the rows of a datapath say nothing: the sender may have been a stranger before.
        if let source = flow.source {
            guard !action.isForStranger, let origin = origin(chassis(encap: source), of: ingress), !origin.hasDeadline
            else { return false }
        }
        let destination =
            flow.egressKey == 0 ? port(mac: flow.destination, in: datapath) : port(key: flow.egressKey, in: datapath)
        if let destination, !isUnchanged(destination.pointee.generation, for: age) { return false }
        switch action.kind {
        case .pipeline: return false
        case .remote, .drop, .wider: return true
        case .local, .refused: return isUnchanged(slot: action.slot, for: age)
        case .program:
            guard let program = cache.program(of: action), !program.pointee.isOfOneEpoch else { return false }
            let outputs = program.pointee.outputs
            for index in 0..<outputs.count where outputs[index].action.kind != .remote {
                guard isUnchanged(slot: outputs[index].action.slot, for: age) else { return false }
            }
            return true
        }
    }

    private func isUnchanged(slot: UInt16, for age: UInt64) -> Bool {
        port(atSlot: slot).map { isUnchanged($0.pointee.generation, for: age) } ?? false
    }

    /// True if the tables of this generation are no younger than those of so many changes ago.
    private func isUnchanged(_ generation: UInt32, for age: UInt64) -> Bool {
        age <= UInt64(UInt32.max / 2) && UInt32(truncatingIfNeeded: epoch) &- generation >= UInt32(age)
    }

    /// Keeps a decision under the narrowest key that has all it has read.
    private func keep(
        _ flow: Flow?,
        _ cache: borrowing FlowCache,
        _ room: VerdictRoom
    ) -> FlowAction {
        let verdict = room.verdict
        let action = verdict.pointee.onlyAction(self, room.outputs)
        room.connection.pointee = verdict.pointee.egressConnection
        guard let flow else { return action }
        let read = verdict.pointee.read
        let isNarrow = read.isSubset(of: flow.fields)
        guard isNarrow || read.isSubset(of: WideFlowKey.fields) else { return action }
        var kept = action
        if let program = verdict.pointee.program {
            kept = cache.insert(program, flow.wideHash)
        } else if action.kind == .pipeline || verdict.pointee.isFromOtherDatapath {
            return action
        }
        if isNarrow {
            cache.narrow.insert(flow.narrow, flow.hash, epoch: epoch, kept)
        } else {
            cache.narrow.insert(flow.narrow, flow.hash, epoch: epoch, FlowAction(.wider))
            var wide = flow.wide
            wide.ingressConnection = verdict.pointee.ingressConnection
            wide.egressConnection = verdict.pointee.egressConnection
            if !read.contains(.learnt) {
                wide.state = 0
            } else if wide.state == 0 {
                return action
            }
            cache.insert(wide, flow.wideHash, epoch: epoch, kept)
        }
        return action
    }
}
