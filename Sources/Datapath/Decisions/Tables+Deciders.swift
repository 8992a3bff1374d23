import Wire

// The ACL that drops a frame, for people: it is asked once more, as flows keep only that it does.

extension Tables {
    /// The identity of the ACL that drops a frame from a port, where it comes in or on its way out on this host; 0 if
    /// none does. What belongs to a connection is judged as its first packet.
    public func decidingACL(on frame: Frame, from slot: UInt16, reply: UnsafeMutableRawBufferPointer) -> UInt64 {
        guard !frame.isMulticast else { return 0 }
        var recorder = DeciderRecorder()
        var verdict = process(frame, from: slot, reply: reply, nil, nil, now: .zero, by: SwitchIngress.self, &recorder)
        _ = verdict.takeOutput(self, &recorder)
        return recorder.identity
    }

    /// The same of a frame from a tunnel.
    public func decidingACL(on frame: Frame, in packet: TunnelPacket, from source: IPAddress) -> UInt64 {
        guard !frame.isMulticast else { return 0 }
        var recorder = DeciderRecorder()
        var verdict = processTunnel(packet, frame: frame, from: source, nil, nil, now: .zero, &recorder)
        _ = verdict.takeOutput(self, &recorder)
        return recorder.identity
    }
}

/// Notes the ACL that drops a frame.
private struct DeciderRecorder: StepRecorder {
    var identity: UInt64 = 0

    mutating func record<Visited: Stage>(_ stage: Visited.Type, _ step: Step, _ context: Context, _ tables: Tables) {
        let isIngress = Visited.self == IngressFilter.self
        guard isIngress || Visited.self == EgressFilter.self, case .drop = step, context.acl != .max else { return }
        let filter = isIngress ? context.datapath.pointee.fromPort : context.datapath.pointee.toPort
        for rule in tables.rows(RuleRow.self, filter.rules) {
            if rule.number == context.acl { identity = rule.identity }
        }
    }
}
